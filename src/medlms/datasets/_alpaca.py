"""Reads the published Medical Meadow files: one JSON list of instruction, input and output."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from medlms.datasets import _originals, _read
from medlms.datasets._loaded import Loaded, Progress, normalised
from medlms.errors import DataError
from medlms.types import QA, Fault, Source


def read(
    source: Source,
    original: _originals.Original,
    *,
    rows_published: int,
    offline: bool,
    progress: Progress | None,
    topic: Callable[[str], str] = lambda question: "",
    subject: Callable[[str], str] = lambda question: "",
) -> Loaded:
    """All rows with ids ``<source>/<1-based row>``.

    ``topic`` names a question's topic where its wording shows it; ``subject`` only guesses it, so it becomes a link.
    """
    found = _originals.get(original, offline=offline, progress=progress)
    raw = _read.raw(found.path)
    plain = _read.unpacked(found.path, raw)
    try:
        rows = json.loads(_read.text(found.path, plain))
    except json.JSONDecodeError as error:
        cut = " It looks cut off." if error.pos >= len(plain.decode("utf-8", "replace").rstrip()) - 1 else ""
        raise DataError(
            f"{found.path}:{error.lineno}: not valid JSON (column {error.colno}: {error.msg}).{cut}",
            hint="Fetch or copy it again.",
        ) from None
    if not isinstance(rows, list) or not rows:
        raise DataError(f"{found.path}: expected a list of rows with instruction, input and output.")
    examples: list[QA] = []
    faults: list[Fault] = []
    for number, row in enumerate(rows, 1):
        item = _row(source, row, number, f"{found.path.name}#{number}", topic, subject)
        (examples if isinstance(item, QA) else faults).append(item)  # type: ignore[arg-type]
    if len(rows) < rows_published:
        part = f"the first {len(rows):,} of {rows_published:,} rows"
    else:
        same = _read.sha256(plain) == original.sha256
        part = f"{len(rows):,} rows ({'the published file' if same else 'not the published file byte for byte'})"
    return Loaded(
        examples=examples,
        faults=faults,
        rows_in=len(rows),
        source=source,
        files={str(found.path): _read.sha256(raw)},
        said=[f"{source.name}: {part}, {found.where}"],
    )


def _row(
    source: Source, row: Any, number: int, place: str, topic: Callable[[str], str], subject: Callable[[str], str]
) -> QA | Fault:
    if not isinstance(row, dict):
        return Fault(place, "wrong type", "the row is not an object")
    values = {}
    for field in ("input", "output"):
        value = row.get(field)
        if not isinstance(value, str):
            return Fault(place, "wrong type", f"{field} is {type(value).__name__}, text is needed")
        values[field] = value.strip()
    if not values["input"] or not values["output"]:
        return Fault(place, "empty question" if not values["input"] else "empty answer", values["input"])
    guess = normalised(subject(values["input"]))
    return QA(
        id=f"{source.name}/{number}",
        source=source.name,
        licence=source.licence,
        place=place,
        question=values["input"],
        answer=values["output"],
        topic=topic(values["input"]),
        links=(f"topic:{guess}",) if guess else (),
    )
