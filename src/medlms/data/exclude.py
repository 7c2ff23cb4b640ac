"""Leaves rows out that a list names: someone took back their consent, a source was withdrawn, an answer proved wrong.

A list has one entry a line: a row's id, ``document:SOURCE/NAME`` or ``topic:NAME`` for all rows with that link (a patient's),
or a JSON object with ``id`` and ``mark`` (a hash of the row's text), as `medlms data trace --write` makes them. A row
is found by either, so it stays out when its file is renamed or sorted anew. Empty lines and lines that begin with # say nothing.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medlms.data.origin import Origin
from medlms.data.store import take
from medlms.datasets import before, normalised
from medlms.errors import DataError
from medlms.types import QA, Fault

LISTED = "listed in exclude"
REPEATS = "says what a row listed in exclude says"
LINKS = ("document:", "topic:")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Lists:
    """What the lists name: entry -> where it stands, by what it is; and each list's sha256."""

    ids: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def topics(self) -> list[str]:
        """The topics that are named, which rows may have in their question alone."""
        return [link.removeprefix("topic:") for link in self.links if link.startswith("topic:")]

    def names(self, row: QA | Origin, text: str) -> str:
        """Where an entry stands that names the row, whose text has the mark ``text``; empty when none does."""
        found = self.ids.get(row.id) or self.marks.get(text) or ""
        return found or next((self.links[link] for link in row.links if link in self.links), "")


@dataclass(frozen=True, slots=True)
class Excluded:
    """Rows that are left, those left out as (source, fault), and the account for the report (empty without lists).

    ``found`` are the places of entries that name a row.
    """

    rows: Sequence[QA]
    dropped: list[tuple[str, Fault]]
    account: dict[str, Any]
    lists: Lists
    found: frozenset[str] = frozenset()


def read(files: Iterable[str | Path]) -> Lists:
    """The entries of all lists. Raises DataError with file and line for what can't be read."""
    lists = Lists()
    for name in files:
        path = Path(name).expanduser()
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig")
        except FileNotFoundError:
            raise DataError(
                f"exclude: {path}: there is no such file.",
                hint="Rows that were to be left out would come back, so nothing is done without it.",
            ) from None
        except UnicodeDecodeError as error:
            raise DataError(f"exclude: {path}: not UTF-8 text (byte {error.start:,}).") from None
        except OSError as error:
            raise DataError(f"exclude: {path}: can't be read: {error.strerror}.") from None
        lists.files[str(path)] = hashlib.sha256(content).hexdigest()
        for number, line in enumerate(text.splitlines(), 1):
            if (entry := line.strip()) and not entry.startswith("#"):
                _add(lists, entry, f"{path}:{number}")
    return lists


def _add(lists: Lists, entry: str, place: str) -> None:
    if not entry.startswith("{"):
        kind = lists.links if entry.startswith(LINKS) else lists.ids
        kind[entry] = place
        lists.entries[place] = (entry,)
        return
    try:
        value = json.loads(entry)
    except ValueError:
        value = None
    said = [value.get("id"), value.get("mark")] if isinstance(value, dict) else []
    names = [item for item in said if isinstance(item, str) and item]
    if not names:
        raise DataError(
            f"exclude: {place}: neither an id nor a JSON object with id or mark.",
            hint='An entry is an id, or such as {"id": "mine/17", "mark": "..."}.',
        )
    for item, kind in zip(said, (lists.ids, lists.marks), strict=True):
        if isinstance(item, str) and item:
            kind[item] = place
    lists.entries[place] = tuple(names)


def apply(files: Sequence[str], rows: Sequence[QA], originals: Iterable[Origin]) -> Excluded:
    """``rows`` (cleaned) without those that the lists name or that say the same as one of them.

    ``originals`` are all rows as they were read: they have the marks, and tell which entries name no row at all.
    """
    lists = read(files)
    if not lists.files:
        return Excluded(rows, [], {}, lists)
    named: dict[str, str] = {}
    found: set[str] = set()
    for origin in originals:
        if place := lists.names(origin, origin.mark):
            named[origin.id] = place
            found |= {place, *(lists.links[link] for link in origin.links if link in lists.links)}
            found |= {kind[key] for kind, key in ((lists.ids, origin.id), (lists.marks, origin.mark)) if key in kind}
    asked = {normalised(row.question) for row in rows if row.id in named}
    says = {_said(row): row.place for row in rows if row.id in named}
    left = array("q")
    dropped: list[tuple[str, Fault]] = []
    for number, row in enumerate(rows):
        if row.id in named:
            dropped.append((row.source, Fault(row.place, LISTED, f"by {Path(named[row.id]).name}")))
        elif normalised(row.question) in asked and (same := says.get(_said(row))):
            dropped.append((row.source, Fault(row.place, REPEATS, f"as in {same}")))
        else:
            left.append(number)
    kept = take(rows, np.asarray(left, dtype=np.int64))
    return Excluded(kept, dropped, _account(lists, dropped, found), lists, frozenset(found))


def linked_since(excluded: Excluded, rows: Sequence[QA]) -> Excluded:
    """``rows`` without those that have got a listed link since ``apply``: a topic that stands in their question alone."""
    lists = excluded.lists
    left = array("q")
    dropped: list[tuple[str, Fault]] = []
    used: set[str] = set()
    for number, row in enumerate(rows):
        if places := {lists.links[link] for link in row.links if link in lists.links}:
            used |= places
            dropped.append((row.source, Fault(row.place, LISTED, f"by {Path(min(places)).name}")))
        else:
            left.append(number)
    if not dropped:
        return Excluded(rows, [], excluded.account, lists)
    account = _account(lists, [*excluded.dropped, *dropped], excluded.found | used)
    return Excluded(take(rows, np.asarray(left, dtype=np.int64)), dropped, account, lists, excluded.found | used)


def _said(row: QA) -> tuple[str, ...]:
    return tuple(normalised(text) for text in (*before(row), row.answer))


def _account(lists: Lists, dropped: Sequence[tuple[str, Fault]], found: Set[str]) -> dict[str, Any]:
    missing = [entry for place, names in lists.entries.items() if place not in found for entry in names[:1]]
    reasons = Counter(fault.reason for _, fault in dropped)
    return {
        "lists": {Path(name).name: sha256 for name, sha256 in lists.files.items()},
        "entries": len(lists.entries),
        "rows_left_out": reasons[LISTED],
        "repeats_left_out": reasons[REPEATS],
        "by_source": dict(Counter(source for source, _ in dropped)),
        "entries_that_name_no_row": len(missing),
        "first_of_these": missing[:SHOWN],
    }


def prove(lists: Lists, sides: Mapping[str, Sequence[QA]], marks: Mapping[str, str]) -> None:
    """DataError when a row that a list names stands in a part after all; ``marks`` are those of the rows as read, by id."""
    if not lists.entries:
        return
    for side, rows in sides.items():
        for row in rows:
            if place := lists.names(row, marks.get(row.id, "")):
                raise DataError(
                    f"{row.id} ({row.place}) is listed in {place} and stands in {side} all the same.",
                    hint="This is a fault of the program, not of the data: please report it.",
                )


def said(account: Mapping[str, Any]) -> list[str]:
    """What was left out, in sentences."""
    if not account:
        return []
    lines = [
        f"left out because of {', '.join(account['lists'])}: {account['rows_left_out']:,} rows, and "
        f"{account['repeats_left_out']:,} that say the same"
    ]
    if missing := account["entries_that_name_no_row"]:
        shown = ", ".join(account["first_of_these"][:3])
        lines.append(
            f"{missing:,} of {account['entries']:,} entries of these lists name no row of the data: {shown}"
            + (", ..." if missing > 3 else "")
        )
    return lines
