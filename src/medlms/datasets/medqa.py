"""MedQA (USMLE): questions in the style of the U.S. medical licensing exam, four options."""

from __future__ import annotations

from medlms.datasets import _exam_files, _originals
from medlms.datasets._loaded import Progress, Read
from medlms.types import Choice, Source

_MIRROR = "https://raw.githubusercontent.com/Teddy-XiongGZ/MIRAGE/224ebe9a721e1bc525a07b10eceb01ed52df7b29/rawdata"
_FILES = {
    "test": "phrases_no_exclude_test.jsonl",
    "dev": "phrases_no_exclude_dev.jsonl",
    "train": "phrases_no_exclude_train.jsonl",
}
PARTS = tuple(_FILES)
SOURCE = Source(
    name="medqa",
    title="MedQA, USMLE, four options (the test part; train and dev lie in the authors' archive)",
    licence="MIT",
    citation="Jin et al., What disease does this patient have? A large-scale open domain question answering dataset from "
    "medical exams, Applied Sciences 11:6421, 2021",
    address="https://github.com/jind11/MedQA",
    files={_FILES["test"]: f"{_MIRROR}/medqa/data_clean/questions/US/4_options/{_FILES['test']}"},
    kind="exam",
)
ORIGINAL = _originals.Original(
    shelf="medqa_usmle",
    names=(_FILES["test"],),
    addresses=tuple(SOURCE.files.values()),
    sha256="c3b905ccfa66152dc25afbcb2c10e86c0bdb208824f0658fcdb2c040f60a2beb",
)


def choices(*, part: str = "test", offline: bool = False, progress: Progress | None = None) -> Read[Choice]:
    """The questions of a part. Train and dev have to be brought by hand. Raises DataError and FetchError."""
    original = ORIGINAL if part == "test" else _originals.Original(ORIGINAL.shelf, (_FILES[part],), ())
    found = _originals.get(original, offline=offline, progress=progress)
    return _exam_files.read(found.path, SOURCE, said=(f"medqa: {part}, {found.where}",))
