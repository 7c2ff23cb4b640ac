"""Reads a whole table and writes it again in the same format with other values: columns, order and packing stay."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.datasets import plain_bytes, table_kind
from medlms.errors import AskedWrongly, CouldNot, DataError

Change = Callable[[int, dict[str, Any]], dict[str, Any]]
"""Given the number of a row, from 0, and its values, its new values."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in memory: its rows by column, and how it is written with other ones."""

    rows: list[dict[str, Any]]
    places: list[str]
    write: Callable[[Sequence[dict[str, Any]]], bytes]


def read(path: Path) -> Sheet:
    """The table of a file. Raises DataError for rows that can't be read: what can't be read can't be replaced."""
    kind, plain = table_kind(path), plain_bytes(path)
    sheet = _READERS[kind](path, plain)
    return Sheet(sheet.rows, sheet.places, lambda rows: _packed(path, sheet.write(rows)))


def same_format(path: Path, target: Path) -> None:
    """AskedWrongly where ``target`` does not end as ``path`` does."""
    ending = "".join(path.suffixes[-2:]) if path.suffix.lower() in (".gz", ".zst") else path.suffix
    if not target.name.lower().endswith(ending.lower()):
        raise AskedWrongly(
            f"{target}: the copy has the format of {path.name}, so its name has to end in {ending}.",
            hint=f"For example: {target.name.split('.')[0]}{ending}",
        )


def _text(path: Path, plain: bytes) -> tuple[str, bytes]:
    mark = b"\xef\xbb\xbf"
    begin = mark if plain.startswith(mark) else b""
    try:
        return plain[len(begin) :].decode("utf-8"), begin
    except UnicodeDecodeError as error:
        line = plain[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: not UTF-8 text.", hint=f"`medlms data check {path}` says more.") from None


def _jsonl(path: Path, plain: bytes) -> Sheet:
    text, mark = _text(path, plain)
    lines = text.split("\n")
    rows, places, where = [], [], []
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise _broken(f"{path}:{number + 1}")
        rows.append(value)
        places.append(f"{path}:{number + 1}")
        where.append(number)

    def write(new: Sequence[dict[str, Any]]) -> bytes:
        made = list(lines)
        for number, old, row in zip(where, rows, new, strict=True):
            if row != old:
                made[number] = json.dumps(row, ensure_ascii=False) + ("\r" if lines[number].endswith("\r") else "")
        return mark + "\n".join(made).encode("utf-8", "surrogatepass")

    return Sheet(rows, places, write)


def _json(path: Path, plain: bytes) -> Sheet:
    text, mark = _text(path, plain)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return _jsonl(path, plain)  # lines of JSON under another name; else it says where it breaks
    indent = 2 if "\n" in text.strip()[:3] else None

    def dumped(value: Any) -> bytes:
        return mark + json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass") + b"\n"

    if isinstance(tree, dict):
        lists = {key: value for key, value in tree.items() if isinstance(value, list)}
        if len(lists) == len(tree) > 1 and len({len(value) for value in lists.values()}) == 1:
            rows = [dict(zip(tree, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
            return Sheet(
                rows, _numbered(path, len(rows)), lambda new: dumped({key: [row[key] for row in new] for key in tree})
            )
        key = next(
            (key for key, value in lists.items() if len(lists) == 1 and all(isinstance(v, dict) for v in value)), ""
        )
        inner = tree[key] if key else []
        # What stands around the rows is one more row: it is looked at too.
        around = {name: value for name, value in tree.items() if name != key}
        return Sheet(
            [*inner, around],
            [*_numbered(path, len(inner)), f"{path}"],
            lambda new: dumped({name: list(new[:-1]) if key and name == key else new[-1][name] for name in tree}),
        )
    if not isinstance(tree, list) or not all(isinstance(row, dict) for row in tree):
        raise _broken(f"{path}")
    return Sheet(tree, _numbered(path, len(tree)), lambda new: dumped(list(new)))


def _csv(path: Path, plain: bytes) -> Sheet:
    text, mark = _text(path, plain)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if table_kind(path) == "tsv" else max(",;\t|", key=lambda sign: (first.count(sign), sign == ","))
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows, places, line = [], [], 0
    try:
        for cells in reader:
            start, line = line + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = cells
                continue
            if len(cells) != len(header):
                raise _broken(f"{path}:{start}")
            rows.append({str(index): cell for index, cell in enumerate(cells)})
            places.append(f"{path}:{start}")
    except csv.Error:
        raise _broken(f"{path}:{line + 1}") from None
    names = _distinct(header)
    end = "\r\n" if "\r\n" in text else "\n"

    def write(new: Sequence[dict[str, Any]]) -> bytes:
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
        writer.writerow(header)
        writer.writerows(row.values() for row in new)
        return mark + file.getvalue().encode("utf-8")

    return Sheet([dict(zip(names, row.values(), strict=True)) for row in rows], places, write)


def _xlsx(path: Path, plain: bytes) -> Sheet:
    openpyxl = _library("openpyxl", path, "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(plain))
    rows, places, cells = [], [], []
    for sheet in book.worksheets:
        names: list[str] = []
        for line, found in enumerate(sheet.iter_rows(), 1):
            filled = [cell for cell in found if cell.value is not None]
            if not filled:
                continue
            if not names:
                names = _distinct([str(cell.value or "") for cell in found])
                continue
            names += [f"column {number}" for number in range(len(names) + 1, len(found) + 1)]
            keyed = {names[cell.column - 1]: cell for cell in filled}
            rows.append({name: cell.value for name, cell in keyed.items()})
            cells.append(keyed)
            places.append(f"{path}:{line}" if sheet is book.worksheets[0] else f"{path}:{sheet.title}!{line}")

    def write(new: Sequence[dict[str, Any]]) -> bytes:
        for row, keyed in zip(new, cells, strict=True):
            for name, cell in keyed.items():
                if cell.value != row[name]:
                    cell.value = row[name]
        file = io.BytesIO()
        book.save(file)
        return file.getvalue()

    return Sheet(rows, places, write)


def _parquet(path: Path, plain: bytes) -> Sheet:
    arrow, parquet = _library("pyarrow", path, "parquet"), _library("pyarrow.parquet", path, "parquet")
    table = parquet.read_table(io.BytesIO(plain))
    rows = table.to_pylist()

    def write(new: Sequence[dict[str, Any]]) -> bytes:
        file = io.BytesIO()
        parquet.write_table(arrow.Table.from_pylist(list(new), schema=table.schema), file)
        return file.getvalue()

    return Sheet(rows, _numbered(path, len(rows)), write)


_READERS: dict[str, Callable[[Path, bytes], Sheet]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "tsv": _csv,
    "xlsx": _xlsx,
    "parquet": _parquet,
}


def _distinct(header: Sequence[str]) -> list[str]:
    """Names of columns; one that is empty or stands twice is named by its number."""
    names: list[str] = []
    for number, name in enumerate(header, 1):
        names.append(name.strip() if name.strip() and name.strip() not in names else f"column {number}")
    return names


def _numbered(path: Path, count: int) -> list[str]:
    return [f"{path}#{number}" for number in range(1, count + 1)]


def _broken(place: str) -> DataError:
    return DataError(
        f"{place}: this row can't be read, so identifiers in it can't be replaced. Nothing was written.",
        hint=f"`medlms data check {place.rpartition(':')[0] or place}` lists all such rows; mend or delete them first.",
    )


def _library(name: str, path: Path, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise CouldNot(f"{path}: needs {name.split('.')[0]}.", hint=f"pip install 'medlms[{extra}]'") from None


def _packed(path: Path, plain: bytes) -> bytes:
    ending = path.suffix.lower()
    if ending == ".gz":
        return gzip.compress(plain, mtime=0)
    if ending != ".zst":
        return plain
    try:
        own: Any = importlib.import_module("compression.zstd")
    except ImportError:
        own = _library("zstandard", path, "zst")
    packed: bytes = own.compress(plain)
    return packed
