"""Looks at, or replaces, what stands in the cells of a table's row: texts, lists and objects in them, numbers and dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from medlms.data import surrogates
from medlms.data.identifiers import Finding
from medlms.data.surrogates import codes, dates
from medlms.data.surrogates.replace import learn

Look = Callable[[str], list[Finding]]
SHORT = 80  # characters; a shorter cell is read together with the name of its column ('mrn: 4471902')
SPEECH = frozenset({"role", "from", "type", "weight"})
"""Keys of a turn that say who speaks."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a row, where it stands in it, and what was found."""

    field: str
    text: str
    findings: list[Finding]


@dataclass(slots=True)
class Edit:
    """A replacement in a cell, for the review list."""

    field: str
    kind: str
    before: str
    original: str
    after: str
    surrogate: str


@dataclass(slots=True)
class Edited:
    """What became of a row."""

    values: dict[str, Any]
    edits: list[Edit] = field(default_factory=list)
    characters: int = 0
    left: int = 0


def texts(values: Mapping[str, Any], look: Look) -> list[Text]:
    """Every text of a row that something was found in. Dates of typed cells are findings as a whole."""
    found: list[Text] = []

    def see(name: str, value: Any) -> Any:
        if isinstance(value, date):
            text = value.isoformat()
            found.append(Text(name, text, [Finding(0, len(text), "date", "typed cell", 1.0)]))
        elif findings := _of_cell(name, str(value), look):
            found.append(Text(name, str(value), findings))
        return value

    _walk(values, see)
    return found


def teach(values: Mapping[str, Any], group: surrogates.Group, look: Look) -> None:
    """Let a group learn from a row what its unclear dates need."""
    for item in texts(values, look):
        learn(item.text, group, scan=lambda _, findings=item.findings: findings)  # type: ignore[misc]


def edited(
    values: Mapping[str, Any],
    group: surrogates.Group,
    look: Look,
    *,
    ids: Mapping[str, surrogates.Group] = MappingProxyType({}),
) -> Edited:
    """The row with surrogates; numbers stay numbers and dates dates.

    ``ids`` are columns whose values keep apart what is apart in the whole table, with the group that sees to it.
    """
    done = Edited({})

    def swap(name: str, value: Any) -> Any:
        text = str(value)
        if isinstance(value, date):
            new: Any = dates.shifted(group, value)
            done.edits.append(Edit(name, "date", "", text, "", str(new)))
            return new
        done.characters += len(text)
        findings = _of_cell(name, text, look)
        if not findings:
            return value
        if isinstance(value, int):
            new = int(codes.code(ids.get(name, group), text))
            done.edits.append(Edit(name, findings[0].kind, "", text, "", str(new)))
            return new
        if name in ids:
            code = codes.code(ids[name], text)
            done.edits.append(Edit(name, findings[0].kind, "", text, "", code))
            return code
        made = surrogates.deidentify(text, group, scan=look, findings=findings)
        done.left += len(made.left)
        done.edits += [
            Edit(name, c.kind, text[max(0, c.start - 40) : c.start], c.original, text[c.end : c.end + 40], c.surrogate)
            for c in made.changes
        ]
        return made.text

    done.values = _walk(values, swap)
    return done


def _of_cell(name: str, text: str, look: Look) -> list[Finding]:
    """The findings of a cell; of a short one also those that the name of its column brings to light."""
    found = look(text)
    if len(text) > SHORT or not text.strip():
        return found
    start = f"{name.rpartition('.')[2].replace('_', ' ')}: "
    behind = [
        Finding(item.start - len(start), item.end - len(start), item.kind, item.rule, item.confidence)
        for item in look(start + text)
        if item.start >= len(start)
    ]
    return max(found, behind, key=lambda items: sum(item.end - item.start for item in items))


def _walk(values: Mapping[str, Any], each: Callable[[str, Any], Any]) -> dict[str, Any]:
    return {key: _walked(key, value, each) for key, value in values.items()}


def _walked(name: str, value: Any, each: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, dict):
        is_turn = "content" in value or "value" in value
        return {
            key: inner if is_turn and key in SPEECH else _walked(f"{name}.{key}", inner, each)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_walked(name, inner, each) for inner in value]
    if isinstance(value, str | date) or (isinstance(value, int) and not isinstance(value, bool)):
        return each(name, value)
    return value
