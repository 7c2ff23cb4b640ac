"""Several training runs of one setting that differ in their seed: their mean, its interval, and differences between settings.

Two things make a score uncertain: which questions were asked, and the luck of training. The interval of a mean over seeds
(``mean``) holds the second alone; the interval of a difference (``compare``) holds both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from medlms.evaluate import compare as one_seed
from medlms.evaluate.intervals import LEVEL, resampled_sums, student
from medlms.evaluate.rows import Rows, by_group, groups, rows
from medlms.types import Comparison, Prediction


def mean(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean of one value a seed, and its 95 % interval by Student's t; ends are not a number for a single seed.

    Seeds that agree to the last digit give no interval either: no width would claim certainty.
    """
    found = np.asarray(values, dtype=np.float64)
    centre = float(found.mean())
    if len(found) < 2 or not np.isfinite(found).all() or np.ptp(found) == 0:
        return centre, math.nan, math.nan
    half = student(len(found) - 1) * float(found.std(ddof=1)) / math.sqrt(len(found))
    return centre, centre - half, centre + half


def compare(
    a_name: str,
    a: Sequence[Sequence[Prediction]],
    b_name: str,
    b: Sequence[Sequence[Prediction]],
    metrics: Sequence[str],
    *,
    resamples: int = 2000,
    seed: int = 13,
) -> list[Comparison]:
    """One Comparison a metric: the mean over ``a``'s seeds minus that over ``b``'s, over the items that apply in all.

    With one run on each side it is ``compare.compare``: the interval holds the questions alone. Else the variances of
    the questions (bootstrap over groups, all runs redrawn alike) and of the seeds (between the runs of each side) are
    added, and interval and p-value are Student's with the degrees of freedom of their sum (Welch, Satterthwaite). A side
    of a single run adds no variance of seeds: right for a model that was not trained, too little for one that was.
    """
    if len(a) == 1 and len(b) == 1:
        return one_seed.compare(a_name, a[0], b_name, b[0], metrics, resamples=resamples, seed=seed)
    first = a[0]
    runs = [first, *(one_seed.paired(a_name, first, a_name, item) for item in a[1:])]
    runs += [one_seed.paired(a_name, first, b_name, item) for item in b]
    group = groups(first)
    found = []
    for name in metrics:
        tables = [rows(name, items) for items in runs]
        applies = np.logical_and.reduce([table.applies for table in tables])
        if applies.any():
            kept = [table.only(applies) for table in tables]
            found.append(_compare(a_name, b_name, kept, len(a), group, resamples, seed))
    return found


def _compare(
    a_name: str, b_name: str, tables: Sequence[Rows], count: int, group: np.ndarray, resamples: int, seed: int
) -> Comparison:
    metric, width = tables[0].metric, tables[0].values.shape[1]
    used = np.unique(group[tables[0].applies])
    sums = [by_group(table.values, group)[used] for table in tables]
    values = np.array([float(metric.value(part.sum(axis=0))) for part in sums])
    drawn = resampled_sums(np.hstack(sums), resamples=resamples, seed=seed)
    each = np.stack([metric.value(drawn[:, at * width : (at + 1) * width]) for at in range(len(sums))])
    difference = float(values[:count].mean() - values[count:].mean())
    redrawn = each[:count].mean(axis=0) - each[count:].mean(axis=0)
    parts = [(float(np.var(redrawn[np.isfinite(redrawn)], ddof=1)), len(used) - 1)]
    parts += [
        (float(np.var(side, ddof=1)) / len(side), len(side) - 1)
        for side in (values[:count], values[count:])
        if len(side) > 1
    ]
    low, high, p = _student(difference, parts)
    return Comparison(a_name, b_name, metric.NAME, difference, low, high, p, int(tables[0].applies.sum()))


def _student(difference: float, parts: Sequence[tuple[float, int]]) -> tuple[float, float, float]:
    """Interval and two-sided p-value from variances that add up, each with its degrees of freedom."""
    from scipy.stats import t

    total = sum(variance for variance, _ in parts)
    if not math.isfinite(total) or total <= 0 or parts[0][1] < 1:
        return math.nan, math.nan, 1.0
    freedom = total**2 / sum(variance**2 / free for variance, free in parts if variance > 0)
    half = float(t.ppf((1 + LEVEL) / 2, freedom)) * math.sqrt(total)
    return difference - half, difference + half, float(2 * t.sf(abs(difference) / math.sqrt(total), freedom))
