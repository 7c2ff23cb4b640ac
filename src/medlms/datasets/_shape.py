"""Finds out which column of a table holds what: columns that were named, then shapes and names that are usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.datasets import _dialogues
from medlms.datasets._loaded import normalised
from medlms.datasets._row import Row
from medlms.datasets._rows import Table
from medlms.errors import DataError
from medlms.types import Fault

QUESTION = ("question", "questions", "query", "prompt", "user", "patient_question", "problem", "q")
ANSWER = ("answer", "answers", "response", "completion", "reply", "output", "assistant", "target", "a")
TOPIC = ("topic", "focus", "subject", "group")
KIND = ("type", "kind", "qtype", "question_type")
DOCUMENT = ("document", "document_id", "doc_id", "patient", "patient_id", "note_id", "url")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which column holds what; empty where there is none. ``chat`` holds a list of turns instead of two columns."""

    question: str = ""
    answer: str = ""
    topic: str = ""
    kind: str = ""
    document: str = ""
    instruction: str = ""
    chat: str = ""
    id: str = ""


def find(path: Path, table: Table, chosen: Mapping[str, str]) -> Shape:
    """The shape of a table. ``chosen`` names columns by what they hold, and wins. Raises DataError.

    Where the table's first rows lack a column that is looked for, all of them are read.
    """
    try:
        return _find(path, table, chosen)
    except DataError:
        before = table.columns
        table.whole()
        if table.columns == before:
            table.close()
            raise
    try:
        return _find(path, table, chosen)
    except DataError:
        table.close()
        raise


def _find(path: Path, table: Table, chosen: Mapping[str, str]) -> Shape:
    if not table.columns:
        first = next(row for row in table.head if isinstance(row, Fault))
        raise DataError(f"{path}: no row can be read; the first fault: {first.place}: {first.reason}: {first.detail}.")
    unknown = [name for name in chosen.values() if name not in table.columns]
    if unknown:
        missing = ", ".join(map(repr, unknown))
        raise DataError(
            f"{path}: there is no column {missing}; found: {listed(table.columns)}.",
            hint=" ".join(filter(None, (near(name, table.columns) for name in unknown))),
        )
    folded = {_fold(column): column for column in reversed(table.columns)}
    taken = set(chosen.values())
    rest = Shape(
        topic=chosen.get("topic", "") or _first(folded, TOPIC, taken),
        kind=chosen.get("kind", "") or _first(folded, KIND, taken),
        document=chosen.get("document", "") or _first(folded, DOCUMENT, taken),
        id=chosen.get("id", "") or ("id" if "id" in table.columns and "id" not in taken else ""),
    )
    question, answer = chosen.get("question", ""), chosen.get("answer", "")
    if question and answer:
        return replace(rest, question=question, answer=answer)
    chat = chosen.get("messages", "") or _first(folded, _dialogues.CHATS, set())
    if chat and not question and not answer:
        return replace(rest, chat=chat)
    if not question and {"instruction", "output"} <= folded.keys() and not (answer and answer != folded["output"]):
        return replace(
            rest, question=folded.get("input", ""), answer=folded["output"], instruction=folded["instruction"]
        )
    asked = question or _first(folded, QUESTION, {answer}) or folded.get("input", "")
    answered = answer or _first(folded, ANSWER, {asked})
    missing_parts = [what for what, column in (("question", asked), ("answer", answered)) if not column]
    if missing_parts:
        raise DataError(
            f"{path}: no column for the {' or the '.join(missing_parts)}; found: {listed(table.columns)}.",
            hint=_guess(missing_parts, table.columns),
        )
    return replace(rest, question=asked, answer=answered)


def mapping(shape: Shape, kind: str) -> str:
    """In words, what is read from which column."""
    parts = []
    if shape.chat:
        parts.append(f"question and answer from the turns in {shape.chat!r}")
    elif shape.instruction:
        parts.append(f"question from {shape.question or shape.instruction!r}, answer from {shape.answer!r}")
    else:
        parts.append(f"question from {shape.question!r}, answer from {shape.answer!r}")
    if shape.topic:
        parts.append(f"topic from {shape.topic!r}")
    if shape.kind:
        parts.append(f"kind of question from {shape.kind!r}")
    if shape.document:
        parts.append(f"rows of one {shape.document!r} are kept together")
    if shape.id:
        parts.append(f"id from {shape.id!r}")
    return f"{'Parquet' if kind == 'parquet' else kind.upper()}, " + ", ".join(parts)


def unused(shape: Shape, columns: Sequence[str]) -> list[str]:
    """The columns that nothing is read from."""
    used = {getattr(shape, field.name) for field in fields(shape)}
    return [column for column in columns if column not in used]


def instructions(table: Table, shape: Shape) -> set[str]:
    """The distinct instructions in an Alpaca table's first rows; a single one says nothing about a question."""
    if not shape.instruction:
        return set()
    values: list[Any] = [row.values.get(shape.instruction) for row in table.head if isinstance(row, Row)]
    return {value.strip() for value in values if isinstance(value, str)}


def listed(names: Sequence[str]) -> str:
    """Names for a sentence; the first twelve of many."""
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _fold(column: str) -> str:
    return normalised(column).replace(" ", "_")


def _first(folded: Mapping[str, str], wanted: tuple[str, ...], taken: set[str]) -> str:
    return next((folded[name] for name in wanted if name in folded and folded[name] not in taken), "")


def _guess(missing: list[str], found: Sequence[str]) -> str:
    folded = {_fold(column): column for column in found}
    parts = []
    for what in missing:
        known = QUESTION if what == "question" else ANSWER
        close = next((folded[name] for name in folded if any(word in name for word in known[:6])), "")
        close = close or next((folded[name] for name in folded if near(name, known)), "")
        parts.append(f"{what}: {close or 'COLUMN'}")
    options = " ".join(f"--column {part.replace(': ', '=')}" for part in parts)
    return f"Name them in the config: data: [{{source: FILE, columns: {{{', '.join(parts)}}}}}], or: data check FILE {options}"
