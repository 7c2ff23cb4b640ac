"""All comparisons of one report are one family: p-values are adjusted over them together (Holm), whoever is compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from medlms.types import Comparison

LEVEL = 0.05

Key = tuple[str, str, str]
"""Of a comparison: its systems ``a`` and ``b``, and its metric."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment of one family of p-values, which bounds the chance of even one false alarm in the family."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def adjusted(comparisons: Sequence[Comparison]) -> dict[Key, float]:
    """The adjusted p-value of every comparison, by (a, b, metric) and by (b, a, metric)."""
    found = holm([item.p_value for item in comparisons])
    there = {(item.a, item.b, item.metric): p for item, p in zip(comparisons, found, strict=True)}
    return {**there, **{(b, a, metric): p for (a, b, metric), p in there.items()}}


def apart(item: Comparison) -> bool:
    """Whether the interval leaves out zero."""
    return not math.isnan(item.low) and not item.low <= 0 <= item.high


def sure(item: Comparison, p_adjusted: float) -> bool:
    """Whether a difference is measured: its interval leaves out zero, and its adjusted p-value is below the level."""
    return apart(item) and p_adjusted < LEVEL
