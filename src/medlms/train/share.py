"""What the first process holds at the start of training, handed to the others: adapters and optimiser state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medlms.config import Config
from medlms.models.adapters import tensors
from medlms.models.dropout import Masks
from medlms.models.fast_lora import fast_lora
from medlms.train import loop, sharding
from medlms.train.processes import GATHER, Alone, Team

STATE = "state"


@dataclass
class Worker:
    """What steps are made with: the run's own model and optimiser, or (sharded) a copy of which each process holds a part."""

    model: Any
    optimiser: Any
    processes: Alone
    masks: Masks | None = None

    @contextmanager
    def layers(self, seed: int) -> Iterator[tuple[Masks | None, str]]:
        """How the adapted layers compute inside the block: see ``fast_lora``; peft's own forward where they are sharded."""
        if self.processes.sharded:
            yield self.masks, "sharded: adapted layers run peft's own forward, with the masks of the fused step"
            return
        with fast_lora(self.model, seed=seed) as found:
            yield found

    def gather(self) -> None:
        """Bring what was learned into the run's own model and optimiser, before they are saved or asked."""
        if isinstance(self.processes, Team) and self.processes.sharded:
            self.processes.tell(GATHER)
            self.processes.gather()


def check(model: Any, team: Team) -> None:
    """AskedWrongly where this model can't be shared in the way that was asked for."""
    if team.sharded:
        sharding.check(model)


def take(team: Team, model: Any, optimiser: torch.optim.Optimizer | None, config: Config) -> Worker:
    """Make every process ready for the first one's next step. All call this at once; the others have no ``optimiser`` yet.

    The first process's trainable tensors and optimiser state go to all. Where weights are sharded, it trains a copy, since it
    grades with the whole model.
    """
    for tensor in tensors(model).values():
        team.send(tensor.data)
    held = _sent_state(team, model, optimiser)
    trained = copy.deepcopy(model) if team.sharded and team.first else model
    masks = sharding.place_dropout(trained, seed=config.seed) if team.sharded else None
    team.wrap(trained, loop.block_loss)
    if optimiser is not None and not team.sharded:
        return Worker(trained, optimiser, team)
    stepper = loop.optimiser(trained, config.train)
    sharding.spread(stepper, tensors(trained), held)
    if team.sharded:
        whole = model if team.first else None
        team.gather = lambda: sharding.gather(trained, stepper, whole, optimiser)
    return Worker(trained, stepper, team, masks)


def _sent_state(team: Team, model: Any, optimiser: torch.optim.Optimizer | None) -> dict[str, dict[str, Any]]:
    """The first process's optimiser state by name of the trainable tensor, in every process."""
    own = tensors(model)
    if optimiser is not None:
        held = {name: dict(optimiser.state[tensor]) for name, tensor in own.items() if tensor in optimiser.state}
        team.tell(STATE, {name: {key: _shape(value) for key, value in one.items()} for name, one in held.items()})
    else:
        _, layout = team.hear()
        held = {name: {key: _empty(shape, own[name]) for key, shape in one.items()} for name, one in layout.items()}
    for one in held.values():
        for value in one.values():
            if isinstance(value, Tensor):
                _send(team, value)
    return held


def _shape(value: Any) -> Any:
    """How another process makes room for a value: a tensor's shape, type and place; anything else is the value itself."""
    return ("tensor", tuple(value.shape), value.dtype, value.device.type) if isinstance(value, Tensor) else value


def _empty(shape: Any, like: Tensor) -> Any:
    if not (isinstance(shape, tuple) and shape and shape[0] == "tensor"):
        return shape
    _, size, dtype, place = shape
    return torch.empty(size, dtype=dtype, device=like.device if place == like.device.type else place)


def _send(team: Team, tensor: Tensor) -> None:
    """A tensor may lie on the CPU (AdamW's count of steps) where processes talk over GPUs."""
    device = team.accelerator.device
    if tensor.device.type == device.type:
        team.send(tensor)
        return
    there = tensor.to(device)
    team.send(there)
    tensor.copy_(there)
