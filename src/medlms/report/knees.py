"""Knees of epochs in reports: a table, and the mark with its band on a chart over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medlms.report.shape import Knee
from medlms.report.tables import NOTHING, Cell, Table, count, interval, measure, signed

STATES = {"none": "none can be told", "no gain": "no measurable gain"}
CAPTION = "The knee: where two straight lines that meet fit the epochs best; beyond it an epoch brings little."
NOTE = (
    "A gain is counted in the direction that is better: up to the knee, or over all epochs where there is none. A knee counts "
    "when an epoch beyond it gains less than a quarter of what one before it does, in 97.5 % of the redrawn curves too."
)
BARS = "Bars along the {}: each line's knee and its 95 % interval."


def table(found: Sequence[tuple[str, Knee]]) -> Table | None:
    """Knee and gains, a row a metric and point; the first column falls away where the points have no titles."""
    if not found:
        return None
    titled = any(title for title, _ in found)
    heads = [*(["Point"] if titled else []), "Measure", "Knee at epoch", "Gain", "Gain of an epoch beyond", "Questions"]
    rows = tuple((*([Cell(title)] if titled else []), *_cells(item)) for title, item in found)
    return Table("knees", CAPTION, tuple(heads), rows, (NOTE,), words=frozenset({1} if titled else set()))


def _cells(item: Knee) -> tuple[Cell, ...]:
    known = measure(item["metric"])
    bent = item["state"] == "knee"
    where = (
        Cell(f"{item['epoch']:g}", f"[{item['low']:g}, {item['high']:g}]")
        if bent
        else Cell(STATES[item["state"]], f"in {item['last']:g} epochs")
    )
    beyond = Cell(NOTHING)
    if bent:
        ends = interval(item["after_low"], item["after_high"], known.kind, sign=True)
        beyond = Cell(signed(item["after"], known.kind), ends)
    gain = interval(item["gain_low"], item["gain_high"], known.kind, sign=True)
    return (
        Cell(known.label), where, Cell(signed(item["gain"], known.kind), gain), beyond, Cell(count(item["n"])),
    )  # fmt: skip


def of(found: Sequence[Knee] | None, metric: str) -> Knee | None:
    """The knee of a metric, where one was found."""
    return next((item for item in found or [] if item["metric"] == metric and item["state"] == "knee"), None)


def band(alt: Any, item: Knee, height: int, *, fill: str, ink: str) -> Any:
    """A knee as layers of a chart over epochs: its interval as a band, the knee as a line with its name at the foot."""
    chart = alt.Chart(alt.Data(values=[{**_place(item), "label": "knee"}]))
    rule = chart.mark_rule(color=fill, strokeWidth=2).encode(x=alt.X("epoch:Q", title="epoch"))
    label = chart.mark_text(color=ink, align="left", dx=5, dy=-7, fontSize=12)
    return (
        chart.mark_rect(color=fill, opacity=0.28).encode(x=alt.X("low:Q", title="epoch"), x2="high:Q")
        + rule
        + label.encode(x=alt.X("epoch:Q", title="epoch"), y=alt.value(height), text="label:N")
    )


def bars(alt: Any, found: Mapping[str, Knee], names: Sequence[str], colour: Any, *, top: bool, height: int) -> Any:
    """Knees of several lines as bars in the lines' colours, one above the other at the head or the foot of a chart."""
    layers = None
    for line, item in found.items():
        at = 5 + 9 * names.index(line)
        base = alt.Chart(alt.Data(values=[{**_place(item), "line": line}])).encode(
            y=alt.value(at if top else height - at), color=colour
        )
        drawn = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=alt.X("low:Q", title="epoch"), x2="high:Q")
        drawn += base.mark_tick(thickness=3, size=9, orient="vertical").encode(x=alt.X("epoch:Q", title="epoch"))
        layers = drawn if layers is None else layers + drawn
    return layers


def told(item: Knee) -> str:
    """A knee in a caption."""
    return f"Pale: the knee, epoch {item['epoch']:g}, and its 95 % interval, {item['low']:g} to {item['high']:g}."


def _place(item: Knee) -> dict[str, float | None]:
    """The band is never without width: a knee is tried at quarters of an epoch."""
    low, high = item["low"], item["high"]
    assert low is not None and high is not None
    return {"epoch": item["epoch"], "low": low - 0.06, "high": high + 0.06}
