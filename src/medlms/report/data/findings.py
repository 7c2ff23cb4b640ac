"""What a data report holds of copies, overlaps, exams and identifiers, as sentences, tables and lists of places.

These parts are filled by steps that may be missing; what is not there is not shown, and what was not looked for is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medlms.report.data.tables import MOST, Account, title
from medlms.report.tables import Cell, Table, capital, count

Item = list[tuple[str, str]]  # (kind, text), kind being place or text
_COPIES = {
    "equal_answers": "Equal answers",
    "near_answers": "Nearly equal answers",
    "near_questions": "Questions in nearly the same words",
}
_ASKED = {
    "apart": "Rows with a copy in another group may be trained on, but are never graded on.",
    "drop": "Of rows with nearly equal answers the first is kept.",
    "report": "Near copies are counted only: grades may come out too well.",
}
_OVERLAPS = {"whole": "Whole question", "words": "By words", "characters": "By characters", "any": "In any way"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One section: sentences, tables, and titled lists of places with what stands there."""

    said: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    lists: tuple[tuple[str, list[Item]], ...] = ()


def copies(account: Account) -> Finding | None:
    """Repeated questions, and copies of answers and questions where they were looked for."""
    repeated = account.get("repeated_questions") or {}
    found = account.get("duplicates") or {}
    said = []
    if number := repeated.get("questions_with_several_answers"):
        held = count(repeated["rows_in_them"])
        said.append(f"{count(number)} questions have several answers ({held} rows); each answer counts as a reference.")
    kinds = [(key, label, found[key]) for key, label in _COPIES.items() if isinstance(found.get(key), Mapping)]
    if not kinds:
        return Finding((*said, "Near copies were not looked for.")) if said or account.get("sources") else None
    said.append(_ASKED.get(str(found.get("asked")), ""))
    if (crossing := found.get("rows_with_a_copy_in_another_group")) is not None:
        said.append(f"{count(crossing)} rows have a copy in another group of related rows.")
    if (graded := found.get("graded_rows_with_a_copy_in_training")) is not None:
        said.append(f"{count(graded)} graded rows have a near copy in training.")
    rows = tuple(
        (Cell(label), *(Cell(count(item.get(key))) for key in ("clusters", "rows", "largest")))
        for _, label, item in kinds
    )
    notes = tuple(filter(None, [str(found.get("meaning") or "")]))
    table = Table("copies", "Texts that repeat one another.", ("Kind", "Clusters", "Rows", "Largest"), rows, notes)
    lists = tuple(
        (f"{label}: the largest clusters", [_copy(example) for example in item["examples"][:MOST]])
        for _, label, item in kinds
        if item.get("examples")
    )
    return Finding(tuple(filter(None, said)), (table,), lists)


def overlaps(account: Account) -> Finding | None:
    """What was compared between the parts."""
    found = account.get("overlaps") or {}
    compared = found.get("values_compared") or {}
    if not compared:
        return None
    rows = tuple((Cell(capital(kind.replace("_", " "))), Cell(count(number))) for kind, number in compared.items())
    table = Table(
        "overlaps",
        "What was compared between training, development and evaluation.",
        ("Kind", "Different values"),
        rows,
    )
    said = [
        f"Found in two parts: {count(found.get('on_two_sides', 0))}. A split with one would have stopped the program."
    ]
    for reason, number in (account.get("passed_over") or {}).items():
        said.append(f"Passed over when development and evaluation rows were drawn: {count(number)} rows ({reason}).")
    graded = account.get("graded")
    if not graded:
        return Finding(tuple(said), (table,))
    said.append(
        f"{count(graded['any'])} of the {count(graded['items'])} graded rows share a run of text with training rows."
    )
    rows = tuple((Cell(label), Cell(count(graded.get(key)))) for key, label in _OVERLAPS.items() if key in graded)
    notes = tuple(filter(None, [str(graded.get("meaning") or "")]))
    more = Table(
        "graded", "Graded rows that share a run of text with a training row.", ("How", "Graded rows"), rows, notes
    )
    return Finding(tuple(said), (table, more), _hits(graded))


def exams(account: Account) -> Finding | None:
    """Exam questions found in the training rows."""
    found = account.get("exams")
    if not found:
        return None
    said = [str(sentence) for sentence in found.get("said") or []]
    if not found.get("compared"):
        return Finding(tuple(said) or ("Training rows were not compared with exams.",))
    said.insert(
        0, f"{count(found.get('rows_hit', 0))} of {count(found.get('rows'))} training rows share a text with an exam."
    )
    keys = [key for key in _OVERLAPS if any(key in numbers for numbers in found["exams"].values())]
    rows = tuple(
        (Cell(name), Cell(count(numbers.get("questions"))), *(Cell(count(numbers.get(key))) for key in keys))
        for name, numbers in found["exams"].items()
    )
    heads = ("Exam", "Questions", *(_OVERLAPS[key] for key in keys))
    notes = tuple(filter(None, [str(found.get("meaning") or "")]))
    table = Table("exams", "Exam questions that stand in training rows.", heads, rows, notes)
    return Finding(tuple(said), (table,), _hits(found))


def identifiers(account: Account) -> Finding | None:
    """What was found that may name a person; numbers by class and places, whatever they are called in the account."""
    found = account.get("identifiers")
    if not found:
        return None
    said = [] if found.get("scanned") else ["The rows were not searched for identifiers of patients."]
    if found.get("asked"):
        said.append(f"Asked for in the config: identifiers: {found['asked']}.")
    told: list[Table] = []
    lists: list[tuple[str, list[Item]]] = []
    for key, value in found.items():
        name = capital(key.replace("_", " "))
        if key in ("scanned", "asked"):
            continue
        if isinstance(value, str) and value:
            said.append(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            said.append(f"{name}: {count(value)}.")
        elif isinstance(value, Mapping) and value:
            told.append(_numbers(f"identifiers-{len(told)}", name, value, account))
        elif isinstance(value, Sequence) and value and not isinstance(value, str):
            lists.append(
                (
                    f"{name}: the first {min(len(value), MOST)} of {count(len(value))}",
                    [_item(one) for one in value[:MOST]],
                )
            )
    return Finding(tuple(said), tuple(told), tuple(lists))


def warnings(account: Account) -> list[str]:
    """Findings that a reader must not miss."""
    found = []
    scan = account.get("identifiers") or {}
    own = [title(account, name) for name, source in account["sources"].items() if not source.get("public")]
    if own and not scan.get("scanned"):
        found.append(f"{', '.join(own)}: not searched for identifiers of patients. {scan.get('note') or ''}".strip())
    duplicates = account.get("duplicates") or {}
    if number := duplicates.get("graded_rows_with_a_copy_in_training"):
        found.append(f"{count(number)} graded rows have a near copy in training: grades come out too well.")
    exam = account.get("exams") or {}
    if number := exam.get("rows_hit"):
        found.append(
            f"{count(number)} training rows share a text with an exam: grade that exam without those questions too."
        )
    return found


def _hits(found: Mapping[str, Any]) -> tuple[tuple[str, list[Item]], ...]:
    hits = found.get("hits") or []
    listed: list[Item] = [
        [("place", str(hit.get("place"))), ("text", f"{hit.get('part')} and {hit.get('exam_id')}: {hit.get('text')}")]
        for hit in hits[:MOST]
    ]
    whole = found.get("hits_in_all", len(hits))
    return ((f"The first {len(listed)} of {count(whole)} overlaps", listed),) if listed else ()


def _copy(example: Mapping[str, Any]) -> Item:
    places, texts = example.get("places") or [], example.get("texts") or []
    item: Item = [("text", f"{count(example.get('rows'))} rows, such as")]
    for place, text in zip(places, texts, strict=False):
        item += [("place", str(place)), ("text", str(text))]
    return item


def _numbers(name: str, label: str, value: Mapping[str, Any], account: Account) -> Table:
    nested = {key: item for key, item in value.items() if isinstance(item, Mapping)}
    keys = list(dict.fromkeys(key for item in nested.values() for key in item if not isinstance(item[key], Mapping)))
    rows: list[tuple[Cell, ...]] = []
    for key, item in value.items():
        rows.append(
            (Cell(title(account, key)), *([_cell(nested.get(key, {}).get(one)) for one in keys] or [_cell(item)]))
        )
    heads = ("", *(capital(str(key).replace("_", " ")) for key in keys)) if keys else ("", "Found")
    return Table(name, f"{label}.", heads, tuple(rows))


def _cell(value: Any) -> Cell:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell("" if value is None else str(value))
    return Cell(count(value))


def _item(value: Any) -> Item:
    if not isinstance(value, Mapping):
        return [("text", str(value))]
    rest: Iterable[str] = (f"{key}: {item}" for key, item in value.items() if key != "place" and item not in ("", None))
    return [("place", str(value["place"]))] * ("place" in value) + [("text", ", ".join(rest))]
