"""Holds records in the order they came: in memory while they are few, behind that in a temporary file.

So the memory that rows take does not grow with their number. Nothing that is read from a store tells which of both it is.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, Generic, TypeVar, overload

import numpy as np

from medlms.data.runs import I64, no_room
from medlms.types import QA, Dialogue

ROOM = 2**26
"""Characters, about, that one store holds in memory."""
_AT_ONCE = 512  # records that are read together
RECORD = 400
"""Characters that a record counts beside its long texts."""

T = TypeVar("T")


class Store(Generic[T]):
    """Records, added one by one. ``pack`` makes one into what marshal knows, ``unpack`` undoes it, ``weigh`` counts characters.

    Raises ResourceError where the temporary file (in the folder that TMPDIR names) can't be written.
    """

    def __init__(self, pack: Callable[[T], Any], unpack: Callable[[Any], T], weigh: Callable[[T], int]) -> None:
        self._pack, self._unpack, self._weigh = pack, unpack, weigh
        self._held: list[T] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        self._ends = array("q", [0])
        self._written = 0  # bytes that the file's buffer has passed on

    def add(self, item: T) -> None:
        """Add one record behind the others."""
        if self._file is not None:
            self._write(item)
            return
        self._held.append(item)
        self._size += self._weigh(item)
        if self._size > ROOM:
            self._spill()

    def __len__(self) -> int:
        return len(self._held) if self._file is None else len(self._ends) - 1

    def __getitem__(self, number: int) -> T:
        if self._file is None:
            return self._held[number]
        return self._unpack(marshal.loads(self._bytes(number, number + 1)))  # noqa: S302 - we wrote it

    def several(self, numbers: Sequence[int]) -> Iterator[T]:
        """The records of these numbers, in their order. Those that lie close together are read at once."""
        if self._file is None:
            yield from map(self._held.__getitem__, numbers)
            return
        for begin in range(0, len(numbers), _AT_ONCE):
            part = numbers[begin : begin + _AT_ONCE]
            first, last = min(part), max(part) + 1
            if last - first > 2 * len(part):
                yield from map(self.__getitem__, part)
                continue
            content, base = memoryview(self._bytes(first, last)), self._ends[first]
            for number in part:
                start, end = self._ends[number] - base, self._ends[number + 1] - base
                yield self._unpack(marshal.loads(content[start:end]))  # noqa: S302 - we wrote it

    def _spill(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(prefix="medlms-")  # noqa: SIM115 - closed with the store
        except OSError as error:
            raise no_room(error) from None
        weakref.finalize(self, _closed, self._file)
        held, self._held = self._held, []
        for item in held:
            self._write(item)

    def _write(self, item: T) -> None:
        content = marshal.dumps(self._pack(item))
        try:
            self._file.write(content)  # type: ignore[union-attr]
        except OSError as error:
            raise no_room(error) from None
        self._ends.append(self._ends[-1] + len(content))

    def _bytes(self, first: int, last: int) -> bytes:
        start, end = self._ends[first], self._ends[last]
        file = self._file
        assert file is not None
        if end > self._written:
            try:
                file.flush()
            except OSError as error:
                raise no_room(error) from None
            self._written = self._ends[-1]
        return os.pread(file.fileno(), end - start, start)


class Stored(Sequence[T]):
    """Records of a store, chosen and put in order by their numbers in it. Equal to every sequence of equal records."""

    def __init__(self, store: Store[T], numbers: I64 | None = None) -> None:
        self.store = store
        self.numbers: I64 = np.arange(len(store)) if numbers is None else np.asarray(numbers, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Stored[T]: ...
    def __getitem__(self, index: int | slice) -> T | Stored[T]:
        if isinstance(index, slice):
            return Stored(self.store, self.numbers[index])
        return self.store[int(self.numbers[index])]

    def __iter__(self) -> Iterator[T]:
        for start in range(0, len(self.numbers), _AT_ONCE):
            yield from self.store.several(self.numbers[start : start + _AT_ONCE].tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} records of {len(self.store):,}>"


def rows() -> Store[QA]:
    """An empty store for rows."""
    return Store(_packed, _row, _characters)


def records() -> Store[Any]:
    """An empty store for what marshal knows: dicts, lists, tuples of short texts and numbers."""
    return Store(_same, _same, lambda _: 2 * RECORD)


def filled(store: Store[T], items: Iterable[T]) -> Stored[T]:
    """Put all the items into a store, in their order."""
    for item in items:
        store.add(item)
    return Stored(store)


def numbers(items: Sequence[QA]) -> I64:
    """The numbers that rows of a store have in it. TypeError for other rows."""
    if not isinstance(items, Stored):
        raise TypeError("these rows stand in no store")
    return items.numbers


def take(items: Sequence[QA], numbers: I64) -> Sequence[QA]:
    """Those of the rows that have these numbers in ``items``, in this order."""
    if isinstance(items, Stored):
        return Stored(items.store, items.numbers[numbers])
    return [items[number] for number in numbers.tolist()]


def rewritten(items: Sequence[QA], made: Iterable[QA]) -> Sequence[QA]:
    """What was ``made`` of ``items``, all of it, held as these are."""
    if not isinstance(items, Stored):
        return list(made)
    return filled(rows(), made)


def _same(item: Any) -> Any:
    return item


def _packed(row: QA) -> tuple[Any, ...]:
    values = (row.id, row.source, row.licence, row.place, row.question, row.answer, row.topic, row.kind, row.links)
    return (*values, row.group, row.between) if isinstance(row, Dialogue) else (*values, row.group)


def _row(values: tuple[Any, ...]) -> QA:
    return QA(*values) if len(values) == 10 else Dialogue(*values)


def _characters(row: QA) -> int:
    said = sum(map(len, row.between)) if isinstance(row, Dialogue) else 0
    return RECORD + len(row.question) + len(row.answer) + said


def _closed(file: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # what was still to be written is needed no more
        file.close()
