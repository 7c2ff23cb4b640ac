"""A run's folder: made once, private to the user, added to file by file. It knows file names, not what stands in them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from medlms.errors import AskedWrongly, DataError, ResourceError

CONFIG, MANIFEST, STEPS, REPORT = "config.yaml", "manifest.json", "steps.jsonl", "report.json"
EVALUATION, ASKED = "evaluation.json", "asked.jsonl"
FILES = frozenset(
    {
        CONFIG,
        MANIFEST,
        STEPS,
        REPORT,
        "data_report.json",
        "splits",
        "epochs.jsonl",
        "speed.json",
        "checkpoints",
        "adapter",
        "model",
    }
    | {"predictions", "report.md", "report.html", "plots", "merged", "export", ".DS_Store"}
    | {
        "exams.json",
        EVALUATION,
        ASKED,
        "wordings.json",
        "points",
        "trackers",
        "identifiers.csv",
        "data_report.html",
        "data_report.md",
        "dropped.jsonl",
    }
)
"""What may lie at the top of a run's folder."""


class Run:
    """The files of one run. ``folder`` is its path; every file is written whole or not at all, or appended by lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, name: str, *, root: Path | None = None) -> Run:
        """Make ``runs/NAME`` (or the path NAME when it holds a slash); a taken name gets -2, -3, and so on."""
        wanted = Path(name).expanduser() if "/" in name or os.sep in name else (root or Path("runs")) / name
        # Without a letter or digit at its start a name is hidden, looks like an option, or is no name at all (. and ..).
        if not re.match(r"\w", Path(name).name) or ("/" not in name and not re.fullmatch(r"[\w.-]+", name)):
            raise AskedWrongly(
                f"run: {name!r} can't be a folder's name.",
                hint="Use letters, digits, dots and dashes, a letter or digit first.",
            )
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise ResourceError(f"{wanted.parent}: can't be made: {_reason(error)}.") from None
        number = 1
        while True:
            folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
            try:
                folder.mkdir(mode=0o700)
                return cls(folder)
            except FileExistsError:
                number += 1
            except (OSError, ValueError) as error:
                raise ResourceError(f"{folder}: can't be made: {_reason(error)}.") from None

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """An existing run, given by its folder or by its name under runs/."""
        for path in (Path(folder).expanduser(), Path("runs") / folder):
            if (path / CONFIG).is_file():
                return cls(path if path.name.strip(".") else path.resolve())  # "." has no name of its own
        raise AskedWrongly(f"{folder}: no run lies here (no {CONFIG}).", hint="`medlms runs list` shows what there is.")

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    def erase(self) -> None:
        """Delete the folder; AskedWrongly, and nothing is deleted, when it holds files that no run writes."""
        foreign = sorted(item.name for item in self.folder.iterdir() if item.name.removesuffix(".part") not in FILES)
        if foreign:
            raise AskedWrongly(
                f"{self.folder}: holds files that are not a run's, such as {', '.join(foreign[:5])}.",
                hint="Nothing was deleted. Move them away first, or delete the folder by hand.",
            )
        try:
            shutil.rmtree(self.folder.resolve())
            if self.folder.is_symlink():
                self.folder.unlink()
        except OSError as error:
            raise ResourceError(
                f"{error.filename}: can't be deleted: {error.strerror}.",
                hint="Other files of the run may be gone already.",
            ) from None

    def is_evaluation(self) -> bool:
        """Whether this is a grading without training."""
        return (self.folder / EVALUATION).is_file()

    def verb(self) -> str:
        """The command that made this run and goes on with it."""
        return "evaluate" if self.is_evaluation() else "train"

    def begun(self) -> bool:
        """Whether anything was answered or learned that is worth keeping."""
        return (self.folder / "predictions").exists() or (self.folder / STEPS).exists()

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
            raise DataError(
                f"{path}: missing.", hint="The run did not get that far; `medlms train --resume` goes on."
            ) from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not readable as JSON: {error}.") from None

    def append(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add lines to a JSONL file and push them to disk; a last line that a crash cut goes first."""
        path = self.path(*name.split("/"))
        try:
            with open(path, "ab+", opener=_private) as file:
                _drop_cut_line(file)
                file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ResourceError(f"{path}: can't be written: {error.strerror}.", hint=_GO_ON) from None

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

    def readable_rows(self, name: str) -> tuple[list[dict[str, Any]], list[int]]:
        """Lines of a JSONL file that can be read, and the numbers (from 1) of those that can't: cut by a crash, or no JSON."""
        path = self.folder / name
        rows, broken = [], []
        if path.is_file():
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    row = _row(line)
                    rows.append(row) if row is not None else broken.append(number)
        return rows, broken

    def keep_rows(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace a JSONL file by these rows, written as they come."""
        write_whole(self.path(*name.split("/")), json_lines(rows), private=True)


_GO_ON = "Is the disk full, or the folder not yours? A stopped run goes on with `medlms train --resume RUN`."


def _private(path: str, flags: int) -> int:
    """Open for the user alone where the file is new: rows hold questions and answers."""
    return os.open(path, flags, 0o600)


def _row(line: bytes) -> dict[str, Any] | None:
    """A whole line as a row, None where it can't be read."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _drop_cut_line(file: BinaryIO) -> None:
    size = end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - 4096, 0)
        file.seek(start)
        line_end = file.read(end - start).rfind(b"\n")
        if line_end >= 0:
            end = start + line_end + 1
            break
        end = start
    if end < size:
        file.truncate(end)


def _reason(error: Exception) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "a file has that name"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Each row as a line of JSON."""
    return ((json.dumps(row, ensure_ascii=False) + "\n").encode() for row in rows)


def write_whole(path: Path, content: bytes | Iterable[bytes], *, private: bool = False) -> None:
    """Write ``content``, whole or piece by piece, beside ``path``, push it to disk, then move it into place.

    ``private``: readable for the user alone.
    """
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb", opener=_private if private else None) as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ResourceError(f"{path}: can't be written: {error.strerror}.", hint=_GO_ON) from None
    except BaseException:  # a piece could not be made
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def home() -> Path:
    """The cache folder: ``MEDLMS_HOME``, or ``~/.cache/medlms``."""
    return Path(os.environ.get("MEDLMS_HOME") or Path.home() / ".cache" / "medlms").expanduser()


def now() -> str:
    """The time in UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
