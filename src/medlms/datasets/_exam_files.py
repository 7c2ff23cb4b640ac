"""Reads an exam from a table: options in one column or in several, the answer as a letter, a number or in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.datasets import _exams, _files
from medlms.datasets._loaded import Read
from medlms.datasets._row import Row
from medlms.datasets._rows import Table
from medlms.datasets._shape import listed
from medlms.errors import DataError
from medlms.types import Choice, Fault, Source

# Names of columns, lower case; of each line the first that is there is used.
_QUESTION = ("question", "query", "sent1", "stem", "input")
_OPTIONS = ("options", "choices", "answers")
_SPREAD = (
    ("opa", "opb", "opc", "opd", "ope"),
    ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"),
    tuple(f"option_{letter}" for letter in "abcdefghij"),
    tuple(f"ending{number}" for number in range(10)),
)
_NUMBER = ("cop", "answer_index", "label", "gold", "correct_index")
_LETTER = ("answer_idx", "answer_key", "answerkey", "answer_letter", "target", "correct", "answer", "correct_answer")
_ID = ("id", "realidx", "question_id", "qid")
_TOPIC = ("topic", "subject_name", "subject", "category")
_CONTEXT = ("context", "passage")
_WHY = ("explanation", "exp", "rationale")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns hold what; ``spread`` are those of the options where each has its own."""

    question: str
    options: str
    spread: tuple[str, ...]
    letter: str
    number: str
    id: str
    topic: str
    context: str
    why: str


def read(
    path: Path,
    source: Source | None = None,
    *,
    first: int | None = None,
    keep: Callable[[Mapping[str, Any]], bool] = lambda row: True,
    said: tuple[str, ...] = (),
) -> Read[Choice]:
    """The questions of a file. ``first`` is where numbered answers begin when the numbers do not tell; rows that ``keep``
    is false for belong to another exam and are not counted.

    Raises DataError for a file that can't be read, has no such columns, or of which no row can be asked.
    """
    table = Table(path, tolerant=True)
    layout = _layout(path, table)
    sheet = _exams.Sheet(source or _files.of_file(path))
    rows = [row for row in table if isinstance(row, Fault) or keep(row.values)]
    begin = _begin(path, [row for row in rows if isinstance(row, Row)], layout, first)
    for row in rows:
        if isinstance(row, Fault):
            sheet.faults.append(row)
        else:
            _add(sheet, row, layout, begin)
    files = {str(path): table.sha256()}
    table.close()
    lines = [f"{path.name}: {_mapping(layout, begin)}", *said]
    return sheet.read(files, lines)


def _layout(path: Path, table: Table) -> Layout:
    folded = {column.strip().lower(): column for column in reversed(table.columns)}

    def first(names: tuple[str, ...]) -> str:
        return next((folded[name] for name in names if name in folded), "")

    spread: tuple[str, ...] = ()
    if not (options := first(_OPTIONS)):
        sets = (tuple(folded[name] for name in names if name in folded) for names in _SPREAD)
        spread = next((found for found in sets if len(found) > 1), ())
    layout = Layout(
        first(_QUESTION), options, spread, first(_LETTER), first(_NUMBER), *map(first, (_ID, _TOPIC, _CONTEXT, _WHY))
    )
    lacking = [
        what
        for what, there in (
            ("question", layout.question),
            ("options", layout.options or layout.spread),
            ("answer", layout.letter or layout.number),
        )
        if not there
    ]
    if lacking:
        raise DataError(
            f"{path}: no column for the {' or the '.join(lacking)} of an exam; found: {listed(table.columns) or 'none'}.",
            hint="Usual are question, options (a list, or A, B, C, D), and answer (the letter).",
        )
    return layout


def _begin(path: Path, rows: list[Row], layout: Layout, first: int | None) -> int | None:
    """Where numbered answers begin; None where answers are letters or words."""
    if layout.number:
        column = layout.number
    else:
        values = [str(row.values.get(layout.letter)).strip() for row in rows]
        if not any(value.isdigit() for value in values) or any(value in "ABCDEFGHIJ" for value in values if value):
            return None
        # An answer that is a number may also be an option's name or its text.
        known = [{*keys, *(str(text).strip() for text in texts)} for keys, texts in (_options(r, layout) for r in rows)]
        if any(value in names for value, names in zip(values, known, strict=True)):
            return None
        column = layout.letter
    count = max((len(_options(row, layout)[1]) for row in rows), default=0)
    found = _exams.counted_from([row.values.get(column) for row in rows], count)
    if found is None and first is None:
        raise DataError(
            f"{path}: the answers in {column!r} do not tell whether they count from 0 or from 1.",
            hint="Write letters (A, B, C, ...) instead.",
        )
    return first if found is None else found


def _add(sheet: _exams.Sheet, row: Row, layout: Layout, begin: int | None) -> None:
    values = row.values
    keys, options = _options(row, layout)
    sheet.add(
        row.place,
        _text(values.get(layout.id)) or str(row.number),
        values.get(layout.question),
        options,
        _answer(row, layout, begin, keys, options),
        topic=_text(values.get(layout.topic)),
        context=_text(values.get(layout.context)),
        explanation=_text(values.get(layout.why)),
    )


def _answer(row: Row, layout: Layout, begin: int | None, keys: list[str], options: list[Any]) -> int | Fault:
    if begin is not None:
        return _exams.by_number(row.place, row.values.get(layout.number or layout.letter), begin, len(options))
    said = row.values.get(layout.letter)
    texts = [str(option).strip() for option in options]
    if isinstance(said, str) and said.strip() not in keys and texts.count(said.strip()) == 1:
        return texts.index(said.strip())
    words = row.values.get("answer") if layout.letter in ("answer_idx", "answer_letter") else None
    return _exams.by_letter(row.place, said, keys, words, options)


def _options(row: Row, layout: Layout) -> tuple[list[str], list[Any]]:
    """The options' letters and texts; none where the column holds something else. Empty ones at the end are none."""
    if layout.spread:
        found = [row.values.get(column) for column in layout.spread]
        while found and (found[-1] is None or not str(found[-1]).strip()):
            found.pop()
        return list(_exams.LETTERS[: len(found)]), found
    value = row.values.get(layout.options)
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [], []
    if isinstance(value, dict) and isinstance(value.get("text"), list) and isinstance(value.get("label"), list):
        return [str(key) for key in value["label"]], list(value["text"])
    if isinstance(value, dict):
        present = {str(key): text for key, text in value.items() if text is not None}  # Parquet fills in all keys
        return list(present), list(present.values())
    if isinstance(value, list):
        return list(_exams.LETTERS[: len(value)]), list(value)
    return [], []


def _mapping(layout: Layout, begin: int | None) -> str:
    options = layout.options or " to ".join((layout.spread[0], layout.spread[-1]))
    how = f"{(layout.number or layout.letter)!r}, counted from {begin}" if begin is not None else repr(layout.letter)
    return f"question from {layout.question!r}, options from {options!r}, answer from {how}"


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list | bool) else " ".join(str(value).split())
