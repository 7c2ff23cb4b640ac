"""Finds equal things among many, by 128-bit hashes that stand in an array: 16 bytes each, whatever their length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from medlms.data.runs import I64, U64, changes


class Keys:
    """Hashes of texts, or of several texts together, in the order in which they were added."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._bytes = bytearray()
        for text in texts:
            self._bytes += digest(text)

    def add(self, *texts: str) -> None:
        """Add one thing that is told apart by all these texts, in their order."""
        self._bytes += digest(texts[0] if len(texts) == 1 else "".join(f"{len(text)}:{text}" for text in texts))

    def put(self, hashed: bytes) -> None:
        """Add one thing by 16 bytes of its own."""
        self._bytes += hashed

    def __len__(self) -> int:
        return len(self._bytes) // 16

    def firsts(self) -> I64:
        """For each thing the number of the first one that equals it."""
        order, new = self.sorted()
        found = np.empty(len(order), dtype=np.int64)
        found[order] = order[new][np.cumsum(new) - 1]
        return found

    def times(self) -> I64:
        """For each thing how many equal it, itself included."""
        first = self.firsts()
        counts: I64 = np.bincount(first, minlength=len(first))[first]
        return counts

    def distinct(self) -> int:
        """How many different things there are."""
        return int(self.sorted()[1].sum())

    def sorted(self) -> tuple[I64, NDArray[np.bool_]]:
        """The things' numbers, equal ones side by side in their order, and where another thing begins."""
        high, low = self.halves()
        order = np.lexsort((low, high))
        return order, changes(high[order]) | changes(low[order])

    def halves(self) -> tuple[U64, U64]:
        """The first and the last 64 bits of all hashes; they sort as the hashes' bytes do."""
        pairs = np.frombuffer(bytes(self._bytes), dtype=">u8").reshape(-1, 2).astype(np.uint64)
        return pairs[:, 0], pairs[:, 1]


def digest(text: str) -> bytes:
    """16 bytes of a text, the same in every process."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
