"""95 % intervals. Rows that belong together (a group) are drawn together; one resample is one row of a matrix product.

Where the data can't give an interval (fewer than two groups for the bootstrap) both ends are not a number: an interval
of no width would claim certainty. ``finite`` turns that into None for JSON.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
Z = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

CELLS = 4_000_000
"""Most weights of a resample that are held at once."""


def drawn_weights(count: int, *, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each of ``count`` groups stands in each redrawn test, in parts [tests, count].

    Each redrawn test has as many groups as the original, drawn with replacement. The draws depend on the seed and the
    number of groups alone, so two systems on the same test are redrawn alike. Memory stays within 4 million weights.
    """
    generator = np.random.default_rng(seed)
    step = max(1, CELLS // max(count, 1))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = generator.integers(0, count, size=(size, count))
        flat = (drawn + np.arange(size)[:, None] * count).ravel()
        yield np.bincount(flat, minlength=size * count).reshape(size, count).astype(np.float64)


def resampled_sums(sums: Floats, *, resamples: int, seed: int) -> Floats:
    """Bootstrap over groups: sums by group [groups, k] to sums of ``resamples`` redrawn tests [resamples, k]."""
    return np.concatenate([weights @ sums for weights in drawn_weights(len(sums), resamples=resamples, seed=seed)])


def percentile(values: Floats, *, groups: int) -> tuple[float, float]:
    """The percentile interval of resampled values; not a number for fewer than two groups or no finite value."""
    values = values[np.isfinite(values)]
    if groups < 2 or not len(values):
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def wilson(share: float, n: float) -> tuple[float, float]:
    """Wilson's interval for a share of ``n`` independent yes/no items (n may be fractional); never without width."""
    if n <= 0 or not math.isfinite(share):
        return math.nan, math.nan
    below = 1 + Z * Z / n
    centre = (share + Z * Z / (2 * n)) / below
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / below
    # At 0 and 1 the two terms are equal and cancel up to rounding.
    return (0.0 if share == 0 else max(0.0, centre - half)), (1.0 if share == 1 else min(1.0, centre + half))


def paired_shares(more: float, fewer: float, n: float) -> tuple[float, float]:
    """Interval of a difference of paired shares (Agresti and Min 2005: half an item added to each cell of the table).

    ``more`` items only the first system has right, ``fewer`` only the second, of ``n`` independent items.
    """
    if n <= 0:
        return math.nan, math.nan
    total = n + 2
    difference = (more - fewer) / total
    half = Z * math.sqrt(max((more + fewer + 1) - (more - fewer) ** 2 / total, 0.0)) / total
    return max(-1.0, difference - half), min(1.0, difference + half)


def independent_items(sums: Floats) -> float:
    """How many independent items a clustered mean is worth, from (sum, count) by group [groups, 2].

    Where no group holds two items it is their number. Else n divided by the design effect (the variance between groups over
    that of independent items), never above n, and a little less where groups are few, since the effect is then itself
    uncertain (Korn and Graubard 1998). Where all items are alike the effect can't be seen: every group counts as one item.
    """
    sums = sums[sums[:, 1] > 0]
    totals, counts = sums[:, 0], sums[:, 1]
    n, used = float(counts.sum()), len(sums)
    if used < 2 or n <= used:
        return float(used)
    share = float(totals.sum()) / n
    alone = share * (1 - share) / n
    if alone <= 0:
        return float(used)
    between = float(((totals - share * counts) ** 2).sum()) * used / (used - 1) / n**2
    return n / max(between / alone, 1.0) * (Z / student(used - 1)) ** 2


@functools.cache
def student(freedom: int) -> float:
    """Student's quantile of a two-sided 95 % interval."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, freedom))


def finite(value: float | None) -> float | None:
    """The number, or None when it is none: JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None
