"""Selective answering: how often a system errs when it answers only the questions it is surest of.

Questions are ordered by confidence. The risk at a coverage is the share of errors among the questions answered. Questions
of equal confidence share their errors evenly, so that the order of the file plays no part. Questions without a confidence
are never answered, and count in the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from medlms.evaluate.calibration import sureness
from medlms.evaluate.intervals import Floats, finite, percentile, wilson
from medlms.evaluate.rows import groups
from medlms.metrics._options import confidence
from medlms.types import Prediction

POINTS = 100


def selective(
    predictions: Sequence[Prediction], coverages: Sequence[float], *, resamples: int, seed: int
) -> dict[str, Any] | None:
    """The curve (coverage, risk), its area with an interval, and the accuracy at ``coverages``; None without confidences.

    ``perfect`` is the area of a system with as many errors that is unsure exactly of these, ``random`` that of one whose
    confidence says nothing (its error rate): a useful confidence lies clearly below the latter.
    """
    shares, right = sureness(predictions)
    if not len(shares):
        return None
    errors = _shared(shares, 1 - right)
    order = np.argsort(-shares, kind="stable")
    risks = np.cumsum(errors[order]) / np.arange(1, len(order) + 1)
    known = [item for item in predictions if confidence(item) is not None]
    low, high = _interval(groups(known)[order], errors[order], resamples=resamples, seed=seed)
    total = len(predictions)
    points = np.unique(np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(int))
    return {
        "n": total,
        "area": {"value": float(risks.mean()), "low": finite(low), "high": finite(high), "n": len(order)},
        "perfect": perfect(len(right), int((1 - right).sum())),
        "random": float((1 - right).mean()),
        "curve": [{"coverage": (at + 1) / total, "risk": float(risks[at])} for at in points.tolist()],
        "at": [_at(share, shares[order], risks, total) for share in coverages],
    }


def perfect(count: int, wrong: int) -> float:
    """The area under the curve of ``count`` questions whose ``wrong`` ones come last."""
    return sum(max(0, answered - (count - wrong)) / answered for answered in range(1, count + 1)) / count


def _at(coverage: float, shares: Floats, risks: Floats, total: int) -> dict[str, Any]:
    """Accuracy when the surest ``coverage`` of all questions are answered, and how sure a system has to be for that."""
    count = math.ceil(coverage * total - 1e-9)
    if not 0 < count <= len(shares):
        return {"coverage": coverage, "n": count, "value": None, "low": None, "high": None, "confidence": None}
    value = float(1 - risks[count - 1])
    low, high = wilson(value, count)
    return {
        "coverage": coverage,
        "n": count,
        "value": value,
        "low": finite(low),
        "high": finite(high),
        "confidence": float(shares[count - 1]),
    }


def _shared(shares: Floats, errors: Floats) -> Floats:
    """Errors [n], each the mean of those with the same confidence."""
    _, at = np.unique(shares, return_inverse=True)
    return (np.bincount(at, weights=errors) / np.bincount(at))[at]


def _interval(group: np.ndarray, errors: Floats, *, resamples: int, seed: int) -> tuple[float, float]:
    """Bootstrap over groups of the area; ``errors`` [n] in order of confidence."""
    numbers, group = np.unique(group, return_inverse=True)
    generator = np.random.default_rng([seed, 2])
    areas = []
    for _ in range(resamples):
        drawn = np.bincount(generator.integers(0, len(numbers), size=len(numbers)), minlength=len(numbers))
        weights = drawn[group]
        seen = np.cumsum(weights)
        risks = np.cumsum(weights * errors) / np.maximum(seen, 1)
        areas.append(float((weights * risks).sum() / seen[-1]))
    return percentile(np.array(areas), groups=len(numbers))
