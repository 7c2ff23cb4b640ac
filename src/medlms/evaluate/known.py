"""Answers that earlier runs hold: the same model, asked the same in the same way, is not asked again.

There is no store of answers beside the runs. What a run may take over lies in the predictions of the runs next to it, so that
private questions and answers never leave the folders of runs, and are gone when their runs are erased.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.evaluate.lines import is_whole
from medlms.run import CONFIG
from medlms.types import Request

_KEY = re.compile(rb'"key": "([0-9a-f]{32})"')


@dataclass(frozen=True, slots=True)
class Known:
    """Where answers of one model may be found. ``model`` says all that an answer depends on beside the request: the weights,
    the adapter, the precision, the template, the code. ``runs`` are folders of runs, looked through in order.
    """

    model: str
    runs: Sequence[Path] = ()

    def key(self, request: Request) -> str:
        """The fingerprint of model, prompt and settings: 32 hex digits."""
        turns = [(turn.role, turn.text) for turn in request.messages]
        drawn = [request.temperature, request.top_p, request.seed, request.id] if request.temperature else []
        content = json.dumps([self.model, turns, request.max_new_tokens, request.stop, drawn])
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def answers(self, keys: Set[str]) -> dict[str, tuple[str, dict[str, Any]]]:
        """For each key that is found: the name of the run, and the line. Lines that were changed by hand are left alone."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for folder in self.runs:
            for path in sorted((folder / "predictions").rglob("*.jsonl")):
                if keys <= found.keys():
                    return found
                for line in _lines(path, keys - found.keys()):
                    found.setdefault(line["key"], (folder.name, line))
        return found


def beside(folder: Path) -> list[Path]:
    """The folders of the runs that lie where this one lies, newest first."""
    others = [path.parent for path in folder.parent.glob(f"*/{CONFIG}") if path.parent.name != folder.name]
    return sorted(others, key=lambda path: (-path.stat().st_mtime, path.name))


def _lines(path: Path, keys: Set[str]) -> Iterator[dict[str, Any]]:
    """Whole lines of a predictions file with one of these keys."""
    try:
        content = path.read_bytes()
    except OSError:  # erased meanwhile, or somebody else's
        return
    wanted = {key.encode() for key in keys}
    if wanted.isdisjoint(_KEY.findall(content)):
        return
    for raw in content.split(b"\n"):
        if wanted.isdisjoint(_KEY.findall(raw)):
            continue
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        if is_whole(line) and line["key"] in keys:
            yield line
