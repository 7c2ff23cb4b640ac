"""Medians with 95 % intervals over rounds, and ratios of two systems paired by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medlms.evaluate.intervals import percentile

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median over ``n`` rounds with its 95 % interval (bootstrap over rounds); no ends where one round is all there is."""

    value: float
    low: float | None
    high: float | None
    n: int


def median(values: Sequence[float], *, seed: int = 0) -> Estimate:
    """The median of one number a round. ValueError when there is none."""
    if not values:
        raise ValueError("There is no round to take a median of.")
    found = np.asarray(values, dtype=np.float64)
    if len(found) < 2:
        return Estimate(float(found[0]), None, None, 1)
    drawn = np.random.default_rng(seed).integers(0, len(found), size=(RESAMPLES, len(found)))
    low, high = percentile(np.median(found[drawn], axis=1), groups=len(found))
    return Estimate(float(np.median(found)), low, high, len(found))


def ratio(a: Mapping[int, float], b: Mapping[int, float], *, seed: int = 0) -> Estimate | None:
    """Median of a / b over the rounds that both took part in; None when there is no such round."""
    shared = sorted(set(a) & set(b))
    return median([a[number] / b[number] for number in shared], seed=seed) if shared else None
