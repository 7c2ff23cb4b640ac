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
from medlms.errors import AskedWrongly
from medlms.models import methods
from medlms.models.adapters import tensors
from medlms.models.dropout import Masks
from medlms.train import loop, optimisers, sharding
from medlms.train.processes import GATHER, Alone, Team

STATE = "state"
METHODS = (
    "lora",
    "rslora",
    "lora+",
)  # those whose base weights are the same in every process, and whose layers are ours


@dataclass
class Worker:
    """What steps are made with: the run's own model and optimiser, or (sharded) a copy of which each process holds a part."""

    model: Any
    optimiser: Any
    processes: Alone
    masks: Masks | None = None

    @contextmanager
    def layers(self, seed: int, *, native: bool = True) -> Iterator[tuple[Masks | None, str]]:
        """How the adapted layers compute inside the block: see ``methods.running``; peft's own forward where they are sharded."""
        if self.processes.sharded:
            yield self.masks, "sharded: adapted layers run peft's own forward, with the masks of the fused step"
            return
        with methods.running(self.model, seed=seed, native=native) as found:
            yield found

    def gather(self) -> None:
        """Bring what was learned into the run's own model and optimiser, before they are saved or asked."""
        if isinstance(self.processes, Team) and self.processes.sharded:
            self.processes.tell(GATHER)
            self.processes.gather()


def check(model: Any, team: Team, config: Config) -> None:
    """AskedWrongly where this model can't be shared in the way that was asked for."""
    if config.method not in METHODS:
        raise AskedWrongly(
            f"method: {config.method} is not shared by several processes; {', '.join(METHODS)} are.",
            hint="Start it without torchrun or accelerate launch.",
        )
    if not team.sharded:
        return
    sharding.check(model)
    if config.train.optimiser != "adamw":
        raise AskedWrongly(
            f"train.optimiser: the state of {config.train.optimiser} can't be sharded.",
            hint="Use adamw, or leave FSDP off: each process then holds all of the state (DDP).",
        )


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
    stepper = loop.optimiser(trained, config.train, methods.groups(trained, config))
    if team.sharded:
        sharding.spread(stepper, tensors(trained), held)
        whole = model if team.first else None
        team.gather = lambda: sharding.gather(trained, stepper, whole, optimiser)
    else:
        optimisers.put_state(stepper, tensors(trained), held)
    return Worker(trained, stepper, team, masks)


def _sent_state(team: Team, model: Any, optimiser: torch.optim.Optimizer | None) -> dict[str, Tensor]:
    """The first process's optimiser state, labelled as ``optimisers.state_of`` does, in every process."""
    own = tensors(model)
    device = next(iter(own.values())).device
    if optimiser is not None:
        held = optimisers.state_of(optimiser, own)
        team.tell(STATE, {label: (tuple(value.shape), value.dtype, value.device.type) for label, value in held.items()})
    else:
        _, layout = team.hear()
        held = {
            label: torch.empty(size, dtype=dtype, device=device if place == device.type else place)
            for label, (size, dtype, place) in layout.items()
        }
    for value in held.values():
        _send(team, value)
    return held


def _send(team: Team, tensor: Tensor) -> None:
    """A tensor may lie on the CPU (AdamW's count of steps) where processes talk over GPUs."""
    device = team.accelerator.device
    if tensor.device.type == device.type:
        team.send(tensor)
        return
    there = tensor.to(device)
    team.send(there)
    tensor.copy_(there)
