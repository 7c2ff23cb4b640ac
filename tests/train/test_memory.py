"""Memory that runs out: smaller blocks, the same step, the same again after a resume; one row that does not fit is said."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from loop_runs import assert_equal, going, lasting, rows

import medlms
from medlms.config import Train
from medlms.errors import ResourceError
from medlms.models import adapters
from medlms.train import checkpoint, loop
from medlms.train.memory import Room, out_of_memory

LENGTHS = (40, 25, 60, 33, 48, 21, 55, 37)


def short(monkeypatch: pytest.MonkeyPatch, tokens: int, *, late: bool) -> list[int]:
    """Blocks of more than ``tokens`` tokens don't fit: at once, or ``late``, when their gradient is half made.

    Returns the list into which the sizes of refused blocks go.
    """
    plain, refused = loop.block_loss, []

    class Late(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    def block_loss(model: Any, block: Any) -> torch.Tensor:
        size = sum(len(row.ids) for row in block)
        if size <= tokens:
            return plain(model, block)
        refused.append(size)
        if not late:
            raise MemoryError
        one = next(iter(adapters.tensors(model).values()))
        # The gradient of the whole block is there before memory runs out on what was added last.
        return plain(model, block) + Late.apply(one.sum()) * 0

    monkeypatch.setattr(loop, "block_loss", block_loss)
    return refused


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_the_step_is_that_of_smaller_blocks_to_the_bit(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, late: bool, again: bool
) -> None:
    made = rows(*(30,) * 8)
    with going(tiny(), made, micro_tokens=60) as run:
        whole, wanted = list(run.steps()), run.adapter()
    assert [step.micro_tokens for step in whole] == [None] * 4
    with going(tiny(), made, micro_tokens=150, again=again) as run:
        refused = short(monkeypatch, 62, late=late)
        found = list(run.steps())
    assert refused == [120]
    assert [step.micro_tokens for step in found] == [60] * 4
    assert lasting(found) == lasting(whole)
    assert_equal(run.adapter(), wanted)
    (said,) = run.said
    assert said.startswith("step 1: memory ran out on 120 tokens read at once; from here on at most 60 are.")


@pytest.mark.parametrize("method", ["rslora", "dora", "lora+", "pissa", "soft_prompt", "full"])
def test_with_every_method(tiny: Any, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    made = rows(*(30,) * 8)
    with going(tiny(), made, micro_tokens=60, method=method) as run:
        whole, wanted = list(run.steps()), run.adapter()
    with going(tiny(), made, micro_tokens=150, again=True, method=method) as run:
        refused = short(monkeypatch, 62, late=True)
        found = list(run.steps())
    assert refused == [120]
    assert lasting(found) == lasting(whole)
    assert_equal(run.adapter(), wanted)


def test_without_dropout_nothing_changes_but_digits(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with going(tiny(), rows(*LENGTHS), dropout=0.0) as run:
        whole, wanted = list(run.steps()), run.adapter()
    with going(tiny(), rows(*LENGTHS), dropout=0.0) as run:
        short(monkeypatch, 100, late=True)
        found = list(run.steps())
    assert [step.loss for step in found] == pytest.approx([step.loss for step in whole], rel=1e-4)
    assert [step.learned_tokens for step in found] == [step.learned_tokens for step in whole]
    for name, tensor in run.adapter().items():
        torch.testing.assert_close(tensor, wanted[name], rtol=1e-3, atol=2e-4)


def test_it_is_halved_as_often_as_it_takes(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with going(tiny(), rows(*LENGTHS)) as run:
        refused = short(monkeypatch, 61, late=False)
        list(run.steps())
    assert len(refused) >= 2
    assert len(run.said) == len(refused)
    assert list(run.room.changes) == [1]


def test_resumed_is_uninterrupted_to_the_bit(tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory runs out once, in step 2; a checkpoint behind step 3 knows of it, and so goes on without running out again."""
    made = rows(*LENGTHS)
    plain = loop.block_loss

    def once(run: Any) -> None:
        state = {"done": False}

        def block_loss(model: Any, block: Any) -> torch.Tensor:
            if run.masks.step == 2 and len(block) > 1 and not state["done"]:
                state["done"] = True
                raise MemoryError
            return plain(model, block)

        monkeypatch.setattr(loop, "block_loss", block_loss)

    with going(tiny(), made) as run:
        once(run)
        found = list(run.steps())
        whole, wanted = lasting(found), run.adapter()
    sizes = [step.micro_tokens for step in found]
    assert sizes[0] is None
    assert sizes[1] is not None
    with going(tiny(), made) as run:
        once(run)
        first = lasting(run.steps(stop=3))
        checkpoint.save(tmp_path / "last", run.model, run.optimiser, {"step": 3, "micro_tokens": run.room.notes()})
    monkeypatch.setattr(loop, "block_loss", plain)
    with going(tiny(), made) as run:
        notes = checkpoint.restore(tmp_path / "last", run.model, run.optimiser)
        run.room.restore(notes["micro_tokens"])
        assert first + lasting(run.steps(start=3)) == whole
        assert_equal(run.adapter(), wanted)


def test_one_row_that_does_not_fit_is_named_and_nothing_is_learned_from_it(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with going(tiny(), rows(*LENGTHS), rows_per_step=8) as run:
        short(monkeypatch, 59, late=True)
        before = run.adapter()
        with pytest.raises(ResourceError, match="memory does not suffice for one row alone: r2, 60 tokens") as caught:
            list(run.steps())
        assert "max_length" in caught.value.hint
        assert_equal(run.adapter(), before)


def test_spare_memory_is_asked_for_before_it_is_refused(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with going(tiny(), rows(*LENGTHS), rows_per_step=8, again=False) as run:
        short(monkeypatch, 59, late=False)
        asked: list[int] = []

        def spare() -> bool:
            asked.append(1)
            monkeypatch.undo()  # what was turned on makes room for all
            return True

        run.room.spare = spare
        list(run.steps())
    assert asked == [1]
    assert "one row of 60 tokens; from here on activations are made again" in run.said[-1]


def test_the_optimisers_own_step_can_not_be_taken_back(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with going(tiny(), rows(*LENGTHS)) as run:

        def step() -> None:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

        monkeypatch.setattr(run.optimiser, "step", step)
        with pytest.raises(ResourceError, match="Step 1: memory does not suffice for the optimiser's step") as caught:
            list(run.steps())
        assert "adamw_8bit" in caught.value.hint


def test_other_errors_are_no_lack_of_memory(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with going(tiny(), rows(*LENGTHS)) as run:

        def wrong(model: Any, block: Any) -> torch.Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)")

        monkeypatch.setattr(loop, "block_loss", wrong)
        with pytest.raises(RuntimeError, match="mat1"):
            list(run.steps())


def cpu() -> None:
    torch.empty(2**46, dtype=torch.float32)


def arrays() -> None:
    np.empty(2**46, dtype=np.float64)


@pytest.mark.parametrize("ask", [cpu, arrays])
def test_what_libraries_really_say_is_known(ask: Callable[[], None]) -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        ask()
    assert out_of_memory(caught.value)


def test_what_is_and_what_is_not_a_lack_of_memory() -> None:
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert out_of_memory(
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 5 bytes.")
    )
    assert out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert out_of_memory(RuntimeError("std::bad_alloc"))
    assert not out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))
    assert not out_of_memory(ValueError("out of memory"))


def test_blocks_are_those_of_the_plan_with_the_smaller_size() -> None:
    made = rows(*LENGTHS)
    configs = [Train(rows_per_step=5, micro_tokens=size) for size in (200, 70)]
    large, small = (loop.plan(made, config, seed=3) for config in configs)
    room = Room(made, 200, changes={2: 70})
    assert room.blocks(1, large[0]) == large[0].blocks
    assert [room.blocks(number, step) for number, step in enumerate(large[1:], 2)] == [
        step.blocks for step in small[1:]
    ]
    assert large[1].blocks != small[1].blocks
    assert room.at(1) is None
    assert room.at(9) == 70


REAL = """
import resource, sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads(1)
from loop_runs import going, rows
from medlms.models.fetch import locate
from medlms.models.load import load

loaded = load(locate({model!r}), precision="fp32")
with going(loaded, rows(*[200] * 60), rows_per_step=60, micro_tokens=12_000, epochs=1) as run:
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 80_000_000, resource.RLIM_INFINITY))
    (step,) = run.steps()
    print(step.micro_tokens, step.tokens, len(run.said))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits on a process's memory are Linux's")
def test_memory_that_really_runs_out(tiny_folder: Any) -> None:
    code = textwrap.dedent(REAL).format(here=str(Path(__file__).parent), model=str(tiny_folder()))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(medlms.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    micro, tokens, said = (int(word) for word in done.stdout.split())
    assert 200 <= micro <= 6_000
    assert tokens == 12_000
    assert said >= 1
