"""The charts of a study: scores over what was varied or by point, the curves over epochs, differences, memory and time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medlms.report import knees
from medlms.report.plots import (
    BLUE,
    GREEN,
    MUTED,
    OLIVE,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    ZERO,
    Plot,
    check_libraries,
    clipped,
    finished,
    is_number,
)
from medlms.report.study import growth, tables
from medlms.report.study.shape import Group, StudyReport
from medlms.report.tables import capital, count, duration, interval, measure, number, signed, size

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, OLIVE)
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
CURVES = ("token_f1", "rougeL", "bleu", "dev_loss")
SCORES = ("token_f1", "rougeL", "bleu", "bits_per_byte")
MOST_LINES = 12
WITH_INTERVALS = 4
_WIDE = 380
SEED = "seed"


def draw(report: StudyReport) -> list[Plot]:
    """All charts that the data allows, in page order. Raises CouldNot when the drawing libraries are missing."""
    check_libraries()
    groups = report.get("groups") or []
    keys = [key for key in report.get("varied") or [] if key != SEED and _numeric(groups, key)]
    drawn: list[Plot | None] = [_against_base(report, groups)]
    for key in keys:
        drawn += [_over(report, groups, key, metric) for metric in SCORES]
    drawn += growth.draw(report)
    if not keys:
        drawn += [_by_point(report, groups, metric) for metric in SCORES]
    drawn += [_by_epoch(groups, metric) for metric in CURVES]
    drawn.append(_loss(groups))
    drawn += [_bars(groups, "seconds"), _bars(groups, "peak_memory_bytes")]
    return [plot for plot in drawn if plot is not None]


def _numeric(groups: Sequence[Group], key: str) -> bool:
    values = [group["settings"].get(key) for group in groups]
    return len({value for value in values if is_number(value)}) > 1 and all(map(is_number, values))


def _against_base(report: StudyReport, groups: Sequence[Group]) -> Plot | None:
    import altair as alt

    rows: list[dict[str, Any]] = []
    for group in groups:
        item = tables.difference(report, group.get("tuned", ""), group.get("base", ""), tables.LEAD)
        ends = (item.get("difference"), item.get("low"), item.get("high")) if item else (None,)
        if all(map(is_number, ends)):
            rows.append(
                {"point": clipped(group["title"]), **dict(zip(("difference", "low", "high"), ends, strict=True))}
            )
    if not rows:
        return None
    base = alt.Chart(alt.Data(values=rows)).encode(y=_points_axis(alt, rows))
    extent = [min(0.0, *(row["low"] for row in rows)), max(0.0, *(row["high"] for row in rows))]
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=ZERO, strokeDash=[4, 3]).encode(x="zero:Q")
    x = alt.X(
        "difference:Q",
        title=None,
        scale=alt.Scale(domain=extent, nice=True),
        axis=alt.Axis(tickCount=5, labelFlush=False),
    )
    clear = alt.condition("datum.low > 0 || datum.high < 0", alt.value(BLUE), alt.value("transparent"))
    chart = (
        zero
        + base.mark_rule(strokeWidth=2.2, color=BLUE).encode(x="low:Q", x2="high:Q")
        + base.mark_tick(color=BLUE, thickness=2, size=9).encode(x="low:Q")
        + base.mark_tick(color=BLUE, thickness=2, size=9).encode(x="high:Q")
        + base.mark_point(size=64, stroke=BLUE, strokeWidth=2, opacity=1).encode(x=x, fill=clear)
    )
    label = measure(tables.LEAD).label
    description = f"{label}, tuned minus base, with 95 % intervals. " + " ".join(
        f"{row['point']}: {signed(row['difference'], 'share')} {interval(row['low'], row['high'], 'share', sign=True)}."
        for row in rows
    )
    caption = "Right of zero: tuned scores higher. Filled: the 95 % interval does not hold zero; hollow: it does."
    return finished("against-base", f"{label}: tuned minus base", description, caption, chart, 320, 30 * len(rows) + 10)


def _by_point(report: StudyReport, groups: Sequence[Group], metric: str) -> Plot | None:
    """Base and tuned of every group on one line each."""
    import altair as alt

    rows = []
    for group in groups:
        for system, row in (("base", tables.base_of(report, group)), ("tuned", tables.tuned_of(report, group))):
            score = tables.value_of(row, metric)
            if is_number(score.get("value")):
                rows.append({"point": clipped(group["title"]), "system": capital(system), **_ends(score)})
    if len(rows) < 2:
        return None
    offset = {"Base": -1, "Tuned": 1} if len({row["system"] for row in rows}) > 1 else {"Base": 0, "Tuned": 0}
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=_points_axis(alt, rows),
        yOffset=alt.YOffset("system:N", sort=list(offset), scale=alt.Scale(paddingOuter=0.6)),
        color=_colour(alt, "system", ["Base", "Tuned"], (ZERO, BLUE)),
    )
    x = alt.X("value:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5))
    chart = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2.2).encode(x="low:Q", x2="high:Q")
    chart += base.mark_point(size=58, filled=True, opacity=1).encode(
        x=x, shape=_shape(alt, "system", ["Base", "Tuned"])
    )
    known = measure(metric)
    return finished(
        f"{_stem(metric)}-by-point",
        f"{known.label} by point",
        _told(rows, "point", "system", known.kind),
        f"{_way(metric)} {_intervals(report)}",
        chart,
        300,
        44 * len({row["point"] for row in rows}),
    )


def _over(report: StudyReport, groups: Sequence[Group], key: str, metric: str) -> Plot | None:
    """One metric over a varied number: a line for each combination of the other settings, the base dashed."""
    import altair as alt

    rows, bases = [], {}
    for group in groups:
        score = tables.value_of(tables.tuned_of(report, group), metric)
        if is_number(score.get("value")):
            others = {other: value for other, value in group["settings"].items() if other != key}
            line = ", ".join(f"{_short(other)} = {value}" for other, value in others.items()) or "Tuned"
            rows.append({"x": group["settings"][key], "line": clipped(line), **_ends(score)})
            base = tables.value_of(tables.base_of(report, group), metric)
            if is_number(base.get("value")):
                bases[group.get("base", "")] = base
    names = list(dict.fromkeys(row["line"] for row in rows))
    if len({row["x"] for row in rows}) < 2 or len(names) > MOST_LINES:
        return None
    values = sorted({row["x"] for row in rows})
    log = values[0] > 0 and values[-1] / values[0] >= 8
    for row in rows:
        row["shown"] = _dodged(row["x"], names.index(row["line"]), len(names), values, log=log)
    # Even steps on a log axis would promise more than a few points can keep: ticks stand at the values tried.
    scale = alt.Scale(type="log" if log else "linear", nice=False, zero=False, padding=18)
    axis = alt.Axis(values=values, format="~g", grid=False, labelOverlap="greedy")
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("shown:Q", title=_short(key), scale=scale, axis=axis), color=_colour(alt, "line", names)
    )
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    chart = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.6, opacity=0.8)
        .encode(y="low:Q", y2="high:Q")
        + base.mark_line(strokeWidth=2.2).encode(y=y)
        + base.mark_point(size=52, filled=True, opacity=1).encode(y=y, shape=_shape(alt, "line", names))
    )
    caption = f"{_way(metric)} {_intervals(report)}"
    if len(bases) == 1:
        score = next(iter(bases.values()))
        rule = alt.Chart(alt.Data(values=[{"base": score["value"], "label": "base"}]))
        chart = rule.mark_rule(color=ZERO, strokeDash=[4, 3], strokeWidth=1.5).encode(y="base:Q") + chart
        chart += rule.mark_text(color=MUTED, align="right", dy=-7, fontSize=12).encode(
            y="base:Q", x=alt.value(_WIDE - 4), text="label:N"
        )
        caption += f" Dashed: the base, {number(score['value'], measure(metric).kind)}."
    known = measure(metric)
    return finished(
        f"{_stem(metric)}-over-{_stem(key)}",
        f"{known.label} over {_short(key)}",
        _told(rows, "line", "x", known.kind),
        caption,
        chart,
        _WIDE,
        220,
    )


def _by_epoch(groups: Sequence[Group], metric: str) -> Plot | None:
    """One metric on the development questions, a line for each group."""
    import altair as alt

    shown = list(groups)[:MOST_LINES]
    names = [clipped(group["title"]) for group in shown]
    rows = []
    for at, group in enumerate(shown):
        for item in group.get("epochs") or []:
            score = item.get(metric) or {}
            if is_number(score.get("value")):
                rows.append({"epoch": item["epoch"], "line": names[at], **_ends(score)})
    epochs = sorted({row["epoch"] for row in rows})
    if len(epochs) < 2:
        return None
    for row in rows:
        row["shown"] = _dodged(row["epoch"], names.index(row["line"]), len(names), epochs, log=False)
    ticks = {"values": epochs, "format": "~g"} if len(epochs) <= 10 else {"format": "d", "tickMinStep": 1}
    axis = alt.Axis(grid=False, **ticks)
    scale = alt.Scale(domain=[epochs[0], epochs[-1]], nice=False, padding=16)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("shown:Q", title="epoch", axis=axis, scale=scale), color=_colour(alt, "line", names)
    )
    y = alt.Y(
        "value:Q", title="nats per token" if metric == "dev_loss" else None, scale=alt.Scale(zero=metric != "dev_loss")
    )
    line = base.mark_line(strokeWidth=2.2)
    if len(names) > len(COLOURS):
        line = line.encode(strokeDash=_dash(alt, names))
    chart = line.encode(y=y) + base.mark_point(size=46, filled=True, opacity=1).encode(
        y=y, shape=_shape(alt, "line", names)
    )
    caption = "Development questions. Epoch 0 is the model before training."
    if metric == "dev_loss" and len({(group.get("model") or {}).get("name") for group in shown}) > 1:
        caption += " Losses can't be compared between models that cut text into other tokens."
    if len(names) <= WITH_INTERVALS:
        rules = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.4, opacity=0.6)
        chart = rules.encode(y="low:Q", y2="high:Q") + chart
        caption += " Bars: 95 % intervals; lines stand a little apart so that they can be told."
    else:
        caption += " Intervals would hide the lines; they stand in the tables below."
    bent = {
        name: found
        for name, group in zip(names, shown, strict=True)
        if (found := knees.of(group.get("knees"), metric)) is not None
    }
    if len(names) == 1 and bent:
        one = next(iter(bent.values()))
        chart, caption = knees.band(alt, one, 240, fill=PALE, ink=MUTED) + chart, f"{caption} {knees.told(one)}"
    elif bent and len(names) <= WITH_INTERVALS:
        marks = knees.bars(alt, bent, names, _colour(alt, "line", names), top=metric == "dev_loss", height=240)
        chart, caption = marks + chart, f"{caption} {knees.BARS.format('head' if metric == 'dev_loss' else 'foot')}"
    if len(groups) > len(shown):
        caption += f" The first {len(shown)} of {len(groups)} points are drawn."
    known = measure(metric)
    title = f"{known.label} by epoch"
    return finished(
        f"{_stem(metric)}-by-epoch", title, _told(rows, "line", "epoch", known.kind), caption, chart, _WIDE, 240
    )


def _loss(groups: Sequence[Group]) -> Plot | None:
    """The training loss of every group in one chart."""
    import altair as alt

    shown = [group for group in groups if group.get("losses")][:MOST_LINES]
    names = [clipped(group["title"]) for group in shown]
    rows = [
        {"step": item["step"], "line": name, "loss": item["loss"]}
        for name, group in zip(names, shown, strict=True)
        for item in group["losses"]
        if is_number(item.get("loss"))
    ]
    if not rows:
        return None
    line = alt.Chart(alt.Data(values=rows)).mark_line(strokeWidth=1.8)
    if len(names) > len(COLOURS):
        line = line.encode(strokeDash=_dash(alt, names))
    chart = line.encode(
        x=alt.X("step:Q", title="step", axis=alt.Axis(format=",d", tickMinStep=1, tickCount=6, grid=False)),
        y=alt.Y("loss:Q", title="nats per token", scale=alt.Scale(zero=False)),
        color=_colour(alt, "line", names),
    )
    ends = [[row for row in rows if row["line"] == name] for name in dict.fromkeys(names)]
    description = "Training loss by step, smoothed. " + " ".join(
        f"{line_rows[0]['line']}: from {line_rows[0]['loss']:.3f} to {line_rows[-1]['loss']:.3f}." for line_rows in ends
    )
    caption = "Mean of the last steps (a twentieth of all), weighted by the answer tokens in each."
    if any(len(group.get("seeds") or []) > 1 for group in shown):
        caption += " The first seed of each point."
    if len({(group.get("model") or {}).get("name") for group in shown}) > 1:
        caption += " Losses can't be compared between models that cut text into other tokens."
    return finished("loss-by-step", "Training loss by step", description, caption, chart, _WIDE, 240)


def _bars(groups: Sequence[Group], key: str) -> Plot | None:
    import altair as alt

    rows = []
    for group in groups:
        score = ((group.get("training") or {}).get(key)) or {}
        if is_number(score.get("value")):
            rows.append({"point": clipped(group["title"]), "value": score["value"]})
    if len(rows) < 2:
        return None
    show: Callable[[float | None], str]
    if key == "seconds":
        title, show, large, units = "Training time", duration, 600, ((1, "seconds"), (60, "minutes"))
    else:
        title, show, large, units = "Peak memory", size, 2**30, ((2**20, "MiB"), (2**30, "GiB"))
    top = max(row["value"] for row in rows)
    divide, axis = units[top >= large]
    for row in rows:
        row["label"], row["value"] = show(row["value"]), row["value"] / divide
    base = alt.Chart(alt.Data(values=rows)).encode(y=_points_axis(alt, rows))
    top /= divide
    x = alt.X(
        "value:Q",
        title=axis,
        scale=alt.Scale(domain=[0, top * 1.28], nice=False),
        axis=alt.Axis(tickCount=4, grid=False),
    )
    chart = base.mark_bar(height=15, color=PALE).encode(x=x) + base.mark_text(
        align="left", dx=6, fontSize=12, color=MUTED
    ).encode(x="value:Q", text="label:N")
    description = f"{title} by point. " + " ".join(f"{row['point']}: {row['label']}." for row in rows)
    caption = {
        "seconds": "Training alone, without grading. Measured once a run, on this machine.",
        "peak_memory_bytes": "Most memory that the process held, base weights included.",
    }[key]
    return finished(
        "training-time" if key == "seconds" else "peak-memory",
        title,
        description,
        caption,
        chart,
        300,
        30 * len(rows) + 8,
    )


def _points_axis(alt: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    order = list(dict.fromkeys(row["point"] for row in rows))
    axis = alt.Axis(grid=False, ticks=False, domain=False, labelPadding=10, labelLimit=220)
    return alt.Y("point:N", sort=order, title=None, axis=axis)


def _colour(alt: Any, field: str, names: Sequence[str], colours: Sequence[str] = COLOURS) -> Any:
    cycle = [colours[at % len(colours)] for at in range(len(names))]
    return alt.Color(
        f"{field}:N", scale=alt.Scale(domain=list(names), range=cycle), sort=list(names), legend=_legend(alt, names)
    )


def _shape(alt: Any, field: str, names: Sequence[str]) -> Any:
    cycle = [SHAPES[(at + at // len(COLOURS)) % len(SHAPES)] for at in range(len(names))]
    return alt.Shape(
        f"{field}:N", scale=alt.Scale(domain=list(names), range=cycle), sort=list(names), legend=_legend(alt, names)
    )


def _dash(alt: Any, names: Sequence[str]) -> Any:
    cycle = [[1, 0] if at < len(COLOURS) else [5, 3] for at in range(len(names))]
    return alt.StrokeDash(
        "line:N", scale=alt.Scale(domain=list(names), range=cycle), sort=list(names), legend=_legend(alt, names)
    )


def _legend(alt: Any, names: Sequence[str]) -> Any:
    if len(names) < 2:
        return None
    columns = max(1, min(len(names), 400 // (40 + 7 * max(map(len, names)))))
    return alt.Legend(
        title=None,
        orient="bottom",
        direction="horizontal",
        columns=columns,
        symbolOpacity=1,
        symbolSize=60,
        labelLimit=260,
    )


def _dodged(value: float, line: int, lines: int, values: Sequence[float], *, log: bool) -> float:
    """``value`` moved a little, so that the intervals of several lines do not cover each other."""
    if lines == 1 or lines > WITH_INTERVALS:
        return value
    step = (line - (lines - 1) / 2) * 0.018
    if log:
        return value * math.exp(math.log(values[-1] / values[0]) * step)
    return value + (values[-1] - values[0]) * step


def _ends(score: Mapping[str, Any]) -> dict[str, Any]:
    return {key: score.get(key) if is_number(score.get(key)) else None for key in ("value", "low", "high")}


def _told(rows: Sequence[Mapping[str, Any]], first: str, second: str, kind: str) -> str:
    parts = [
        f"{row[first]}, {_plain(row[second])}: {number(row['value'], kind)} {interval(row['low'], row['high'], kind)}".strip()
        for row in rows[:40]
    ]
    return "; ".join(parts) + ("; and more." if len(rows) > 40 else ".")


def _plain(value: Any) -> str:
    return count(value) if is_number(value) else str(value)


def _way(metric: str) -> str:
    return {1: "Higher is better.", -1: "Lower is better."}.get(measure(metric).better, "")


def _intervals(report: StudyReport) -> str:
    several = any((row.get("seeds") or 1) > 1 for row in report.get("systems") or [])
    return f"Bars: 95 % intervals over {'seeds' if several else 'questions'}."


def _short(key: str) -> str:
    known = {"lora.r": "rank", "split.train": "training rows", "max_length": "length, tokens"}
    return known.get(key) or key.rpartition(".")[2].replace("_", " ")


def _stem(name: str) -> str:
    return name.replace("_", "-").replace(".", "-")
