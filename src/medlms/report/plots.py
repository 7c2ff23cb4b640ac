"""The charts of a report as SVG text: a title and a description inside, no script, no link, no font from elsewhere.

Colours are the keys of ``DARK``; a page's dark mode maps each to its value, so that one drawing serves both modes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medlms.errors import CouldNot
from medlms.report import exam_plots, knees, tables
from medlms.report.shape import Report
from medlms.report.untrusted import as_html, visible

INK, MUTED, GRID, ZERO = "#1b2430", "#586474", "#e4e7eb", "#8b95a1"
BLUE, ORANGE, GREEN, PALE = "#0b5fa5", "#b45309", "#0b7a5e", "#9db4cc"
PURPLE, RED, OLIVE = "#7d3c98", "#b02a55", "#6b6a00"
PAPER = "#fdfdfc"
DARK = {
    INK: "#e7eaee",
    MUTED: "#a4aebb",
    GRID: "#303946",
    ZERO: "#788493",
    BLUE: "#6cb2f5",
    ORANGE: "#f2a65a",
    GREEN: "#4cc9a4",
    PALE: "#4d6a88",
    PURPLE: "#c89be0",
    RED: "#f08bab",
    OLIVE: "#c9c44a",
    PAPER: "#12171e",
}
# Fills that carry their own black or white label stay as they are in both modes.
_FILLS = {"complete": "#0072b2", "cut by length": "#e69f00", "repeats itself": "#d55e00", "empty": "#b9c0c8"}
_ON_FILL = {"complete": "#fefefe"}
_ROUGE = ("rouge1", "rouge2", "rougeL")
_MOST_POINTS = 400
_WIDE, _NARROW = 380, 250


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn chart. ``name`` is its file stem, ``description`` says in words what is to be seen in it."""

    name: str
    title: str
    description: str
    caption: str
    svg: str


def draw(report: Report, steps: Sequence[Mapping[str, Any]]) -> list[Plot]:
    """All charts that the data allows, in page order. Raises CouldNot when the drawing libraries are missing."""
    check_libraries()
    drawn = [
        *exam_plots.draw(report),
        *_differences(report),
        _loss_by_step(steps),
        _loss_by_epoch(report),
        _metrics_by_epoch(report, "bleu-by-epoch", "BLEU by epoch", ("bleu",)),
        _metrics_by_epoch(report, "rouge-by-epoch", "ROUGE by epoch", _ROUGE),
        _metrics_by_epoch(report, "token-f1-by-epoch", "Token F1 by epoch", ("token_f1",)),
        _endings(report),
    ]
    return [plot for plot in drawn if plot is not None]


def check_libraries() -> None:
    """CouldNot when the drawing libraries are missing."""
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise CouldNot(f"The plots could not be drawn: {error}.", hint="pip install 'medlms[report]'") from None


def standalone(plot: Plot) -> str:
    """The chart as a file of its own, with a background and its own dark mode."""
    style = (
        f"<style>.paper{{fill:#fdfdfc}}@media (prefers-color-scheme:dark){{.paper{{fill:#12171e}}{dark_rules('svg')}}}</style>"
        '<rect class="paper" width="100%" height="100%"/>'
    )
    head, mark, body = plot.svg.partition("</desc>")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{mark}{style}{body}\n'


def dark_rules(scope: str) -> str:
    """CSS that turns every colour of ``DARK`` to its dark-mode value inside ``scope``."""
    return "".join(
        f'{scope} [{part}="{light}"]{{{part}:{dark}}}' for light, dark in DARK.items() for part in ("fill", "stroke")
    )


def smoothed(losses: Sequence[float], weights: Sequence[float], window: int) -> list[float]:
    """The mean of the last ``window`` losses at every step, weighted by the tokens learned in each."""
    means = []
    for end in range(1, len(losses) + 1):
        start = max(0, end - window)
        total = sum(weights[start:end])
        means.append(sum(x * w for x, w in zip(losses[start:end], weights[start:end], strict=True)) / total)
    return means


def _loss_by_step(steps: Sequence[Mapping[str, Any]]) -> Plot | None:
    import altair as alt

    rows = [row for row in steps if is_number(row.get("loss"))]
    if len(rows) < 2:
        return None
    window = max(3, round(len(rows) / 20))
    weights = [float(row.get("learned_tokens") or row.get("tokens") or 1) for row in rows]
    means = smoothed([float(row["loss"]) for row in rows], weights, window)
    stride = math.ceil(len(rows) / _MOST_POINTS)
    values = [
        {"step": row["step"], "loss": row["loss"], "mean": mean}
        for index, (row, mean) in enumerate(zip(rows, means, strict=True))
        if index % stride == 0 or index == len(rows) - 1
    ]
    base = alt.Chart(alt.Data(values=values)).encode(x=_step_axis(alt, rows))
    chart = base.mark_circle(size=16, color=PALE, opacity=0.75).encode(
        y=alt.Y("loss:Q", title="loss, nats per token", scale=alt.Scale(zero=False))
    ) + base.mark_line(color=BLUE, strokeWidth=2.2).encode(y="mean:Q")
    caption = f"Dots: single steps{'' if stride == 1 else f', one in {stride} of {tables.count(len(rows))}'}."
    caption += f" Line: mean of the last {window} steps, weighted by the answer tokens in each."
    if missing := len(steps) - len(rows):
        caption += f" {tables.count(missing)} steps had no finite loss and are not shown."
    description = (
        f"Training loss over {tables.count(len(rows))} steps. Smoothed, it goes from {means[min(window, len(means)) - 1]:.3f} "
        f"near the start to {means[-1]:.3f} at the end."
    )
    return finished("loss-by-step", "Training loss by step", description, caption, chart, _WIDE, 220)


def _loss_by_epoch(report: Report) -> Plot | None:
    import altair as alt

    values = _by_epoch(report, ("dev_loss",))
    if len(values) < 2:
        return None
    best = (report.get("training") or {}).get("best_epoch")
    chart = _curve(alt, values, zero=False, title="loss, nats per token")
    caption = f"Mean and 95 % interval{_sizes(report, 'dev_loss')}. Epoch 0 is the model before training."
    kept = [{"epoch": best, "label": "kept"}] if best is not None else []
    if kept:
        rule = alt.Chart(alt.Data(values=kept))
        chart = rule.mark_rule(color=ZERO, strokeDash=[4, 3]).encode(x="epoch:Q") + chart
        right = best is not None and best >= max(row["epoch"] for row in values) * 0.85
        chart += rule.mark_text(
            color=MUTED, align="right" if right else "left", dx=-6 if right else 6, y=8, fontSize=12
        ).encode(x="epoch:Q", text="label:N")
        caption += " Dashed: the epoch whose adapter was kept."
    chart, caption = _with_knee(alt, report, "dev_loss", chart, caption, 220)
    return finished("held-out-loss-by-epoch", "Held-out loss by epoch", _told(values), caption, chart, _WIDE, 220)


def _metrics_by_epoch(report: Report, name: str, title: str, metrics: Sequence[str]) -> Plot | None:
    import altair as alt

    values = _by_epoch(report, metrics)
    if len({row["epoch"] for row in values}) < 2:
        return None
    chart = _curve(alt, values, zero=True, title=None)
    caption = f"Mean and 95 % interval{_sizes(report, *metrics)}."
    if len(metrics) == 1:
        chart, caption = _with_knee(alt, report, metrics[0], chart, caption, 190)
    return finished(name, title, _told(values), caption, chart, _NARROW, 190)


def _with_knee(alt: Any, report: Report, metric: str, chart: Any, caption: str, height: int) -> tuple[Any, str]:
    """A chart over epochs and its caption, with the knee of the metric where there is one."""
    item = knees.of(report.get("knees"), metric)
    if item is None:
        return chart, caption
    return knees.band(alt, item, height, fill=PALE, ink=MUTED) + chart, f"{caption} {knees.told(item)}"


def _differences(report: Report) -> list[Plot]:
    plots = []
    pairs = dict.fromkeys((item.get("a", "?"), item.get("b", "?")) for item in report.get("comparisons") or [])
    for number, (a, b) in enumerate(pairs, 1):
        plot = _forest(report, a, b, f"difference-{number}")
        plots += [plot] if plot else []
    return plots


def _forest(report: Report, a: str, b: str, name: str) -> Plot | None:
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "measure": tables.measure(item["metric"]).label.removesuffix(", %"),
            "difference": item["difference"],
            "low": item["low"],
            "high": item["high"],
            "shown": tables.signed(item["difference"], "share"),
            "words": tables.in_words(item),
        }
        for item in report.get("comparisons") or []
        if (item.get("a", "?"), item.get("b", "?")) == (a, b)
        and tables.measure(item.get("metric", "")).kind in ("share", "percent")
        and all(is_number(item.get(key)) for key in ("difference", "low", "high"))
    ]
    if not rows:
        return None
    order = [row["measure"] for row in rows]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y(
            "measure:N", sort=order, title=None, axis=alt.Axis(grid=False, ticks=False, domain=False, labelPadding=10)
        )
    )
    extent = [min(0.0, *(row["low"] for row in rows)), max(0.0, *(row["high"] for row in rows))]
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=ZERO, strokeDash=[4, 3]).encode(x="zero:Q")
    # not flush: the outermost labels would be pushed into their neighbours
    axis = alt.Axis(tickCount=5, labelFlush=False, labelOverlap="parity")
    x = alt.X("difference:Q", title=None, scale=alt.Scale(domain=extent, nice=True), axis=axis)
    clear = alt.condition("datum.low > 0 || datum.high < 0", alt.value(BLUE), alt.value("transparent"))
    bars = base.mark_rule(strokeWidth=2.2, color=BLUE).encode(x=alt.X("low:Q"), x2="high:Q")
    caps = [base.mark_tick(color=BLUE, thickness=2, size=9).encode(x=alt.X(f"{end}:Q")) for end in ("low", "high")]
    points = base.mark_point(size=64, stroke=BLUE, strokeWidth=2, opacity=1).encode(x=x, fill=clear)
    names = tables.capital(a), b
    chart = zero + bars + caps[0] + caps[1] + points
    description = f"Paired differences, {names[0]} minus {names[1]}, with 95 % intervals. " + " ".join(
        f"{row['measure']}: {row['shown']} {tables.interval(row['low'], row['high'], 'share', sign=True)}, {row['words']}."
        for row in rows
    )
    caption = (
        f"Right of zero: {names[0]} scores higher. Filled: the 95 % interval does not hold zero; hollow: it does. "
        "All on the scale from 0 to 1."
    )
    return finished(name, f"{names[0]} minus {names[1]}", description, caption, chart, 320, 30 * len(rows) + 10)


def _endings(report: Report) -> Plot | None:
    import altair as alt

    table = [system for system in report.get("systems") or [] if sum((system.get("endings") or {}).values())]
    if not table:
        return None
    kinds = list(dict.fromkeys([*tables.ENDINGS, *(kind for system in table for kind in system["endings"])]))
    rows = []
    for system in table:
        total, start = sum(system["endings"].values()), 0.0
        for kind in kinds:
            share = system["endings"].get(kind, 0) / total
            rows.append(
                {
                    "system": clipped(tables.capital(system.get("name", "?"))),
                    "ending": kind,
                    "from": start,
                    "to": start + share,
                    "middle": start + share / 2,
                    "label": f"{100 * share:.0f} %" if share >= 0.09 else "",
                }
            )
            start += share
    fills = [_FILLS.get(kind, "#cc79a7") for kind in kinds]
    order = list(dict.fromkeys(row["system"] for row in rows))
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y(
            "system:N", sort=order, title=None, axis=alt.Axis(grid=False, ticks=False, domain=False, labelPadding=8)
        ),
        x=alt.X(
            "from:Q", title=None, scale=alt.Scale(domain=[0, 1], nice=False), axis=alt.Axis(format=".0%", tickCount=5)
        ),
    )
    bars = base.mark_bar(height=24, stroke=PAPER, strokeWidth=1).encode(
        x2="to:Q",
        color=alt.Color(
            "ending:N",
            scale=alt.Scale(domain=kinds, range=fills),
            sort=kinds,
            legend=alt.Legend(title=None, orient="top", direction="horizontal", symbolType="square", columns=4),
        ),
    )
    labels = base.mark_text(fontSize=12, fontWeight=600).encode(
        x="middle:Q",
        text="label:N",
        color=alt.condition(
            " || ".join(f"datum.ending == {kind!r}" for kind in _ON_FILL), alt.value("#fefefe"), alt.value("#101010")
        ),
    )
    description = "Share of answers by how they ended. " + " ".join(
        f"{tables.capital(system.get('name', '?'))}: "
        + ", ".join(f"{count} {kind}" for kind, count in system["endings"].items())
        + "."
        for system in table
    )
    caption = "From left to right in each bar: " + ", ".join(kinds) + "."
    return finished("endings", "Share of answers by ending", description, caption, bars + labels, 350, 38 * len(order))


def _curve(alt: Any, values: list[dict[str, Any]], *, zero: bool, title: str | None) -> Any:
    names = list(dict.fromkeys(row["measure"] for row in values))
    colours, shapes = [BLUE, ORANGE, GREEN][: len(names)], ["circle", "square", "triangle-up"][: len(names)]
    last = max(row["epoch"] for row in values)
    single = len(names) == 1
    legend = (
        None
        if single
        else alt.Legend(title=None, orient="bottom", direction="horizontal", symbolOpacity=1, symbolSize=60)
    )
    ticks = sorted({row["epoch"] for row in values})
    axis = alt.Axis(values=ticks, format="~g", grid=False) if len(ticks) <= 10 else alt.Axis(format="d", grid=False)
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("epoch:Q", title="epoch", axis=axis, scale=alt.Scale(domain=[0, last], nice=False, padding=14)),
        color=alt.Color("measure:N", scale=alt.Scale(domain=names, range=colours), sort=names, legend=legend),
    )
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=zero))
    line = base.mark_line(strokeWidth=2.2).encode(y=y)
    points = base.mark_point(size=52, filled=True, opacity=1).encode(
        y=y, shape=alt.Shape("measure:N", scale=alt.Scale(domain=names, range=shapes), sort=names, legend=legend)
    )
    bars = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.6, opacity=0.8)
        .encode(y="low:Q", y2="high:Q")
    )
    return bars + line + points


def _by_epoch(report: Report, metrics: Iterable[str]) -> list[dict[str, Any]]:
    rows = []
    for name in metrics:
        for item in report.get("epochs") or []:
            score = item.get(name) or {}
            if is_number(score.get("value")) and is_number(item.get("epoch")):
                rows.append(
                    {
                        "epoch": item["epoch"],
                        "measure": tables.measure(name).label,
                        "kind": tables.measure(name).kind,
                        **{
                            key: score.get(key) if is_number(score.get(key)) else None
                            for key in ("value", "low", "high")
                        },
                    }
                )
    return rows


def _told(values: list[dict[str, Any]]) -> str:
    parts = []
    for name in dict.fromkeys(row["measure"] for row in values):
        points = [
            f"epoch {tables.count(row['epoch'])} {tables.number(row['value'], row['kind'])} "
            f"{tables.interval(row['low'], row['high'], row['kind'])}".strip()
            for row in values
            if row["measure"] == name
        ]
        shown = points if len(points) <= 12 else [*points[:3], "...", *points[-3:]]
        parts.append(f"{name}: {'; '.join(shown)}.")
    return " ".join(parts)


def _sizes(report: Report, *metrics: str) -> str:
    sizes = {
        int(item[name]["n"])
        for item in report.get("epochs") or []
        for name in metrics
        if item.get(name) and item[name].get("n")
    }
    return f" over {tables.count(min(sizes))} development questions" if len(sizes) == 1 else ""


def _step_axis(alt: Any, rows: Sequence[Mapping[str, Any]]) -> Any:
    domain = [min(row["step"] for row in rows), max(row["step"] for row in rows)]
    axis = alt.Axis(format=",d", tickMinStep=1, tickCount=6, grid=False)
    return alt.X("step:Q", title="step", axis=axis, scale=alt.Scale(domain=domain, nice=False, padding=6))


def finished(name: str, title: str, description: str, caption: str, chart: Any, width: int, height: int) -> Plot:
    """An altair chart in the house style as a Plot, ``width`` x ``height`` without its axes."""
    import vl_convert

    styled = (
        chart.properties(width=width, height=height)
        .configure(
            aria=False,
            background="transparent",
            font="Helvetica, Arial, sans-serif",
            padding={"left": 4, "right": 12, "top": 6, "bottom": 4},
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED, titleColor=MUTED, gridColor=GRID, domainColor=ZERO, tickColor=ZERO, tickSize=4,
            labelFontSize=12, titleFontSize=12, titleFontWeight="normal", titlePadding=8, labelPadding=4,
        )
        .configure_axisY(domain=False, ticks=False, tickCount=5)
        .configure_legend(labelColor=INK, labelFontSize=12, symbolSize=90, columnPadding=14, padding=0, offset=10)
    )  # fmt: skip
    svg = vl_convert.vegalite_to_svg(_shown(styled.to_dict()))
    return Plot(name, title, description, caption, _named(svg, name, title, description))


def _shown(spec: Any) -> Any:
    """The drawing's description with every text made visible: half characters can't be drawn."""
    if isinstance(spec, dict):
        return {key: _shown(value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [_shown(value) for value in spec]
    return visible(spec) if isinstance(spec, str) else spec


def _named(svg: str, name: str, title: str, description: str) -> str:
    """Give the drawing a role, a title and a description, and take out what screen readers would stumble over."""
    svg = re.sub(
        r' (?:role="graphics-[a-z]+"|aria-roledescription="[^"]*"|aria-hidden="true"|pointer-events="none")', "", svg
    )
    svg = re.sub(r'\b(?:d|transform|[xy]2?)="[^"]*"', lambda match: re.sub(r"(\.\d\d)\d+", r"\1", match[0]), svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    width, height = re.findall(r'\b(?:width|height)="([\d.]+)"', svg[: len(svg) - len(body)])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{as_html(title)}</title><desc id="{name}-desc">{as_html(description)}</desc>'
    )
    return head + body


def clipped(text: str) -> str:
    """A text for an axis: visible, and not longer than fits."""
    text = visible(text)
    return text if len(text) <= 24 else text[:23] + "…"


def is_number(value: Any) -> bool:
    """Whether a value can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
