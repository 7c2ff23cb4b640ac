"""Two systems on the same items: the paired difference of each metric, its interval and its p-value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medlms.errors import AskedWrongly
from medlms.evaluate.intervals import Floats, finite, independent_items, paired_shares
from medlms.evaluate.power import detectable, items_needed
from medlms.evaluate.rows import Rows, by_group, check, groups, rows
from medlms.evaluate.studentised import Measure, intervals
from medlms.evaluate.swaps import Pair, mcnemar, permutation
from medlms.types import Comparison, Prediction


class _Table:
    """One metric of both systems: rows over the items that it applies to in both, and their sums by group."""

    def __init__(self, left: Rows, right: Rows, group: NDArray[np.int64]) -> None:
        self.left, self.right, self.group = left, right, group
        self.a, self.b = by_group(left.values, group), by_group(right.values, group)
        value = left.metric.value
        self.difference = float(value(self.a.sum(axis=0)) - value(self.b.sum(axis=0)))
        self.n = int(left.applies.sum())
        self.yes_no = bool(getattr(left.metric, "YES_NO", False))

    def measure(self) -> Measure:
        value, width = self.left.metric.value, self.a.shape[1]

        def change(sums: Floats) -> Floats:
            return value(sums[..., :width]) - value(sums[..., width:])

        used = len(np.unique(self.group[self.left.applies]))
        return Measure(change, np.hstack([self.a, self.b]), used)

    def pair(self) -> Pair:
        return Pair(self.left.metric.value, self.a, self.b)

    def share_interval(self) -> tuple[float, float]:
        """The interval of paired shares, with the counts scaled to the independent items that the groups amount to."""
        applies = self.left.applies
        changed = self.left.values[applies, 0] - self.right.values[applies, 0]
        _, group = np.unique(self.group[applies], return_inverse=True)
        effective = min(
            independent_items(by_group(np.column_stack([flag, np.ones(len(flag))]), group))
            for flag in ((changed > 0).astype(np.float64), (changed < 0).astype(np.float64))
            if flag.any() or not changed.any()
        )
        scale = effective / len(changed)
        return paired_shares(float((changed > 0).sum()) * scale, float((changed < 0).sum()) * scale, effective)


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

    Interval: studentised bootstrap of the difference over groups, both systems redrawn alike; for shares of yes/no items
    the interval of paired shares. p-value, two-sided: if there were no difference, the two systems' rows might be swapped
    within any group. Yes/no items: all swaps counted exactly (McNemar's exact test, groups swapped whole); else by permutation
    (``swaps``). AskedWrongly when the two do not hold the same items, groups and references.
    """
    b = paired(a_name, a, b_name, b)
    pairs = [(rows(name, a), rows(name, b)) for name in metrics]
    return of_rows(a_name, b_name, pairs, groups(a), resamples=resamples, seed=seed)


def of_rows(
    a_name: str,
    b_name: str,
    pairs: Sequence[tuple[Rows, Rows]],
    group: NDArray[np.int64],
    *,
    resamples: int = 2000,
    seed: int = 13,
) -> list[Comparison]:
    """``compare`` for rows that are there already: one metric of both systems a pair; ``group`` [items]."""
    tables = [
        _Table(left.only(both), right.only(both), group)
        for left, right in pairs
        if (both := left.applies & right.applies).any()
    ]
    shares = [table for table in tables if table.yes_no]
    rest = [table for table in tables if not table.yes_no]
    spans = intervals([table.measure() for table in rest], resamples=resamples, seed=seed)
    chances = permutation([table.pair() for table in rest], resamples=resamples, seed=seed)
    found = {id(table): (*span, chance) for table, span, chance in zip(rest, spans, chances, strict=True)}
    found |= {id(table): (*table.share_interval(), mcnemar((table.a - table.b)[:, 0])) for table in shares}
    return [
        Comparison(a_name, b_name, table.left.metric.NAME, table.difference, *found[id(table)], table.n)
        for table in tables
    ]


def as_json(comparison: Comparison, *, needed: bool = True) -> dict[str, Any]:
    """A Comparison as a report's JSON holds it; an end that is not known is null.

    ``detectable`` and ``items_needed`` are those of ``power``; the latter is left out with ``needed`` False: where seeds add
    to the interval, more items alone would not narrow it.
    """
    low, high = finite(comparison.low), finite(comparison.high)
    more = {"items_needed": items_needed(comparison.difference, low, high, comparison.n)} if needed else {}
    return {
        "a": comparison.a,
        "b": comparison.b,
        "metric": comparison.metric,
        "difference": finite(comparison.difference),
        "low": low,
        "high": high,
        "p_value": finite(comparison.p_value),
        "n": comparison.n,
        "detectable": detectable(low, high),
        **more,
    }


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
