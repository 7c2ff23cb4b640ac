"""Reads rows from a JSONL, JSON, CSV, TSV or XLSX file, each with its place; broken rows become faults."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.datasets import _read
from medlms.errors import CouldNot, DataError
from medlms.types import Fault

KINDS = ("jsonl", "ndjson", "json", "csv", "tsv", "xlsx")
_OTHER = {
    "parquet": "Parquet files can't be read by this version; write the table as JSONL or CSV.",
    "xls": "The old .xls format can't be read; save the table as .xlsx or CSV.",
    "ods": "Save the table as .xlsx or CSV.",
    "txt": "When it holds one JSON object a line, name it .jsonl; when it holds a table, name it .csv or .tsv.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it stands."""

    place: str
    number: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a file in order, faulty ones as faults; ``columns`` in the order in which they appear."""

    kind: str
    rows: list[Row | Fault]
    columns: list[str]
    sha256: str


def kind(path: Path) -> str:
    """The format that the file's name tells, without .gz; DataError for one that can't be read."""
    parts = path.name.lower().removesuffix(".gz").rsplit(".", 1)
    ending = parts[1] if len(parts) == 2 else ""
    if ending in KINDS:
        return "jsonl" if ending == "ndjson" else ending
    known = "Readable are .jsonl, .json, .csv and .tsv (each also with .gz), and .xlsx."
    raise DataError(f"{path}: files of this kind can't be read.", hint=_OTHER.get(ending, known))


def read(path: Path) -> Table:
    """All rows of the file. Raises DataError when the file as a whole can't be read or holds no row."""
    form = kind(path)
    content = _read.raw(path)
    if form == "xlsx":
        rows = list(_xlsx(path, content))
    else:
        text = _read.text(path, _read.unpacked(path, content))
        if form == "jsonl":
            rows = list(_jsonl(path, text))
        elif form == "json":
            form, rows = _json(path, text)
        else:
            rows = list(_csv(path, text, "\t" if form == "tsv" else ""))
    if not rows:
        raise DataError(f"{path}: the file holds no rows.")
    columns: dict[str, None] = {}
    for row in rows:
        if isinstance(row, Row):
            columns.update(dict.fromkeys(row.values))
    return Table(form, rows, list(columns), _read.sha256(content))


def _jsonl(path: Path, text: str) -> Iterator[Row | Fault]:
    # Only line feeds part rows: JSON text may hold other marks that count as line ends elsewhere.
    number = 0
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        number += 1
        place = f"{path}:{line}"
        try:
            value = json.loads(content)
        except json.JSONDecodeError as error:
            yield Fault(place, "broken row", f"not valid JSON: {error.msg} (column {error.colno})")
            continue
        except (RecursionError, ValueError):
            yield Fault(place, "broken row", "not readable JSON: nested too deeply, or a number too long")
            continue
        yield Row(place, number, value) if isinstance(value, dict) else _no_object(place, value)


def _json(path: Path, text: str) -> tuple[str, list[Row | Fault]]:
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.lstrip().startswith("{"):
            return "jsonl", list(_jsonl(path, text))
        end = " The file looks cut off." if error.pos >= len(text.rstrip()) - 1 or "Unterminated" in error.msg else ""
        raise DataError(
            f"{path}:{error.lineno}: not valid JSON: {error.msg} (column {error.colno}).{end}",
            hint="Copy it again, or correct that line.",
        ) from None
    except (RecursionError, ValueError):
        raise DataError(f"{path}: not readable JSON: nested too deeply, or a number too long.") from None
    if isinstance(tree, dict):
        lists = [key for key, value in tree.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise DataError(
                f"{path}: expected a list of rows; found an object with {_listed(list(tree)) or 'nothing in it'}.",
                hint="Rows are a list of objects: [{...}, {...}].",
            )
        tree = tree[lists[0]]
    if not isinstance(tree, list):
        raise DataError(f"{path}: expected a list of rows; found {type(tree).__name__}.")
    rows: list[Row | Fault] = []
    for number, value in enumerate(tree, 1):
        place = f"{path}#{number}"
        rows.append(Row(place, number, value) if isinstance(value, dict) else _no_object(place, value))
    return "json", rows


def _no_object(place: str, value: Any) -> Fault:
    return Fault(place, "wrong type", f"the row is {type(value).__name__}, an object with columns is needed")


def _csv(path: Path, text: str, delimiter: str) -> Iterator[Row | Fault]:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = delimiter or max(",;\t|", key=lambda mark: (first.count(mark), mark == ","))
    # A cell may be longer than the module's own limit of 128 KiB.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    number = line = 0
    try:
        for cells in reader:
            start, line = line + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(path, cells)
                continue
            number += 1
            place = f"{path}:{start}"
            if len(cells) != len(header):
                detail = f"{len(cells)} fields, the header has {len(header)}"
                yield Fault(place, "ragged row", f"{detail}; a {_mark(delimiter)} inside a text needs quotation marks")
                continue
            yield Row(place, number, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        what = "a quotation mark is never closed" if "unexpected end" in str(error) else str(error)
        raise DataError(
            f"{path}:{line + 1}: not a readable table: {what} in the row that starts here.",
            hint='Inside a quoted text a quotation mark is written twice: "".',
        ) from None


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise DataError(f"{path}:1: the header names the column {twice[0]!r} twice.")
    return [name or f"column {index}" for index, name in enumerate(names, 1)]


def _mark(delimiter: str) -> str:
    return {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[delimiter]


def _xlsx(path: Path, content: bytes) -> Iterator[Row | Fault]:
    try:
        import openpyxl
    except ImportError:
        raise CouldNot(
            f"{path}: reading .xlsx needs openpyxl.", hint="pip install 'medlms[xlsx]', or save the table as CSV."
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: not a whole .xlsx file: {error}.", hint="Save or copy it again.") from None
    try:
        sheet = book.worksheets[0]
        header: list[str] = []
        number = 0
        for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            values = [_cell(cell) for cell in cells]
            if not any(values):
                continue
            if not header:
                while values and not values[-1]:
                    values.pop()
                header = _header(path, values)
                continue
            number += 1
            place = f"{path}:{line}"
            if any(values[len(header) :]):
                yield Fault(place, "ragged row", f"text to the right of the header's {len(header)} columns")
                continue
            values += [""] * (len(header) - len(values))
            yield Row(place, number, dict(zip(header, values, strict=False)))
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else str(value)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
