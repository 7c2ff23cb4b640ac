"""Scores of one system: each metric over all items, with its interval and its best single item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medlms.evaluate.intervals import Floats, finite, independent_items, wilson
from medlms.evaluate.rows import Rows, by_group, check, groups, rows
from medlms.evaluate.studentised import Measure, intervals
from medlms.types import Prediction, Score


def score(
    predictions: Sequence[Prediction], metrics: Sequence[str], *, resamples: int = 2000, seed: int = 13
) -> list[Score]:
    """One Score a metric, in the order of ``metrics``; a metric that applies to no item is left out.

    Intervals: studentised bootstrap over groups; Wilson for metrics that are a share of yes/no items, on the number of
    independent items the groups amount to. Ends are not a number where there is only one group. ``unread`` items have a
    problem; they stay in ``n`` and score what an empty answer does. AskedWrongly for no predictions or a repeated id.
    """
    check(predictions)
    problems = np.array([bool(item.problem) for item in predictions])
    tables = [rows(name, predictions) for name in metrics]
    return of_rows(tables, groups(predictions), problems, resamples=resamples, seed=seed)


def of_rows(
    tables: Sequence[Rows],
    group: NDArray[np.int64],
    problems: NDArray[np.bool_],
    *,
    resamples: int = 2000,
    seed: int = 13,
) -> list[Score]:
    """``score`` for rows that are there already; ``group`` and ``problems`` [items] tell of the items."""
    tables = [table for table in tables if table.applies.any()]
    sums = [by_group(table.values, group) for table in tables]
    measures = [_measure(table, part, group) for table, part in zip(tables, sums, strict=True) if not _yes_no(table)]
    spans = iter(intervals(measures, resamples=resamples, seed=seed))
    return [
        _score(table, part, _wilson(part) if _yes_no(table) else next(spans), problems)
        for table, part in zip(tables, sums, strict=True)
    ]


def as_json(score: Score) -> dict[str, Any]:
    """A Score as a report's JSON holds it; an end that is not known is null."""
    return {
        "value": finite(score.value),
        "low": finite(score.low),
        "high": finite(score.high),
        "n": score.n,
        "unread": score.unread,
        "maximum": finite(score.maximum),
    }


def per_item(table: Rows) -> Floats:
    """The metric of each item [items]; not a number where it does not apply."""
    return np.where(table.applies, table.metric.value(table.values), np.nan)


def _measure(table: Rows, sums: Floats, group: NDArray[np.int64]) -> Measure:
    lowest = float(np.nanmin(per_item(table)))
    bounds = getattr(table.metric, "BOUNDS", (0.0 if lowest >= 0 else -math.inf, math.inf))
    return Measure(table.metric.value, sums, len(np.unique(group[table.applies])), bounds)


def _yes_no(table: Rows) -> bool:
    return bool(getattr(table.metric, "YES_NO", False))


def _wilson(sums: Floats) -> tuple[float, float]:
    total = sums.sum(axis=0)
    return wilson(float(total[0] / total[1]), independent_items(sums))


def _score(table: Rows, sums: Floats, span: tuple[float, float], problems: NDArray[np.bool_]) -> Score:
    metric = table.metric
    items = per_item(table)
    best = np.nanmin(items) if metric.HIGHER_IS_BETTER is False else np.nanmax(items)
    unread = int((problems & table.applies).sum()) if getattr(metric, "READS_ANSWER", True) else 0
    value = float(metric.value(sums.sum(axis=0)))
    return Score(metric.NAME, value, *span, int(table.applies.sum()), unread, float(best))
