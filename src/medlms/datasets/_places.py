"""From what a config names to the files that are meant: one file, all tables of a folder, or those that a pattern fits."""

from __future__ import annotations

import fnmatch
import glob
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from medlms.catalogue import near
from medlms.datasets import _rows
from medlms.errors import DataError

# Files that describe a set lie beside its tables in many folders.
_ABOUT = frozenset({"dataset_infos.json", "dataset_info.json", "state.json", "config.json", "metadata.json"})
_WILD = re.compile(r"[*?\[]")


def is_pattern(name: str) -> bool:
    """Whether a name holds a wild card and is no file or folder itself."""
    return bool(_WILD.search(name)) and not Path(name).expanduser().exists()


def is_table(path: Path) -> bool:
    """Whether the file's name is that of a format that can be read."""
    try:
        _rows.kind(path)
    except DataError:
        return False
    return True


def in_folder(folder: Path, pattern: str = "") -> tuple[list[Path], list[Path]]:
    """The tables in a folder and below it, in natural order, and the other files there. Raises DataError without any."""
    files = [
        path
        for path in sorted(folder.rglob("*"), key=lambda item: natural(str(item.relative_to(folder))))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    chosen = set(tables([path.relative_to(folder).as_posix() for path in files], pattern))
    found = [path for path in files if path.relative_to(folder).as_posix() in chosen]
    if not found:
        what = f"no file that {pattern!r} fits" if pattern else "no file of questions and answers"
        names = ", ".join(str(path.relative_to(folder)) for path in files[:8]) or "nothing"
        raise DataError(f"{folder}: {what} lies in it; found: {names}{', ...' if len(files) > 8 else ''}.")
    return found, [path for path in files if path not in set(found)]


def fitting(pattern: str) -> list[Path]:
    """The tables that a pattern fits, in natural order. Raises DataError without any."""
    names = glob.glob(str(Path(pattern).expanduser()), recursive=True)  # noqa: PTH207 - absolute patterns too
    found = sorted((Path(name) for name in names if Path(name).is_file() and is_table(Path(name))), key=_by_path)
    if not found:
        why = "the files that it fits are no tables" if names else "it fits no file"
        raise DataError(f"{pattern}: {why}.", hint="** stands for any folders, * for any part of a name.")
    return found


def tables(names: Sequence[str], pattern: str = "") -> list[str]:
    """Those of the names (with / between folders) that are tables, and fit ``pattern`` where there is one."""
    kept = [name for name in names if is_table(Path(name)) and PurePosixPath(name).name not in _ABOUT]
    return [name for name in kept if fnmatch.fnmatchcase(name, pattern)] if pattern else kept


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts part-2 before part-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def near_files(path: Path) -> str:
    """A hint for a file that is not there."""
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {folder}."
    return near(path.name, [item.name for item in folder.iterdir()])


def _by_path(path: Path) -> list[tuple[int, str]]:
    return natural(str(path))
