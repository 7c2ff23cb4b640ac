"""The catalogue of data sources, and the one way to read any of them: known names, files, folders, patterns and hub ids.

A module here is a source and its file name is its name. It exports ``SOURCE`` (a record) and, when its original lies outside
the package, ``ORIGINAL`` (or ``ORIGINALS``). By ``SOURCE.kind`` it exports also: for ``answers``
``read(*, offline, progress)``, for ``exam`` ``PARTS`` and ``choices(*, part, offline, progress)``, for ``questions``
``questions(*, offline, progress)``. A module that can read a folder or an archive given by path exports
``recognises(path)``, and its ``read`` takes ``path``. ``NOISE`` lists what spoils its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medlms import catalogue
from medlms.config import DataSource
from medlms.datasets import _files, _hub, _originals, _places, _shape
from medlms.datasets._content import mark
from medlms.datasets._dialogues import before, dialogue, exchanges
from medlms.datasets._files import Reading
from medlms.datasets._loaded import Loaded, Noise, Progress, Read, Rows, normalised
from medlms.datasets._several import Readings
from medlms.datasets._shape import Shape
from medlms.datasets._whole import plain_bytes, table_kind
from medlms.errors import AskedWrongly, ConfigError, DataError
from medlms.types import QA, Choice, Fault, Question, Source

__all__ = [
    "Loaded", "Noise", "Progress", "Read", "Rows", "Shape", "before", "check", "columns", "counted", "dialogue", "exam", "exams",
    "exchanges", "get", "load", "mark", "names", "noise", "normalised", "parts", "plain_bytes", "questions", "source", "stream",
    "table_kind", "where",
]  # fmt: skip

ALIASES = {
    "medical_meadow_wikidoc": "wikidoc",
    "medalpaca/medical_meadow_wikidoc": "wikidoc",
    "medical_meadow_wikidoc_patient_information": "wikidoc_patient_information",
    "medalpaca/medical_meadow_wikidoc_patient_information": "wikidoc_patient_information",
    "wikidoc_patient": "wikidoc_patient_information",
    "abachaa/MedQuAD": "medquad",
    "abachaa/MeQSum": "meqsum",
    "healthsearchqa": "health_search_qa",
    "katielink/healthsearchqa": "health_search_qa",
    "medqa_usmle": "medqa",
    "GBaker/MedQA-USMLE-4-options": "medqa",
    "openlifescienceai/medmcqa": "medmcqa",
    "qiaojin/PubMedQA": "pubmedqa",
    "cais/mmlu": "mmlu_medical",
    "TIGER-Lab/MMLU-Pro": "mmlu_pro_health",
}


def names() -> list[str]:
    """Names of the known sources, sorted."""
    return catalogue.names("datasets")


def source(name: str) -> Source:
    """The record of a known source; UnknownName otherwise."""
    record: Source = catalogue.find("datasets", _known(name)).SOURCE
    return record


def noise(name: str) -> tuple[Noise, ...]:
    """What spoils rows of a known source; nothing for a file."""
    if _known(name) not in names():
        return ()
    patterns: tuple[Noise, ...] = getattr(catalogue.find("datasets", _known(name)), "NOISE", ())
    return patterns


def where(name: str) -> str:
    """Where the originals of a known source lie on this machine; empty when one has to be fetched."""
    originals = _originals_of(name)
    found = [_originals.find(original) for original in originals]
    if not originals:
        return "in the package"
    places = dict.fromkeys(str(item.path if len(found) == 1 else item.path.parent) for item in found if item)
    return ", ".join(places) if all(found) else ""


def get(name: str, *, offline: bool = False, progress: Progress | None = None) -> str:
    """Fetch the originals of a known source unless they are here, and say where they lie. Raises FetchError."""
    for original in _originals_of(name):
        _originals.get(original, offline=offline, progress=progress)
    return where(name)


def load(entry: DataSource, *, offline: bool = False, progress: Progress | None = None) -> Loaded:
    """The rows of one entry of a config's ``data``, all at once.

    Raises UnknownName for a name that is neither known nor a file, ConfigError for what can't be set for a known name and
    for sets that can't be trained on, DataError for what can't be read and FetchError for what can't be fetched.
    """
    rows = _rows(entry, offline=offline, progress=progress, tolerant=False)
    return rows if isinstance(rows, Loaded) else _files.collect(rows)


def stream(entry: DataSource, *, offline: bool = False, progress: Progress | None = None) -> Rows:
    """The rows of one entry one after another, faulty ones as faults; files are read as far as rows are taken.

    Memory stays flat for JSONL, CSV, TSV, XLSX and Parquet. Raises as ``load`` does, but for too many faulty rows.
    """
    rows = _rows(entry, offline=offline, progress=progress, tolerant=False)
    return _Again(rows) if isinstance(rows, Loaded) else rows


def counted(rows: Rows) -> Iterator[QA | Fault]:
    """The rows of a stream; behind the last row of a file of the user's own DataError where more than half are faulty."""
    return iter(rows) if isinstance(rows, _Again) else _files.counted(rows)


def check(path: str | Path, *, chosen: DataSource | None = None, to_the_end: bool = True) -> Loaded:
    """Read a file, folder or pattern and list all its faults in one go, however many. ``chosen`` names columns.

    Raises DataError for what can't be read at all; unless ``to_the_end``, also at the first place that spoils the whole file
    (a wrong encoding, a quotation mark that is never closed, a file that is cut off).
    """
    entry = (chosen or DataSource(source=str(path))).model_copy(update={"source": str(path)})
    file = Path(entry.source).expanduser()
    if not file.exists() and not _places.is_pattern(entry.source):
        raise DataError(f"{file}: there is no such file.", hint=_places.near_files(file))
    rows = _rows(entry, offline=True, progress=None, tolerant=to_the_end)
    return rows if isinstance(rows, Loaded) else _files.collect(rows, tolerant=True)


def columns(path: str | Path, chosen: DataSource | None = None) -> tuple[Shape, list[str], str]:
    """Which columns would be used, all columns, and the format: of a file, or of the first one of a folder or pattern."""
    file = Path(path).expanduser()
    if _places.is_pattern(str(path)):
        file = _places.fitting(str(path))[0]
    elif file.is_dir():
        file = _places.in_folder(file)[0][0]
    return _files.columns(file, chosen.chosen if chosen else {})


def exams() -> list[str]:
    """Names of the known exams, sorted."""
    return [name for name in names() if hasattr(catalogue.find("datasets", name), "choices")]


def exam(name: str, *, part: str = "", offline: bool = False, progress: Progress | None = None) -> Read[Choice]:
    """The questions of a known exam, or of a file with options; ``part`` (test unless said) is one of the module's PARTS.

    Raises UnknownName, AskedWrongly for a set that is no exam or lacks the part, DataError and FetchError.
    """
    if _places.is_table(Path(name)):
        from medlms.datasets import _exam_files

        return _exam_files.read(Path(name).expanduser())
    module = catalogue.find("datasets", _known(name))
    if not hasattr(module, "choices"):
        raise AskedWrongly(f"{name}: is no exam.", hint=f"Exams: {', '.join(exams())}.")
    if part and part not in module.PARTS:
        raise AskedWrongly(f"{name}: has no part {part!r}.", hint=f"Its parts: {', '.join(module.PARTS)}.")
    read: Read[Choice] = module.choices(part=part or module.PARTS[0], offline=offline, progress=progress)
    return read


def parts(name: str) -> tuple[str, ...]:
    """The parts of a known exam, the one that is graded on first; none for a file. Raises as ``exam``."""
    if _places.is_table(Path(name)):
        return ()
    module = catalogue.find("datasets", _known(name))
    if not hasattr(module, "choices"):
        raise AskedWrongly(f"{name}: is no exam.", hint=f"Exams: {', '.join(exams())}.")
    found: tuple[str, ...] = module.PARTS
    return found


def questions(name: str, *, offline: bool = False, progress: Progress | None = None) -> Read[Question]:
    """The rows of a known set of questions without answers. Raises AskedWrongly for another one; else as ``exam``."""
    module = catalogue.find("datasets", _known(name))
    if module.SOURCE.kind != "questions":
        raise AskedWrongly(f"{name}: its questions have answers.")
    read: Read[Question] = module.questions(offline=offline, progress=progress)
    return read


class _Again:
    """Rows that are in memory already, in the form of those that are read one by one."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.source, self.files, self.rows_in = loaded.source, loaded.files, loaded.rows_in
        self.said, self.topics, self.remarks = loaded.said, loaded.topics, list(loaded.remarks)

    def __iter__(self) -> Any:
        yield from self._loaded.examples
        yield from self._loaded.faults

    def close(self) -> None:
        """Nothing is open."""


def _rows(
    entry: DataSource, *, offline: bool, progress: Progress | None, tolerant: bool
) -> Loaded | Reading | Readings:
    path = Path(entry.source).expanduser()
    known = _known(entry.source)
    if known in names() and not (tolerant and path.exists()):
        return _of_catalogue(entry, known, offline=offline, progress=progress)
    if path.is_dir() or (path.exists() and not _places.is_table(path)):
        for name in names():
            module = catalogue.find("datasets", name)
            if getattr(module, "recognises", None) and module.recognises(path):
                loaded: Loaded = module.read(path=path, offline=offline, progress=progress)
                return loaded
    if path.is_dir():
        found, rest = _places.in_folder(path, entry.files or "")
        said = [f"{path}: not read: {_shape.listed([item.name for item in rest])}"] if rest else []
        return _several(entry, found, path.resolve().name, str(path), said, tolerant=tolerant)
    if path.exists():
        return Reading(path, chosen=entry.chosen, tolerant=tolerant)
    if _places.is_pattern(entry.source):
        found = _places.fitting(entry.source)
        folder = Path(re.split(r"[*?\[]", entry.source)[0] + "x").expanduser().parent
        return _several(entry, found, folder.resolve().name, entry.source, [], tolerant=tolerant)
    if _looks_like_path(entry.source):
        raise DataError(f"{path}: there is no such file.", hint=_places.near_files(path))
    if _hub.is_id(entry.source):
        return _of_hub(entry, offline=offline)
    return _of_catalogue(entry, known, offline=offline, progress=progress)


def _of_catalogue(entry: DataSource, name: str, *, offline: bool, progress: Progress | None) -> Loaded:
    module = catalogue.find("datasets", name)
    if entry.chosen:
        raise ConfigError([f"data: {entry.source} has its own columns; {', '.join(entry.chosen)} can't be set for it."])
    if entry.files:
        raise ConfigError([f"data: {entry.source} has its own files; `files` can't be set for it."])
    if module.SOURCE.kind != "answers":
        why = {
            "exam": "an exam: what is trained on can't be graded on any more",
            "questions": "a set of questions without answers",
        }
        raise ConfigError([f"data: {entry.source} is {why[module.SOURCE.kind]}."])
    loaded: Loaded = module.read(offline=offline, progress=progress)
    return loaded


def _several(
    entry: DataSource, files: list[Path], name: str, address: str, said: list[str], *, tolerant: bool
) -> Readings:
    record = Source(name or "folder", address, "not stated", "", address, public=False)
    return Readings(files, record, chosen=entry.chosen, tolerant=tolerant, said=said)


def _of_hub(entry: DataSource, *, offline: bool) -> Readings:
    fetched = _hub.get(entry.source, files=entry.files or "", offline=offline)
    repo = entry.source.partition("@")[0]
    record = Source(
        repo.partition("/")[2],
        entry.source,
        fetched.licence,
        "",
        f"https://huggingface.co/datasets/{repo}",
        public=False,
    )
    return Readings(fetched.files, record, chosen=entry.chosen, said=fetched.said)


def _originals_of(name: str) -> tuple[_originals.Original, ...]:
    module = catalogue.find("datasets", _known(name))
    several: tuple[_originals.Original, ...] = getattr(module, "ORIGINALS", ())
    one = getattr(module, "ORIGINAL", None)
    return several or ((one,) if one else ())


def _known(name: str) -> str:
    return ALIASES.get(name, name.replace("-", "_") if name.replace("-", "_") in names() else name)


def _looks_like_path(name: str) -> bool:
    return (
        name.startswith((".", "~", "/"))
        or _places.is_table(Path(name))
        or name.endswith((".zip", ".tar", ".gz", ".tgz", ".zst"))
    )
