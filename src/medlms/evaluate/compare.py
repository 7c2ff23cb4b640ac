"""Two systems on the same items: the paired difference of each metric, its interval and its p-value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medlms.errors import AskedWrongly
from medlms.evaluate.intervals import (
    CELLS,
    Floats,
    finite,
    independent_items,
    paired_shares,
    percentile,
    resampled_sums,
)
from medlms.evaluate.rows import Rows, by_group, check, groups, rows
from medlms.types import Comparison, Prediction

_TOLERANCE = 1e-12


def compare(
    a_name: str,
    a: Sequence[Prediction],
    b_name: str,
    b: Sequence[Prediction],
    metrics: Sequence[str],
    *,
    resamples: int = 2000,
    seed: int = 13,
) -> list[Comparison]:
    """One Comparison ``a - b`` a metric, over the items to which it applies in both; left out where there are none.

    Interval: percentile bootstrap of the difference over groups, both systems redrawn alike; for shares of yes/no items
    the interval of paired shares. p-value: permutation by group, two-sided. Under "no difference" the two systems'
    rows may be swapped within any group; for a mean that is flipping the sign of the group's summed difference, and for
    corpus metrics it works the same. All swaps are tried where there are at most ``resamples`` of them, else as many
    are drawn. AskedWrongly when the two do not hold the same items, groups and references.
    """
    b = paired(a_name, a, b_name, b)
    group = groups(a)
    found = []
    for name in metrics:
        left, right = rows(name, a), rows(name, b)
        both = left.applies & right.applies
        if both.any():
            found.append(_compare(a_name, left.only(both), b_name, right.only(both), group, resamples, seed))
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment of one family of p-values, which bounds the chance of even one false alarm in the family."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A Comparison as a report's JSON holds it; an end that is not known is null."""
    return {
        "a": comparison.a,
        "b": comparison.b,
        "metric": comparison.metric,
        "difference": finite(comparison.difference),
        "low": finite(comparison.low),
        "high": finite(comparison.high),
        "p_value": finite(comparison.p_value),
        "n": comparison.n,
    }


def _compare(
    a_name: str, left: Rows, b_name: str, right: Rows, group: np.ndarray, resamples: int, seed: int
) -> Comparison:
    metric, width = left.metric, left.values.shape[1]
    a_sums, b_sums = by_group(left.values, group), by_group(right.values, group)
    used = np.unique(group[left.applies])
    a_sums, b_sums = a_sums[used], b_sums[used]
    difference = float(metric.value(a_sums.sum(axis=0)) - metric.value(b_sums.sum(axis=0)))
    if getattr(metric, "YES_NO", False):
        low, high = _share_interval(left.values[left.applies], right.values[left.applies], group[left.applies])
    else:
        drawn = resampled_sums(np.hstack([a_sums, b_sums]), resamples=resamples, seed=seed)
        low, high = percentile(metric.value(drawn[:, :width]) - metric.value(drawn[:, width:]), groups=len(used))
    shift = _swapped(b_sums - a_sums, resamples=resamples, seed=seed)
    swapped = metric.value(a_sums.sum(axis=0) + shift) - metric.value(b_sums.sum(axis=0) - shift)
    return Comparison(
        a_name,
        b_name,
        metric.NAME,
        difference,
        low,
        high,
        _p_value(difference, swapped, exact=2 ** min(len(used), 63) <= resamples),
        int(left.applies.sum()),
    )


def _swapped(change: Floats, *, resamples: int, seed: int) -> Floats:
    """Sums [swaps, k] of ``change`` [groups, k] over swapped groups: every way to swap, or ``resamples`` drawn ones."""
    count = len(change)
    if count < 63 and 2**count <= resamples:
        return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.float64) @ change
    generator = np.random.default_rng([seed, 1])
    step = max(1, CELLS // count)
    parts = []
    for start in range(0, resamples, step):
        swapped = generator.integers(0, 2, size=(min(step, resamples - start), count), dtype=np.int8)
        parts.append(swapped.astype(np.float64) @ change)
    return np.concatenate(parts)


def _p_value(difference: float, swapped: Floats, *, exact: bool) -> float:
    swapped = swapped[np.isfinite(swapped)]
    as_large = int((np.abs(swapped) >= abs(difference) - _TOLERANCE).sum())
    # What was seen is one of the possible swaps, so drawn ones count it too: p is never 0.
    return as_large / len(swapped) if exact else (as_large + 1) / (len(swapped) + 1)


def _share_interval(left: Floats, right: Floats, group: np.ndarray) -> tuple[float, float]:
    """The interval of paired shares, with the counts scaled to the independent items that the groups amount to."""
    changed = left[:, 0] - right[:, 0]
    _, group = np.unique(group, return_inverse=True)
    effective = min(
        independent_items(by_group(np.column_stack([flag, np.ones(len(flag))]), group))
        for flag in ((changed > 0).astype(np.float64), (changed < 0).astype(np.float64))
        if flag.any() or not changed.any()
    )
    scale = effective / len(changed)
    return paired_shares(float((changed > 0).sum()) * scale, float((changed < 0).sum()) * scale, effective)


def paired(a_name: str, a: Sequence[Prediction], b_name: str, b: Sequence[Prediction]) -> list[Prediction]:
    """``b`` in the order of ``a``; AskedWrongly when the two do not hold the same items, groups and references."""
    check(a, a_name)
    check(b, b_name)
    others = {item.id: item for item in b}
    apart = sorted({item.id for item in a} ^ set(others))
    if apart:
        raise AskedWrongly(
            f"{a_name} and {b_name} did not answer the same questions: "
            f"{len(apart)} stand in one only, {apart[0]!r} first.",
            hint="Compare systems that were asked the same test to its end.",
        )
    for item in a:
        other = others[item.id]
        if item.golds != other.golds or item.group != other.group:
            raise AskedWrongly(
                f"{a_name} and {b_name}: {item.id!r} has different references or groups, so it is not the same test.",
                hint="Evaluate both again on one split.",
            )
    return [others[item.id] for item in a]
