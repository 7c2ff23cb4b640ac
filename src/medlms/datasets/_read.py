"""Reads a file's bytes and text, plain or gzipped, and says exactly where and why it can't."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from pathlib import Path

from medlms.errors import DataError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def raw(path: Path) -> bytes:
    """The file's bytes as they lie on disk; DataError when it is missing, unreadable or empty."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a folder, not a file.") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}.") from None
    if not content:
        raise DataError(f"{path}: the file is empty (0 bytes).", hint="Was it copied whole?")
    return content


def unpacked(path: Path, content: bytes) -> bytes:
    """Undo gzip when ``path`` ends in .gz; DataError when the archive is cut off or damaged."""
    if path.suffix.lower() not in (".gz", ".tgz"):
        return content
    try:
        plain = gzip.decompress(content)
    except EOFError:
        raise DataError(
            f"{path}: the gzip file is cut off after {len(content):,} bytes.", hint="Fetch or copy it again."
        ) from None
    except (OSError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file: {error}.", hint="Fetch or copy it again.") from None
    if not plain:
        raise DataError(f"{path}: the gzip file holds nothing.")
    return plain


def text(path: Path, content: bytes) -> str:
    """Decode UTF-8 (with or without a byte order mark); DataError names line and byte otherwise."""
    if content.startswith(_UTF16):
        raise DataError(
            f"{path}: UTF-16 text, not UTF-8 (it starts with a UTF-16 byte order mark).",
            hint=f"Save it as UTF-8, for example: iconv -f UTF-16 -t UTF-8 {path.name} > utf8-{path.name}",
        )
    nul = content.find(b"\0")
    if nul >= 0:
        raise DataError(
            f"{path}:{_line(content, nul)}: holds a NUL byte (byte {nul:,}), so it is not plain text.",
            hint="A damaged copy, a binary file, or UTF-16 without a mark; save it as UTF-8 text.",
        )
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind the mark.
        at = error.start + (len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0)
        raise DataError(
            f"{path}:{_line(content, at)}: not UTF-8 text (byte {at:,} is 0x{content[at]:02x}).",
            hint=f"Often Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > utf8-{path.name}",
        ) from None
    if not decoded.strip():
        raise DataError(f"{path}: the file holds nothing but white space.")
    return decoded


def sha256(content: bytes) -> str:
    """The checksum in hex."""
    return hashlib.sha256(content).hexdigest()


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1
