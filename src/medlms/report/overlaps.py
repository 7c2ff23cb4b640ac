"""The tables on graded items that training text holds in part: results with and without them, and where the overlaps are."""

from __future__ import annotations

from medlms.report.shape import Report
from medlms.report.tables import MAIN, NOTHING, SPEED, Cell, Table, capital, count, interval, measure, number, title

SHOWN = 25  # hits in the table
HEADING = "With and without items that overlap with training rows"
PLACES = "Where they overlap"


def sentence(report: Report) -> str:
    """How many graded items were hit; empty where none was compared."""
    found = report.get("contamination")
    if not found:
        return ""
    items, hit, missed = found.get("items", 0), found.get("hit", 0), found.get("not_compared", 0)
    said = f"{count(hit)} of the {count(items)} graded items share a run of text with training rows"
    rest = f"; {count(missed)} could not be compared" if missed else ""
    left = ". None is left without them." if hit and not found.get("kept") else "."
    return f"{said}{rest}{left}"


def results(report: Report) -> Table | None:
    """Two rows a system: its scores over all items, and over those that were not hit; None where none was hit."""
    systems = [item for item in report.get("systems") or [] if item.get("without_hits")]
    names = [name for name in MAIN if name not in SPEED and any(name in item["without_hits"] for item in systems)]
    if not systems or not names:
        return None
    rows = []
    for system in systems:
        for words, scores in (("all items", system.get("metrics") or {}), ("without hits", system["without_hits"])):
            cells = []
            for name in names:
                score, kind = scores.get(name) or {}, measure(name).kind
                ends = interval(score.get("low"), score.get("high"), kind)
                cells.append(Cell(number(score.get("value"), kind), ends))
            name = f"{capital(title(report, system.get('name', '?')))}: {words}"
            most = max((score.get("n") or 0 for score in scores.values()), default=0)
            rows.append((Cell(name), Cell(count(most) if most else NOTHING), *cells))
    columns = ("System", "n", *(measure(name).label for name in names))
    caption = "Results over all items, and over those that no training row overlaps with. Brackets: 95 % interval."
    return Table("without-hits", caption, columns, tuple(rows), (sentence(report), *_meaning(report)))


def places(report: Report) -> Table | None:
    """The longest overlap of each item first, with both places; None where there is none."""
    hits = (report.get("contamination") or {}).get("hits") or ()
    if not hits:
        return None
    rows = tuple(
        (
            Cell(str(hit.get("exam_id", "?")), str(hit.get("exam_place", "")), str(hit.get("field", ""))),
            Cell(str(hit.get("row", "?")), str(hit.get("place", "")), str(hit.get("part", ""))),
            Cell(", ".join(map(str, hit.get("kinds") or ()))),
            Cell(str(hit.get("text", ""))),
        )
        for hit in hits[:SHOWN]
    )
    columns = ("Graded item", "Training row", "By", "Common text, normalised")
    notes = ("More of them, if there are more, stand in data_report.json.",)
    caption = "Overlaps of graded items with training rows, the longest one of each item."
    return Table("overlaps", caption, columns, rows, notes, words=frozenset({1, 2, 3}))


def _meaning(report: Report) -> tuple[str, ...]:
    return tuple(str(text) for text in (report.get("contamination") or {}).get("meaning") or ())
