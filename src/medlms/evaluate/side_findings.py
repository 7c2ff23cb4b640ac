"""What a comparison of runs says, in plain words: each pair on the metric that leads, then what else was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from medlms.catalogue import find
from medlms.evaluate.family import LEVEL
from medlms.evaluate.phrases import capital, listed, title

POINTS = " points"
Record = Mapping[str, Any]
"""A comparison as JSON, with its wins, losses and ties."""


def side_findings(comparisons: Sequence[Record], lead: str) -> list[str]:
    """Sentences, the lead metric of each pair first. ``comparisons`` are all that were made, adjusted together."""
    pairs: dict[tuple[str, str], list[Record]] = {}
    for item in comparisons:
        pairs.setdefault((item["a"], item["b"]), []).append(item)
    sentences = []
    for items in pairs.values():
        sentences += [_leading(item) for item in items if item["metric"] == lead]
        sentences += _others([item for item in items if item["metric"] != lead])
    return sentences


def measured(item: Record) -> bool:
    """Whether a difference was measured: interval without zero, adjusted p below the level."""
    low, high = item.get("low"), item.get("high")
    apart = low is not None and high is not None and not low <= 0 <= high
    return apart and (item.get("p_adjusted") or 0.0) < LEVEL


def _leading(item: Record) -> str:
    a, b, measure = item["a"], item["b"], title(item["metric"])
    counts = (
        f"of {item['n']:,} questions {a} does better on {item['wins']:,}, worse on {item['losses']:,}, "
        f"the same on {item['ties']:,}"
    )
    if item.get("low") is None:
        return f"Whether {a} or {b} is better on {measure} can't be told: all questions belong to one group; {counts}."
    if measured(item):
        first, second = (a, b) if _better(item) else (b, a)
        return (
            f"{capital(first)} does better than {second} on {measure}, by {_span(item, turned=first == b)}; {counts}."
        )
    return f"No measurable difference between {a} and {b} on {measure}: {_span(item)}; {counts}.{_power(item)}"


def _power(item: Record) -> str:
    smallest, needed = item.get("detectable"), item.get("items_needed")
    if not smallest:
        return ""
    more = f"; one as small as this would take about {_about(needed)}" if needed else ""
    return f" These questions would show a difference of {_size(item, smallest)} four times in five{more}."


def _others(items: Sequence[Record]) -> list[str]:
    found = [item for item in items if measured(item)]
    if not items:
        return []
    a, b = items[0]["a"], items[0]["b"]
    sentences = []
    for first, sign in ((a, True), (b, False)):
        if part := [item for item in found if _better(item) == sign]:
            shown = listed([f"{title(item['metric'])} ({_span(item)})" for item in part])
            sentences.append(f"{capital(first)} also does better on {shown}.")
    rest = [item for item in items if item not in found]
    if rest:
        sentences.append(
            f"No measurable difference between {a} and {b} on {listed([title(item['metric']) for item in rest])}."
        )
    return sentences


def _better(item: Record) -> bool:
    higher = find("metrics", item["metric"]).HIGHER_IS_BETTER is not False
    return bool((item["difference"] > 0) == higher)


def _span(item: Record, *, turned: bool = False) -> str:
    values = [item["difference"], item["low"], item["high"]]
    if turned:
        values = [-values[0], -values[2], -values[1]]
    low, high = (_size(item, value).removesuffix(POINTS) for value in values[1:])
    return f"{_size(item, values[0])} [{low}, {high}]"


def _size(item: Record, value: float) -> str:
    """A difference as tables show it: of shares in percentage points."""
    if getattr(find("metrics", item["metric"]), "YES_NO", False):
        return f"{100 * value:.1f}".replace("-", "−") + POINTS
    return _number(value)


def _number(value: float) -> str:
    digits = 3 if abs(value) < 10 else 1
    return f"{value:.{digits}f}".replace("-", "−") if math.isfinite(value) else "no number"


def _about(size: int) -> str:
    unit = 10 ** max(0, len(str(size)) - 2)
    return f"{-(-size // unit) * unit:,}" if size <= 1_000_000 else "more than a million"
