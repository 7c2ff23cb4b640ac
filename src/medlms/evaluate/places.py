"""Position bias: whether a system prefers a place in the list of options, and whether its answer survives another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medlms.evaluate.intervals import finite, percentile, resampled_sums
from medlms.evaluate.rows import by_group, groups
from medlms.evaluate.sitting import Answered
from medlms.tasks._said import LETTERS


def places(answered: Sequence[Answered], *, resamples: int, seed: int) -> dict[str, Any]:
    """How often each place was chosen and right, over all orders that were shown, and how far the two lie apart.

    ``bias`` is the total variation distance (half the summed differences) of the two shares, among the answers that could be
    read: 0 none, near 1 always one place. ``right_at`` is the accuracy where the right option stood at the place.
    With several orders also ``over_orders`` (accuracy over all, with its interval), ``always_right`` (right in every order)
    and ``same_choice`` (the same option chosen in every order).
    """
    width = max(len(item.first.options) for item in answered)
    chosen, right, hits = np.zeros(width), np.zeros(width), np.zeros(width)
    stood = np.zeros(width)
    for item in answered:
        for order, found in zip(item.orders, item.predictions, strict=True):
            at = order.index(found.right) if found.right is not None else 0
            stood[at] += 1
            hits[at] += found.chosen == found.right
            if found.chosen is not None:
                chosen[order.index(found.chosen)] += 1
                right[at] += 1
    read = float(chosen.sum())
    result: dict[str, Any] = {
        "letters": list(LETTERS[:width]),
        "chosen": _shares(chosen, read),
        "right": _shares(right, read),
        "right_at": [float(hit / there) if there else None for hit, there in zip(hits, stood, strict=True)],
        "bias": float(np.abs(chosen - right).sum() / 2 / read) if read else None,
        "orders": max(len(item.orders) for item in answered),
        "answers": int(stood.sum()),
    }
    return result | (_several(answered, resamples, seed) if result["orders"] > 1 else {})


def _several(answered: Sequence[Answered], resamples: int, seed: int) -> dict[str, Any]:
    right = [np.mean([found.chosen == found.right for found in item.predictions]) for item in answered]
    group = groups([item.first for item in answered])
    sums = by_group(np.column_stack([right, np.ones(len(right))]), group)
    drawn = resampled_sums(sums, resamples=resamples, seed=seed)
    low, high = percentile(drawn[:, 0] / drawn[:, 1], groups=len(sums))
    same = [
        len({found.chosen for found in item.predictions}) == 1 and item.first.chosen is not None for item in answered
    ]
    return {
        "over_orders": {
            "value": float(np.mean(right)),
            "low": finite(low),
            "high": finite(high),
            "n": len(answered),
        },
        "always_right": float(np.mean([share == 1 for share in right])),
        "same_choice": float(np.mean(same)),
    }


def _shares(counts: np.ndarray, total: float) -> list[float | None]:
    return [float(count / total) if total else None for count in counts]
