"""The tables of a study's report as plain cells: results, differences, curves as numbers, memory and time, the points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from medlms.report import knees as bends
from medlms.report import tables
from medlms.report.shape import Difference, Measured, Report
from medlms.report.study.shape import Group, Row, StudyReport
from medlms.report.tables import NOTHING, Cell, Table, capital, count, duration, interval, measure, number, signed, size

COLUMNS = ("exact_match", "bleu", "rougeL", "token_f1", "bits_per_byte", "seconds_median")
DIFFERENCES = ("exact_match", "bleu", "rougeL", "token_f1", "bits_per_byte")
LEAD = "token_f1"
MOST_EPOCHS = 9


def results(report: StudyReport) -> Table | None:
    """The main table in the shape of published ones: base beside tuned, exact match, BLEU, ROUGE-L, F1, seconds, n."""
    rows = report.get("systems") or []
    if not rows:
        return None
    names = [name for name in COLUMNS if any(_of(row, name) for row in rows)]
    several = any((row.get("seeds") or 1) > 1 for row in rows)
    how = (
        "Rows of several seeds: their mean, in brackets the 95 % interval over seeds, below it the range of the seeds. Rows "
        "of one run: in brackets the 95 % interval over questions."
        if several
        else "In brackets the 95 % interval over questions."
    )
    notes = ["max: the best single answer of the run; published tables print it, but it is no measure of a system."]
    notes = notes if any(_of(row, name).get("maximum") is not None for row in rows for name in names[:4]) else []
    tests = {row.get("test") for row in rows}
    columns = ["Point", *(measure(name).label for name in names), *(["Test"] if len(tests) > 1 else []), "n"]
    body = tuple(_result(row, names, numbered=len(tests) > 1) for row in rows)
    return Table("results", f"Results on held-out questions. {how}", tuple(columns), body, tuple(notes))


def against_base(report: StudyReport) -> Table | None:
    """Tuned minus its own base, one row a group."""
    return _differences(
        report,
        [
            (group.get("title", "?"), group.get("tuned", ""), group.get("base", ""))
            for group in report.get("groups") or []
        ],
        "against-base",
        "Tuned minus its own base, question by question. Brackets: 95 % interval.",
        "Point",
        "Tuned",
    )


def between(report: StudyReport) -> Table | None:
    """Point minus point, one row a pair."""
    titles = {group["tuned"]: group["title"] for group in report.get("groups") or []}
    pairs = dict.fromkeys(
        (item["a"], item["b"])
        for item in report.get("comparisons") or []
        if item.get("a") in titles and item.get("b") in titles
    )
    return _differences(
        report,
        [(f"{titles[a]} minus {titles[b]}", a, b) for a, b in pairs],
        "between",
        "Tuned point minus tuned point, question by question. Brackets: 95 % interval.",
        "Points",
        "The first",
    )


def epochs(report: StudyReport, metric: str) -> Table | None:
    """One metric on the development questions: a row a group, a column an epoch."""
    groups = [
        group for group in report.get("groups") or [] if any(item.get(metric) for item in group.get("epochs") or [])
    ]
    known = sorted({item["epoch"] for group in groups for item in group["epochs"] if item.get(metric)})
    if len(known) < 2:
        return None
    step = -(-len(known) // MOST_EPOCHS)
    shown = [epoch for index, epoch in enumerate(known) if index % step == 0 or epoch == known[-1]]
    rows = []
    for group in groups:
        records = {item["epoch"]: item for item in group["epochs"]}
        cells = [
            _score(cast(Measured, records.get(epoch, {}).get(metric) or {}), measure(metric).kind) for epoch in shown
        ]
        rows.append((Cell(group["title"]), *cells))
    caption = f"{measure(metric).label} on development questions by epoch; epoch 0 is the model before training."
    notes = () if step == 1 else (f"One epoch in {step} and the last are shown; report.json has all.",)
    return Table(
        f"epochs-{metric.replace('_', '-')}",
        caption,
        ("Point", *(f"Epoch {count(at)}" for at in shown)),
        tuple(rows),
        notes,
    )


def knees(report: StudyReport) -> Table | None:
    """Where each point's epochs bend: a row a metric and group."""
    groups = report.get("groups") or []
    return bends.table([(group.get("title", "?"), item) for group in groups for item in group.get("knees") or []])


def cost(report: StudyReport) -> Table | None:
    """Memory and time: a row a group."""
    groups = [group for group in report.get("groups") or [] if group.get("training")]
    if not groups:
        return None
    rows = tuple(_cost(report, group) for group in groups)
    several = any(len(group.get("seeds") or []) > 1 for group in groups)
    rest = " Means over seeds." if several else ""
    columns = ("Point", "Trained weights", "Rows", "Tokens", "Training time", "Tokens per second", "Peak memory",
               "Kept epoch")  # fmt: skip
    return Table("cost", f"What each point took.{rest}", columns, rows)


def points(report: StudyReport) -> Table | None:
    """Every point, finished or not, with the reason where it failed."""
    items = report.get("points") or []
    if not items:
        return None
    rows = tuple(
        (
            Cell(item.get("title", "?")),
            Cell(item.get("state", "?"), small=item.get("reason", "")),
            Cell(item.get("folder") or NOTHING),
        )
        for item in items
    )
    return Table("points", "The points and their runs.", ("Point", "State", "Folder"), rows, words=frozenset({1, 2}))


def meanings(report: StudyReport) -> list[tuple[str, str]]:
    """Label and plain meaning of every measure that the tables show."""
    rows = report.get("systems") or []
    names = {name for name in (*COLUMNS, *DIFFERENCES) if any(_of(row, name) for row in rows)}
    if any(item.get("dev_loss") for group in report.get("groups") or [] for item in group.get("epochs") or []):
        names.add("dev_loss")
    return [(item.label, item.meaning) for item in tables.MEASURES.values() if item.name in names]


def model_pairs(report: StudyReport) -> list[tuple[str, str]]:
    """The machine and the versions, as label and value."""
    return tables.machine(cast(Report, {"machine": report.get("machine") or {}}))


def tuned_of(report: StudyReport, group: Group) -> Row:
    """The row of a group's tuned model; an empty one when there is none."""
    return next((row for row in report.get("systems") or [] if row.get("name") == group.get("tuned")), Row())


def base_of(report: StudyReport, group: Group) -> Row:
    """The row of a group's base, which groups may share."""
    return next((row for row in report.get("systems") or [] if row.get("name") == group.get("base")), Row())


def value_of(row: Row, name: str) -> Measured:
    """What a row holds under a metric's or speed's name; empty when it was not measured."""
    return _of(row, name)


def difference(report: StudyReport, a: str, b: str, metric: str) -> Difference | None:
    """The comparison ``a - b`` in one metric."""
    return next(
        (
            item
            for item in report.get("comparisons") or []
            if (item.get("a"), item.get("b"), item.get("metric")) == (a, b, metric)
        ),
        None,
    )


def _of(row: Row, name: str) -> Measured:
    return (row.get("metrics") or {}).get(name) or (row.get("speed") or {}).get(name) or {}


def _result(row: Row, names: Sequence[str], *, numbered: bool) -> tuple[Cell, ...]:
    sizes = [n for item in (row.get("metrics") or {}).values() if item and (n := item.get("n"))]
    cells = []
    for name in names:
        score = _of(row, name)
        cell = _score(score, measure(name).kind)
        if score.get("maximum") is not None and measure(name).kind == "share" and measure(name).better > 0:
            cell = Cell(cell.text, cell.small, f"max {number(score['maximum'], 'share')}")
        cells.append(cell)
    test = [Cell(count(row.get("test")))] if numbered else []
    return (
        Cell(row.get("title", "?"), small=capital(row.get("note", ""))),
        *cells,
        *test,
        Cell(count(max(sizes) if sizes else None)),
    )


def _score(score: Measured, kind: str) -> Cell:
    low, high = score.get("lowest"), score.get("highest")
    reach = f"{number(low, kind)} to {number(high, kind)}" if low is not None and high is not None else ""
    return Cell(number(score.get("value"), kind), interval(score.get("low"), score.get("high"), kind), reach)


def _differences(
    report: StudyReport, pairs: Sequence[tuple[str, str, str]], name: str, caption: str, heading: str, who: str
) -> Table | None:
    rows = []
    names = [metric for metric in DIFFERENCES if any(difference(report, a, b, metric) for _, a, b in pairs)]
    for title, a, b in pairs:
        lead = difference(report, a, b, LEAD)
        found = [difference(report, a, b, metric) for metric in names]
        if lead is None:
            continue
        words = tables.in_words({**lead, "a": who})
        rows.append((Cell(title), *(map(_signed, found)), Cell(tables.p_value(lead.get("p_value"))), Cell(words)))
    if not rows:
        return None
    label = measure(LEAD).label
    columns = (heading, *(measure(metric).label for metric in names), f"p, {label}", f"{label} in words")
    return Table(name, caption, columns, tuple(rows), words=frozenset({len(columns) - 1}))


def _signed(item: Difference | None) -> Cell:
    if item is None:
        return Cell(NOTHING)
    kind = measure(item.get("metric", "")).kind
    return Cell(signed(item.get("difference"), kind), interval(item.get("low"), item.get("high"), kind, sign=True))


def _cost(report: StudyReport, group: Group) -> tuple[Cell, ...]:
    training: Mapping[str, Any] = group.get("training") or {}
    kept = [epoch for epoch in training.get("best_epochs") or [] if epoch is not None]
    seconds, rate, memory = (training.get(key) or {} for key in ("seconds", "tokens_per_second", "peak_memory_bytes"))
    trainable = (group.get("model") or {}).get("trainable")
    return (
        Cell(group.get("title", "?")),
        Cell(count(trainable)),
        Cell(count(training.get("rows"))),
        Cell(count(training.get("tokens"))),
        Cell(duration(seconds.get("value"))),
        Cell(number(rate.get("value"))),
        Cell(size(memory.get("value"))),
        Cell(", ".join(dict.fromkeys(count(epoch) for epoch in kept)) or NOTHING),
    )
