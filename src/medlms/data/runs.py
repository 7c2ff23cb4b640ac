"""Turns texts into numbers and hashes every run of so many words or characters, in whole arrays and the same everywhere.

It knows nothing of rows. Hashes have 64 bits and do not depend on the process, the machine or the order of texts.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from medlms.errors import ResourceError

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

ROOM = 2**23
"""Numbers of words that are held in memory."""
_BASE = 0x9E3779B97F4A7C15  # odd, so that multiplying by it loses nothing
_MASK = 2**64 - 1


class Words:
    """Texts as numbers of words: ``numbers`` of all texts end to end, text t from ``starts[t]`` to ``starts[t + 1]``.

    Texts are split at white space, so they are best normalised before. 4 bytes a word are kept, of many words in a
    temporary file.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        known = _Numbers()
        self.numbers = Column()
        ends = array("q", [0])
        for text in texts:
            self.numbers.extend(map(known.__getitem__, text.split()))
            ends.append(len(self.numbers))
        self.starts: I64 = np.asarray(ends, dtype=np.int64)
        self._hashes = np.fromiter(map(hashed, known), dtype=np.uint64, count=len(known))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def symbols(self, first: int, last: int) -> U64:
        """The words' hashes of the texts from ``first`` up to, not including, ``last``."""
        found: U64 = self._hashes[self.numbers.between(int(self.starts[first]), int(self.starts[last]))]
        return found

    def runs(self, first: int, last: int, width: int) -> tuple[U64, I64]:
        """Hashes of all runs of ``width`` words in these texts, and of each the text's number; none crosses a border."""
        starts = self.starts[first : last + 1] - self.starts[first]
        places, of = within(starts, width)
        return windows(self.symbols(first, last), width)[places], of + first

    def blocks(self, size: int) -> Iterator[tuple[int, int]]:
        """Bounds of neighbouring texts, at most ``size`` of them with at most so many words; a longer text stands alone."""
        first = 0
        while first < len(self):
            last = int(np.searchsorted(self.starts, self.starts[first] + size, side="right")) - 1
            last = min(max(last, first + 1), first + size, len(self))
            yield first, last
            first = last


class Column:
    """32-bit numbers end to end: in memory up to ROOM of them, all in a temporary file where there are more."""

    def __init__(self) -> None:
        self._last = array("i")  # what is not in the file
        self._file: IO[bytes] | None = None
        self._before = 0  # numbers in the file

    def __len__(self) -> int:
        return self._before + len(self._last)

    def extend(self, numbers: Iterable[int]) -> None:
        """Add numbers at the end. Raises ResourceError where they fit nowhere."""
        self._last.extend(numbers)
        if len(self._last) >= ROOM:
            self._put_away()

    def between(self, first: int, last: int) -> NDArray[np.int32]:
        """The numbers from place ``first`` up to, not including, ``last``."""
        if self._file is None or first >= self._before:
            return np.asarray(self._last[first - self._before : last - self._before], dtype=np.int32)
        content = os.pread(self._file.fileno(), 4 * (min(last, self._before) - first), 4 * first)
        found = np.frombuffer(content, dtype=np.int32)
        if last <= self._before:
            return found
        return np.concatenate([found, np.asarray(self._last[: last - self._before], dtype=np.int32)])

    def _put_away(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="medlms-", buffering=0)  # noqa: SIM115 - closed with the column
                weakref.finalize(self, self._file.close)
            view = memoryview(self._last).cast("B")
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise no_room(error) from None
        self._before += len(self._last)
        self._last = array("i")


class _Numbers(dict[str, int]):
    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def no_room(error: OSError) -> ResourceError:
    """What to raise where a temporary file can't be written."""
    return ResourceError(
        f"{tempfile.gettempdir()}: what doesn't fit into memory can't be written there: {error.strerror}.",
        hint="Make room, or name another folder with the environment variable TMPDIR.",
    )


def hashed(text: str) -> int:
    """64 bits of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def characters(texts: Sequence[str]) -> tuple[U64, I64]:
    """The characters of texts end to end as symbols, and where each text begins and the last one ends."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    starts = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return _mixed(codes.astype(np.uint64) + np.uint64(1)), starts


def ranges(starts: I64, lengths: I64) -> tuple[I64, I64]:
    """All numbers of the ranges from starts[i] on, lengths[i] long, and of each the i."""
    which = np.repeat(np.arange(len(starts)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + (starts - before)[which], which


def changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value differs from the one before it; the first one does."""
    new = np.ones(len(values), dtype=bool)
    new[1:] = values[1:] != values[:-1]
    return new


def windows(symbols: U64, width: int) -> U64:
    """Hash of each run of ``width`` symbols, in order; shape (len - width + 1), empty where there are too few.

    A polynomial in the symbols, put together from runs of 1, 2, 4, ... symbols, so that long runs cost little more.
    """
    if width < 1 or len(symbols) < width:
        return np.zeros(0, dtype=np.uint64)
    block, size, factor = symbols, 1, _BASE
    made, have = symbols[:0], 0
    while True:
        if width & size:
            count = len(symbols) - have - size + 1
            made = made[:count] * np.uint64(factor) + block[have : have + count] if have else block[:count]
            have += size
        if have == width:
            return _mixed(made)
        block = block[:-size] * np.uint64(factor) + block[size:]
        size, factor = 2 * size, factor * factor & _MASK


def within(starts: I64, width: int) -> tuple[I64, I64]:
    """Places at which a run of ``width`` symbols begins without leaving its text, and the number of each one's text."""
    return ranges(starts[:-1], np.maximum(np.diff(starts) - width + 1, 0))


def _mixed(values: U64) -> U64:
    """Each bit of the result hangs on all bits (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
