"""fp16 training: scaled losses learn as fp32 does; what overflows is skipped and said; a resume is exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medlms.config import Lora, Train
from medlms.errors import TrainingError
from medlms.models import adapters
from medlms.models.fast_lora import fast_lora
from medlms.models.fetch import locate
from medlms.models.head import answer_loss
from medlms.models.load import load
from medlms.train import checkpoint, loop
from medlms.train.scaling import GROWS_AFTER, LARGEST, LossScale, scale_for
from medlms.types import Step, Tokens


def rows(count: int = 6) -> list[Tokens]:
    random = torch.Generator().manual_seed(4)
    return [
        Tokens(f"r{n}", tuple(torch.randint(5, 300, (20,), generator=random).tolist()), (False,) * 5 + (True,) * 15)
        for n in range(count)
    ]


class Run:
    """A miniature run in a precision; ``go`` trains to the end or to a step."""

    def __init__(self, folder: Path, precision: str, scale: LossScale | None, **settings: Any) -> None:
        loaded = load(locate(str(folder)), precision=precision, **settings)
        self.loaded, self.scale = loaded, scale
        self.model = adapters.create(loaded, Lora(r=4, alpha=8, dropout=0.25), seed=1)
        self.config = Train(epochs=1, rows_per_step=1, learning_rate=1e-2, evaluate_every="never")
        self.optimiser = loop.optimiser(self.model, self.config)

    def go(self, start: int = 0, stop: int = 99) -> list[Step]:
        out: list[Step] = []
        made, config = rows(), self.config
        with fast_lora(self.model, seed=5) as (masks, _):
            for step in loop.train(
                self.model,
                made,
                loop.plan(made, config, seed=5),
                config,
                optimiser=self.optimiser,
                masks=masks,
                seed=5,
                start=start,
                scale=self.scale,
            ):
                out.append(step)
                if step.step == stop:
                    break
        return out


def test_fp16_learns_as_fp32_does(tiny_folder: Callable[..., Path]) -> None:
    exact = Run(tiny_folder(), "fp32", None).go()
    half = Run(tiny_folder(), "fp16", LossScale(2.0**10))
    found = half.go()
    assert half.loaded.dtype == torch.float16
    assert "loss scaling" in half.loaded.why
    assert all(tensor.dtype == torch.float32 for tensor in adapters.tensors(half.model).values())
    assert [step.skipped for step in found] == [False] * 6
    assert [step.loss_scale for step in found] == [2.0**10] * 6
    assert [step.loss for step in found] == pytest.approx([step.loss for step in exact], rel=5e-3)
    assert [step.grad_norm for step in found] == pytest.approx([step.grad_norm for step in exact], rel=5e-2)
    assert exact[0].loss_scale is None


def test_a_step_that_overflows_is_skipped_and_says_so(tiny_folder: Callable[..., Path]) -> None:
    run = Run(tiny_folder(), "fp16", LossScale(2.0**34))
    before = {name: tensor.detach().clone() for name, tensor in adapters.tensors(run.model).items()}
    (step,) = run.go(stop=1)
    assert step.skipped
    assert step.grad_norm is None
    assert step.loss_scale == 2.0**34
    assert run.scale == LossScale(2.0**33)
    assert all(torch.equal(before[name], tensor) for name, tensor in adapters.tensors(run.model).items())


def test_a_resumed_run_scales_and_skips_as_one_never_stopped(tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    whole = Run(tiny_folder(), "fp16", LossScale(2.0**22))
    wanted = whole.go()
    assert {step.skipped for step in wanted} == {True, False}, "the case is not one"
    first = Run(tiny_folder(), "fp16", LossScale(2.0**22))
    done = first.go(stop=2)
    assert first.scale is not None
    checkpoint.save(tmp_path / "last", first.model, first.optimiser, {"loss_scale": first.scale.notes()})
    second = Run(tiny_folder(), "fp16", LossScale())
    held = checkpoint.restore(tmp_path / "last", second.model, second.optimiser)
    assert second.scale is not None
    second.scale.restore(held["loss_scale"])
    done += second.go(start=2)
    kept = [(step.loss, step.skipped, step.loss_scale, step.grad_norm) for step in wanted]
    assert [(step.loss, step.skipped, step.loss_scale, step.grad_norm) for step in done] == kept
    ends = adapters.tensors(whole.model)
    assert all(torch.equal(ends[name], tensor) for name, tensor in adapters.tensors(second.model).items())


def test_the_scale_falls_at_once_and_grows_with_patience() -> None:
    scale = LossScale(8.0)
    scale.after(False)
    assert scale == LossScale(4.0, 0)
    for _ in range(GROWS_AFTER):
        scale.after(True)
    assert scale == LossScale(8.0, 0)
    scale.after(True)
    other = LossScale()
    other.restore(scale.notes())
    assert other == scale == LossScale(8.0, 1)
    top = LossScale(LARGEST, GROWS_AFTER - 1)
    top.after(True)
    assert top.scale == LARGEST
    with pytest.raises(TrainingError, match="any loss scale") as caught:
        LossScale(1.0).after(False)
    assert "fp32" in caught.value.hint


def test_only_fp16_is_scaled() -> None:
    assert scale_for(torch.float16) == LossScale()
    assert scale_for(torch.bfloat16) is None
    assert scale_for(torch.float32) is None


def test_small_gradients_outlive_the_wait_for_the_scale() -> None:
    # A token known to all but a millionth: its gradient for the hidden state is below what fp16 holds without a lift.
    random = torch.Generator().manual_seed(1)
    head = torch.randn(50, 16, generator=random) * 0.02
    targets = torch.tensor([3, 7])
    hidden = head[targets] / head[targets].square().sum(1, keepdim=True) * 14.0

    def gradient(dtype: torch.dtype) -> torch.Tensor:
        leaf = hidden.detach().clone().to(dtype).requires_grad_()
        (answer_loss(leaf, head.to(dtype), targets) * 1024.0).backward()
        assert leaf.grad is not None
        return leaf.grad.float()

    wanted, found = gradient(torch.float32), gradient(torch.float16)
    assert wanted.abs().max() < 1, "the case is not one"
    assert (found - wanted).norm() < 0.05 * wanted.norm()
