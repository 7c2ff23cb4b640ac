"""The learning curve over training rows in a study's report: what twice the rows would bring, as a table and a chart."""

from __future__ import annotations

from typing import Any

from medlms.report.plots import BLUE, ORANGE, PALE, Plot, finished
from medlms.report.study.shape import Growth, StudyReport
from medlms.report.tables import Cell, Table, count, interval, measure, number, signed

LEAD = "token_f1"
MOST = 4  # charts
_WIDE, _HIGH = 380, 220


def table(report: StudyReport) -> Table | None:
    """What doubling the largest number of rows would be expected to change, a row a metric and set of other settings."""
    found = report.get("more_rows") or []
    if not found:
        return None
    titled = any(item["title"] for item in found)
    rows = tuple((*([Cell(item["title"])] if titled else []), *_cells(item)) for item in found)
    heads = (
        *(["Other settings"] if titled else []),
        "Measure",
        "Sizes",
        "Expected of doubling",
        "In words",
        "Questions",
    )
    notes = (
        "A power law through the scores at all sizes (the logarithm of the rows below five sizes). Nothing is said beyond "
        "twice the largest size.",
    )
    words = frozenset({1, 4} if titled else {3})
    return Table(
        "more-rows", "How many more examples? What twice the rows would bring.", heads, rows, notes, words=words
    )


def _cells(item: Growth) -> tuple[Cell, ...]:
    known = measure(item["metric"])
    sizes = ", ".join(count(size) for size in item["sizes"])
    change = Cell(signed(item["change"], known.kind), interval(item["low"], item["high"], known.kind, sign=True))
    return Cell(known.label), Cell(sizes), change, Cell(_words(item)), Cell(count(item["n"]))


def _words(item: Growth) -> str:
    low, high = item["low"], item["high"]
    if low is None or high is None or low <= 0 <= high:
        return "no measurable difference"
    return "better" if (low > 0) == (item["better"] > 0) else "worse"


def draw(report: StudyReport) -> list[Plot]:
    """The lead metric's fitted curve with its band, one chart for each set of other settings."""
    found = [item for item in report.get("more_rows") or [] if item["metric"] == LEAD][:MOST]
    return [_chart(item, number_) for number_, item in enumerate(found, 1)]


def _chart(item: Growth, number_: int) -> Plot:
    import altair as alt

    known, largest = measure(item["metric"]), item["largest"]
    x = alt.X(
        "rows:Q",
        title="training rows",
        scale=alt.Scale(type="log", nice=False, padding=18),
        axis=alt.Axis(values=[*item["sizes"], 2 * largest], format=",d", grid=False, labelOverlap="greedy"),
    )
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    line: list[Any] = list(item["fitted"])
    within = alt.Chart(alt.Data(values=[place for place in line if place["rows"] <= largest]))
    beyond = alt.Chart(alt.Data(values=[place for place in line if place["rows"] >= largest]))
    whole = alt.Chart(alt.Data(values=line))
    tried = [{"rows": rows, "value": value} for rows, value in zip(item["sizes"], item["values"], strict=True)]
    chart = (
        whole.mark_area(color=PALE, opacity=0.28).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q")
        + within.mark_line(color=BLUE, strokeWidth=2.2).encode(x=x, y=y)
        + beyond.mark_line(color=BLUE, strokeWidth=2.2, strokeDash=[4, 3]).encode(x=x, y=y)
        + alt.Chart(alt.Data(values=tried)).mark_point(size=60, filled=True, color=ORANGE, opacity=1).encode(x=x, y=y)
    )
    if line[-1]["low"] is None:
        chart = chart.layer[1] + chart.layer[2] + chart.layer[3]
    where = f", {item['title']}" if item["title"] else ""
    ends = interval(item["low"], item["high"], known.kind, sign=True)
    told = f"Twice the rows: {signed(item['change'], known.kind)} {ends}, {_words(item)}."
    description = f"{known.label} by training rows{where}. " + "; ".join(
        f"{count(place['rows'])}: {number(place['value'], known.kind)}" for place in tried
    )
    caption = f"Dots: measured. Line: fitted, dashed beyond the largest size. Pale: its 95 % interval. {told}"
    title = f"{known.label} over training rows, fitted{where}"
    return finished(f"more-rows-over-{number_}", title, f"{description}. {told}", caption, chart, _WIDE, _HIGH)
