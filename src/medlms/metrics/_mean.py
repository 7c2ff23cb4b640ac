"""Metrics that are a mean over items: a row is (number, 1), and the value is the ratio of the sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ratio(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums [..., 2] to their quotients [...]; not a number where the second is 0."""
    totals = np.asarray(totals, dtype=np.float64)
    above, below = totals[..., 0], totals[..., 1]
    means: NDArray[np.float64] = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
    return means
