"""Steps shared by two processes (gloo, on the CPU): the gradient of one process, with dropout too; FSDP2 truly parts weights."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import medlms
from medlms.config import Config
from medlms.errors import AskedWrongly
from medlms.models import adapters
from medlms.train import loop, share
from medlms.train.processes import ALONE, FILLER, Team, _again, _described

WORKER = Path(__file__).parent / "two_processes.py"


@pytest.fixture(scope="module")
def worker() -> Any:
    spec = importlib.util.spec_from_file_location("two_processes", WORKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(tiny_folder: Any) -> Path:
    return Path(tiny_folder())


@pytest.fixture(scope="module")
def two(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes made, under torchrun."""
    folder = tmp_path_factory.mktemp("two")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(medlms.__file__).parents[1])}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*command, str(WORKER), str(model), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.25])
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_make_the_steps_of_one(two: Path, model: Path, worker: Any, kind: str, dropout: float) -> None:
    settings = worker.config(model, dropout)
    blocks = [len(step.blocks) for step in loop.plan(worker.rows(), settings.train, seed=settings.seed)]
    assert 1 in blocks, "a process without a block"
    assert any(count > 1 and count % 2 for count in blocks), "blocks that can't be dealt out evenly"
    alone = worker.made(settings)
    optimiser = loop.optimiser(alone, settings.train)
    wanted = worker.steps(share.Worker(alone, optimiser, ALONE), settings)
    found = json.loads((two / f"{kind}-{dropout}.json").read_text())
    assert len(found) == len(wanted) > 4
    for own, one in zip(found, wanted, strict=True):
        assert own == pytest.approx(one, rel=2e-5)
    held = load_file(two / f"{kind}-{dropout}.safetensors")
    for name, tensor in adapters.tensors(alone).items():
        # AdamW divides by the gradient's own size: where that is next to nothing, so is what two sums have in common.
        torch.testing.assert_close(held[name], tensor.detach(), rtol=1e-3, atol=2e-4, msg=name)
        for key, value in optimiser.state[tensor].items():
            torch.testing.assert_close(held[f"{name}/{key}"], value, rtol=1e-3, atol=1e-6, msg=f"{name}/{key}")


@pytest.mark.slow
def test_where_memory_lacks_in_one_all_read_smaller_blocks(two: Path, model: Path, worker: Any) -> None:
    first, second = (json.loads((two / f"short-{index}.json").read_text()) for index in (0, 1))
    assert second["changes"] == first["changes"] != {}
    assert first["said"][0].startswith("step ")
    assert "memory ran out on" in first["said"][0]
    settings = worker.config(model, 0.25, micro_tokens=75)
    alone = worker.made(settings)
    wanted = worker.steps(share.Worker(alone, loop.optimiser(alone, settings.train), ALONE), settings)
    for own, one in zip(first["steps"], wanted, strict=True):
        assert own == pytest.approx(one, rel=2e-5)


@pytest.mark.slow
def test_a_mean_of_means_would_be_seen(two: Path, model: Path, worker: Any) -> None:
    settings = worker.config(model, 0.0)
    alone = worker.made(settings)
    step = loop.plan(worker.rows(), settings.train, seed=settings.seed)[0]
    assert len(step.blocks) > 1
    made = worker.rows()
    means = []
    for index in range(2):
        rows = [made[row] for block in step.blocks[index::2] for row in block]
        means.append(loop.block_loss(alone, rows).item() / sum(sum(row.learn[1:]) for row in rows))
    first = json.loads((two / "ddp-0.0.json").read_text())[0][0]
    assert abs(sum(means) / 2 - first) > 1e-3


@pytest.mark.slow
def test_what_fails_in_one_fails_in_all_and_the_first_one_says_it(two: Path) -> None:
    first, second = (json.loads((two / f"failing-{index}.json").read_text()) for index in (0, 1))
    assert first == [
        "no such row in 1 (in process 1 of 2) | Look.",
        "no such row in 0 | Look.",
        "CouldNot: AssertionError: a fault of ours (in process 1 of 2)",
    ]
    assert second == [
        "elsewhere 1",
        "elsewhere 1",
        "Elsewhere: The run was ended by its first process, which says why.",
    ]


def dealt(index: int, count: int, *, sharded: bool, blocks: Any) -> Any:
    team = object.__new__(Team)
    team.index, team.count, team.sharded = index, count, sharded  # type: ignore[misc]
    return team.deal(blocks)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_block_is_dealt_once_under_its_own_number(count: int) -> None:
    blocks = [(0, 1), (2,), (3, 4), (5,)]
    hands = [dealt(index, count, sharded=False, blocks=blocks) for index in range(count)]
    assert sorted(item for hand in hands for item in hand) == ALONE.deal(blocks) == list(enumerate(blocks))
    sizes = [len(hand) for hand in hands]
    assert max(sizes) - min(sizes) <= 1
    hands = [dealt(index, count, sharded=True, blocks=blocks) for index in range(count)]
    assert len({len(hand) for hand in hands}) == 1, "sharded processes read in step"
    assert sorted(item for hand in hands for item in hand if item[1]) == list(enumerate(blocks))


def test_a_filler_has_something_to_learn(tiny: Any) -> None:
    assert torch.isfinite(loop.block_loss(tiny().model, FILLER))


def test_errors_travel_whole() -> None:
    from medlms import errors

    again = _again(_described(errors.ResourceError("no room", hint="Make some.")), "process 3 of 4")
    assert (type(again), str(again), again.hint) == (errors.ResourceError, "no room (in process 3 of 4)", "Make some.")
    assert isinstance(_again(_described(KeyError("x")), "process 1 of 2"), errors.CouldNot)


@pytest.mark.parametrize("method", ["full", "soft_prompt", "dora", "pissa"])
def test_methods_that_are_not_shared_are_refused_in_words(method: str) -> None:
    config = Config(model="any", data=["any"], method=method)
    with pytest.raises(AskedWrongly, match=f"method: {method} is not shared"):
        share.check(None, ALONE, config)  # type: ignore[arg-type]
