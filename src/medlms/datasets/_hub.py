"""Data sets of the Hugging Face hub by their id: which of their files are read, and bringing these here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from medlms.datasets import _places
from medlms.errors import CouldNot, DataError, FetchError

_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(?:@[\w./-]+)?")
_TRAIN = re.compile(r"(?:^|[/_.-])train(?:ing)?(?=[/_.-])", re.IGNORECASE)
_HELD = re.compile(r"(?:^|[/_.-])(?:test|testing|dev|devel|val|valid|validation|eval)(?=[/_.-])", re.IGNORECASE)
_COPY = "Give its path as source: a copied folder or file works as well."


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files of a set on this machine, their licence as the set's card states it, and what there is to say."""

    files: list[Path]
    licence: str
    said: list[str]


def is_id(name: str) -> bool:
    """Whether a name has the form of a hub id, ``owner/name`` or ``owner/name@revision``."""
    return bool(_ID.fullmatch(name)) and not _places.is_table(Path(name.partition("@")[0]))


def get(name: str, *, files: str = "", offline: bool = False) -> Fetched:
    """The set's tables, fetched unless they are in the hub's cache; ``files`` is a pattern of those wanted.

    Without it, where the names tell training files from held-out ones, only the former are taken. Raises FetchError, and
    DataError where the set has no table.
    """
    repo, _, revision = name.partition("@")
    try:
        import huggingface_hub
    except ImportError:
        raise CouldNot(
            f"{name}: reading from the hub needs huggingface_hub.", hint="pip install 'medlms[hub]'"
        ) from None
    try:
        folder, chosen, said = _snapshot(huggingface_hub, name, repo, revision or None, files, offline)
    except (FetchError, DataError):
        raise
    except Exception as error:
        raise _refused(error, name, repo, offline) from None
    return Fetched([folder / item for item in chosen], _licence(folder), said)


def _snapshot(
    hub: Any, name: str, repo: str, revision: str | None, files: str, offline: bool
) -> tuple[Path, list[str], list[str]]:
    options = {"repo_type": "dataset", "revision": revision}
    if offline:
        folder = Path(hub.snapshot_download(repo, local_files_only=True, **options))
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        chosen, said = choose(name, names, files)
        return folder, chosen, said
    chosen, said = choose(name, hub.HfApi().list_repo_files(repo, **options), files)
    return Path(hub.snapshot_download(repo, allow_patterns=[*chosen, "README.md"], **options)), chosen, said


def choose(name: str, names: Sequence[str], files: str) -> tuple[list[str], list[str]]:
    """Those of a set's files that are read, and a sentence on the ones that are not. Raises DataError for none."""
    found = sorted(_places.tables(names), key=_places.natural)
    if not found:
        listed = ", ".join(list(names)[:8]) or "nothing"
        raise DataError(
            f"{name}: holds no table that can be read; found: {listed}.",
            hint=f"The hub keeps a copy of many sets as Parquet: {name.partition('@')[0]}@refs/convert/parquet.",
        )
    if files:
        chosen = _places.tables(found, files)
        if not chosen:
            raise DataError(f"{name}: no file that {files!r} fits; found: {', '.join(found[:8])}.")
        return chosen, []
    held = [item for item in found if _HELD.search(item) and not _TRAIN.search(item)]
    train = [item for item in found if _TRAIN.search(item)]
    if not train or not held:
        return found, []
    return train, [
        f"{name}: {len(train)} of {len(found)} files are read, those named for training; `files:` names others"
    ]


def _licence(folder: Path) -> str:
    """What the card says in its head; ``not stated`` otherwise."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    head = re.match(r"\A---\n(.*?)\n---", text, re.DOTALL)
    try:
        fields = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        fields = None
    value = fields.get("license") if isinstance(fields, dict) else None
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "not stated")


def _refused(error: Exception, name: str, repo: str, offline: bool) -> FetchError:
    """What the hub's library raised, as a sentence."""
    kind = type(error).__name__
    if kind == "GatedRepoError":
        return FetchError(
            f"{name}: its owner wants you to accept terms before you may download it.",
            hint=f"Open https://huggingface.co/datasets/{repo}, accept, then run `hf auth login` with a read token.",
        )
    if kind in ("RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"):
        return FetchError(
            f"{name}: neither a known source nor a file here, and the hub has no such data set (or revision), or it is "
            "private.",
            hint="Known sources: medlms data list. A hub id is owner/name, as on the set's page.",
        )
    if kind in ("LocalEntryNotFoundError", "IncompleteSnapshotError") and offline:
        return FetchError(f"{name}: not in the hub's cache, and fetching is switched off (offline).", hint=_COPY)
    reason = (str(error).strip().splitlines() or [kind])[0].rstrip(".")
    return FetchError(f"{name}: can't be had from the Hugging Face hub: {reason}.", hint=f"Try again later. {_COPY}")
