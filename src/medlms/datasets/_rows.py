"""The rows of a table, read as they are asked for, each with its place; broken rows become faults.

JSONL, CSV, TSV, XLSX and Parquet are never held whole; JSON is, since it can't be read in parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from medlms.datasets import _binary_tables, _text_tables
from medlms.datasets._open import Opened, plain_name
from medlms.datasets._row import Row
from medlms.errors import DataError, MedLMsError
from medlms.types import Fault

KINDS = ("jsonl", "ndjson", "json", "csv", "tsv", "xlsx", "parquet")
HEAD = 1000  # rows in which the columns are looked for
_OTHER = {
    "xls": "The old .xls format can't be read; save the table as .xlsx or CSV.",
    "ods": "Save the table as .xlsx or CSV.",
    "txt": "When it holds one JSON object a line, name it .jsonl; when it holds a table, name it .csv or .tsv.",
}
_READABLE = "Readable are .jsonl, .json, .csv, .tsv, .xlsx and .parquet, each also packed as .gz or .zst."


class Table:
    """A file's rows in order, faulty ones as faults. ``columns`` are those of its first rows, in their order.

    It can be gone through once; after that ``sha256`` is that of the whole file. With ``tolerant``, what makes the rest of a
    file unreadable is a fault too instead of a DataError.
    """

    def __init__(self, path: Path, *, tolerant: bool = False) -> None:
        self.kind = kind(path)
        self.path = path
        self.tolerant = tolerant
        self.said: list[str] = []
        self._opened = Opened(path)
        try:
            self._rows = self._cut(self._parsed())
            self.head = list(itertools.islice(self._rows, HEAD))
            if not self.head:
                raise DataError(f"{path}: the file holds no rows.")
        except MedLMsError:
            self.close()
            raise
        self.columns = self._columns()

    def __iter__(self) -> Iterator[Row | Fault]:
        head, self.head = self.head, []
        yield from head
        yield from self._rows

    def whole(self) -> None:
        """Take all rows into ``head``, for columns that the first ones lack."""
        self.head += self._rows
        self.columns = self._columns()

    def sha256(self) -> str:
        """The checksum of the file as it lies on disk."""
        return self._opened.sha256()

    def close(self) -> None:
        """Let go of the file; its rows can't be read any more."""
        self._opened.close()

    def _columns(self) -> list[str]:
        found: dict[str, None] = {}
        for row in self.head:
            if isinstance(row, Row):
                found.update(dict.fromkeys(row.values))
        return list(found)

    def _parsed(self) -> Iterator[Row | Fault]:
        if self.kind == "xlsx":
            return _binary_tables.xlsx(self.path, self._opened)
        if self.kind == "parquet":
            return _binary_tables.parquet(self.path, self._opened)
        if self.kind == "jsonl":
            return _text_tables.jsonl(self.path, self._opened.stream, self.tolerant)
        if self.kind == "json":
            self.kind, rows, said = _text_tables.json_rows(self.path, self._opened.stream, self.tolerant)
            self.said += said
            return rows
        delimiter = "\t" if self.kind == "tsv" else ""
        return _text_tables.csv_rows(self.path, self._opened.stream, delimiter, self.tolerant)

    def _cut(self, rows: Iterator[Row | Fault]) -> Iterator[Row | Fault]:
        """The rows; where the file breaks off, the fault of that as the last one when ``tolerant``."""
        place = f"{self.path}"
        try:
            for row in rows:
                place = row.place
                yield row
        except DataError as error:
            if not self.tolerant or place == f"{self.path}":
                raise
            yield Fault(f"after {place}", "broken file", str(error).removeprefix(f"{self.path}: ").rstrip("."))


def kind(path: Path) -> str:
    """The format that the file's name tells, whatever it is packed in; DataError for one that can't be read."""
    parts = plain_name(path).lower().rsplit(".", 1)
    ending = parts[1] if len(parts) == 2 else ""
    if ending in KINDS:
        return "jsonl" if ending == "ndjson" else ending
    raise DataError(f"{path}: files of this kind can't be read.", hint=_OTHER.get(ending, _READABLE))
