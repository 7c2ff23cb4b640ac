"""Calibration: whether a system that is 60 % sure is right 60 % of the time. Tables for the reliability plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medlms.evaluate.intervals import Floats, finite, wilson
from medlms.metrics._options import confidence
from medlms.metrics.ece import BINS, bin_of
from medlms.types import Prediction


def sureness(predictions: Sequence[Prediction]) -> tuple[Floats, Floats]:
    """Confidence [n] and rightness (0 or 1) [n] of the predictions that have a confidence."""
    pairs = [
        (share, float(item.chosen == item.right)) for item in predictions if (share := confidence(item)) is not None
    ]
    found = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def reliability(predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """One row a bin of equal width that is not empty: its edges, questions, mean confidence, accuracy and its interval."""
    shares, right = sureness(predictions)
    at = np.array([bin_of(share) for share in shares], dtype=int)
    rows = []
    for number in sorted(set(at.tolist())):
        inside = at == number
        count, accuracy = int(inside.sum()), float(right[inside].mean())
        low, high = wilson(accuracy, count)
        rows.append(
            {
                "from": number / BINS,
                "to": (number + 1) / BINS,
                "n": count,
                "confidence": float(shares[inside].mean()),
                "accuracy": accuracy,
                "low": finite(low),
                "high": finite(high),
            }
        )
    return rows


def equal_mass_error(predictions: Sequence[Prediction]) -> float | None:
    """The expected calibration error over 15 bins that hold as many questions each; None where there is no confidence."""
    shares, right = sureness(predictions)
    if not len(shares):
        return None
    order = np.argsort(shares, kind="stable")
    apart = [abs(float((shares[part] - right[part]).sum())) for part in np.array_split(order, BINS) if len(part)]
    return sum(apart) / len(shares)
