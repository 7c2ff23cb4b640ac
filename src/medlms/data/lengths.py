"""Lengths of rows: a few numbers, and a histogram in which a limit falls between two bins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

BINS = 24  # at most, one more where the limit parts a bin


def numbers(lengths: Sequence[int]) -> dict[str, int]:
    """Count, shortest, median, 90th and 99th percentile and longest of these lengths; each of them is one that occurs."""
    if not lengths:
        return {"n": 0}
    order = sorted(lengths)
    last = len(order) - 1
    marks = {"min": 0.0, "median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {"n": len(order), **{name: order[round(share * last)] for name, share in marks.items()}}


def histogram(lengths: Sequence[int], limit: int | None = None) -> list[dict[str, Any]]:
    """Rows by length, in bins [low, high) that grow by a factor: lengths of texts span three orders of magnitude.

    ``over`` says of a bin that its rows are longer than ``limit``; no bin holds rows of both kinds.
    """
    if not lengths:
        return []
    edges = _edges(max(1, min(lengths)), max(lengths) + 1, limit)
    counts = [0] * (len(edges) - 1)
    for length in lengths:
        counts[max(0, bisect_right(edges, length) - 1)] += 1
    return [
        {"low": low, "high": high, "rows": count, "over": limit is not None and low > limit}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]


def _edges(low: int, end: int, limit: int | None) -> list[int]:
    factor = (max(end, low + 1) / low) ** (1 / BINS)
    edges = {low, max(end, low + 1), *(round(low * factor**step) for step in range(1, BINS))}
    if limit is not None and low <= limit < end - 1:
        edges.add(limit + 1)
    return sorted(edges)
