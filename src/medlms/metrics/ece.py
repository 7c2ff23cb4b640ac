"""Expected calibration error: how far accuracy lies from confidence, over 15 bins of equal width (Guo et al. 2017).

Confidence is the probability of the chosen option among the options. Bin b holds confidences in (b/15, (b+1)/15]. With few
questions a bin the error is above 0 even for a perfectly calibrated system.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from medlms.metrics._options import confidence
from medlms.types import Prediction

NAME = "ece"
TITLE = "Calibration error"
HIGHER_IS_BETTER = False
YES_NO = False
READS_ANSWER = False
BINS = 15


def bin_of(share: float) -> int:
    """The bin of a confidence in 0..1; an edge belongs to the bin below it."""
    return min(max(math.ceil(share * BINS) - 1, 0), BINS - 1)


def row(prediction: Prediction) -> tuple[float, ...] | None:
    """For each bin (questions, confidence, right ones), one behind the other; None where there is no confidence."""
    share = confidence(prediction)
    if share is None:
        return None
    sums = [0.0] * (3 * BINS)
    at = 3 * bin_of(share)
    sums[at : at + 3] = [1.0, share, float(prediction.chosen == prediction.right)]
    return tuple(sums)


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of rows [..., 45] to the error [...]; not a number where nothing was summed."""
    totals = np.asarray(totals, dtype=np.float64)
    bins = totals.reshape(*totals.shape[:-1], BINS, 3)
    apart, count = np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1), bins[..., 0].sum(axis=-1)
    error: NDArray[np.float64] = np.divide(apart, count, out=np.full(count.shape, np.nan), where=count > 0)
    return error
