"""A straight line through measured points: what one more token costs, and how far from straight the points lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Fit:
    """y = intercept + slope * x by least squares over ``n`` points.

    ``r2`` is the share of y's variance that the line explains (None where y does not vary at all), ``worst`` the largest
    distance of a point from the line as a share of that point's y.
    """

    slope: float
    intercept: float
    r2: float | None
    worst: float
    n: int

    def at(self, x: float) -> float:
        """The line's value at ``x``."""
        return self.intercept + self.slope * x

    def share(self, x: float) -> float:
        """The part of the line's value at ``x`` that grows with it."""
        return self.slope * x / self.at(x)


def line(points: Sequence[tuple[float, float]]) -> Fit | None:
    """The line through (x, y) points with y above 0. None where fewer than three x lie there: two always fit."""
    if len({x for x, _ in points}) < 3:
        return None
    x, y = (np.asarray(column, dtype=np.float64) for column in zip(*points, strict=True))
    around = x - x.mean()
    slope = float(around @ (y - y.mean()) / (around @ around))
    intercept = float(y.mean() - slope * x.mean())
    left = y - (intercept + slope * x)
    spread = float(((y - y.mean()) ** 2).sum())
    r2 = 1 - float(left @ left) / spread if spread > 0 else None
    return Fit(slope, intercept, r2, float(np.abs(left / y).max()), len(points))
