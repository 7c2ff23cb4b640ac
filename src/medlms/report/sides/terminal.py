"""A comparison of runs for a terminal: what it says, differences, slices, and the rows furthest apart by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medlms.report import tables as shared
from medlms.report.sides import tables
from medlms.report.sides.tables import Found
from medlms.report.tables import Cell, Table, number
from medlms.report.terminal import brief, rich_table
from medlms.report.untrusted import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

ROWS, SLICES, LONGEST = 5, 6, 70


def show(found: Found, console: Console) -> None:
    """Print it."""
    from rich.padding import Padding
    from rich.text import Text

    for index, sentence in enumerate(found["verdict"]):
        console.print(Text(visible(sentence), style="bold" if index == 0 else ""))
    for content in [*map(brief, tables.differences(found)), *tables.sliced(found, most=SLICES), *_rows(found)]:
        console.print(Padding(rich_table(content), (1, 0, 0, 0)))
    for note in [*tables.notes(found), shared.NOTICE]:
        console.print(Text(visible(note), style="dim"))


def _rows(found: Found) -> list[Table]:
    """The first few rows of each list, by question and score."""
    names, known = [system["name"] for system in found["systems"]], shared.measure(found["metric"])
    lists = [(f"{part['better']} is furthest ahead of {part['worse']}", part["rows"]) for part in found["apart"]]
    lists += [(f"the worst of {part['side']}", part["rows"]) for part in found["worst"]]
    made = []
    for at, (title, rows) in enumerate(lists):
        cells = tuple(
            (
                Cell(_short(row["question"])),
                *(Cell(number(row["answers"][name]["value"], known.kind)) for name in names),
            )
            for row in rows[:ROWS]
        )
        if cells:
            made.append(Table(f"rows-{at}", f"{shared.capital(title)}, {known.label}.", ("Question", *names), cells))
    return made


def _short(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
