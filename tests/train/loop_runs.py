"""A miniature run for the tests of what the loop leans on: rows of drawn ids, and a loop that can stop and go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from medlms.config import Config, Train
from medlms.models import adapters, methods
from medlms.models.recompute import recompute
from medlms.train import loop
from medlms.train.memory import Room
from medlms.types import Step, Tokens

SEED = 11


def rows(*lengths: int) -> list[Tokens]:
    """Rows of these many tokens, all but the first learned."""
    random = torch.Generator().manual_seed(4)
    return [
        Tokens(
            f"r{n}", tuple(torch.randint(5, 300, (size,), generator=random).tolist()), (False,) + (True,) * (size - 1)
        )
        for n, size in enumerate(lengths)
    ]


@dataclass
class Going:
    """A run: what it trains, and what it has said."""

    model: Any
    rows: list[Tokens]
    config: Train
    optimiser: Any
    masks: Any
    room: Room
    said: list[str] = field(default_factory=list)

    @property
    def planned(self) -> list[Any]:
        return loop.plan(self.rows, self.config, seed=SEED)

    def steps(self, *, start: int = 0, stop: int = 999) -> Iterator[Step]:
        made = loop.train(
            self.model,
            self.rows,
            self.planned,
            self.config,
            optimiser=self.optimiser,
            masks=self.masks,
            seed=SEED,
            start=start,
            room=self.room,
        )
        for step in made:
            yield step
            if step.step == stop:
                return

    def adapter(self) -> dict[str, Tensor]:
        return {name: tensor.detach().clone() for name, tensor in adapters.tensors(self.model).items()}


@contextmanager
def going(
    loaded: Any,
    made: list[Tokens],
    *,
    method: str = "lora",
    dropout: float = 0.25,
    again: bool = False,
    r: int = 4,
    **settings: Any,
) -> Iterator[Going]:
    """A run that is ready to go."""
    lora = {"r": r, "alpha": 8, "dropout": dropout, "plus_ratio": 4}
    train = {"epochs": 2, "rows_per_step": 4, "micro_tokens": 200, "learning_rate": 5e-3} | settings
    whole = {"method": method, "lora": lora, "train": train, "soft_prompt": {"length": 5}, "seed": SEED}
    config = Config(model="tiny", data=["none"], **whole)  # type: ignore[arg-type]
    model = methods.create(loaded, config)
    optimiser = loop.optimiser(model, config.train, methods.groups(model, config))
    with methods.running(model, seed=SEED) as (masks, _), recompute(model, on=again):
        run = Going(model, made, config.train, optimiser, masks, Room(made, config.train.at_once))
        run.room.say = run.said.append
        yield run


def lasting(steps: Iterator[Step] | list[Step]) -> list[tuple[Any, ...]]:
    """What must be equal in two equal runs: all but times and memory."""
    return [(step.step, step.epoch, step.loss, step.tokens, step.learning_rate, step.grad_norm) for step in steps]


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name
