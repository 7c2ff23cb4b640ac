"""The catalogue of data sources, and the one way to read any of them: known names, and files of questions and answers.

A module here is a source and its file name is its name. It exports ``SOURCE`` (a record), ``read(*, offline, progress)``
and, when its original lies outside the package, ``ORIGINAL``. A module that can read a folder or an archive given by path
also exports ``recognises(path)``, and its ``read`` takes ``path``. ``NOISE`` lists what spoils its rows.
"""

from __future__ import annotations

from pathlib import Path

from medlms import catalogue
from medlms.catalogue import near
from medlms.config import DataSource
from medlms.datasets import _files, _originals, _rows
from medlms.datasets._dialogues import before, dialogue, exchanges
from medlms.datasets._files import Shape, columns
from medlms.datasets._loaded import Loaded, Noise, Progress, normalised
from medlms.errors import ConfigError, DataError
from medlms.types import Source

__all__ = [
    "Loaded", "Noise", "Progress", "Shape", "before", "check", "columns", "dialogue", "exchanges", "get", "load", "names",
    "noise", "normalised", "source", "where",
]  # fmt: skip

ALIASES = {
    "medical_meadow_wikidoc": "wikidoc",
    "medalpaca/medical_meadow_wikidoc": "wikidoc",
    "medical_meadow_wikidoc_patient_information": "wikidoc_patient_information",
    "medalpaca/medical_meadow_wikidoc_patient_information": "wikidoc_patient_information",
    "wikidoc_patient": "wikidoc_patient_information",
    "abachaa/MedQuAD": "medquad",
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
    """Where the original of a known source lies on this machine, or an empty text when it has to be fetched."""
    original = getattr(catalogue.find("datasets", _known(name)), "ORIGINAL", None)
    if original is None:
        return "in the package"
    found = _originals.find(original)
    return str(found.path) if found else ""


def get(name: str, *, offline: bool = False, progress: Progress | None = None) -> str:
    """Fetch the original of a known source unless it is here, and say where it lies. Raises FetchError."""
    original = getattr(catalogue.find("datasets", _known(name)), "ORIGINAL", None)
    return str(_originals.get(original, offline=offline, progress=progress).path) if original else "in the package"


def load(entry: DataSource, *, offline: bool = False, progress: Progress | None = None) -> Loaded:
    """The rows of one entry of a config's ``data``.

    Raises UnknownName for a name that is neither known nor a file, ConfigError for columns given beside a known name,
    DataError for what can't be read and FetchError for what can't be fetched.
    """
    path = Path(entry.source).expanduser()
    chosen = {key: value for key in ("question", "answer", "topic") if (value := getattr(entry, key))}
    name = _known(entry.source)
    if name in names() or (not path.exists() and not _looks_like_path(entry.source)):
        module = catalogue.find("datasets", name)
        if chosen:
            raise ConfigError([f"data: {entry.source} has its own columns; {', '.join(chosen)} can't be set for it."])
        loaded: Loaded = module.read(offline=offline, progress=progress)
        return loaded
    if not path.exists():
        raise DataError(f"{path}: there is no such file.", hint=_near_files(path))
    for known in names() if path.is_dir() or not _is_table(path) else ():
        module = catalogue.find("datasets", known)
        if getattr(module, "recognises", None) and module.recognises(path):
            loaded = module.read(path=path, offline=offline, progress=progress)
            return loaded
    if path.is_dir():
        raise DataError(f"{path}: this is a folder, and no known source lies in it.", hint="Name a file in it.")
    return _files.read(path, **chosen)


def check(path: str | Path) -> Loaded:
    """Read a file and list all its faulty rows in one go, however many there are. Raises DataError for a broken file."""
    file = Path(path).expanduser()
    if not file.exists():
        raise DataError(f"{file}: there is no such file.", hint=_near_files(file))
    if file.is_dir() or not _is_table(file):
        return load(DataSource(source=str(file)), offline=True)
    return _files.read(file, tolerant=True)


def _known(name: str) -> str:
    return ALIASES.get(name, name.replace("-", "_") if name.replace("-", "_") in names() else name)


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", "/")) or _is_table(Path(name)) or name.endswith((".zip", ".tar", ".gz", ".tgz"))


def _is_table(path: Path) -> bool:
    try:
        _rows.kind(path)
    except DataError:
        return False
    return True


def _near_files(path: Path) -> str:
    folder = path.parent
    return (
        near(path.name, [item.name for item in folder.iterdir()])
        if folder.is_dir()
        else f"There is no folder {folder}."
    )
