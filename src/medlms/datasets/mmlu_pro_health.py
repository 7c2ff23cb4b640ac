"""The health category of MMLU-Pro: up to ten options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medlms.datasets import _exam_files, _originals
from medlms.datasets._loaded import Progress, Read
from medlms.types import Choice, Source

_MIRROR = (
    "https://raw.githubusercontent.com/xk-huang/medagents-benchmark/56ca11eb1ef89f6bb7fad6284008bf39e08785b0"
    "/data/mmlu-pro"
)
_SUMS = {
    "test": "e19a1083726cc7d0026e4b0350d5af28c1798020885770b957f38a8fb268193d",
    "dev": "465a2888bbf862ab3d4142ef6fe769f27bac030e2eb258431e21ba6653b88074",
}
# The set's own name, and that of the hub's copy with all categories.
_FILES = {
    "test": ("test.jsonl", "test-00000-of-00001.parquet"),
    "dev": ("train.jsonl", "validation-00000-of-00001.parquet"),
}
PARTS = tuple(_FILES)
SOURCE = Source(
    name="mmlu_pro_health",
    title="MMLU-Pro, category health (half of it stands in MMLU too: never train on one and test on the other)",
    licence="MIT",
    citation="Wang et al., MMLU-Pro: a more robust and challenging multi-task language understanding benchmark, NeurIPS 2024 "
    "Datasets and Benchmarks",
    address="https://huggingface.co/datasets/TIGER-Lab/MMLU-Pro",
    files={names[0]: f"{_MIRROR}/{names[0]}" for names in _FILES.values()},
    kind="exam",
)
_BY_PART = {
    part: _originals.Original("mmlu_pro_health", names, (SOURCE.files[names[0]],), _SUMS[part])
    for part, names in _FILES.items()
}
ORIGINALS = tuple(_BY_PART.values())


def choices(*, part: str = "test", offline: bool = False, progress: Progress | None = None) -> Read[Choice]:
    """The questions of a part; of the hub's copy those of the category health. Raises DataError and FetchError."""
    found = _originals.get(_BY_PART[part], offline=offline, progress=progress)
    said = (f"mmlu_pro_health: {part}, {found.where}",)
    return _exam_files.read(found.path, SOURCE, first=0, keep=_health, said=said)


def _health(row: Mapping[str, Any]) -> bool:
    return bool(row.get("category", "health") == "health")
