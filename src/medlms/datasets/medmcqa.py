"""MedMCQA: questions of Indian medical entrance exams, four options. Its two published forms count answers differently."""

from __future__ import annotations

from medlms.datasets import _exam_files, _originals
from medlms.datasets._loaded import Progress, Read
from medlms.types import Choice, Source

_MIRROR = "https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/224ebe9a721e1bc525a07b10eceb01ed52df7b29/rawdata"
# The original's name, and that of the hub's copy.
_FILES = {
    "dev": ("dev.json", "validation-00000-of-00001.parquet"),
    "train": ("train.json", "train-00000-of-00001.parquet"),
}
PARTS = tuple(_FILES)
SOURCE = Source(
    name="medmcqa",
    title="MedMCQA (the validation part is graded on: the test part has no public answers)",
    licence="MIT",
    citation="Pal, Umapathi and Sankarasubbu, MedMCQA: a large-scale multi-subject multi-choice dataset for medical domain "
    "question answering, CHIL 2022",
    address="https://github.com/medmcqa/medmcqa",
    files={"dev.json": f"{_MIRROR}/medmcqa/data/dev.json"},
    kind="exam",
)
ORIGINAL = _originals.Original(
    shelf="medmcqa",
    names=_FILES["dev"],
    addresses=tuple(SOURCE.files.values()),
    sha256="a2b5f53890f4e742b728378fb847bc5338088d48ea01218676379f587270af31",
)


def choices(*, part: str = "dev", offline: bool = False, progress: Progress | None = None) -> Read[Choice]:
    """The questions of a part; ``train`` has to be brought by hand. Raises DataError and FetchError.

    ``cop`` counts from 1 in the original (JSON lines) and from 0 in the hub's copy (Parquet). Which one a file is shows in
    its numbers; its format tells only where these leave it open.
    """
    original = ORIGINAL if part == "dev" else _originals.Original(ORIGINAL.shelf, _FILES[part], ())
    found = _originals.get(original, offline=offline, progress=progress)
    first = 0 if ".parquet" in found.path.name else 1
    return _exam_files.read(found.path, SOURCE, first=first, said=(f"medmcqa: {part}, {found.where}",))
