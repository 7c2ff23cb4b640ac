"""The starter set that comes with the package: plain-language questions and answers, and a small four-option exam."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from medlms.datasets import _read
from medlms.datasets._loaded import Loaded, Progress, Read, normalised
from medlms.errors import DataError
from medlms.types import QA, Choice, Fault, Source

SOURCE = Source(
    name="starter",
    title="MedLMs starter set: written and checked with language models, not reviewed by a clinician",
    licence="CC BY 4.0",
    citation="The MedLMs authors; each answer restates facts of the MedQuAD and WikiDoc passages that it names",
    address="part of the package",
)
LETTERS = "ABCD"
PARTS = ("test",)


def read(*, folder: Path | None = None, offline: bool = True, progress: Progress | None = None) -> Loaded:
    """All questions and answers; ``folder`` stands in for the package's own. Raises DataError on a broken row."""
    del offline, progress  # nothing to fetch, and quick
    name, place, rows = _rows(folder, "questions.jsonl")
    examples = [
        QA(
            id=f"starter/{row['id']}",
            source="starter",
            licence=SOURCE.licence,
            place=f"{name}:{line}",
            question=_text(row, "question", name, line),
            answer=_text(row, "answer", name, line),
            topic=_text(row, "topic", name, line),
            kind=_text(row, "type", name, line),
            links=_links(row),
        )
        for line, row in rows
    ]
    _unique([item.id for item in examples], name)
    faults: list[Fault] = []
    said = [f"starter: {len(examples):,} rows on {len({item.topic for item in examples}):,} topics, from the package"]
    return Loaded(examples, faults, len(examples), SOURCE, dict(place), said)


def exam(*, folder: Path | None = None) -> list[Choice]:
    """The four-option questions; ``answer`` is the index of the right option. Raises DataError on a broken row."""
    name, _, rows = _rows(folder, "exam.jsonl")
    questions = []
    for line, row in rows:
        options = row.get("options")
        if not isinstance(options, dict) or list(options) != list(LETTERS) or row.get("answer") not in tuple(LETTERS):
            raise DataError(f"{name}:{line}: options must be A, B, C and D, and answer one of these letters.")
        questions.append(
            Choice(
                id=f"starter/{row['id']}",
                source="starter",
                licence=SOURCE.licence,
                place=f"{name}:{line}",
                question=_text(row, "question", name, line),
                options=tuple(str(options[letter]) for letter in LETTERS),
                answer=LETTERS.index(row["answer"]),
                topic=_text(row, "topic", name, line),
                kind="exam",
                links=_links(row),
            )
        )
    _unique([item.id for item in questions], name)
    return questions


def choices(*, part: str = "test", offline: bool = True, progress: Progress | None = None) -> Read[Choice]:
    """The exam in the form of the catalogue's other exams."""
    del part, offline, progress
    questions = exam()
    name, place, _ = _rows(None, "exam.jsonl")
    said = [f"{name}: {len(questions):,} questions, from the package"]
    return Read(questions, [], len(questions), SOURCE, dict(place), said)


def _links(row: dict[str, Any]) -> tuple[str, ...]:
    """The topic, and the passages (rows and documents of the public sets) whose facts the row restates."""
    passages = [str(passage) for passage in row.get("passages", [])]
    documents = [passage.partition("#")[0] for passage in passages if "#" in passage]
    return (
        f"topic:{normalised(str(row['topic']))}",
        *(f"row:{passage}" for passage in passages),
        *(f"document:{document}" for document in dict.fromkeys(documents)),
    )


def _rows(folder: Path | None, file: str) -> tuple[str, dict[str, str], Iterator[tuple[int, dict[str, Any]]]]:
    root: Traversable = folder if folder else files("medlms") / "datasets" / "starter"
    name = f"starter/{file}"
    try:
        content = (root / file).read_bytes()
    except OSError:
        raise DataError(
            f"{name}: missing from the package.", hint="Install the package again; its starter data was left out."
        ) from None
    return name, {name: _read.sha256(content)}, _objects(name, content)


def _objects(name: str, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{name}:{number}: not a JSON line: {error.msg} (column {error.colno}).") from None
        if not isinstance(row, dict):
            raise DataError(f"{name}:{number}: not an object.")
        _text(row, "id", name, number)
        _text(row, "topic", name, number)
        yield number, row


def _text(row: dict[str, Any], field: str, name: str, line: int) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{name}:{line}: {field} must be text.")
    return value.strip()


def _unique(ids: list[str], name: str) -> None:
    if twice := sorted({item for item in ids if ids.count(item) > 1}):
        raise DataError(f"{name}: the id {twice[0]!r} stands twice.")
