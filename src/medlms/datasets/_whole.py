"""A file's plain content at once, for whoever writes it again, and its format."""

from __future__ import annotations

from pathlib import Path

from medlms.datasets._open import Opened
from medlms.datasets._rows import kind as table_kind

__all__ = ["plain_bytes", "table_kind"]


def plain_bytes(path: Path) -> bytes:
    """The content of a file, unpacked. Raises DataError for one that is missing, empty or damaged."""
    file = Opened(path)
    try:
        return file.stream.read()
    finally:
        file.close()
