"""95 % intervals by a studentised bootstrap over groups (bootstrap-t): each redrawn value is measured in its own standard error.

A percentile interval takes the redrawn values as they come and is too narrow where groups are few or scores are skewed
(benchmarks/simulations.py shows by how much). Here the spread of ``(redrawn - value) / its error`` is turned round the value
(Efron and Tibshirani 1993, chapter 12). Standard errors are those of the linearised metric: a metric is a smooth function of
sums, so its gradient at the sums tells what each group adds. That of the test itself is the jackknife's, which lies a little
above, and is widened by Student's t over the normal quantile for the number of groups: both chosen because simulated intervals
then hold the truth as often as they promise, with 20 groups as with 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from medlms.evaluate.intervals import LEVEL, Floats, Z, drawn_weights, percentile, student

Value = Callable[[Floats], Floats]

FEWEST = 5
"""Groups below which redrawn errors say nothing: Student's interval is taken."""
WITHOUT_ERROR = 0.01
"""Share of redrawn tests without a standard error from which on the percentile interval is taken."""
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric to be redrawn: ``value`` of sums [..., k], its sums by group [groups, k], and ``groups`` that hold any item.

    ``bounds`` are the least and the largest value it can have.
    """

    value: Value
    sums: Floats
    groups: int
    bounds: tuple[float, float] = (-math.inf, math.inf)


def intervals(measures: Sequence[Measure], *, resamples: int, seed: int) -> list[tuple[float, float]]:
    """One interval a measure, all redrawn alike (their sums have the same groups); ends are not a number below two groups."""
    if not measures:
        return []
    parts: list[list[tuple[Floats, Floats]]] = [[] for _ in measures]
    for weights in drawn_weights(len(measures[0].sums), resamples=resamples, seed=seed):
        for part, measure in zip(parts, measures, strict=True):
            part.append(_redrawn(measure, weights))
    found = []
    for measure, part in zip(measures, parts, strict=True):
        values, errors = (np.concatenate([pair[index] for pair in part]) for index in (0, 1))
        low, high = _interval(measure, values, errors)
        found.append((max(low, measure.bounds[0]), min(high, measure.bounds[1])))
    return found


def standard_error(value: Value, sums: Floats) -> float:
    """The standard error of a metric over groups, by leaving out one at a time; 0 where all groups are alike.

    Where the metric has no value without some group, its linearisation stands in.
    """
    total = sums.sum(axis=0)
    left = np.asarray(value(total - sums))
    if not np.isfinite(left).all():
        return float(_errors(value, sums, np.ones((1, len(sums))), total[None, :])[0])
    return math.sqrt((len(left) - 1) / len(left) * float(((left - left.mean()) ** 2).sum()))


def _redrawn(measure: Measure, weights: Floats) -> tuple[Floats, Floats]:
    totals = weights @ measure.sums
    return np.asarray(measure.value(totals)), _errors(measure.value, measure.sums, weights, totals)


def _errors(value: Value, sums: Floats, weights: Floats, totals: Floats) -> Floats:
    """Standard errors [tests] from what each group adds to the linearised metric, its mean taken off."""
    slopes = _gradient(value, totals)
    added = slopes @ sums.T  # [tests, groups]
    centre = (slopes * totals).sum(axis=1) / len(sums)
    np.subtract(added, centre[:, None], out=added)
    np.square(added, out=added)
    errors: Floats = np.sqrt(np.einsum("tg,tg->t", weights, added))
    return errors


def _gradient(value: Value, totals: Floats) -> Floats:
    """Slopes [tests, k] by central differences. A sum of 0 stays: smoothed metrics jump there."""
    slopes = np.zeros_like(totals)
    for column in range(totals.shape[1]):
        step = _STEP * np.abs(totals[:, column])
        more, less = totals.copy(), totals.copy()
        more[:, column] += step
        less[:, column] -= step
        moved = np.asarray(value(more)) - np.asarray(value(less))
        np.divide(moved, 2 * step, out=slopes[:, column], where=step > 0)
    return slopes


def _interval(measure: Measure, values: Floats, errors: Floats) -> tuple[float, float]:
    value, error = float(measure.value(measure.sums.sum(axis=0))), standard_error(measure.value, measure.sums)
    if measure.groups < 2 or not math.isfinite(value):
        return math.nan, math.nan
    if error <= 1e-12 * max(1.0, abs(value)) or not math.isfinite(error):
        return percentile(values, groups=measure.groups)
    if measure.groups < FEWEST:
        half = student(measure.groups - 1) * error
        return value - half, value + half
    known = np.isfinite(values)
    sound = known & (errors > 1e-6 * error)
    if sound.sum() < (1 - WITHOUT_ERROR) * max(known.sum(), 1):
        return percentile(values, groups=measure.groups)
    low, high = np.quantile((values[sound] - value) / errors[sound], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    error *= student(measure.groups - 1) / Z
    return value - float(high) * error, value - float(low) * error
