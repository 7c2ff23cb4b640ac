"""Metric rows of a whole test, and their sums by group: what scores, intervals and comparisons are computed from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medlms.catalogue import find, near
from medlms.errors import AskedWrongly, UnknownName
from medlms.metrics import Metric
from medlms.types import Prediction

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one metric: ``values`` [items, k], 0 where the metric does not apply; ``applies`` [items]."""

    metric: Metric
    values: Floats
    applies: NDArray[np.bool_]

    def only(self, applies: NDArray[np.bool_]) -> Rows:
        """The same rows with those outside ``applies`` set to 0."""
        return Rows(self.metric, np.where(applies[:, None], self.values, 0.0), applies)


def metric_of(name: str) -> Metric:
    """The metric ``name``, or the part of one (``rouge1.recall``); UnknownName when no catalogue holds it."""
    whole, _, part = name.partition(".")
    metric: Metric = find("metrics", whole)
    if not part:
        return metric
    parts = getattr(metric, "PARTS", {})
    if part not in parts:
        raise UnknownName(
            f"metrics: {whole} has no part {part!r}.", hint=near(part, parts) or f"Known: {', '.join(parts) or 'none'}."
        )
    return Part(name, f"{metric.TITLE} {part}", metric.row, parts[part])


@dataclass(slots=True, eq=False)
class Part:
    """A further value of a metric's rows, such as the recall behind an F-measure: a metric of its own for all that reads it."""

    NAME: str
    TITLE: str
    row: Callable[[Prediction], tuple[float, ...] | None]
    value: Callable[[Floats], Floats]
    HIGHER_IS_BETTER: bool | None = True
    YES_NO: bool = False
    BOUNDS: tuple[float, float] = (0.0, 1.0)
    READS_ANSWER: bool = True


def rows(name: str, predictions: Sequence[Prediction]) -> Rows:
    """Rows of the metric ``name`` (or ``name.part``); UnknownName when no catalogue holds it."""
    metric = metric_of(name)
    found = [_row(metric.row, prediction) for prediction in predictions]
    width = next((len(row) for row in found if row is not None), 1)
    values = np.array([row if row is not None else (0.0,) * width for row in found], dtype=np.float64)
    return Rows(metric, values.reshape(len(found), width), np.array([row is not None for row in found], dtype=np.bool_))


@functools.lru_cache(maxsize=65536)
def _row(row: Callable[[Prediction], tuple[float, ...] | None], prediction: Prediction) -> tuple[float, ...] | None:
    # A system is scored once and compared several times; texts are read once.
    return row(prediction)


def groups(predictions: Sequence[Prediction]) -> NDArray[np.int64]:
    """Number of each item's group [items], counted from 0. An item without a group is a group of its own."""
    seen: dict[tuple[str, str], int] = {}
    keys = [("group", item.group) if item.group else ("id", item.id) for item in predictions]
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def by_group(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Sums [groups, k] of rows [items, k]."""
    sums = np.zeros((int(group.max()) + 1 if len(group) else 0, values.shape[1]))
    np.add.at(sums, group, values)
    return sums


def check(predictions: Sequence[Prediction], name: str = "") -> None:
    """AskedWrongly when there is nothing to score or an id occurs twice."""
    where = f"{name}: " if name else ""
    if not predictions:
        raise AskedWrongly(f"{where}there are no predictions to score.")
    seen: set[str] = set()
    for item in predictions:
        if item.id in seen:
            raise AskedWrongly(f"{where}the prediction {item.id!r} occurs twice.")
        seen.add(item.id)
