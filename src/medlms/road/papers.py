"""The exams of a config, ready to be asked: their questions, what was set aside and why, and the solved examples to show."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from medlms import datasets
from medlms.config import Exam
from medlms.datasets import Read, normalised
from medlms.datasets.mmlu_medical import SUBJECTS
from medlms.errors import AskedWrongly, DataError, FetchError
from medlms.evaluate import solved
from medlms.types import Choice

SUBJECT = "mmlu-"
MMLU = "mmlu_medical"
SPARE = "MMLU professional medicine, development part"
SHOWN = 20  # faulty rows that a report names; exams.json has all


@dataclasses.dataclass(frozen=True)
class Paper:
    """An exam: ``rows`` are asked, ``left`` more could be. ``name`` is its file's part, ``shots`` its solved examples."""

    name: str
    rows: tuple[Choice, ...]
    left: int
    read: Read[Choice]
    shots: solved.Shots
    shown: str

    def account(self, *, most: int | None = None) -> dict[str, Any]:
        """Where the questions went: read = asked + left + set aside, by reason; ``most`` limits the rows that are named."""
        faults = self.read.faults
        return {
            "name": self.name,
            "title": self.read.source.title,
            "licence": self.read.source.licence,
            "citation": self.read.source.citation,
            "said": self.read.said,
            "files": self.read.files,
            "rows_in": self.read.rows_in,
            "asked": len(self.rows),
            "ids_sha256": ids_sha256(row.id for row in self.rows),
            "left": self.left,
            "set_aside": dict(Counter(fault.reason for fault in faults).most_common()),
            "faults": [dataclasses.asdict(fault) for fault in faults[:most]],
            "shots": self.shown,
        }


def ids_sha256(ids: Iterable[str]) -> str:
    """A fingerprint of which questions were asked, in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def papers(names: list[str], settings: Exam, *, say: Callable[[str], None]) -> list[Paper]:
    """All exams of a config, read before anything is asked. AskedWrongly where two would share a name."""
    found = [paper(name, settings, say=say) for name in names]
    counts = Counter(item.name for item in found)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise AskedWrongly(f"evaluate.exams: two exams are called {twice[0]!r}.", hint="Rename one of the files.")
    return found


def paper(name: str, settings: Exam, *, say: Callable[[str], None]) -> Paper:
    """One exam with its first ``settings.rows`` questions. Raises UnknownName, AskedWrongly, DataError and FetchError."""
    read = _read(name)
    for sentence in read.said:
        say(sentence)
    if read.faults:
        first = read.faults[0]
        say(
            f"{name}: {len(read.faults):,} rows are set aside, {first.place}: {first.reason} first; exams.json names all"
        )
    rows = tuple(dataclasses.replace(row, group=_group(row)) for row in read.rows[: settings.rows])
    shots, shown = shots_of(name, settings, say=say)
    return Paper(_stem(name), rows, len(read.rows) - len(rows), read, shots, shown)


def _read(name: str, part: str = "") -> Read[Choice]:
    """The rows of an exam, of one of MMLU's subjects, or of a file."""
    if Path(name).suffix and not Path(name).exists() and name not in datasets.exams():
        raise DataError(f"evaluate.exams: {name}: there is no such file.", hint=f"Exams: {_known()}.")
    subject = _subject(name)
    if not subject:
        return datasets.exam(name, part=part)
    if subject not in [normalised(known.replace("_", " ")) for known in SUBJECTS]:
        raise AskedWrongly(f"{name}: is no subject of MMLU here.", hint=f"Exams: {_known()}.")
    read = datasets.exam(MMLU, part=part)
    rows = [row for row in read.rows if normalised(row.topic) == subject]
    faults = [fault for fault in read.faults if subject.replace(" ", "_") in fault.place]
    files = {file: checksum for file, checksum in read.files.items() if subject.replace(" ", "_") in file}
    said = [f"{name}: {len(rows):,} questions"]
    doubtful = tuple(row for row in read.doubtful if normalised(row.topic) == subject)
    return Read(rows, faults, len(rows) + len(faults), read.source, files, said, doubtful)


def _subject(name: str) -> str:
    """The subject of a name such as mmlu-anatomy, its words apart; empty for a name that stands for itself."""
    folded = name.replace("_", "-")
    own = folded.replace("-", "_") in datasets.exams() or name in datasets.ALIASES
    return normalised(folded.removeprefix(SUBJECT)) if folded.startswith(SUBJECT) and not own else ""


def _known() -> str:
    return ", ".join([*datasets.exams(), *(f"{SUBJECT}{subject.replace('_', '-')}" for subject in SUBJECTS)])


def _stem(name: str) -> str:
    """The exam's part of a file name."""
    plain = Path(name).name.split(".")[0] if Path(name).suffix else name
    return re.sub(r"[^\w-]+", "-", plain).strip("-") or "exam"


def _group(row: Choice) -> str:
    """Questions that come from one document, or are asked twice, count as one group for intervals."""
    document = next((link for link in row.links if link.startswith(("document:", "row:"))), "")
    return row.group or document or f"question:{normalised(row.question)}|{normalised(row.context)[:200]}"


def shots_of(name: str, settings: Exam, *, say: Callable[[str], None]) -> tuple[solved.Shots, str]:
    """The solved examples of an exam, and in words which they are. AskedWrongly where there are too few."""
    if not settings.shots:
        return solved.chooser((), 0, how=settings.examples), ""
    pool, where = _pool(name, settings)
    if len(pool) < settings.shots:
        raise AskedWrongly(
            f"evaluate.exam.shots: {settings.shots} solved examples are wanted, {where} has {len(pool)}.",
            hint="Lower evaluate.exam.shots, or name a larger file as evaluate.exam.examples_from.",
        )
    shots = solved.chooser(pool, settings.shots, how=settings.examples, same_topic=where.startswith(MMLU))
    which = {"fixed": "the same for all", "nearest": "the most similar ones"}[settings.examples]
    shown = f"{settings.shots} solved examples of {where} ({len(pool):,} rows), {which}"
    say(f"{name}: {shown}")
    return shots, shown


def _pool(name: str, settings: Exam) -> tuple[list[Choice], str]:
    """Rows to take solved examples from, and in words where they are from."""
    if settings.examples_from:
        other = settings.examples_from
        parts = datasets.parts(MMLU if _subject(other) else other)
        part = next((part for part in parts[1:] if part in ("train", "dev")), "")
        return _read(other, part).rows, f"{other}{f', part {part}' if part else ''}"
    known = MMLU if _subject(name) else name
    for part in datasets.parts(known)[1:]:
        if part in ("train", "dev"):
            try:
                return _read(name, part).rows, f"{known}, part {part}"
            except (FetchError, DataError):
                continue
    rows = datasets.exam(MMLU, part="dev").rows
    return [row for row in rows if normalised(row.topic) == "professional medicine"], SPARE
