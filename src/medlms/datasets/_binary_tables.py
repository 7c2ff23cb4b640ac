"""Rows of XLSX and Parquet files, through the libraries of the extras ``xlsx`` and ``parquet``."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medlms.datasets._open import Opened
from medlms.datasets._row import Row
from medlms.datasets._text_tables import header_of
from medlms.errors import CouldNot, DataError
from medlms.types import Fault

BATCH = 1000  # rows of a Parquet file in memory at once


def xlsx(path: Path, opened: Opened) -> Iterator[Row | Fault]:
    """The rows below the header of the first sheet, every cell as text."""
    try:
        import openpyxl
    except ImportError:
        raise CouldNot(
            f"{path}: reading .xlsx needs openpyxl.", hint="pip install 'medlms[xlsx]', or save the table as CSV."
        ) from None
    with opened.seekable() as file:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
            raise DataError(f"{path}: not a whole .xlsx file: {error}.", hint="Save or copy it again.") from None
        try:
            yield from _sheet(path, book.worksheets[0])
        finally:
            book.close()


def _sheet(path: Path, sheet: Any) -> Iterator[Row | Fault]:
    header: list[str] = []
    number = 0
    for line, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        values = [_cell(cell) for cell in cells]
        if not any(values):
            continue
        if not header:
            while values and not values[-1]:
                values.pop()
            header = header_of(path, values, line)
            continue
        number += 1
        place = f"{path}:{line}"
        if any(values[len(header) :]):
            yield Fault(place, "ragged row", f"text to the right of the header's {len(header)} columns")
            continue
        values += [""] * (len(header) - len(values))
        yield Row(place, number, dict(zip(header, values, strict=False)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else str(value)


def parquet(path: Path, opened: Opened) -> Iterator[Row | Fault]:
    """The rows in order, some at a time; their places count from 1."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CouldNot(
            f"{path}: reading .parquet needs pyarrow.", hint="pip install 'medlms[parquet]', or write it as JSONL."
        ) from None
    number = 0
    with opened.seekable() as file:
        try:
            for batch in pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}#{number}", number, values)
        except (pyarrow.ArrowException, OSError) as error:
            said = str(error).splitlines()[0].rstrip(".")
            raise DataError(
                f"{path}: not a whole Parquet file (after row {number:,}): {said}.", hint="Write or copy it again."
            ) from None
