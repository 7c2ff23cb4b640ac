"""The charts of a data report: where the rows went, how long they are, and which source each part came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medlms.data import flow
from medlms.data.flow import Stage
from medlms.report import plots as house
from medlms.report.data.tables import share
from medlms.report.plots import BLUE, GREEN, INK, MUTED, OLIVE, ORANGE, PALE, PAPER, PURPLE, RED, ZERO, Plot
from medlms.report.tables import PARTS, capital, count

_SOURCES = (BLUE, ORANGE, GREEN, PURPLE, OLIVE, RED)
_WIDE, _NARROW = 640, 350


def draw(account: Mapping[str, Any]) -> list[Plot]:
    """All charts that the account allows, in page order. Raises CouldNot when the drawing libraries are missing."""
    house.check_libraries()
    drawn = [_way(account), _lengths(account), _sources(account)]
    return [plot for plot in drawn if plot is not None]


def _way(account: Mapping[str, Any]) -> Plot:
    import altair as alt

    whole = flow.follow(account)
    rows: list[dict[str, Any]] = [_bar("rows read", 0, whole.rows_in, BLUE)]
    rows += [_step_bar(stage) for stage in whole.stages]
    rows.append(_bar("= kept", 0, whole.kept, BLUE))
    end = 0
    for part, number in whole.parts.items():
        colour = PALE if part == "not_drawn" else GREEN
        rows.append(_bar(PARTS[part].lower(), end, end + number, colour))
        end += number
    order = [row["step"] for row in rows]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y(
            "step:N", sort=order, title=None, axis=alt.Axis(grid=False, ticks=False, labelLimit=260, labelPadding=8)
        )
    )
    # There is room for a number behind the longest bar.
    scale = alt.Scale(domain=[0, 1.13 * max(1, whole.rows_in)], nice=False)
    x = alt.X("from:Q", title="rows", scale=scale, axis=alt.Axis(format=",d", tickCount=5))
    fill, line = (one("colour:N", scale=None) for one in (alt.Color, alt.Stroke))
    bars = base.mark_bar(height=15, strokeWidth=1).encode(x=x, x2="to:Q", color=fill, stroke=line)
    said = base.mark_text(align="left", dx=6, color=INK, fontSize=12).encode(x="to:Q", text="said:N")
    description = f"{count(whole.rows_in)} rows read, " + ", ".join(
        f"{count(stage.before - stage.left)} dropped ({flow.STEPS.get(stage.step, stage.step)})"
        for stage in whole.stages
    )
    description += f", {count(whole.kept)} kept: " + ", ".join(
        f"{count(number)} {PARTS[part].lower()}" for part, number in whole.parts.items()
    )
    caption = "Each orange bar is what a step took away; what it left goes on. The kept rows are parted below."
    return house.finished(
        "data-way", "Where the rows went", f"{description}.", caption, bars + said, _WIDE, 27 * len(rows)
    )


def _bar(step: str, low: int, high: int, colour: str) -> dict[str, Any]:
    return {"step": step, "from": low, "to": high, "colour": colour, "said": count(high - low)}


def _step_bar(stage: Stage) -> dict[str, Any]:
    made = _bar(f"− {flow.STEPS.get(stage.step, stage.step)}", stage.left, stage.before, ORANGE)
    return {**made, "said": f"− {made['said']}"}


def _lengths(account: Mapping[str, Any]) -> Plot | None:
    import altair as alt

    found = (account.get("tokens") or {}).get("lengths") or account.get("lengths") or {}
    bins = found.get("bins") or []
    if not bins or sum(item["rows"] for item in bins) < 2:
        return None
    unit, limit = found["unit"], found.get("limit")
    values = [{**item, "colour": ORANGE if item["over"] else BLUE} for item in bins]
    over = sum(item["rows"] for item in bins if item["over"])
    end = max(bins[-1]["high"], (limit or 0) * 1.15 if limit else 0)
    scale = alt.Scale(type="log", domain=[bins[0]["low"], end], nice=False)
    ticks = [one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000) if one <= end]
    axis = alt.Axis(values=ticks, format=",d", grid=False, labelOverlap="parity")
    x = alt.X("low:Q", title=f"{unit} in a training row (each step is a factor)", scale=scale, axis=axis)
    bars = (
        alt.Chart(alt.Data(values=values))
        .mark_rect(stroke=PAPER, strokeWidth=0.8)
        .encode(
            x=x, x2="high:Q", y=alt.Y("rows:Q", title="rows"), y2=alt.datum(0), color=alt.Color("colour:N", scale=None)
        )
    )
    numbers = found.get("rows") or {}
    description = f"Training rows by length in {unit}: the median has {count(numbers.get('median'))}, the longest "
    description += f"{count(numbers.get('max'))}."
    caption = f"Half the rows have {count(numbers.get('median'))} {unit} or fewer, 99 in 100 at most {count(numbers.get('p99'))}."
    if limit:
        mark = alt.Chart(alt.Data(values=[{"limit": limit, "label": f"cut at {count(limit)}"}]))
        bars += mark.mark_rule(color=ZERO, strokeDash=[4, 3], strokeWidth=1.5).encode(x="limit:Q")
        bars += mark.mark_text(color=MUTED, align="right", dx=-6, y=8, fontSize=12).encode(x="limit:Q", text="label:N")
        rows = sum(item["rows"] for item in bins)
        told = f"{count(over)} of {count(rows)} rows ({share(over, rows)}) are cut: they have more than {count(limit)} {unit}."
        description, caption = f"{description} {told}", f"{caption} {told}"
    return house.finished("data-lengths", "Length of the training rows", description, caption, bars, _NARROW, 220)


def _sources(account: Mapping[str, Any]) -> Plot | None:
    import altair as alt

    sources = account["sources"]
    if len(sources) < 2 or len(sources) > len(_SOURCES):
        return None
    names = {name: house.clipped(name) for name in sources}
    rows = []
    for part in flow.PARTS:
        whole, end = sum(source[part] for source in sources.values()), 0.0
        for name, source in sources.items():
            if not whole:
                continue
            size = source[part] / whole
            rows.append(
                {"part": PARTS[part], "source": names[name], "from": end, "to": end + size, "rows": source[part]}
            )
            end += size
    if not rows:
        return None
    order = [PARTS[part] for part in flow.PARTS]
    legend = alt.Legend(title=None, orient="bottom", direction="horizontal", symbolType="square", columns=3)
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(height=24, stroke=PAPER, strokeWidth=1)
        .encode(
            y=alt.Y("part:N", sort=order, title=None, axis=alt.Axis(grid=False, ticks=False, labelPadding=8)),
            x=alt.X("from:Q", title="share of the part's rows", scale=alt.Scale(domain=[0, 1], nice=False),
                    axis=alt.Axis(format=".0%", tickCount=5)),
            x2="to:Q",
            color=alt.Color("source:N", sort=list(names.values()), legend=legend,
                            scale=alt.Scale(domain=list(names.values()), range=list(_SOURCES[: len(names)]))),
        )
    )  # fmt: skip
    told = [
        f"{capital(PARTS[part])}: "
        + ", ".join(f"{count(source[part])} {name}" for name, source in sources.items())
        + "."
        for part in flow.PARTS
    ]
    description = "Which source the rows of each part come from. " + " ".join(told)
    caption = "From left to right in each bar: " + ", ".join(names.values()) + "."
    return house.finished("data-sources", "Sources of each part", description, caption, chart, _NARROW, 150)
