"""Opens a file to be read in order, packed or not, and takes its checksum on the way; says where and why it can't."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from medlms.errors import CouldNot, DataError

PACKED = (".gz", ".zst")
_BLOCK = 2**20
_IN_MEMORY = 64 * 2**20  # bytes of an unpacked file that has to be read out of order; more goes to a file
_AGAIN = "Fetch or copy it again."


class Opened:
    """A file open for reading: ``stream`` is its plain content, whatever it is packed in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._disk = _Hashed(_disk(path))
        unpacked: Any = self._disk
        if path.suffix.lower() == ".gz":
            unpacked = _Plain(path, gzip.GzipFile(fileobj=self._disk), (OSError, zlib.error))
        elif path.suffix.lower() == ".zst":
            try:
                make, faults = _zstd(path)
            except CouldNot:
                self.close()
                raise
            unpacked = _Plain(path, _Zst(self._disk, make), (OSError, *faults))
        self.stream = cast(BinaryIO, io.BufferedReader(unpacked, _BLOCK))
        try:
            if not self.stream.peek(1):  # type: ignore[attr-defined]
                raise DataError(f"{path}: the {path.suffix[1:]} file holds nothing.")
        except DataError:
            self.close()
            raise

    def sha256(self) -> str:
        """The checksum of the file as it lies on disk; what has not been read yet is read for it."""
        self._disk.drain()
        return self._disk.hash.hexdigest()

    def seekable(self) -> IO[bytes]:
        """The plain content, to be read in any order. The caller closes it."""
        if self.path.suffix.lower() not in PACKED:
            return self.path.open("rb")
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        while block := self.stream.read(_BLOCK):
            file.write(block)
        file.seek(0)
        return cast(IO[bytes], file)

    def close(self) -> None:
        """Let go of the file."""
        self._disk.close()


def plain_name(path: Path) -> str:
    """The file's name without what it is packed in."""
    return path.name.removesuffix(path.suffix) if path.suffix.lower() in PACKED else path.name


def _disk(path: Path) -> io.FileIO:
    try:
        file = io.FileIO(path)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except IsADirectoryError:
        raise DataError(f"{path}: this is a folder, not a file.") from None
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror}.") from None
    if path.is_file() and not path.stat().st_size:
        file.close()
        raise DataError(f"{path}: the file is empty (0 bytes).", hint="Was it copied whole?")
    return file


class _Hashed(io.RawIOBase):
    """The bytes on disk, each counted into the checksum once."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer) or 0
        self.hash.update(memoryview(buffer)[:count])
        return count

    def drain(self) -> None:
        block = bytearray(_BLOCK)
        while self.readinto(block):
            pass

    def close(self) -> None:
        self._file.close()
        super().close()


class _Plain(io.RawIOBase):
    """What an unpacker gives; its faults become sentences."""

    def __init__(self, path: Path, inner: Any, faults: tuple[type[BaseException], ...]) -> None:
        self._path, self._inner, self._faults = path, inner, faults
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        kind = {".gz": "gzip", ".zst": "zstd"}[self._path.suffix.lower()]
        try:
            piece = self._inner.read1(len(buffer))  # what there is: a fault further on must not take it along
        except EOFError:
            raise DataError(
                f"{self._path}: the {kind} file is cut off; it unpacks to {self._count:,} bytes and then ends too early.",
                hint=_AGAIN,
            ) from None
        except self._faults as error:
            raise DataError(f"{self._path}: not a whole {kind} file: {error}.", hint=_AGAIN) from None
        buffer[: len(piece)] = piece
        self._count += len(piece)
        return len(piece)


class _Zst:
    """Unpacks one zstd frame after another; raises EOFError where the last one is cut off."""

    def __init__(self, source: _Hashed, make: Callable[[], Any]) -> None:
        self._source, self._make = source, make
        self._frame: Any = None
        self._ready = b""

    def read1(self, size: int) -> bytes:
        while not self._ready:
            packed = self._source.read(2**14)
            if not packed:
                if self._frame is not None and not self._frame.eof:
                    raise EOFError
                return b""
            self._ready = self._unpacked(packed)
        piece, self._ready = self._ready[:size], self._ready[size:]
        return piece

    def _unpacked(self, packed: bytes) -> bytes:
        pieces = []
        while packed:
            if self._frame is None or self._frame.eof:
                self._frame = self._make()
            pieces.append(self._frame.decompress(packed))
            packed = self._frame.unused_data if self._frame.eof else b""
        return b"".join(pieces)


def _zstd(path: Path) -> tuple[Callable[[], Any], tuple[type[BaseException], ...]]:
    """What makes an unpacker of one frame, and its faults: the standard library's (Python 3.14) or zstandard's."""
    try:
        own = importlib.import_module("compression.zstd")
    except ImportError:
        try:
            import zstandard
        except ImportError:
            raise CouldNot(
                f"{path}: reading .zst needs zstandard.", hint="pip install 'medlms[zst]', or unpack it: zstd -d FILE"
            ) from None
        return lambda: zstandard.ZstdDecompressor().decompressobj(), (zstandard.ZstdError,)
    return own.ZstdDecompressor, (own.ZstdError,)
