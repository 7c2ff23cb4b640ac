"""The charts of exams: reliability, risk over coverage, and the places of the options that were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medlms.report import exams
from medlms.report.shape import ExamPart, Report
from medlms.report.tables import number

MOST = 4  # lines in one chart


def draw(report: Report) -> list[Any]:
    """The charts of every exam, in page order. The drawing libraries must be there."""
    drawn = [chart(report, exam) for exam in exams.found(report) for chart in (_places, _reliability, _risk)]
    return [plot for plot in drawn if plot is not None]


def names(exam: ExamPart) -> tuple[str, ...]:
    """The names of an exam's charts."""
    return tuple(f"exam-{exam.get('name')}-{kind}" for kind in ("places", "reliability", "risk"))


def _reliability(report: Report, exam: ExamPart) -> Any:
    import altair as alt

    from medlms.report import plots

    values = _rows(report, exam, "reliability", lambda item: item.get("reliability") or [])
    if not values:
        return None
    line = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])).mark_line(
        color=plots.ZERO, strokeDash=[4, 4], strokeWidth=1.4
    )
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("confidence:Q", title="how sure", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        color=_colour(alt, values),
    )
    y = alt.Y("accuracy:Q", title="share right", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    chart = (
        line.encode(x="x:Q", y="y:Q")
        + base.mark_rule(strokeWidth=1.2, opacity=0.6).encode(y="low:Q", y2="high:Q")
        + base.mark_line(strokeWidth=1.8).encode(y=y)
        + base.mark_point(filled=True, opacity=1).encode(y=y, size=alt.Size("n:Q", legend=None))
    )
    told = "; ".join(
        f"{row['series']} {number(row['confidence'], 'percent')} % sure, {number(row['accuracy'], 'percent')} % right "
        f"(n = {row['n']})"
        for row in values[:12]
    )
    caption = (
        "Questions in 15 bins of how sure the model was; larger dots hold more of them, bars are 95 % intervals. On the dashed "
        "line a model is as sure as it is right; below it, it is too sure."
    )
    return _finished(plots, exam, "reliability", "is it right as often as it is sure?", f"{told}.", caption, chart)


def _risk(report: Report, exam: ExamPart) -> Any:
    import altair as alt

    from medlms.report import plots

    values = _rows(report, exam, "curve", lambda item: (item.get("selective") or {}).get("curve") or [])
    if not values:
        return None
    chance = 1 - (exam.get("chance") or 0.0)
    rule = alt.Chart(alt.Data(values=[{"risk": chance}])).mark_rule(color=plots.ZERO, strokeDash=[4, 4])
    chart = rule.encode(y="risk:Q") + alt.Chart(alt.Data(values=values)).mark_line(strokeWidth=2).encode(
        x=alt.X("coverage:Q", title="share of questions answered", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        y=alt.Y("risk:Q", title="share wrong", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        color=_colour(alt, values),
    )  # fmt: skip
    ends = {row["series"]: row for row in values}
    told = "; ".join(f"{name}: {number(row['risk'], 'percent')} % wrong of all" for name, row in ends.items())
    caption = "Errors when only the surest questions are answered. A useful line rises from the left. Dashed: guessing."
    return _finished(plots, exam, "risk", "errors when it may stay silent", f"{told}.", caption, chart)


def _places(report: Report, exam: ExamPart) -> Any:
    import altair as alt

    from medlms.report import plots

    items = [item for item in exam.get("results") or [] if (item.get("places") or {}).get("bias") is not None][:MOST]
    if not items:
        return None
    first = items[0]["places"]
    values = [
        {"place": letter, "share": share, "series": "right answers"}
        for letter, share in zip(first["letters"], first["right"], strict=True)
    ]
    for item in items:
        for letter, share in zip(item["places"]["letters"], item["places"]["chosen"], strict=True):
            values.append({"place": letter, "share": share, "series": exams.label(report, item)})
    chart = alt.Chart(alt.Data(values=values)).mark_bar().encode(
        x=alt.X("place:N", title="place in the list of options", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("series:N", sort=list(dict.fromkeys(row["series"] for row in values))),
        y=alt.Y("share:Q", title="share of answers", axis=alt.Axis(format="%")),
        color=_colour(alt, values, first=plots.PALE),
    )  # fmt: skip
    told = "; ".join(f"{row['series']} {row['place']} {number(row['share'], 'percent')} %" for row in values[:20])
    caption = "A model that reads the options chooses each place about as often as it is right."
    return _finished(plots, exam, "places", "which place was chosen", f"{told}.", caption, chart)


def _rows(report: Report, exam: ExamPart, kind: str, of: Any) -> list[dict[str, Any]]:
    items = [item for item in exam.get("results") or [] if of(item)][:MOST]
    return [{**row, "series": exams.label(report, item)} for item in items for row in of(item)]


def _colour(alt: Any, values: list[Mapping[str, Any]] | list[dict[str, Any]], *, first: str = "") -> Any:
    from medlms.report import plots

    names = list(dict.fromkeys(row["series"] for row in values))
    colours = [*([first] if first else []), plots.BLUE, plots.ORANGE, plots.GREEN, plots.PURPLE][: len(names)]
    legend = alt.Legend(title=None, orient="bottom", direction="vertical", symbolOpacity=1)
    return alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), sort=names, legend=legend)


def _finished(plots: Any, exam: ExamPart, kind: str, title: str, description: str, caption: str, chart: Any) -> Any:
    name = f"exam-{exam.get('name')}-{kind}"
    return plots.finished(name, f"{exam.get('name')}: {title}", description, caption, chart, 330, 240)
