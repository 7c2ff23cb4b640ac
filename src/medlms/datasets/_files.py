"""Turns any local file of questions and answers into rows: finds the columns, says which, and lists what is unusable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.datasets import _dialogues, _rows
from medlms.datasets._loaded import Loaded, normalised
from medlms.errors import DataError
from medlms.types import QA, Dialogue, Fault, Source

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


def read(path: Path, *, question: str = "", answer: str = "", topic: str = "", tolerant: bool = False) -> Loaded:
    """The file's rows, with ids ``<file stem>/<row's id, or its number>``.

    ``question``, ``answer`` and ``topic`` name columns; what is not named is found by the usual names. Raises DataError
    for a file that can't be read, and unless ``tolerant`` for one of which more than half of the rows are faulty.
    """
    table = _rows.read(path)
    shape = _shape(path, table, question, answer, topic)
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    source = Source(name, path.name, "not stated", "", str(path), public=False)
    instructions = _instructions(table, shape)
    said = [f"{path.name}: {_mapping(shape, table.kind)}", *_remarks(table, shape, instructions)]
    ids = _ids(table, said, path.name)
    examples: list[QA] = []
    faults: list[Fault] = []
    for row in table.rows:
        item = row if isinstance(row, Fault) else _example(row, shape, source, ids, instructions)
        (examples if isinstance(item, QA) else faults).append(item)  # type: ignore[arg-type]
    said.append(f"{path.name}: {len(examples):,} of {len(table.rows):,} rows can be used")
    if sizes := [len(_dialogues.exchanges(row)) for row in examples if isinstance(row, Dialogue)]:
        said.append(
            f"{path.name}: {len(sizes):,} rows are dialogues of up to {max(sizes)} questions; every answer in them is learned, "
            "the last one is graded"
        )
    if not tolerant and 2 * len(faults) > len(table.rows):
        raise DataError(_too_many(path, faults, len(table.rows)), hint=f"All of them: medlms data check {path}")
    return Loaded(examples, faults, len(table.rows), source, {str(path): table.sha256}, said)


def columns(path: Path, *, question: str = "", answer: str = "", topic: str = "") -> tuple[Shape, list[str], str]:
    """Which columns would be used, all columns, and the file's format. Raises DataError as ``read`` does."""
    table = _rows.read(path)
    return _shape(path, table, question, answer, topic), table.columns, table.kind


def _shape(path: Path, table: _rows.Table, question: str, answer: str, topic: str) -> Shape:
    """Explicit columns win; then chats, Alpaca's three columns, and question and answer under their usual names."""
    if not table.columns:
        first = next(row for row in table.rows if isinstance(row, Fault))
        raise DataError(f"{path}: no row can be read; the first fault: {first.place}: {first.detail}.")
    for name in filter(None, (question, answer, topic)):
        if name not in table.columns:
            hint = near(name, table.columns)
            raise DataError(f"{path}: there is no column {name!r}; found: {_listed(table.columns)}.", hint=hint)
    folded = {_fold(column): column for column in reversed(table.columns)}
    rest = Shape(
        topic=topic or _first(folded, TOPIC, {question, answer}),
        kind=_first(folded, KIND, {question, answer, topic}),
        document=_first(folded, DOCUMENT, {question, answer, topic}),
    )
    if question and answer:
        return _with(rest, question=question, answer=answer)
    chat = _first(folded, _dialogues.CHATS, set())
    if chat and not question and not answer:
        return _with(rest, chat=chat)
    if not question and {"instruction", "output"} <= folded.keys() and not (answer and answer != folded["output"]):
        return _with(rest, question=folded.get("input", ""), answer=folded["output"], instruction=folded["instruction"])
    asked = question or _first(folded, QUESTION, {answer}) or folded.get("input", "")
    answered = answer or _first(folded, ANSWER, {asked})
    missing = [what for what, column in (("question", asked), ("answer", answered)) if not column]
    if missing:
        raise DataError(
            f"{path}: no column for the {' or the '.join(missing)}; found: {_listed(table.columns)}.",
            hint=_guess(missing, table.columns),
        )
    return _with(rest, question=asked, answer=answered)


def _with(rest: Shape, *, question: str = "", answer: str = "", instruction: str = "", chat: str = "") -> Shape:
    return Shape(question, answer, rest.topic, rest.kind, rest.document, instruction, chat)


def _fold(column: str) -> str:
    return normalised(column).replace(" ", "_")


def _first(folded: Mapping[str, str], wanted: tuple[str, ...], taken: set[str]) -> str:
    return next((folded[name] for name in wanted if name in folded and folded[name] not in taken), "")


def _guess(missing: list[str], found: list[str]) -> str:
    folded = {_fold(column): column for column in found}
    parts = []
    for what in missing:
        known = QUESTION if what == "question" else ANSWER
        close = next((folded[name] for name in folded if any(word in name for word in known[:6])), "")
        close = close or next((folded[name] for name in folded if near(name, known)), "")
        parts.append(f"{what}: {close or 'COLUMN'}")
    return f"Name them in the config: data: [{{source: FILE, {', '.join(parts)}}}]."


def _mapping(shape: Shape, kind: str) -> str:
    parts = []
    if shape.chat:
        parts.append(f"question and answer from the turns in {shape.chat!r}")
    elif shape.instruction:
        parts.append(f"question from {shape.question or shape.instruction!r}, answer from {shape.answer!r}")
    else:
        parts.append(f"question from {shape.question!r}, answer from {shape.answer!r}")
    if shape.topic:
        parts.append(f"topic from {shape.topic!r}")
    if shape.document:
        parts.append(f"rows of one {shape.document!r} are kept together")
    return f"{kind.upper()}, " + ", ".join(parts)


def _instructions(table: _rows.Table, shape: Shape) -> set[str]:
    """The distinct instructions of Alpaca rows; a single one is the same for all and says nothing about a question."""
    if not shape.instruction:
        return set()
    values = (row.values.get(shape.instruction) for row in table.rows if isinstance(row, _rows.Row))
    return {value.strip() for value in values if isinstance(value, str)}


def _remarks(table: _rows.Table, shape: Shape, instructions: set[str]) -> list[str]:
    if shape.instruction and len(instructions) == 1 and shape.question:
        return [f"the column {shape.instruction!r} is the same in all rows; the config's instruction takes its place"]
    rows = [row for row in table.rows if isinstance(row, _rows.Row)]
    if shape.chat and (count := sum(_dialogues.has_system(row.values.get(shape.chat)) for row in rows)):
        return [f"system messages are not used ({count:,} rows have one); the config's instruction takes their place"]
    return []


def _ids(table: _rows.Table, said: list[str], name: str) -> dict[int, str]:
    """Row number -> id: the file's own ids when every row has one and none stands twice."""
    rows = [row for row in table.rows if isinstance(row, _rows.Row)]
    own = [row.values.get("id") for row in rows]
    if any(value is not None for value in own):
        ids = [str(value).strip() for value in own if isinstance(value, str | int) and str(value).strip()]
        if len(set(ids)) == len(rows):
            return {row.number: value for row, value in zip(rows, ids, strict=True)}
        said.append(f"{name}: the column 'id' is not filled and distinct in all rows; rows are named by their number")
    return {row.number: str(row.number) for row in rows}


def _example(
    row: _rows.Row, shape: Shape, source: Source, ids: Mapping[int, str], instructions: set[str]
) -> QA | Fault:
    pairs: _dialogues.Pairs | Fault
    if shape.chat:
        pairs = _dialogues.read(row, shape.chat)
    else:
        pair = _alpaca(row, shape, instructions) if shape.instruction else _pair(row, shape.question, shape.answer)
        pairs = pair if isinstance(pair, Fault) else [pair]
    if isinstance(pairs, Fault):
        return pairs
    for pair in pairs:
        for field, value in zip(("question", "answer"), pair, strict=True):
            if problem := _unfit(value):
                return Fault(row.place, problem[0].format(field), problem[1])
    said = [value.strip() for pair in pairs for value in pair]
    topic = _label(row.values.get(shape.topic)) if shape.topic else ""
    document = _label(row.values.get(shape.document)) if shape.document else ""
    links = [f"topic:{normalised(topic)}"] if normalised(topic) else []
    if document:
        links.append(f"document:{source.name}/{document}")
    made = QA(
        id=f"{source.name}/{ids[row.number]}",
        source=source.name,
        licence=source.licence,
        place=row.place,
        question=said[0],
        answer=said[-1],
        topic=topic,
        kind=_label(row.values.get(shape.kind)) if shape.kind else "",
        links=tuple(links),
    )
    return _dialogues.dialogue(made, tuple(said[1:-1]))


def _pair(row: _rows.Row, question: str, answer: str) -> tuple[str, str] | Fault:
    values = []
    for column in (question, answer):
        value = row.values.get(column)
        if value is None:
            value = ""
        if not isinstance(value, str):
            return Fault(row.place, "wrong type", f"{column} is {_shown(value)}; text is needed")
        values.append(value)
    return values[0], values[1]


def _alpaca(row: _rows.Row, shape: Shape, instructions: set[str]) -> tuple[str, str] | Fault:
    first = _pair(row, shape.instruction, shape.answer)
    if isinstance(first, Fault) or not shape.question:
        return first
    second = _pair(row, shape.question, shape.answer)
    if isinstance(second, Fault):
        return second
    instruction, asked = first[0].strip(), second[0].strip()
    if not asked:
        # Without an input the instruction is the question, unless it is only the line that all rows share.
        return (
            instruction if len(instructions) > 1 or (len(instructions) == 1 and "?" in instruction) else ""
        ), second[1]
    return (asked if len(instructions) <= 1 else f"{instruction}\n{asked}"), second[1]


def _unfit(value: str) -> tuple[str, str] | None:
    if not value.strip():
        return "empty {}", ""
    if "\0" in value:
        return "broken text", "holds a NUL character"
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        return "broken text", f"half of a surrogate pair at character {error.start + 1}"
    return None


def _label(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return " ".join(str(value).split())


def _shown(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    text = json.dumps(value, ensure_ascii=True, default=str)
    return f"{names.get(type(value), type(value).__name__)} ({text[:30] + '...' if len(text) > 30 else text})"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _too_many(path: Path, faults: list[Fault], rows: int) -> str:
    first = [f"  {fault.place}: {fault.reason}{f': {fault.detail}' if fault.detail else ''}" for fault in faults[:5]]
    return "\n".join([f"{path}: {len(faults):,} of {rows:,} rows can't be used; the first:", *first])
