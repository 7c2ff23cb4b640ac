"""sha256 of what a run holds, kept in its manifest when its report is written: a later change of a file can be found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from medlms.run import MANIFEST, Run

SEALED = "files_sha256"
PAGES = ("report.md", "report.html", "plots/*.svg")
FILES = (
    "config.yaml", "data_report.json", "splits/*", "steps.jsonl", "epochs.jsonl", "speed.json", "predictions/**/*.jsonl",
    "report.json", *PAGES, "adapter/**/*", "model/**/*",
)  # fmt: skip


def seal(run: Run, patterns: Iterable[str] = FILES) -> None:
    """Write the sha256 of the files that match into the manifest, in place of what it holds of such files.

    Nothing is done in a folder without a manifest, such as a report over several runs.
    """
    if not (run.folder / MANIFEST).is_file():
        return
    manifest = run.read_json(MANIFEST)
    patterns = tuple(patterns)
    found = {path.relative_to(run.folder).as_posix(): sha256(path) for path in _files(run.folder, patterns)}
    others = {name: value for name, value in manifest.get(SEALED, {}).items() if not _matches(name, patterns)}
    run.write_json(MANIFEST, {**manifest, SEALED: dict(sorted({**others, **found}.items()))})


def sha256(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(Path(name).match(pattern) for pattern in patterns)
