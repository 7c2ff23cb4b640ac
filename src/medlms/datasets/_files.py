"""Turns a file of questions and answers into rows as it is read: says which columns serve, and lists what is unusable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from medlms.datasets import _content, _dialogues, _shape
from medlms.datasets._loaded import Loaded, Rows, normalised
from medlms.datasets._open import plain_name
from medlms.datasets._row import Row
from medlms.datasets._rows import Table
from medlms.datasets._shape import Shape
from medlms.errors import DataError
from medlms.types import QA, Fault, Source

LONGEST = 16 * 2**20
"""Characters of a question or an answer; longer ones are no text that anybody wrote."""
SHOWN = 5
"""Faults that are shown of a file that is refused for too many of them."""


class Reading:
    """A file's rows, one after another: a QA, or the Fault of one that can't be used. It can be gone through once.

    Ids are ``<name>/<row's id, or a hash of what it says>``. ``chosen`` names columns by what they hold (question, answer,
    topic, kind, document, id, messages); the others are found. After the last row ``files``, ``rows_in``, ``said`` and
    ``remarks`` (rows that are used, but of which something is to be known) are complete. Raises DataError for a file that
    can't be read; with ``tolerant``, what is wrong inside it comes as a Fault.
    """

    def __init__(
        self,
        path: Path,
        *,
        chosen: Mapping[str, str] | None = None,
        tolerant: bool = False,
        source: Source | None = None,
        prefix: str = "",
    ) -> None:
        self.path = path
        self.source = source or of_file(path)
        self._table = Table(path, tolerant=tolerant)
        self.shape = _shape.find(path, self._table, chosen or {})
        self.columns = list(self._table.columns)
        self.kind = self._table.kind
        self.files: dict[str, str] = {}
        self.rows_in = 0
        self.usable = 0
        self.topics: tuple[str, ...] = ()
        self.remarks: list[Fault] = []
        self.said = [f"{path.name}: {_shape.mapping(self.shape, self.kind)}", *self._table.said]
        if unused := _shape.unused(self.shape, self.columns):
            self.said.append(f"{path.name}: columns that are not used: {_shape.listed(unused)}")
        self._prefix = f"{self.source.name}/{prefix}"
        self._instructions = _shape.instructions(self._table, self.shape)
        self._ids: dict[str, str] = {}
        self._hashes: dict[int, int] = {}  # by number: half as large as by text
        self._questions = self._dialogues = self._systems = self._other_instructions = 0

    def __iter__(self) -> Iterator[QA | Fault]:
        for row in self._table:
            self.rows_in += 1
            item = row if isinstance(row, Fault) else self._example(row)
            self.usable += isinstance(item, QA)
            yield item
        self.files[str(self.path)] = self._table.sha256()
        self._table.close()
        self._sum_up()

    def close(self) -> None:
        """Let go of the file; its rows can't be read any more."""
        self._table.close()

    def _example(self, row: Row) -> QA | Fault:
        shape = self.shape
        pairs: _dialogues.Pairs | Fault
        if shape.chat:
            pairs = _dialogues.read(row, shape.chat)
            self._systems += _dialogues.has_system(row.values.get(shape.chat))
        else:
            pair = self._alpaca(row) if shape.instruction else _pair(row, shape.question, shape.answer)
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
            links.append(f"document:{self.source.name}/{document}")
        made = QA(
            id=self._prefix + self._id(row, (*said, topic, document)),
            source=self.source.name,
            licence=self.source.licence,
            place=row.place,
            question=said[0],
            answer=said[-1],
            topic=topic,
            kind=_label(row.values.get(shape.kind)) if shape.kind else "",
            links=tuple(links),
        )
        if len(pairs) > 1:
            self._dialogues += 1
            self._questions = max(self._questions, len(pairs))
        return _dialogues.dialogue(made, tuple(said[1:-1]))

    def _id(self, row: Row, texts: Sequence[str]) -> str:
        """The row's own id when it has one that no row before it had, else a hash of its texts, topic and document.

        Rows that agree in all of these are told apart by their order (``~2``): nothing else could.
        """
        if self.shape.id:
            own = row.values.get(self.shape.id)
            text = str(own).strip() if isinstance(own, str | int) and not isinstance(own, bool) else ""
            if text and text not in self._ids:
                self._ids[text] = row.place
                return text
        name = _content.digest(texts, 6)
        number = int(name, 16)
        count = self._hashes[number] = self._hashes.get(number, 0) + 1
        name = name if count == 1 else f"{name}~{count}"
        if self.shape.id:
            name = f"#{name}"
            why = f"{text!r} is also that of {self._ids[text]}" if text else "the row has none"
            self.remarks.append(Fault(row.place, "id stands twice" if text else "no id", f"{why}; {name} is used"))
        return name

    def _alpaca(self, row: Row) -> tuple[str, str] | Fault:
        first = _pair(row, self.shape.instruction, self.shape.answer)
        if isinstance(first, Fault) or not self.shape.question:
            return first
        second = _pair(row, self.shape.question, self.shape.answer)
        if isinstance(second, Fault):
            return second
        instruction, asked = first[0].strip(), second[0].strip()
        several = len(self._instructions) > 1
        if not several and instruction not in self._instructions:
            # The first rows all shared another one, so this one says something.
            self._other_instructions += 1
            several = True
        if not asked:
            # Without an input the instruction is the question, unless it is only the line that all rows share.
            return (instruction if several or "?" in instruction else ""), second[1]
        return (f"{instruction}\n{asked}" if several and instruction else asked), second[1]

    def _sum_up(self) -> None:
        name, shape = self.path.name, self.shape
        if shape.instruction and len(self._instructions) == 1 and shape.question:
            same = (
                f"{self.rows_in - self._other_instructions:,} of {self.rows_in:,}"
                if self._other_instructions
                else "all"
            )
            self.said.append(
                f"the column {shape.instruction!r} is the same in {same} rows; the config's instruction takes its place"
            )
        if self._systems:
            self.said.append(
                f"system messages are not used ({self._systems:,} rows have one); the config's instruction takes their place"
            )
        if self.remarks:
            self.said.append(
                f"{name}: the column {shape.id!r} is not filled and distinct in all rows; {len(self.remarks):,} rows are "
                "named by a hash of their text"
            )
        self.said.append(f"{name}: {self.usable:,} of {self.rows_in:,} rows can be used")
        if self._dialogues:
            self.said.append(
                f"{name}: {self._dialogues:,} rows are dialogues of up to {self._questions} questions; every answer in them "
                "is learned, the last one is graded"
            )


def of_file(path: Path) -> Source:
    """The record of a file of the user's own."""
    return Source(plain_name(path).rsplit(".", 1)[0], path.name, "not stated", "", str(path), public=False)


def collect(reading: Rows, *, tolerant: bool = False) -> Loaded:
    """All rows at once. Raises DataError, unless ``tolerant``, where more than half of them are faulty."""
    examples: list[QA] = []
    faults: list[Fault] = []
    for item in reading if tolerant else counted(reading):
        (examples if isinstance(item, QA) else faults).append(item)  # type: ignore[arg-type]
    return Loaded(
        examples,
        faults,
        reading.rows_in,
        reading.source,
        reading.files,
        reading.said,
        topics=reading.topics,
        remarks=tuple(reading.remarks),
    )


def counted(reading: Rows) -> Iterator[QA | Fault]:
    """The rows as they are read; behind the last one DataError where more than half of them are faulty."""
    first: list[Fault] = []
    faulty = 0
    for item in reading:
        if isinstance(item, Fault):
            faulty += 1
            if len(first) < SHOWN:
                first.append(item)
        yield item
    if 2 * faulty > reading.rows_in:
        raise DataError(
            _too_many(reading.source, first, faulty, reading.rows_in),
            hint=f"All of them: medlms data check {_named(reading.source)}",
        )


def columns(path: Path, chosen: Mapping[str, str] | None = None) -> tuple[Shape, list[str], str]:
    """Which columns would be used, all columns, and the file's format. Raises DataError as reading does."""
    table = Table(path)
    shape = _shape.find(path, table, chosen or {})
    table.close()
    return shape, table.columns, table.kind


def _pair(row: Row, question: str, answer: str) -> tuple[str, str] | Fault:
    values = []
    for column in (question, answer):
        value = row.values.get(column)
        if value is None:
            value = ""
        if not isinstance(value, str):
            return Fault(row.place, "wrong type", f"{column} is {_shown(value)}; text is needed")
        values.append(value)
    return values[0], values[1]


def _unfit(value: str) -> tuple[str, str] | None:
    if not value.strip():
        return "empty {}", ""
    if len(value) > LONGEST:
        return (
            "{} too long",
            f"{len(value):,} characters, at most {LONGEST:,}; is a quotation mark or a line end missing?",
        )
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


def _too_many(source: Source, faults: list[Fault], count: int, rows: int) -> str:
    first = [f"  {fault.place}: {fault.reason}{f': {fault.detail}' if fault.detail else ''}" for fault in faults]
    return "\n".join([f"{_named(source)}: {count:,} of {rows:,} rows can't be used; the first:", *first])


def _named(source: Source) -> str:
    return source.title if source.address.startswith("https:") else source.address
