"""What fitted curves say, in plain words: knees over epochs, and what more training rows would be expected to bring."""

from __future__ import annotations

import math
from collections.abc import Sequence

from medlms.evaluate.curves import LOSS
from medlms.evaluate.knee import Knee
from medlms.evaluate.more_rows import FURTHEST, MoreRows
from medlms.evaluate.phrases import listed, title

SPOKEN = (LOSS, "token_f1")
"""Metrics of knees that get a sentence; the report's table has all."""

SHOWN = 6  # points spelled out in one sentence


def knee_findings(found: Sequence[tuple[str, Knee]]) -> list[str]:
    """Sentences on knees, each with the title of its point. One point gets whole sentences, several are listed."""
    sentences = []
    for metric in SPOKEN:
        items = [(title, item) for title, item in found if item.metric == metric]
        if len(items) == 1:
            sentences.append(_alone(items[0][1]))
        elif items:
            sentences.append(_several(items))
    return sentences


def _alone(item: Knee) -> str:
    name, last = _title(item.metric), f"{item.last:g}"
    if item.state == "no gain":
        way = f"it gets worse over {last} epochs" if item.gain_high < 0 else f"no measurable gain within {last} epochs"
        return f"Epochs, {name}: {way}: {_gain(item)}."
    if item.state == "none":
        return f"Epochs, {name}: no knee within {last} epochs; the gain over them is {_gain(item)}."
    return (
        f"Epochs, {name}: the knee is at epoch {_place(item)}; the gain up to it is {_gain(item)}, and an epoch beyond it "
        f"{_beyond(item)}."
    )


def _beyond(item: Knee) -> str:
    span = _span(item.after, item.after_low, item.after_high)
    if item.after_high < 0:
        return f"makes it worse: {span}"
    return f"brings {span}" if item.after_low > 0 else f"brings no measurable gain: {span}"


def _several(items: Sequence[tuple[str, Knee]]) -> str:
    bent = [f"{title} {_place(item)}" for title, item in items if item.state == "knee"]
    without = [title for title, item in items if item.state == "none"]
    idle = [f"{title} {_gain(item)}" for title, item in items if item.state == "no gain"]
    last = _range([item.last for _, item in items])
    parts = [
        f"the knee is at epoch: {_listed(bent)}" if bent else "",
        f"no knee within {last} epochs: {_listed(without)}" if without else "",
        f"no measurable gain within {last} epochs: {_listed(idle)}" if idle else "",
    ]
    return f"Epochs, {_title(items[0][1].metric)}: {'; '.join(part for part in parts if part)}."


def growth_findings(found: Sequence[tuple[str, MoreRows]]) -> list[str]:
    """Sentences on learning curves over training rows, each with what else is set, and what their intervals hold."""
    sentences = [_doubled(rest, item) for rest, item in found]
    if not found:
        return []
    sizes = found[0][1].sizes
    luck = (
        "how single runs scatter about the curve" if any(item.scatter for _, item in found) else "the luck of training"
    )
    return [
        *sentences,
        f"These learning curves run through {len(sizes)} sizes, {sizes[0]:,.0f} to {sizes[-1]:,.0f} rows, and say nothing "
        f"beyond {FURTHEST:g} times the largest; their intervals hold the choice of questions and {luck}.",
    ]


def _doubled(rest: str, item: MoreRows) -> str:
    where = f" at {rest}" if rest else ""
    rows = f"from {item.largest:,.0f} to {FURTHEST * item.largest:,.0f}"
    span = _span(item.change, item.low, item.high)
    if not item.sure:
        return (
            f"More rows: no measurable difference on {_title(item.metric)} is to be expected of doubling them{where}, {rows}: "
            f"{span}."
        )
    way = "better" if item.change * item.better > 0 else "worse"
    return f"More rows: doubling them{where}, {rows}, would be expected to make {_title(item.metric)} {way} by {span}."


def _place(item: Knee) -> str:
    return f"{item.epoch:g} [{item.low:g}, {item.high:g}]"


def _gain(item: Knee) -> str:
    return _span(item.gain, item.gain_low, item.gain_high)


def _span(value: float, low: float, high: float) -> str:
    if math.isnan(low):
        return f"{value:+.3f} (no interval: too few questions)".replace("-", "−")
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _title(metric: str) -> str:
    if metric == LOSS:
        return "held-out loss"
    return title(metric)


def _listed(parts: Sequence[str]) -> str:
    shown = list(parts[:SHOWN]) + ([f"{len(parts) - SHOWN} more"] if len(parts) > SHOWN else [])
    return listed(shown)
