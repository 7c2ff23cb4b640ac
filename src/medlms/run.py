"""A run's folder: made once, private to the user, added to file by file. It knows file names, not what stands in them."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medlms.errors import AskedWrongly, DataError, ResourceError

CONFIG, MANIFEST, STEPS, REPORT = "config.yaml", "manifest.json", "steps.jsonl", "report.json"


class Run:
    """The files of one run. ``folder`` is its path; every file is written whole or not at all, or appended by lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, name: str, *, root: Path | None = None) -> Run:
        """Make ``runs/NAME`` (or the path NAME when it holds a slash); a taken name gets -2, -3, and so on."""
        wanted = Path(name) if "/" in name or os.sep in name else (root or Path("runs")) / name
        if "/" not in name and not re.fullmatch(r"[\w.-]+", name):
            raise AskedWrongly(f"run: {name!r} can't be a folder's name.", hint="Use letters, digits, dots and dashes.")
        number = 1
        while True:
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                folder.parent.mkdir(parents=True, exist_ok=True)
                folder.mkdir(mode=0o700)
                return cls(folder)
            except FileExistsError:
                number += 1
            except OSError as error:
                raise ResourceError(f"{folder}: can't be made: {error.strerror}.") from None

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """An existing run, given by its folder or by its name under runs/."""
        for path in (Path(folder), Path("runs") / folder):
            if (path / CONFIG).is_file():
                return cls(path)
        raise AskedWrongly(f"{folder}: no run lies here (no {CONFIG}).", hint="`medlms runs list` shows what there is.")

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    def path(self, *parts: str) -> Path:
        """A path inside the run whose parent folder exists."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, content: str) -> Path:
        """Write a text file so that a crash leaves the old or the new one, never half."""
        path = self.path(*name.split("/"))
        write_whole(path, content.encode("utf-8"))
        return path

    def write_json(self, name: str, value: Any) -> Path:
        """Write a JSON file, indented, keys in the order given."""
        return self.write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file of this run; DataError when it is missing or broken."""
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{path}: missing.", hint="The run did not get that far; `medlms train --resume` goes on.") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not readable as JSON: {error}.") from None

    def append(self, name: str, rows: list[Mapping[str, Any]]) -> None:
        """Add lines to a JSONL file and push them to disk."""
        with self.path(*name.split("/")).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """Lines of a JSONL file; a last line that a crash cut is left out."""
        path = self.folder / name
        if not path.is_file():
            return
        with path.open("rb") as file:  # bytes, since a crash can cut a line inside a character
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield json.loads(line)
                except (json.JSONDecodeError, UnicodeDecodeError) as error:
                    raise DataError(f"{path}:{number}: not a JSON line: {error}.") from None

    def keep_rows(self, name: str, rows: list[Mapping[str, Any]]) -> None:
        """Replace a JSONL file by these rows."""
        self.write(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path``, push it to disk, then move it into place."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ResourceError(f"{path}: can't be written: {error.strerror}.", hint="Free some disk space and try again.") from None


def home() -> Path:
    """The cache folder: ``MEDLMS_HOME``, or ``~/.cache/medlms``."""
    return Path(os.environ.get("MEDLMS_HOME") or Path.home() / ".cache" / "medlms").expanduser()


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
