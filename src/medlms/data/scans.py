"""Scans of texts, each done once: remembered in memory, and for public sets on disk (places in texts, never the texts)."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from medlms.data.found import write_private
from medlms.data.identifiers import Finding, scan
from medlms.errors import ResourceError
from medlms.run import home

SHORT = 200  # characters; a shorter text is scanned faster than it is worth keeping
MOST = 2**25  # characters of texts that are remembered in memory


class Scans:
    """``scan`` with a memory. What is ``public`` is kept in the cache folder for later runs with the same rules.

    Texts that are not public leave no trace on disk, not even a checksum, by which a short text could be guessed.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or home() / "scans" / f"{rules()}.json"
        self._seen: dict[str, list[Finding]] = {}
        self._characters = 0
        self._kept: dict[str, list[list[object]]] | None = None
        self._fresh = False

    def look(self, text: str, *, public: bool = False) -> list[Finding]:
        """The findings of a text."""
        if text not in self._seen:
            if self._characters > MOST:
                self._seen, self._characters = {}, 0
            self._characters += len(text)
            self._seen[text] = self._remembered(text) if public and len(text) > SHORT else scan(text)
        return self._seen[text]

    def keep(self) -> None:
        """Write what is to be remembered; a cache that can't be written is none."""
        if not self._fresh or self._kept is None:
            return
        with suppress(OSError, ResourceError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._path, json.dumps(self._kept).encode())
            self._fresh = False

    def _remembered(self, text: str) -> list[Finding]:
        kept = self._load()
        mark = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        if mark not in kept:
            kept[mark] = [[f.start, f.end, f.kind, f.rule, f.confidence] for f in scan(text)]
            self._fresh = True
        return [Finding(*item) for item in kept[mark]]  # type: ignore[arg-type]

    def _load(self) -> dict[str, list[list[object]]]:
        if self._kept is None:
            self._kept = {}
            with suppress(OSError, ValueError):
                found = json.loads(self._path.read_bytes())
                self._kept = found if isinstance(found, dict) else {}
        return self._kept


def rules() -> str:
    """A checksum of the rules and their lists: other rules, other findings."""
    total = hashlib.sha256()

    def add(folder: Traversable) -> None:
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.is_dir() and item.name != "__pycache__":
                add(item)
            elif item.name.endswith((".py", ".txt")):
                total.update(item.name.encode() + item.read_bytes())

    add(resources.files("medlms.data.identifiers"))
    return total.hexdigest()[:16]
