"""A loss that climbs away stops the run, one that only jumps does not; rows without a number are told from the others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from loop_runs import assert_equal, going, rows

from medlms.config import Train
from medlms.errors import TrainingError
from medlms.models import adapters
from medlms.train import loop
from medlms.train.watch import PATIENCE, Watch, named, no_number


def told(losses: list[float]) -> Watch:
    watch = Watch()
    for step, loss in enumerate(losses, 1):
        watch.see(step, loss, 1e-3, [f"r{step}"])
    return watch


def test_a_loss_that_stays_far_above_its_start_is_said() -> None:
    losses = [3.0, 2.8, 2.9] + [6.0 + step for step in range(PATIENCE)]
    watch = told(losses[:-1])
    assert not watch.calm
    with pytest.raises(TrainingError) as caught:
        watch.see(len(losses), losses[-1], 0.5, ["a", "b"])
    assert str(caught.value) == (
        f"Step {len(losses)}: the training diverges. The loss began at 2.80 and has been far above that since step 4; now "
        f"it is {losses[-1]:.2f}, at a learning rate of 0.5, in rows a, b."
    )
    assert "lower train.learning_rate, such as 5e-2" in caught.value.hint


def test_it_diverges_from_the_second_step_on() -> None:
    with pytest.raises(TrainingError, match="since step 2"):
        told([2.0] + [90.0] * PATIENCE)


@pytest.mark.parametrize(
    "losses",
    [
        [3.0] * 5 + [9.0] * (PATIENCE - 1) + [3.0] + [9.0] * (PATIENCE - 1),
        [3.0 + (step % 7) / 3 for step in range(200)],
        [0.05] + [1.0] * 100,  # learned by heart before, and a little forgotten
        [3.0] * 5 + [5.4] * 100,  # worse, and no more than that
    ],
    ids=["jumps", "noise", "small losses", "worse"],
)
def test_what_is_no_divergence(losses: list[float]) -> None:
    told(losses)


def test_it_is_calm_again_after_a_jump() -> None:
    assert not told([3.0, 3.0, 9.0]).calm
    assert told([3.0, 3.0, 9.0, 3.0]).calm
    assert Watch().calm


def test_a_learning_rate_that_explodes_is_caught(tiny: Any) -> None:
    """The real thing: a model that knows two rows by heart goes on at a rate of 30, and at a usual one."""
    settings: dict[str, Any] = {"rows_per_step": 2, "epochs": 60, "learning_rate": 1e-2, "dropout": 0.0}
    with going(tiny(initializer_range=0.4), rows(20, 24), **settings) as run:
        assert [step.loss for step in run.steps()][-1] < 0.5

        def go_on(rate: float) -> int:
            run.config = Train(learning_rate=rate, schedule="constant", warmup=0.0, epochs=30, rows_per_step=2)
            watch = Watch()
            for step in run.steps():
                watch.see(step.step, step.loss, step.learning_rate, [row.id for row in run.rows])
            return step.step

        assert go_on(1e-3) == 30
        with pytest.raises(TrainingError, match=r"the training diverges.* since step 2; .* in rows r0, r1\."):
            go_on(30.0)


def test_rows_without_a_loss_are_told_from_their_neighbours(tiny: Any) -> None:
    made = rows(20, 30, 25, 40)
    with going(tiny(), made, dropout=0.0, micro_tokens=10_000) as run:
        bad, lone = made[2], 399
        assert all(lone not in row.ids for row in made)
        made[2] = type(bad)(bad.id, (*bad.ids[:3], lone, *bad.ids[4:]), bad.learn)
        with torch.no_grad():
            run.model.get_input_embeddings().weight[lone] = float("nan")
        assert len(run.planned[0].blocks) == 1, "they must lie in one block"
        before = run.adapter()
        with pytest.raises(TrainingError, match=r"Step 1: the loss is not a number, in rows r2\."):
            list(run.steps())
        assert_equal(run.adapter(), before)


def test_rows_without_a_gradient_are_told_by_block(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made, plain = rows(20, 30, 25, 40), loop.block_loss
    with going(tiny(), made, micro_tokens=1) as run:
        one = next(iter(adapters.tensors(run.model).values()))

        def block_loss(model: Any, block: Any) -> torch.Tensor:
            loss = plain(model, block)
            return loss + (one.sum() * 0).sqrt() if block[0].id == "r3" else loss  # 0, and no gradient

        monkeypatch.setattr(loop, "block_loss", block_loss)
        with pytest.raises(TrainingError, match=r"Step 1: the gradient is not a number, in rows r3\."):
            list(run.steps())
        assert one.grad is None


def test_how_rows_are_named() -> None:
    assert named([], ", in rows ") == ""
    assert no_number("loss", 3, ["a"]) == "Step 3: the loss is not a number, in rows a."
