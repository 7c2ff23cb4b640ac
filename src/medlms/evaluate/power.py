"""What a comparison could have shown: the smallest difference it would have seen, and how many items a smaller one takes.

Both follow from the width of the interval, which shrinks with the square root of the items, for a single comparison at 95 %
and a chance of four in five to see a difference that is there (two-sided, normal).
"""

from __future__ import annotations

import math

from medlms.evaluate.intervals import Z

POWER = 0.8
_SEEN = 0.8416212335729143
"""The normal quantile of ``POWER``."""


def detectable(low: float | None, high: float | None) -> float | None:
    """The smallest difference that a comparison with this interval sees four times in five; None without an interval."""
    if low is None or high is None or not math.isfinite(high - low) or high <= low:
        return None
    return (Z + _SEEN) * (high - low) / (2 * Z)


def items_needed(difference: float | None, low: float | None, high: float | None, n: int | None) -> int | None:
    """Items of a test that sees a difference as large as the one measured four times in five; None where that is none.

    Groups are taken to grow in number with the items. A measured difference is itself uncertain, and so is this number.
    """
    smallest = detectable(low, high)
    if not smallest or not difference or not n or not math.isfinite(difference):
        return None
    return math.ceil(n * (smallest / difference) ** 2)
