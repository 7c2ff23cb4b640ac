"""What was measured of this machine's training step, kept in the cache by machine, model and method."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from medlms.bench.machine import machine
from medlms.errors import ResourceError
from medlms.run import home, write_whole

FORMAT = 1
"""Part of every key: raised when what is measured, or how, changes."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A finding. ``key`` is what it holds for; ``ways`` has, by what was varied, (value, seconds of the same rows).

    ``matrix_flops``: operations a second of the model's widest product by number format. ``layers``: how many of the model's
    layers the rows passed. ``seconds``: how long the measurement took.
    """

    key: Mapping[str, Any]
    model: str
    date: str
    layers: int
    seconds: float
    default_threads: int
    ways: Mapping[str, list[tuple[Any, float]]]
    matrix_flops: Mapping[str, float]


def key_of(**facts: Any) -> dict[str, Any]:
    """What a finding holds for: this machine, and ``facts`` of model and method."""
    here = machine()
    return {"format": FORMAT, **{name: here.get(name) for name in ("processor", "cores", "torch")}, **facts}


def read(key: Mapping[str, Any]) -> Probed | None:
    """The finding for a key; None where there is none that can be read."""
    found = _read(_path(key))
    return found if found is not None and dict(found.key) == json.loads(json.dumps(key)) else None


def keep(found: Probed) -> bool:
    """Put a finding into the cache. False where that can't be written."""
    path = _path(found.key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(found), indent=2).encode())
    except (OSError, ResourceError):
        return False
    return True


def of_this_machine() -> list[Probed]:
    """All findings for this processor, its cores and this torch, newest first."""
    here = key_of()
    found = [item for path in sorted(_folder().glob("*.json")) if (item := _read(path)) is not None]
    mine = [item for item in found if all(item.key.get(name) == value for name, value in here.items())]
    return sorted(mine, key=lambda item: item.date, reverse=True)


def _folder() -> Path:
    return home() / "probes"


def _path(key: Mapping[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return _folder() / f"{digest[:16]}.json"


def _read(path: Path) -> Probed | None:
    """A finding from its file; a file that is no finding counts as none, and is written over."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        ways = {str(name): [(way, float(took)) for way, took in rows] for name, rows in value["ways"].items()}
        return Probed(**{field.name: value[field.name] for field in fields(Probed)} | {"ways": ways})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
