"""Rows of JSONL, JSON, CSV and TSV text."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from medlms.datasets import _read
from medlms.datasets._lines import Lines
from medlms.datasets._row import Row
from medlms.errors import DataError
from medlms.types import Fault

MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_WORDS = {list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false", type(None): "null"}
_BLANK = "the file holds nothing but white space."


def jsonl(path: Path, stream: BinaryIO, tolerant: bool) -> Iterator[Row | Fault]:
    """One JSON object a line; empty lines do not count."""
    # Only line feeds part rows: JSON text may hold other marks that count as line ends elsewhere.
    lines = Lines(path, stream, tolerant)
    number = 0
    for line, content in enumerate(lines, 1):
        wrong = lines.taken()
        if not content.strip() and not wrong:
            continue
        number += 1
        yield Fault(f"{path}:{line}", "broken text", wrong) if wrong else _json_row(f"{path}:{line}", number, content)
    if lines.blank:
        raise DataError(f"{path}: {_BLANK}")


def _json_row(place: str, number: int, content: str) -> Row | Fault:
    try:
        value = json.loads(content)
    except json.JSONDecodeError as error:
        end = "; the line ends too early" if error.pos >= len(content.rstrip()) else ""
        return Fault(place, "broken row", f"not valid JSON: {error.msg} (column {error.pos + 1}){end}")
    except (RecursionError, ValueError):
        return Fault(place, "broken row", "not readable JSON: nested too deeply, or a number too long")
    return Row(place, number, value) if isinstance(value, dict) else _no_object(place, value)


def json_rows(path: Path, stream: BinaryIO, tolerant: bool) -> tuple[str, Iterator[Row | Fault], list[str]]:
    """The rows of a JSON file, beside its true format (lines of JSON are told apart) and what there is to say of it."""
    text = _read.text(path, stream.read())
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return "jsonl", jsonl(path, io.BytesIO(text.encode()), tolerant), []
        end = " The file looks cut off." if error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg else ""
        raise DataError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg} (column {error.colno}).{end}",
            hint="Copy it again, or correct that line.",
        ) from None
    except (RecursionError, ValueError):
        raise DataError(f"{path}: not readable JSON: nested too deeply, or a number too long.") from None
    said: list[str] = []
    if isinstance(tree, dict):
        columns = _columnar(tree)
        said = [f"{path.name}: an object of lists, one a column, read row by row"] if columns else []
        tree = columns or _listed_rows(path, tree)
    if not isinstance(tree, list):
        raise DataError(f"{path}: expected a list of rows; found {type(tree).__name__}.")
    return "json", (_tree_row(f"{path}#{number}", number, value) for number, value in enumerate(tree, 1)), said


def _tree_row(place: str, number: int, value: Any) -> Row | Fault:
    return Row(place, number, value) if isinstance(value, dict) else _no_object(place, value)


def _columnar(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an object of at least two lists of one length; nothing when it is something else."""
    lists = list(tree.values())
    if len(lists) < 2 or not all(isinstance(value, list) for value in lists) or len({len(item) for item in lists}) != 1:
        return []
    return [dict(zip(tree, cells, strict=True)) for cells in zip(*lists, strict=True)]


def _listed_rows(path: Path, tree: dict[str, Any]) -> Any:
    """The one list of an object that wraps its rows."""
    lists = [key for key, value in tree.items() if isinstance(value, list)]
    if len(lists) == 1:
        return tree[lists[0]]
    sizes = {key: len(tree[key]) for key in lists}
    if len(set(sizes.values())) > 1:
        found = "lists of different lengths: " + ", ".join(f"{key} ({size:,})" for key, size in list(sizes.items())[:8])
    else:
        names = list(tree)
        found = "an object with " + (", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing in it")
    raise DataError(
        f"{path}: expected a list of rows; found {found}.",
        hint="Rows are a list of objects, [{...}, {...}], or one object of lists of equal length, one a column.",
    )


def _no_object(place: str, value: Any) -> Fault:
    return Fault(place, "wrong type", f"the row is {_WORDS[type(value)]}; an object with columns is needed")


def csv_rows(
    path: Path, stream: BinaryIO, delimiter: str, tolerant: bool, *, header: Sequence[str] = ()
) -> Iterator[Row | Fault]:
    """The rows below a table's header, or all of them with a ``header`` given.

    Without ``delimiter`` it is the mark that the first line holds most of.
    """
    source = Lines(path, stream, tolerant)
    lines = source.by_any_end()
    begin = list(_until_text(lines))
    if source.blank:
        raise DataError(f"{path}: {_BLANK}")
    delimiter = delimiter or max(MARKS, key=lambda mark: (begin[-1].count(mark), mark == ","))
    # A cell may be longer than the module's own limit of 128 KiB.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(itertools.chain(begin, lines), delimiter=delimiter, strict=True)
    names = list(header)
    number = line = 0
    while True:
        start = line + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number, line = number + 1, reader.line_num
            yield _broken(path, start, line, str(error), tolerant)
            continue
        line = reader.line_num
        wrong = source.taken()
        if not wrong and not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = header_of(path, cells, start)
            if wrong:
                yield Fault(f"{path}:{start}", "broken text", f"the header {wrong}")
            continue
        number += 1
        place = f"{path}:{start}"
        if wrong:
            yield Fault(place, "broken text", wrong)
        elif len(cells) != len(names):
            detail = f"{len(cells)} fields, the header has {len(names)}"
            yield Fault(place, "ragged row", f"{detail}; a {MARKS[delimiter]} inside a text needs quotation marks")
        else:
            yield Row(place, number, dict(zip(names, cells, strict=True)))


def _until_text(lines: Iterator[str]) -> Iterator[str]:
    for text in lines:
        yield text
        if text.strip():
            return


def _broken(path: Path, start: int, end: int, problem: str, tolerant: bool) -> Fault:
    never = "unexpected end" in problem
    what = "a quotation mark is never closed" if never else problem
    if not tolerant:
        raise DataError(
            f"{path}:{start}: not a readable table: {what} in the row that starts here.",
            hint='Inside a quoted text a quotation mark is written twice: "".',
        )
    lost = f"; lines {start:,} to {end:,} are lost with it" if never and end > start else ""
    return Fault(f"{path}:{start}", "broken row", f"{what} in the row that starts here{lost}")


def header_of(path: Path, cells: list[str], line: int = 1) -> list[str]:
    """The names of the columns; DataError when one stands twice."""
    names = [cell.strip() for cell in cells]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise DataError(f"{path}:{line}: the header names the column {twice[0]!r} twice.")
    return [name or f"column {index}" for index, name in enumerate(names, 1)]
