"""Two systems item by item: on how many one does better, where they differ most, and where one does worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medlms.evaluate.intervals import Floats
from medlms.evaluate.rows import rows
from medlms.evaluate.score import per_item
from medlms.types import Prediction

EQUAL = 1e-9  # scores of two items that differ by less are the same but for rounding


@dataclass(frozen=True, slots=True)
class Items:
    """A metric of every item [items], not a number where it does not apply; ``better`` is 1 or -1, 0 where neither is."""

    metric: str
    values: Floats
    better: int
    yes_no: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """On how many items the first of two systems does better, worse, and the same."""

    wins: int
    losses: int
    ties: int


def of_items(name: str, predictions: Sequence[Prediction]) -> Items:
    """The metric ``name`` of each prediction."""
    table = rows(name, predictions)
    higher = table.metric.HIGHER_IS_BETTER
    better = 0 if higher is None else 1 if higher else -1
    return Items(name, per_item(table), better, bool(getattr(table.metric, "YES_NO", False)))


def lead(a: Items, b: Items) -> Floats:
    """By how much ``a`` does better than ``b`` on each item [items]; not a number where one of them has no value."""
    gained: Floats = (a.values - b.values) * (a.better or 1)
    return np.where(np.abs(gained) < EQUAL, 0.0, gained)


def tally(a: Items, b: Items) -> Tally:
    """Wins, losses and ties of ``a`` against ``b`` over the items that both have a value for."""
    gained = lead(a, b)
    gained = gained[np.isfinite(gained)]
    return Tally(int((gained > 0).sum()), int((gained < 0).sum()), int((gained == 0).sum()))


def furthest_ahead(a: Items, b: Items, count: int) -> list[int]:
    """The items on which ``a`` is furthest ahead of ``b``, furthest first; fewer where it is ahead on fewer."""
    gained = lead(a, b)
    order = _ordered(-np.where(np.isfinite(gained), gained, -np.inf))
    return [at for at in order if gained[at] > 0][:count]


def worst(a: Items, count: int) -> list[int]:
    """The items on which ``a`` does worst, worst first. Of yes/no metrics only wrong ones."""
    values = a.values * (a.better or 1)
    order = [at for at in _ordered(np.where(np.isfinite(values), values, np.inf)) if np.isfinite(values[at])]
    return [at for at in order if not a.yes_no or values[at] <= 0][:count]


def _ordered(keys: NDArray[np.float64]) -> list[int]:
    return [int(at) for at in np.argsort(keys, kind="stable")]
