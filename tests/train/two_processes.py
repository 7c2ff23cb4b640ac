"""Run by torchrun in test_processes.py: a few steps in several processes, and what came out, written by the first one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.distributed.fsdp import FSDPModule

from medlms.config import Config, load
from medlms.errors import DataError, TrainingError
from medlms.models import adapters
from medlms.models import load as loading
from medlms.models.fetch import locate
from medlms.train import loop, share
from medlms.train.memory import Room
from medlms.train.processes import END, Elsewhere, Team
from medlms.train.sharding import is_sharded
from medlms.types import Tokens


def rows() -> list[Tokens]:
    """Rows of very different length, so that a mean of means would be another number."""
    random = torch.Generator().manual_seed(3)
    made = []
    for number in range(8):
        size = 6 + 9 * number
        ids = tuple(torch.randint(5, 300, (size,), generator=random).tolist())
        made.append(Tokens(f"r{number}", ids, (False,) * 3 + (True,) * (size - 3)))
    return made


def config(model: Path, dropout: float, micro_tokens: int = 40) -> Config:
    train = {"epochs": 2, "tokens_per_step": 140, "micro_tokens": micro_tokens, "learning_rate": 1e-2}
    lora = {"r": 4, "alpha": 8, "dropout": dropout}
    return load({"model": str(model), "data": ["x.csv"], "precision": "fp32", "lora": lora, "train": train, "seed": 7})[
        0
    ]


def made(settings: Config) -> Any:
    return adapters.create(loading.load(locate(settings.model), precision="fp32"), settings.lora, seed=settings.seed)


def steps(worker: Any, settings: Config, room: Room | None = None) -> list[list[float]]:
    planned = loop.plan(rows(), settings.train, seed=settings.seed)
    with worker.layers(settings.seed) as (masks, _):
        found = loop.train(
            worker.model,
            rows(),
            planned,
            settings.train,
            optimiser=worker.optimiser,
            masks=masks,
            seed=settings.seed,
            room=room,
            processes=worker.processes,
        )
        return [[step.loss, step.grad_norm or 0.0, step.learned_tokens] for step in found]


def trained(team: Team, settings: Config, out: Path) -> None:
    """Train with the team; the first process writes what a run would keep."""
    model = made(settings)
    if team.index == 1:  # what the first one holds must win
        for tensor in adapters.tensors(model).values():
            tensor.data.add_(1.0)
    optimiser = loop.optimiser(model, settings.train) if team.first else None
    worker = share.take(team, model, optimiser, settings)
    found = steps(worker, settings)
    if team.sharded:
        parted(worker, team.count)
    if team.first:
        worker.gather()
        team.tell(END)
        own = adapters.tensors(model)
        moments = {f"{name}/{key}": v for name, t in own.items() for key, v in optimiser.state[t].items()}
        assert not any(is_sharded(value) for value in [*own.values(), *moments.values()])
        save_file({name: t.detach().clone() for name, t in (own | moments).items()}, out.with_suffix(".safetensors"))
        out.write_text(json.dumps(found))
    else:
        team.wait_for_the_end()


def short(team: Team, settings: Config, out: Path) -> None:
    """Steps for which memory does not suffice in the last process: all make them again in smaller blocks."""
    plain, tried, said = loop.block_loss, [], []

    def block_loss(model: Any, block: Any) -> Any:
        tried.append(sum(len(row.ids) for row in block))
        if tried[-1] > 50 and team.index == team.count - 1 and len(block) > 1:
            raise MemoryError
        return plain(model, block)

    loop.block_loss = block_loss
    model = made(settings)
    worker = share.take(team, model, loop.optimiser(model, settings.train) if team.first else None, settings)
    room = Room(rows(), settings.train.at_once, said.append)
    found = steps(worker, settings, room)
    loop.block_loss = plain
    if team.first:
        team.tell(END)
    else:
        team.wait_for_the_end()
    out.write_text(json.dumps({"steps": found, "tried": tried, "said": said, "changes": room.notes()}))


def parted(worker: Any, count: int) -> None:
    """Every parameter and moment is truly parted: this process holds about 1 / count of it."""
    blocks = [module for module in worker.processes.wrapped.modules() if isinstance(module, FSDPModule)]
    assert [type(block).__name__ for block in blocks[1:]] == ["FSDPLlamaDecoderLayer"] * 2, "the whole, and its blocks"
    for block in blocks:
        block.reshard()
    everything = dict(worker.model.named_parameters())
    assert len(everything) > 30
    moments = [value for state in worker.optimiser.state.values() for key, value in state.items() if "exp" in key]
    assert len(moments) == 2 * len(adapters.tensors(worker.model)) > 0
    for tensor in [*everything.values(), *moments]:
        assert is_sharded(tensor)
        assert tensor.to_local().shape[0] <= -(-tensor.shape[0] // count) < tensor.shape[0]
    whole = sum(tensor.numel() for tensor in everything.values())
    held = sum(tensor.to_local().numel() for tensor in everything.values())
    assert held <= 0.51 * whole, (held, whole)


def failing(team: Team) -> list[str]:
    """What each process raises when the last one fails, and when all do."""
    said = []
    for who in (team.count - 1, None):
        try:
            with team.together():
                if who in (team.index, None):
                    raise DataError(f"no such row in {team.index}", hint="Look.")
        except DataError as error:
            assert team.first
            said.append(f"{error} | {error.hint}")
        except Elsewhere as error:
            assert not team.first
            said.append(f"elsewhere {error.exit_code}")
    try:
        with team.together():
            assert team.first, "a fault of ours"
    except (TrainingError, AssertionError):
        raise
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")
    with team.together():
        pass
    return said


def main(model: Path, folder: Path) -> None:
    """Everything once with DDP, then with sharded weights."""
    torch.set_num_threads(1)
    for sharded in (False, True):
        team = Team(sharded=sharded)
        assert team.count == 2
        for dropout in (0.0, 0.25):
            trained(team, config(model, dropout), folder / f"{'fsdp' if sharded else 'ddp'}-{dropout}.json")
        if not sharded:
            short(team, config(model, 0.25, micro_tokens=75), folder / f"short-{team.index}.json")
            (folder / f"failing-{team.index}.json").write_text(json.dumps(failing(team)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
