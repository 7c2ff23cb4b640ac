"""The verdict and the results as tables for a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from medlms.report import exams, strategies, tables
from medlms.report.shape import Report
from medlms.report.tables import Cell, Table
from medlms.report.untrusted import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from medlms.report.study.shape import StudyReport


def show(report: Report, console: Console) -> None:
    """Print the verdict, the results with one measure a line, the paired differences in words, and the notice."""
    from rich.padding import Padding
    from rich.text import Text

    verdict = [
        Text(visible(sentence), style="bold" if index == 0 else "")
        for index, sentence in enumerate(report.get("verdict") or [])
    ]
    for part in verdict:
        console.print(part)
    for content in _tables(report):
        console.print(Padding(rich_table(content), (1, 0, 0, 0)))
    if report.get("systems"):
        console.print(Text(tables.CAUTION, style="dim"))
    console.print(Text(tables.NOTICE, style="dim"))
    for warning in report.get("warnings") or []:
        console.print(Text(f"Warning: {visible(one_line(warning))}", style="yellow"))


def _tables(report: Report) -> list[Table]:
    if report.get("kind") == "study":
        from medlms.report.study import tables as several

        content = cast("StudyReport", report)
        found = [
            several.results(content),
            several.against_base(content),
            several.between(content),
            several.cost(content),
        ]
    else:
        main = tables.results(report)
        asked = [exams.results(report, exam) for exam in exams.found(report)]
        found = [
            turn(main) if main else None,
            *(replace(table, notes=()) for table in asked),
            *(replace(strategies.table(report, part), notes=()) for part in strategies.found(report)),
            *map(brief, tables.comparisons(report)),
        ]
    return [table for table in found if table is not None]


def turn(content: Table) -> Table:
    """Rows for columns: a terminal has more room down than across."""
    rows = tuple(
        (Cell(column), *(row[index] for row in content.rows)) for index, column in enumerate(content.columns) if index
    )
    columns = ("", *(row[0].text for row in content.rows))
    return Table(content.name, content.caption, columns, rows, content.notes)


def brief(content: Table) -> Table:
    """The table without the second lines of its columns of words: a terminal has no room for them."""
    rows = tuple(
        tuple(Cell(cell.text) if index in content.words else cell for index, cell in enumerate(row))
        for row in content.rows
    )
    return replace(content, rows=rows)


def rich_table(content: Table) -> RichTable:
    """A table as rich draws it; texts are never read as markup."""
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    drawn = Drawn(
        title=Text(content.caption), title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for index, column in enumerate(content.columns):
        left = index == 0 or index in content.words
        drawn.add_column(Text(visible(one_line(column))), justify="left" if left else "right", overflow="fold")
    for row in content.rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    return drawn


def _cell(cell: Cell) -> Text:
    from rich.text import Text

    text = Text(visible(one_line(cell.text)))
    for gap, part in ((" ", cell.small), ("\n", cell.faint)):
        if part:
            text.append(f"{gap}{visible(one_line(part))}", style="dim")
    return text
