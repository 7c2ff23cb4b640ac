"""The loop: the gradient of the mean over a step's learned tokens, whatever the blocks; the same again, also resumed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medlms.config import Lora, Train
from medlms.engines.local import LocalEngine
from medlms.errors import TrainingError
from medlms.models import adapters
from medlms.models.fast_lora import fast_lora
from medlms.testing import tiny_rows
from medlms.text.template import template_of
from medlms.text.tokenise import tokenise
from medlms.train import checkpoint, loop
from medlms.train.schedule import rate
from medlms.train.watch import no_number
from medlms.types import Message, Request, Step, Tokens

SEED = 7


@dataclass
class Training:
    """A miniature run, ready to go."""

    loaded: Any
    model: Any
    rows: list[Tokens]
    config: Train
    optimiser: Any
    masks: Any

    @property
    def planned(self) -> list[Any]:
        return loop.plan(self.rows, self.config, seed=SEED)

    def steps(self, *, start: int = 0) -> Iterator[Step]:
        return loop.train(
            self.model,
            self.rows,
            self.planned,
            self.config,
            optimiser=self.optimiser,
            masks=self.masks,
            seed=SEED,
            start=start,
        )

    def adapter(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in adapters.tensors(self.model).items()}


def made(loaded: Any, count: int = 9) -> list[Tokens]:
    """Rows whose answers differ much in length."""
    template = template_of(loaded.tokenizer)
    records = [
        (row.id, row.place, (Message("user", row.question),), " ".join([row.answer] * (1 + number % 3)))
        for number, row in enumerate(tiny_rows(count))
    ]
    return tokenise(loaded.tokenizer, template, records, max_length=200, stops=loaded.stops).rows


@pytest.fixture
def training(tiny: Any) -> Any:
    @contextmanager
    def ready(
        family: str = "llama",
        *,
        rows: list[Tokens] | None = None,
        dropout: float = 0.25,
        shape: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Iterator[Training]:
        loaded = tiny(family, **(shape or {}))
        model = adapters.create(loaded, Lora(r=4, alpha=8, dropout=dropout), seed=SEED)
        defaults = {"epochs": 2, "tokens_per_step": 250, "micro_tokens": 120, "learning_rate": 5e-3}
        config = Train(**(defaults | settings))
        with fast_lora(model, seed=SEED) as (masks, _):
            yield Training(loaded, model, rows or made(loaded), config, loop.optimiser(model, config), masks)

    return ready


def lasting(steps: Iterator[Step]) -> list[tuple[Any, ...]]:
    """What must be equal in two equal runs: all but times and memory."""
    return [
        (step.step, step.epoch, step.loss, step.tokens, step.learned_tokens, step.learning_rate, step.grad_norm)
        for step in steps
    ]


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


# What a step is


@pytest.mark.parametrize("dropout", [0.0, 0.25, 0.1])
def test_the_block_size_changes_no_result(training: Any, dropout: float) -> None:
    found = []
    for micro in (1, 120, 10_000):
        with training(dropout=dropout, micro_tokens=micro) as run:
            blocks = [len(step.blocks) for step in run.planned]
            found.append((blocks, [(step.loss, step.grad_norm) for step in run.steps()], run.adapter()))
    assert max(found[0][0]) > max(found[1][0]) > max(found[2][0]) == 1
    for _, losses, adapter in found[:2]:
        for own, wanted in zip(losses, found[2][1], strict=True):
            assert own == pytest.approx(wanted, rel=1e-4)
        for name, tensor in found[2][2].items():
            torch.testing.assert_close(adapter[name], tensor, rtol=1e-3, atol=2e-4, msg=name)


def test_a_step_is_the_mean_over_its_learned_tokens_by_transformers(training: Any, tiny_folder: Any) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    with training(dropout=0.0, epochs=1, tokens_per_step=10_000, micro_tokens=1) as run:
        with torch.no_grad():
            for name, tensor in adapters.tensors(run.model).items():
                if "lora_B" in name:
                    tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(len(name))) * 0.1)
        start = run.adapter()
        (step,) = run.steps()
    base = AutoModelForCausalLM.from_pretrained(tiny_folder(), dtype=torch.float32, attn_implementation="eager")
    theirs = PeftModel(base, run.model.peft_config["default"])
    adapters.put(theirs, start)
    theirs.train()
    total, count = torch.zeros(()), 0
    for row in run.rows:
        ids, learn = torch.tensor([row.ids]), torch.tensor(row.learn)
        log = theirs(input_ids=ids, use_cache=False).logits[0, :-1].log_softmax(-1)
        total = total - log.gather(1, ids[0, 1:, None])[learn[1:]].sum()
        count += int(learn[1:].sum())
    (total / count).backward()
    norm = torch.stack([tensor.grad.norm() for tensor in adapters.tensors(theirs).values()]).norm()
    assert step.learned_tokens == count
    assert step.tokens == sum(len(row.ids) for row in run.rows)
    assert step.loss == pytest.approx((total / count).item(), rel=1e-5)
    assert step.grad_norm == pytest.approx(norm.item(), rel=1e-4)


def test_the_gradient_is_clipped_to_the_limit(training: Any) -> None:
    with training(dropout=0.0, clip=0.01, epochs=1, schedule="constant", warmup=0.0) as run:
        run.optimiser = torch.optim.SGD(list(adapters.tensors(run.model).values()))
        before = run.adapter()
        step = next(run.steps())
        moved = torch.stack([(tensor - before[name]).norm() for name, tensor in run.adapter().items()]).norm()
    assert step.grad_norm > 0.01
    assert moved.item() == pytest.approx(0.01 * run.config.learning_rate, rel=1e-3)


def test_what_a_step_reports(training: Any) -> None:
    with training() as run:
        planned = run.planned
        steps = list(run.steps())
    assert [step.step for step in steps] == list(range(1, len(planned) + 1))
    for step, plan in zip(steps, planned, strict=True):
        own = [run.rows[row] for block in plan.blocks for row in block]
        assert step.tokens == sum(len(row.ids) for row in own)
        assert step.learned_tokens == sum(sum(row.learn) for row in own)
        assert step.learning_rate == rate(
            step.step, len(planned), peak=5e-3, warmup=run.config.warmup, shape=run.config.schedule
        )
        assert step.tokens_per_second == pytest.approx(step.tokens / step.seconds)
        assert step.peak_memory_bytes > 10_000_000
    assert [step.epoch for step in steps] == sorted(step.epoch for step in steps)
    assert steps[0].epoch > 0


def test_an_epoch_ends_at_a_whole_number(training: Any, tiny: Any) -> None:
    rows = made(tiny(), 10)
    with training(rows=rows, epochs=6, tokens_per_step=200) as run:
        planned = run.planned
        assert len({sum(step.epoch == epoch for step in planned) for epoch in range(1, 7)}) > 1, "epochs must differ"
        ends = [(plan.epoch, step.epoch) for plan, step in zip(planned, run.steps(), strict=True) if plan.ends_epoch]
    assert [said for _, said in ends] == [epoch for epoch, _ in ends]


# The same again


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_twice_is_the_same_to_the_bit(training: Any, family: str) -> None:
    found = []
    for noise in (1, 2):
        torch.manual_seed(noise)  # what was drawn before must not matter
        with training(family) as run:
            found.append((lasting(run.steps()), run.adapter()))
    assert found[0][0] == found[1][0]
    assert_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("after", [1, 3, -1])
def test_resumed_is_uninterrupted_to_the_bit(training: Any, tmp_path: Path, family: str, after: int) -> None:
    with training(family) as run:
        whole = lasting(run.steps())
        wanted = run.adapter()
    after = after % len(whole)
    assert 0 < after < len(whole)
    with training(family) as run:
        first = []
        for step in run.steps():
            first.append(step)
            if step.step == after:
                break
        checkpoint.save(tmp_path / "last", run.model, run.optimiser, {"step": after})
    torch.manual_seed(1234)
    with training(family) as run:
        with torch.no_grad():
            for tensor in adapters.tensors(run.model).values():
                tensor.fill_(9.0)  # all must come from the checkpoint
        held = checkpoint.restore(tmp_path / "last", run.model, run.optimiser)
        rest = lasting(run.steps(start=held["step"]))
        found = run.adapter()
    assert lasting(iter(first)) + rest == whole
    assert_equal(found, wanted)


def test_another_seed_is_another_run(training: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with training() as run:
        one = lasting(run.steps())
    monkeypatch.setattr(sys.modules[__name__], "SEED", 8)
    with training() as run:
        assert lasting(run.steps()) != one


# What it does to the model


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_base_weights_stay_as_they_are_to_the_bit(training: Any, family: str) -> None:
    with training(family) as run:
        before = {name: value.clone() for name, value in run.model.state_dict().items() if "lora_" not in name}
        adapter = run.adapter()
        list(run.steps())
        after = run.model.state_dict()
    assert len(before) > 10
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(not torch.equal(tensor, adapter[name]) for name, tensor in run.adapter().items())


def test_two_examples_are_learned_by_heart_and_said(training: Any, tiny: Any) -> None:
    loaded = tiny()
    pair = [made(loaded)[number] for number in (0, 3)]
    settings = {"rows_per_step": 2, "epochs": 80, "learning_rate": 1e-2}
    # A head with larger weights than usual: what a frozen small one can say has a loss of 0.3 at the least.
    with training(rows=pair, dropout=0.0, shape={"initializer_range": 0.4}, **settings) as run:
        losses = [step.loss for step in run.steps()]
        assert losses[0] > 3
        assert losses[-1] < 0.05
        engine = LocalEngine(run.loaded, template_of(run.loaded.tokenizer), model=run.model)
        asked = [tiny_rows(4)[number] for number in (0, 3)]
        requests = [Request(row.id, (Message("user", row.question),), 60, row.answer) for row in asked]
        said = {reply.id: (reply.text, reply.finish_reason) for reply in engine.answer(requests)}
        assert said == {row.id: (row.answer, "stop") for row in asked}
        for reply in engine.score(requests):
            assert -reply.reference_logprob / reply.reference_tokens < 0.1
    # What was learned is in the adapter alone.
    with run.model.disable_adapter():
        (untaught,) = engine.answer(requests[:1])
    assert untaught.text != asked[0].answer


def test_the_engine_between_two_steps_changes_nothing(training: Any) -> None:
    with training() as run:
        wanted = lasting(run.steps())
    with training() as run:
        engine = LocalEngine(run.loaded, template_of(run.loaded.tokenizer), model=run.model)
        request = Request("r", (Message("user", "What is gout?"),), 3, "Rest.")
        found = []
        for step in run.steps():
            found.append(step)
            list(engine.answer([request]))
            list(engine.score([request]))
    assert lasting(iter(found)) == wanted


# What is no number


def test_a_loss_that_is_no_number_names_the_rows(training: Any) -> None:
    with training("mistral", micro_tokens=1, tokens_per_step=10_000, epochs=1) as run:
        bad = run.rows[4]
        unheard = max(set(range(400)) - {one for row in run.rows for one in row.ids})
        run.rows[4] = Tokens(bad.id, (*bad.ids[:3], unheard, *bad.ids[4:]), bad.learn)
        with torch.no_grad():
            run.model.get_input_embeddings().weight[unheard] = float("nan")
        before = run.adapter()
        with pytest.raises(TrainingError, match=rf"Step 1: the loss is not a number, in rows {bad.id}\.") as caught:
            list(run.steps())
        assert "learning_rate" in caught.value.hint
        assert_equal(run.adapter(), before)


def test_a_gradient_that_is_no_number_stops_before_it_does_harm(training: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with training(epochs=1) as run:
        steps = run.steps()
        next(steps)
        before = run.adapter()
        plain = loop.block_loss
        one = next(iter(adapters.tensors(run.model).values()))
        # The root of nothing: 0 as a value, no number as a gradient.
        monkeypatch.setattr(loop, "block_loss", lambda model, rows: plain(model, rows) + (one.sum() * 0).sqrt())
        with pytest.raises(TrainingError, match="Step 2: the gradient is not a number, in rows tiny/"):
            next(steps)
        assert_equal(run.adapter(), before)


def test_many_rows_are_not_all_named() -> None:
    said = no_number("loss", 3, [f"r{number}" for number in range(9)])
    assert said == "Step 3: the loss is not a number, in rows r0, r1, r2, r3, r4 and others."
