"""The report as Markdown: the same tables and texts as the page, the charts as images beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from medlms.report import exam_plots, exams, knees, mixture, overlaps, page, strategies, tables
from medlms.report.account import account
from medlms.report.plots import Plot
from medlms.report.shape import Answer, Report
from medlms.report.tables import Cell, Table
from medlms.report.untrusted import as_markdown, one_line, visible

_INTERVAL = re.compile(r"\[[-−+\d.,∞ ]+\]")


def markdown(report: Report, drawn: Sequence[Plot], missing_plots: str = "") -> str:
    """The whole report. ``missing_plots`` says why there are no charts, when there are none for a reason."""
    parts = [
        _head(report),
        _results(report),
        _exams(report, drawn),
        _strategies(report),
        _overlaps(report),
        _differences(report, drawn),
        _learning(report, drawn),
        section("How answers ended", [*images(drawn, "endings"), maybe(tables.endings(report))]),
        _samples(report),
        _prompts(report),
        _data(report),
        _how(report),
        section("Warnings", [bullets([*(report.get("warnings") or []), *([missing_plots] if missing_plots else [])])]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(content: Table) -> str:
    """A table with its caption above and its notes below."""
    lines = [
        " | ".join(["", *(as_markdown(column) for column in content.columns), ""]).strip(),
        "|" + "|".join(_rule(content, index) for index in range(len(content.columns))) + "|",
        *(" | ".join(["", *(_cell(cell) for cell in row), ""]).strip() for row in content.rows),
    ]  # fmt: skip
    return "\n\n".join(
        [f"**{as_markdown(content.caption)}**", "\n".join(lines), *(as_markdown(note) for note in content.notes)]
    )


def _rule(content: Table, index: int) -> str:
    return " --- " if index in content.words or not index else " ---: "


def images(drawn: Iterable[Plot], *names: str) -> list[str]:
    """The charts whose names begin with one of ``names``, as images with their description for alternative text."""
    return [
        f"![{as_markdown(f'{plot.title}. {plot.description}')}](plots/{plot.name}.svg)\n\n{as_markdown(plot.caption)}"
        for plot in drawn
        if plot.name.startswith(names)
    ]


def _head(report: Report) -> str:
    verdict = [as_markdown(sentence) for sentence in report.get("verdict") or []]
    if verdict:
        verdict[0] = f"**{verdict[0]}**"
    about = ", ".join(
        as_markdown(one_line(item)) for item in ((report.get("model") or {}).get("name"), report.get("date")) if item
    )
    warnings = len(report.get("warnings") or [])
    notice = f"> {tables.NOTICE}" + (f" Warnings: {warnings}, at the end." if warnings else "")
    title = f"# {as_markdown(one_line(report.get('run') or 'run'))}: MedLMs report"
    return "\n\n".join(part for part in (title, about, " ".join(verdict), notice) if part)


def results(report: Report) -> list[str]:
    """The results table, the remarks on its systems below it; nothing when there are no systems."""
    content = tables.results(report)
    if content is None:
        return []
    remarks = [f"{as_markdown(row[0].text)}: {as_markdown(row[0].small)}" for row in content.rows if row[0].small]
    rows = tuple((Cell(row[0].text), *row[1:]) for row in content.rows)
    return [table(replace(content, rows=rows)), *remarks, f"**{as_markdown(tables.CAUTION)}**"]


def _results(report: Report) -> str:
    meanings = [f"- {as_markdown(label)}: {as_markdown(meaning)}" for label, meaning in tables.meanings(report)]
    parts = [
        *results(report),
        maybe(tables.others(report)),
        maybe(tables.parts(report)),
        maybe(tables.wordings(report)),
        maybe(tables.speed(report)),
        "### What the columns mean" if meanings else "",
        "\n".join(meanings),
    ]
    return section("Results", parts)


def _exams(report: Report, drawn: Sequence[Plot]) -> str:
    parts = []
    for exam in exams.found(report):
        heading = one_line(exam.get("title") or exam.get("name") or "exam")
        charts = [image for name in exam_plots.names(exam) for image in images(drawn, name)]
        shown = map(table, exams.tables(report, exam))
        parts += [f"### {as_markdown(heading)}", as_markdown(one_line(exams.about(exam))), *charts, *shown]
    meanings = "\n".join(f"- {label}: {meaning}" for label, meaning in exams.WAYS_MEAN)
    return section(exams.HEADING, [*parts, meanings]) if parts else ""


def _strategies(report: Report) -> str:
    shown = [table(strategies.table(report, part)) for part in strategies.found(report)]
    meanings = "\n".join(f"- {label}: {meaning}" for label, meaning in strategies.MEANINGS)
    return section(strategies.HEADING, [*shown, meanings]) if shown else ""


def _overlaps(report: Report) -> str:
    found = maybe(overlaps.results(report)) or as_markdown(overlaps.sentence(report))
    return section(overlaps.HEADING, [found, maybe(overlaps.places(report))])


def _differences(report: Report, drawn: Sequence[Plot]) -> str:
    pairs = [table(content) for content in tables.comparisons(report)]
    return (
        section("Paired differences", [*images(drawn, "difference-"), *pairs, tables.chance(report)]) if pairs else ""
    )


def _learning(report: Report, drawn: Sequence[Plot]) -> str:
    names = ("loss-by-step", "held-out-loss-by-epoch", "bleu-by-epoch", "rouge-by-epoch", "token-f1-by-epoch")
    bent = knees.table([("", item) for item in report.get("knees") or []])
    parts = [*images(drawn, *names), maybe(tables.epochs(report)), maybe(bent), pairs(tables.training(report))]
    return section("Learning curves", parts)


def _samples(report: Report) -> str:
    parts = []
    for sample in report.get("samples") or []:
        about = ", ".join(
            f"{label} {as_markdown(one_line(value))}"
            for label, value in (("topic:", sample.get("topic")), ("id", sample.get("id")))
            if value
        )
        parts += [f"### {as_markdown(one_line(sample.get('question') or '(no question)'))}", about]
        if sample.get("reference"):
            parts += ["**Reference**", quoted(sample["reference"])]
        parts += _answers(report, sample.get("answers") or {})
    return section("Sample answers", parts)


def _prompts(report: Report) -> str:
    parts = []
    for item in report.get("prompts") or []:
        parts += [
            f"### {as_markdown(one_line(item.get('question') or '(no question)'))}",
            *_answers(report, item.get("answers") or {}),
        ]
    return section("Ungraded questions", parts)


def _answers(report: Report, answers: Mapping[str, Answer]) -> list[str]:
    parts = []
    for name, answer in answers.items():
        score = answer.get("token_f1")
        label = ", ".join(
            [
                *([as_markdown(answer["ending"])] if answer.get("ending") else []),
                *([f"token F1 {tables.number(score, 'share')}"] if score is not None else []),
            ]
        )
        parts += [
            f"**{as_markdown(tables.capital(tables.title(report, name)))}**{f' ({label})' if label else ''}",
            quoted(answer.get("text") or ""),
        ]
    return parts


def _data(report: Report) -> str:
    note = (account(report).get("identifiers") or {}).get("note")
    identifiers = f"Identifiers of people: {as_markdown(one_line(note))}" if note else ""
    shown = (tables.sources(report), tables.splits(report), mixture.table(report))
    contents = [*map(maybe, shown), bullets(tables.data_notes(report))]
    whole = "The account of every row: [data_report.html](data_report.html)" if account(report).get("page") else ""
    people = [maybe(tables.identifiers(report)), identifiers]
    rights = [maybe(tables.licences(report)), bullets(account(report).get("terms") or [])]
    return section("Data", [whole, *contents, *people, maybe(tables.exams(report)), *rights])


def _how(report: Report) -> str:
    config = report.get("config")
    return section(
        "How it was run",
        [
            fenced(report["command"], "sh") if report.get("command") else "",
            pairs(tables.model(report)),
            pairs(tables.machine(report)),
            fenced(page.as_yaml(config), "yaml") if config else "",
        ],
    )


def section(heading: str, parts: Iterable[str]) -> str:
    """A heading and what stands below it; nothing when that is empty."""
    body = "\n\n".join(part for part in parts if part)
    return f"## {heading}\n\n{body}" if body else ""


def maybe(content: Table | None) -> str:
    """A table where there is one."""
    return table(content) if content else ""


def _cell(cell: Cell) -> str:
    # The brackets of an interval are no link, and easier to read unescaped.
    small = cell.small if _INTERVAL.fullmatch(cell.small) else as_markdown(one_line(cell.small))
    main = f"{as_markdown(one_line(cell.text))} {small}".strip()
    return "; ".join(part for part in (main, as_markdown(cell.faint)) if part)


def pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Labels and values as a list."""
    return "\n".join(f"- {as_markdown(label)}: {as_markdown(one_line(value))}" for label, value in pairs)


def bullets(sentences: Iterable[str]) -> str:
    """Sentences as a list."""
    return "\n".join(f"- {as_markdown(one_line(sentence))}" for sentence in sentences)


def quoted(text: str) -> str:
    """A text as a quotation."""
    lines = as_markdown(text.strip()).split("\n") if text.strip() else ["*No text.*"]
    return "\n".join(
        f"> {line}".rstrip() + ("  " if line and index < len(lines) - 1 else "") for index, line in enumerate(lines)
    )


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any in the text."""
    text, fence = visible(text), "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
