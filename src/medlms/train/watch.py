"""Watches losses and gradients: what is no number, and a loss that climbs away from where it began, stop the run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from medlms.errors import TrainingError
from medlms.models.adapters import tensors
from medlms.models.forward import row_losses
from medlms.text.pack import pack
from medlms.types import Tokens

FIRST = 5  # steps whose lowest loss is the start: at least one of them lies before any harm was done
PATIENCE = 10  # steps in a row that must lie far above it: rows differ, but not for so long
SHARE, NATS = 1.5, 1.0  # far above is more than SHARE times the start and NATS beyond


@dataclass
class Watch:
    """Has the losses of a run's steps told to it, in order; a resumed run tells those of the steps before first."""

    start: list[float] = field(default_factory=list)
    above: int = 0
    since: int = 0

    def see(self, step: int, loss: float, learning_rate: float, rows: Sequence[str] = ()) -> None:
        """Note the loss of a step. TrainingError when it is the last of too many far above the start."""
        if len(self.start) < FIRST:
            self.start.append(loss)
        if loss <= SHARE * min(self.start) + NATS:
            self.above = 0
            return
        self.since = self.since if self.above else step
        self.above += 1
        if self.above >= PATIENCE:
            raise TrainingError(
                f"Step {step}: the training diverges. The loss began at {min(self.start):.2f} and has been far above "
                f"that since step {self.since}; now it is {loss:.2f}, at a learning rate of {learning_rate:.3g}"
                f"{named(rows, ', in rows ')}.",
                hint=f"Start a new run with a lower train.learning_rate, such as {_lower(learning_rate)}, or a longer "
                "train.warmup.",
            )

    @property
    def calm(self) -> bool:
        """Whether the last step was as it should be: only then is a state worth keeping."""
        return not self.above


def named(rows: Sequence[str], before: str) -> str:
    """The first rows of several, behind ``before``; nothing for none."""
    if not rows:
        return ""
    return f"{before}{', '.join(rows[:5])}{' and others' if len(rows) > 5 else ''}"


def no_number(what: str, step: int, rows: Sequence[str]) -> str:
    """The sentence about a loss or gradient that is not a number."""
    return f"Step {step}: the {what} is not a number{named(rows, ', in rows ')}."


def rows_without_loss(model: Any, rows: Sequence[Tokens]) -> list[str]:
    """Which rows of a block have a loss that is no number; all where it can't be told apart (dropout may have made it)."""
    model.eval()
    sums, _ = row_losses(model, pack(rows, device=next(model.parameters()).device))
    found = [row.id for row, total in zip(rows, sums, strict=True) if not math.isfinite(total)]
    return found or [row.id for row in rows]


def rows_without_gradient(
    model: Any, rows: Sequence[Tokens], blocks: Sequence[Sequence[int]], gradient: Callable[[int, Sequence[int]], float]
) -> list[str]:
    """The rows of those blocks whose gradient is no number; all where each block alone has one.

    ``gradient(index, block)`` adds a block's gradient to those of the trainable tensors, which are left empty.
    """
    own = list(tensors(model).values())
    found: list[str] = []
    for index, block in enumerate(blocks):
        for tensor in own:
            tensor.grad = None
        gradient(index, block)
        if not all(bool(torch.isfinite(tensor.grad).all()) for tensor in own if tensor.grad is not None):
            found += [rows[row].id for row in block]
    for tensor in own:
        tensor.grad = None
    return found or [rows[row].id for block in blocks for row in block]


def _lower(learning_rate: float) -> str:
    """A tenth, in a form that a person would write."""
    return f"{learning_rate / 10:.0e}".replace("e-0", "e-").replace("e+0", "e+").replace("e+0", "")
