"""MeQSum: long questions of consumers, each with a summary of one line; to be tuned on with an instruction to summarise."""

from __future__ import annotations

from medlms.datasets import _files, _originals
from medlms.datasets._loaded import Loaded, Progress
from medlms.types import Source

_FILE = "MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx"
SOURCE = Source(
    name="meqsum",
    title="MeQSum, summaries of consumers' health questions",
    licence="CC BY 4.0",
    citation="Ben Abacha and Demner-Fushman, On the summarization of consumer health questions, ACL 2019",
    address="https://github.com/abachaa/MeQSum",
    files={
        _FILE: f"https://raw.githubusercontent.com/abachaa/MeQSum/51e36cf65c12602333b6fdc3ae8ecf10430529f7/{_FILE}",
    },
)
ORIGINAL = _originals.Original(
    shelf="meqsum",
    names=(_FILE,),
    addresses=tuple(SOURCE.files.values()),
    sha256="abedd939d5014306ca576522416bf69103e85dc8fcf1668a4099e8b84a39eeea",
)


def read(*, offline: bool = False, progress: Progress | None = None) -> Loaded:
    """All rows: the question as it was sent, and its summary as the answer. Raises DataError and FetchError."""
    found = _originals.get(ORIGINAL, offline=offline, progress=progress)
    reading = _files.Reading(found.path, chosen={"question": "CHQ", "answer": "Summary"}, source=SOURCE)
    loaded = _files.collect(reading)
    loaded.said.insert(0, f"meqsum: {len(loaded.examples):,} questions with a summary, {found.where}")
    return loaded
