"""Texts with identifiers marked inline, written to see how far the rules reach; a development set: its misses are read.

PYTHONPATH=src python -m tests.identifiers.reach_set              # totals, misses and false alarms of the quick scan
PYTHONPATH=src python -m tests.identifiers.reach_set held         # totals alone of texts that nothing was fitted to, read closely
PYTHONPATH=src python -m tests.identifiers.reach_set held quick   # the same, scanned quickly
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from medlms.data.identifiers import Finding, scan, scan_closely

TEXTS, HELD = (Path(__file__).with_name(name) for name in ("reach", "held"))
_SHORT = {
    "n": "name", "p": "place", "d": "date", "t": "phone", "f": "fax", "s": "ssn", "m": "mrn", "l": "plan", "a": "account",
    "i": "licence", "v": "vehicle", "o": "other", "e": "email", "u": "url", "q": "ip", "k": "device",
}  # fmt: skip
_MARK = re.compile(r"\[([a-z]):([^\]]+)\]")
_AROUND = 25
Scan = Callable[[str], list[Finding]]


class Text(NamedTuple):
    """A text and what in it is an identifier: start, end (exclusive), class."""

    genre: str
    text: str
    spans: list[tuple[int, int, str]]


class Missed(NamedTuple):
    """An identifier that is not covered, or a finding that touches none."""

    kind: str
    said: str
    context: str


def texts(name: str = "texts") -> list[Text]:
    """The texts of ``reach/<name>.txt``."""
    return read(TEXTS / f"{name}.txt")


def read(path: Path) -> list[Text]:
    """The texts of the file ``path``."""
    found = []
    for piece in re.split(r"(?m)^# ", path.read_text(encoding="utf-8"))[1:]:
        genre, _, body = piece.partition("\n")
        found.append(_unmarked(genre, body.rstrip("\n")))
    return found


def _unmarked(genre: str, body: str) -> Text:
    text, last, spans = "", 0, []
    for hit in _MARK.finditer(body):
        text += body[last : hit.start()]
        spans.append((len(text), len(text) + len(hit[2]), _SHORT[hit[1]]))
        text += hit[2]
        last = hit.end()
    return Text(genre, text + body[last:], spans)


def misses(row: Text, find: Scan = scan) -> Iterator[Missed]:
    """Identifiers that are not wholly covered."""
    covered = {place for item in find(row.text) for place in range(item.start, item.end)}
    for start, end, kind in row.spans:
        if not all(place in covered for place in range(start, end) if row.text[place].isalnum()):
            yield Missed(kind, row.text[start:end], row.text[max(0, start - _AROUND) : end + _AROUND])


def alarms(row: Text, find: Scan = scan) -> Iterator[Missed]:
    """Findings that touch no identifier."""
    true = {place for start, end, _ in row.spans for place in range(start, end)}
    for item in find(row.text):
        if true.isdisjoint(range(item.start, item.end)):
            context = row.text[max(0, item.start - _AROUND) : item.end + _AROUND]
            yield Missed(item.kind, f"{row.text[item.start : item.end]} <{item.rule}>", context)


def totals(rows: Iterable[Text], find: Scan = scan) -> tuple[Counter[str], Counter[str], Counter[str], Counter[str]]:
    """Per class: identifiers, those found, findings, false alarms."""
    there: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    said: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        found = find(row.text)
        there.update(kind for _, _, kind in row.spans)
        lost.update(miss.kind for miss in misses(row, lambda _, found=found: found))  # type: ignore[misc]
        said.update(item.kind for item in found)
        wrong.update(alarm.kind for alarm in alarms(row, lambda _, found=found: found))  # type: ignore[misc]
    return there, there - lost, said, wrong


def main(words: list[str]) -> None:
    """Print the totals of all files; of those that may be read, before them everything that is missed or wrong."""
    held = words[:1] == ["held"]
    find = scan_closely if words == ["held"] else scan
    for path in sorted((HELD if held else TEXTS).glob("*.txt")):
        rows = read(path)
        for row in () if held else rows:
            for label, items in (("MISS", misses(row)), ("ALARM", alarms(row))):
                for item in items:
                    print(f"{label:5} {item.kind:7} {item.said!r:40} {item.context!r}")
        there, found, said, wrong = totals(rows, find)
        for kind in sorted(there):
            print(f"{path.stem} {kind:8} recall {found[kind]}/{there[kind]}  alarms {wrong[kind]}/{said[kind]}")
        print(
            f"{path.stem} all recall {found.total() / there.total():.3f} ({found.total()}/{there.total()}) "
            f"precision {1 - wrong.total() / max(1, said.total()):.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
