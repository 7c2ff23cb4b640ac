"""Scans of texts, each done once: remembered in memory, and for public sets on disk (places in texts, never the texts)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from medlms.data.found import write_private
from medlms.data.identifiers import Finding, scan, scan_closely
from medlms.errors import ResourceError
from medlms.run import home

SHORT = 200  # characters; a shorter text is scanned faster than it is worth keeping
MOST = 2**25  # characters of texts that are remembered in memory
LONGEST = 1_000_000  # characters; a longer text is scanned quickly alone: closely it takes minutes


PACE = 10_000  # characters a second that a small machine reads closely
PATIENCE = 60  # seconds from which it is said beforehand how long that takes


def ahead(texts: Iterable[str], *, quick: bool, times: int = 1, instead: str = "identifier_scan: quick") -> str:
    """What there is to say before ``texts`` are read ``times`` times, if that takes long; ``instead`` asks for the quick scan."""
    characters = 0 if quick else sum(size for size in map(len, texts) if size <= LONGEST)
    seconds = characters * times / PACE
    if seconds < PATIENCE:
        return ""
    return (
        f"Reading {characters / 1e6:,.1f} million characters closely for identifiers takes about {seconds / 60:,.0f} minutes on "
        f"two cores; {instead} is some forty times faster and misses more."
    )


class Scans:
    """Scans with a memory: public texts quickly, all others closely, unless ``quick`` is asked for.

    What is ``public`` is kept in the cache folder for later runs with the same rules. Texts that are not public leave no trace
    on disk, not even a checksum, by which a short text could be guessed. ``too_long`` says whether some were longer than LONGEST
    and so scanned quickly in the place of closely.
    """

    def __init__(self, path: Path | None = None, *, quick: bool = False) -> None:
        self.quick = quick
        self.too_long = False
        self._path = path or home() / "scans" / f"{rules()}.json"
        self._seen: dict[tuple[str, bool], list[Finding]] = {}
        self._characters = 0
        self._kept: dict[str, list[list[object]]] | None = None
        self._fresh = False

    def look(self, text: str, *, public: bool = False) -> list[Finding]:
        """The findings of a text."""
        key = (text, public)
        if key not in self._seen:
            if self._characters > MOST:
                self._seen, self._characters = {}, 0
            self._characters += len(text)
            self._seen[key] = self._public(text) if public else self._private(text)
        return self._seen[key]

    def said(self) -> list[str]:
        """What there is to say of how texts were scanned."""
        if not self.too_long:
            return []
        return [
            f"WARNING: texts of more than {LONGEST:,} characters were scanned quickly alone: more is missed in them"
        ]

    def keep(self) -> None:
        """Write what is to be remembered; a cache that can't be written is none."""
        if not self._fresh or self._kept is None:
            return
        with suppress(OSError, ResourceError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._path, json.dumps(self._kept).encode())
            self._fresh = False

    def _private(self, text: str) -> list[Finding]:
        if self.quick:
            return scan(text)
        if len(text) > LONGEST:
            self.too_long = True
            return scan(text)
        return scan_closely(text)

    def _public(self, text: str) -> list[Finding]:
        if len(text) <= SHORT:
            return scan(text)
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
