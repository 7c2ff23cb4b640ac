"""The tables of a comparison of runs as plain cells: scores, differences with wins and losses, slices of the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from medlms.report import tables
from medlms.report.shape import Difference, Measured, Report
from medlms.report.tables import NOTHING, Cell, Table, capital, count, measure, number, signed

MOST = 12
"""Slices of one kind that are shown; a comparison.json has all."""
BY = {
    "topic": "Topic",
    "kind": "Type of question",
    "source": "Source",
    "question length": "Length of the question",
    "reference length": "Length of the reference answer",
}
MANY = (
    "Slices are small and many: what stands out in one may be chance. Nothing is tested here; it shows where to look."
)

Found = Mapping[str, Any]
"""A comparison as ``road.comparing`` makes it."""


def scores(found: Found) -> list[Table]:
    """What each side scores, with intervals: measures in rows, sides in columns."""
    systems = found["systems"]
    names = list(systems[0]["metrics"])
    rows = tuple(
        (
            Cell(measure(name).label),
            *(
                tables.score_cell(cast(Measured, system["metrics"].get(name) or {}), measure(name))
                for system in systems
            ),
        )
        for name in names
    )
    caption = f"What each side scores, n = {count(found['items'])} questions. Brackets: 95 % interval."
    return [Table("scores", caption, ("Measure", *(system["name"] for system in systems)), rows)]


def differences(found: Found) -> list[Table]:
    """One table a pair: difference, p, wins, losses and ties, and what they say in words."""
    pairs: dict[tuple[str, str], list[Found]] = {}
    for item in found["comparisons"]:
        pairs.setdefault((item["a"], item["b"]), []).append(item)
    return [_pair(a, b, items, at) for at, ((a, b), items) in enumerate(pairs.items(), 1)]


def sliced(found: Found, *, most: int = MOST) -> list[Table]:
    """The lead metric by topic, type of question, source and lengths: up to ``most`` slices, those furthest apart first."""
    kinds = dict.fromkeys(item["by"] for item in found["slices"])
    return [_slices(found, by, [item for item in found["slices"] if item["by"] == by], most) for by in kinds]


def notes(found: Found) -> list[str]:
    """How to read the differences, and that questions were left out where they were."""
    said = [tables.chance(cast(Report, found))]
    if any(found["left_out"].values()):
        parts = ", ".join(f"{count(number)} of {name}" for name, number in found["left_out"].items() if number)
        said.append(
            f"Only the {count(found['items'])} questions that all sides answered are compared; left out: {parts}."
        )
    return said


def _pair(a: str, b: str, items: Sequence[Found], at: int) -> Table:
    rows = tuple(
        (
            Cell(measure(item["metric"]).label),
            tables.difference_cell(cast(Difference, item)),
            Cell(tables.p_value(item.get("p_adjusted"))),
            Cell(count(item["wins"])),
            Cell(count(item["losses"])),
            Cell(count(item["ties"])),
            Cell(tables.in_words(cast(Difference, item)), tables.could_show(cast(Difference, item))),
        )
        for item in items
    )
    columns = (
        "Measure",
        "Difference",
        "p, adjusted",
        f"{capital(a)} better",
        f"{capital(b)} better",
        "Same",
        "In words",
    )
    caption = f"{capital(a)} minus {b}, question by question. Brackets: 95 % interval."
    return Table(f"differences-{at}", caption, columns, rows, words=frozenset({6}))


def _slices(found: Found, by: str, items: Sequence[Found], most: int) -> Table:
    names, lead = [system["name"] for system in found["systems"]], measure(found["metric"])
    ordered = items if "length" in by else sorted(items, key=lambda item: (-_apart(item, names), item["label"]))
    shown = ordered[:most]
    both = len(names) == 2
    rows = tuple(
        (
            Cell(item["label"]),
            Cell(count(item["n"])),
            *(Cell(number(item["values"].get(name), lead.kind)) for name in names),
            *(_more(item, names, lead.kind) if both else ()),
        )
        for item in shown
    )
    more = ("Difference", f"{capital(names[0])} better", f"{capital(names[1])} better", "Same") if both else ()
    rest = f" The {len(shown)} where the sides lie furthest apart, of {len(items)}." if len(items) > len(shown) else ""
    return Table(
        f"slices-{by.replace(' ', '-')}",
        f"{lead.label} by {BY[by][0].lower()}{BY[by][1:]}.{rest}",
        (BY[by], "Questions", *names, *more),
        rows,
    )


def _more(item: Found, names: Sequence[str], kind: str) -> tuple[Cell, ...]:
    one, other = (item["values"].get(name) for name in names)
    gap = None if one is None or other is None else one - other
    return (
        Cell(signed(gap, kind) if gap is not None else NOTHING),
        *(Cell(count(item[key])) for key in ("wins", "losses", "ties")),
    )


def _apart(item: Found, names: Sequence[str]) -> float:
    """How much of the whole difference a slice makes: that of its mean, times its questions."""
    values = [item["values"].get(name) for name in names]
    known = [value for value in values if value is not None]
    return (max(known) - min(known)) * float(item["n"]) if known else 0.0
