"""Where the original of a set lies: MEDLMS_DATA first, then the cache, then its public address."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from medlms.datasets import _fetch
from medlms.datasets._loaded import Progress
from medlms.errors import DataError, FetchError
from medlms.run import home


@dataclass(frozen=True, slots=True)
class Original:
    """A published file. ``shelf`` is its folder in MEDLMS_DATA and in the cache.

    ``names`` are the file names looked for there, best first, each also with .gz; an empty name stands for the folder
    itself. ``sha256`` is that of the plain file under the first name, and is empty where the host packs anew each time.
    """

    shelf: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A path and, in words, where it was found."""

    path: Path
    where: str


def find(original: Original) -> Found | None:
    """The original on this machine, or None. Raises DataError when MEDLMS_DATA names no folder."""
    places = []
    if folder := os.environ.get("MEDLMS_DATA"):
        data = Path(folder).expanduser()
        if not data.is_dir():
            raise DataError(f"MEDLMS_DATA is {folder!r}, which is no folder.", hint="Correct it, or unset it.")
        places.append((data / original.shelf, "found in MEDLMS_DATA"))
    places.append((home() / "data" / original.shelf, "found in the cache"))
    for shelf, where in places:
        for name in original.names:
            if not name:
                if any(shelf.glob("*/*.xml")):
                    return Found(shelf, where)
                continue
            for path in (shelf / name, shelf / f"{name}.gz"):
                if path.exists():
                    return Found(path, where)
    return None


def get(original: Original, *, offline: bool = False, progress: Progress | None = None) -> Found:
    """The original, fetched into the cache when it is not on this machine. Raises FetchError."""
    found = find(original)
    if found:
        return found
    name = original.names[0]
    hint = _fetch.HINT.format(shelf=original.shelf, file=name)
    if not original.addresses:
        raise FetchError(f"{name}: not on this machine, and there is no address to fetch it from.", hint=hint)
    if offline:
        raise FetchError(f"{name}: not on this machine, and fetching is switched off (offline).", hint=hint)
    target = home() / "data" / original.shelf / name
    addresses = tuple(_fetch.hub(address) for address in original.addresses)
    used = _fetch.fetch(addresses, target, hint=hint, sha256=original.sha256, progress=progress)
    return Found(target, f"fetched from {used}")
