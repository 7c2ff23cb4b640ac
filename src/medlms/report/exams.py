"""The tables of exams: what a reader needs to judge a score on each, the floor that it has to beat among its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medlms.report.shape import ExamPart, Report
from medlms.report.tables import NOTHING, Cell, Table, capital, count, interval, number, p_value, signed, title

HEADING = "Exams"
WAYS = {
    "letters": "by letter",
    "options": "by full option",
    "options_bytes": "by full option, per byte",
    "generate": "by written answer",
}
WAYS_MEAN = (
    ("By letter", "the options are shown, and the letter that the model finds likeliest counts."),
    ("By full option", "the options are not shown; the option whose text the model finds likeliest counts. Short ones are at "
     "an advantage, so it is also counted per byte of text."),
    ("By written answer", "the options are shown, the model writes an answer, and the option is read from it. What can't be "
     "read counts as wrong."),
    ("Prefers", "the place in the list of options that is chosen most above what is right, and how often. Position bias is "
     "half the summed differences of these shares: 0 is none, near 1 always the same place."),
    ("Calibration error", "how far the share of right answers lies from how sure the model is of them, over 15 bins of equal "
     "width (even bins: over 15 that hold as many questions each); 0 is best. With few questions it is above 0 by chance alone."),
    ("Brier score, log loss", "errors of the probabilities given to the options; lower is better. Equal probabilities for four "
     "options give 0.75 and 1.386."),
    ("Area of risk", "mean share of errors while the model answers more and more questions, the surest first; lower is "
     "better. A confidence that says nothing gives the share of errors."),
)  # fmt: skip


def found(report: Report) -> Sequence[ExamPart]:
    """The exams of a report."""
    return report.get("exams") or []


def about(exam: ExamPart) -> str:
    """Where its questions went and how they were asked, in one line."""
    aside = exam.get("set_aside") or {}
    parts = [f"{count(exam.get('asked'))} of {count(exam.get('rows_in'))} questions asked"]
    if exam.get("left"):
        parts.append(f"{count(exam['left'])} left out by evaluate.exam.rows")
    if aside:
        parts.append(
            f"{count(sum(aside.values()))} set aside ({', '.join(f'{k} {count(v)}' for k, v in aside.items())})"
        )
    style = {"chat": "in the model's turns", "plain": "as plain text"}.get(exam.get("prompt", ""), "")
    shots = exam.get("shots") or "no solved examples"
    said = f"{'; '.join(parts)}. Asked {style}, {shots}."
    return f"{said} {exam.get('citation', '')}".strip()


def tables(report: Report, exam: ExamPart) -> list[Table]:
    """All tables of one exam, the results first."""
    shown = [
        results(report, exam),
        sureness(report, exam),
        orders(report, exam),
        topics(report, exam),
        differences(report, exam),
        unread(report, exam),
        faults(exam),
    ]
    return [table for table in shown if table is not None]


def results(report: Report, exam: ExamPart) -> Table:
    """Accuracy with interval, the preferred place and unread answers; below them the floor."""
    rows = [_result(report, item) for item in exam.get("results") or []]
    empty = [Cell(NOTHING)] * 3
    rows += [
        (
            Cell(f"Always {exam.get('majority_answer', '')} (most often right)"),
            Cell(number(exam.get("majority"), "percent")),
            *empty,
        ),
        (Cell("Chance (guessing)"), Cell(number(exam.get("chance"), "percent")), *empty),
    ]
    columns = ("System", "Accuracy, %", "Macro F1", "Prefers", "Unread")
    caption = f"{exam.get('name')}: {count(exam.get('asked'))} questions, 95 % intervals in brackets."
    notes = [f"{capital(label(report, item))}: {item['verdict']}" for item in exam.get("results") or []]
    if overlap := exam.get("overlaps"):
        notes.append(
            f"{count(overlap.get('hit'))} of the questions share a run of text with training rows"
            + (f"; {count(overlap['not_compared'])} were not compared." if overlap.get("not_compared") else ".")
        )
        notes += [
            f"{capital(label(report, item))}, without these: {_value(item['without_hits'].get('accuracy') or {}, 'percent')}"
            for item in exam.get("results") or []
            if item.get("without_hits")
        ]
    return Table(f"exam-{exam.get('name')}", caption, columns, tuple(rows), tuple(notes), words=frozenset({3}))


def sureness(report: Report, exam: ExamPart) -> Table | None:
    """Calibration and selective answering, of the ways that give probabilities."""
    items = [item for item in exam.get("results") or [] if item.get("selective")]
    if not items:
        return None
    shares = [point["coverage"] for point in items[0]["selective"]["at"]]
    rows = []
    for item in items:
        metrics, chosen = item["metrics"], item["selective"]
        rows.append(
            (
                Cell(label(report, item)),
                _score(metrics.get("ece") or {}, faint=f"even bins: {number(item.get('ece_equal_mass'), 'share')}"),
                *(_score(metrics.get(name) or {}) for name in ("brier", "log_loss")),
                _score(chosen["area"], faint=f"says nothing: {number(chosen['random'], 'share')}"),
                *(_score(point, "percent", faint=_sure(point)) for point in chosen["at"]),
            )
        )
    heads = [f"Accuracy on the surest {100 * share:.0f} %" for share in shares]
    columns = ("System", "Calibration error", "Brier score", "Log loss", "Area of risk", *heads)
    caption = f"{exam.get('name')}: does it know what it knows? 95 % intervals in brackets."
    return Table(f"exam-{exam.get('name')}-sure", caption, columns, tuple(rows))


def orders(report: Report, exam: ExamPart) -> Table | None:
    """Whether answers survive another order of the options; nothing where only one was shown."""
    items = [item for item in exam.get("results") or [] if (item.get("places") or {}).get("over_orders")]
    if not items:
        return None
    rows = tuple(
        (
            Cell(label(report, item)),
            Cell(count(item["places"]["orders"])),
            _score(item["places"]["over_orders"], "percent"),
            Cell(number(item["places"]["always_right"], "percent")),
            Cell(number(item["places"]["same_choice"], "percent")),
        )
        for item in items
    )
    columns = ("System", "Orders", "Accuracy over all, %", "Right in every order, %", "Same option in every order, %")
    caption = f"{exam.get('name')}: the same questions with the options in other orders."
    return Table(f"exam-{exam.get('name')}-orders", caption, columns, rows)


def topics(report: Report, exam: ExamPart) -> Table | None:
    """Accuracy by topic, where the exam has some."""
    items = [item for item in exam.get("results") or [] if item.get("topics")]
    if not items:
        return None
    rows = tuple(
        (
            Cell(topic.replace("_", " ")),
            Cell(count(score["n"])),
            *(_score(item["topics"].get(topic) or {}, "percent") for item in items),
        )
        for topic, score in items[0]["topics"].items()
    )
    columns = ("Topic", "Questions", *(label(report, item) for item in items))
    note = "Among many topics some lie above or below chance by luck: single rows are no findings."
    caption = f"{exam.get('name')}: accuracy by topic, %, with 95 % intervals."
    return Table(f"exam-{exam.get('name')}-topics", caption, columns, rows, (note,))


def differences(report: Report, exam: ExamPart) -> Table | None:
    """Tuned against base."""
    items = exam.get("comparisons") or []
    if not items:
        return None
    rows = tuple(
        (
            Cell(capital(WAYS.get(item["way"], item["way"]))),
            Cell(signed(item["difference"], "percent"), interval(item["low"], item["high"], "percent", sign=True)),
            Cell(p_value(item["p_value"])),
        )
        for item in items
    )
    caption = f"{exam.get('name')}: accuracy of tuned minus base on the same questions, in points."
    return Table(f"exam-{exam.get('name')}-differences", caption, ("Asked", "Difference", "p"), rows)


def unread(report: Report, exam: ExamPart) -> Table | None:
    """Why answers could not be read."""
    items = [item for item in exam.get("results") or [] if item.get("unread")]
    if not items:
        return None
    reasons = list(dict.fromkeys(reason for item in items for reason in item["unread_why"]))
    rows = tuple(
        (Cell(label(report, item)), *(Cell(count(item["unread_why"].get(reason, 0))) for reason in reasons))
        for item in items
    )
    caption = f"{exam.get('name')}: answers that could not be read, by reason. They count as wrong."
    columns = ("System", *map(capital, reasons))
    return Table(f"exam-{exam.get('name')}-unread", caption, columns, rows)


def faults(exam: ExamPart) -> Table | None:
    """Rows of the exam that were not asked."""
    items = exam.get("faults") or []
    if not items:
        return None
    rows = tuple((Cell(item["place"]), Cell(item["reason"]), Cell(item["detail"])) for item in items)
    total = sum((exam.get("set_aside") or {}).values())
    note = f"{count(len(items))} of {count(total)}; all stand in exams.json." if total > len(items) else ""
    caption = f"{exam.get('name')}: rows that were set aside, and count nowhere."
    return Table(
        f"exam-{exam.get('name')}-faults", caption, ("Place", "Why", "More"), rows, (note,) if note else (),
        words=frozenset({1, 2}),
    )  # fmt: skip


def _result(report: Report, item: Mapping[str, Any]) -> tuple[Cell, ...]:
    metrics = item["metrics"]
    total = (metrics.get("accuracy") or {}).get("n") or 0
    return (
        Cell(label(report, item)),
        _score(metrics.get("accuracy") or {}, "percent"),
        _score(metrics.get("macro_f1") or {}),
        _prefers(item.get("places") or {}),
        Cell(count(item["unread"]), f"({number(item['unread'] / total, 'percent')} %)" if total else ""),
    )


def _prefers(places: Mapping[str, Any]) -> Cell:
    if places.get("bias") is None:
        return Cell(NOTHING)
    chosen, right = places["chosen"], places["right"]
    at = max(range(len(chosen)), key=lambda place: chosen[place] - right[place])
    shown = f"{places['letters'][at]} {number(chosen[at], 'percent')} %"
    return Cell(shown, f"(right in {number(right[at], 'percent')} %)", f"bias {number(places['bias'], 'share')}")


def label(report: Report, item: Mapping[str, Any]) -> str:
    """A system and how it was asked."""
    system = capital(title(report, item["system"]).partition(" (")[0])
    return f"{system}, {WAYS.get(item['way'], item['way'])}"


def _score(score: Mapping[str, Any], kind: str = "share", *, faint: str = "") -> Cell:
    return Cell(number(score.get("value"), kind), interval(score.get("low"), score.get("high"), kind), faint)


def _value(score: Mapping[str, Any], kind: str) -> str:
    return f"{number(score.get('value'), kind)} {interval(score.get('low'), score.get('high'), kind)}".strip()


def _sure(point: Mapping[str, Any]) -> str:
    return "" if point.get("confidence") is None else f"sure by {number(point['confidence'], 'percent')} % or more"
