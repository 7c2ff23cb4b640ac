"""Scores of one system: each metric over all items, with its interval and its best single item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medlms.evaluate.intervals import Floats, finite, independent_items, percentile, resampled_sums, wilson
from medlms.evaluate.rows import Rows, by_group, check, groups, rows
from medlms.types import Prediction, Score


def score(
    predictions: Sequence[Prediction], metrics: Sequence[str], *, resamples: int = 2000, seed: int = 13
) -> list[Score]:
    """One Score a metric, in the order of ``metrics``; a metric that applies to no item is left out.

    Intervals: percentile bootstrap over groups; Wilson for metrics that are a share of yes/no items, on the number of
    independent items the groups amount to. Ends are not a number where there is only one group. ``unread`` items have a
    problem; they stay in ``n`` and score what an empty answer does. AskedWrongly for no predictions or a repeated id.
    """
    check(predictions)
    group = groups(predictions)
    tables = [table for table in (rows(name, predictions) for name in metrics) if table.applies.any()]
    if not tables:
        return []
    sums = [by_group(table.values, group) for table in tables]
    drawn = np.split(
        resampled_sums(np.hstack(sums), resamples=resamples, seed=seed),
        np.cumsum([part.shape[1] for part in sums])[:-1],
        axis=1,
    )
    problems = np.array([bool(item.problem) for item in predictions])
    return [_score(*parts, group, problems) for parts in zip(tables, sums, drawn, strict=True)]


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


def _score(table: Rows, sums: Floats, drawn: Floats, group: np.ndarray, problems: np.ndarray) -> Score:
    metric = table.metric
    value = float(metric.value(sums.sum(axis=0)))
    used = len(np.unique(group[table.applies]))
    if getattr(metric, "YES_NO", False):
        low, high = wilson(value, independent_items(sums))
    else:
        low, high = percentile(metric.value(drawn), groups=used)
    items = per_item(table)
    best = np.nanmin(items) if metric.HIGHER_IS_BETTER is False else np.nanmax(items)
    unread = int((problems & table.applies).sum()) if getattr(metric, "READS_ANSWER", True) else 0
    return Score(metric.NAME, value, low, high, int(table.applies.sum()), unread, float(best))
