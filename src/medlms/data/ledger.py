"""Writes down what becomes of every row that was read: kept so far, or dropped for a reason that is said."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from medlms.data import flow, store
from medlms.data.runs import I64
from medlms.data.store import Stored, numbers
from medlms.types import QA, Fault

KEPT = -1


class Ledger:
    """``fate`` is KEPT for each row that was read, or the number of its entry among those that were ``dropped``.

    ``origin`` are the numbers of the rows that are left, in their order.
    """

    def __init__(self) -> None:
        self.fate = array("q")
        self.origin: I64 = np.zeros(0, dtype=np.int64)
        self._entries = store.records()

    @property
    def dropped(self) -> Stored[dict[str, Any]]:
        """Every dropped row as a JSON-able dict: source, step, place, reason, detail, and ``used``, which is false."""
        return Stored(self._entries)

    def drop(self, source: str, fault: Fault, *, number: int | None = None) -> int:
        """Write down a row that could not be read or, by its ``number``, one that was; gives the entry's number."""
        self._entries.add(
            {
                "source": source,
                "step": flow.step_of(fault.reason, read=number is None),
                "place": fault.place,
                "reason": fault.reason,
                "detail": fault.detail,
                "used": False,
            }
        )
        entry = len(self._entries) - 1
        if number is not None:
            self.fate[number] = entry
        return entry

    def keep(self, origin: array[int]) -> None:
        """Say which rows are left after cleaning."""
        self.origin = np.asarray(origin, dtype=np.int64)

    def leave(self, rows: Sequence[QA], left: Sequence[QA], dropped: Iterable[tuple[str, Fault]]) -> None:
        """A step has made ``left`` of ``rows``; ``dropped`` are the others in their order."""
        stays = np.isin(numbers(rows), numbers(left), assume_unique=True)
        for number, (source, fault) in zip(self.origin[~stays].tolist(), dropped, strict=True):
            self.drop(source, fault, number=number)
        self.origin = self.origin[stays]

    def without_details(self, private: Collection[str]) -> None:
        """Forget what is quoted of rows of these sources."""
        entries = store.records()
        for entry in self.dropped:
            entries.add({**entry, "detail": ""} if entry["source"] in private else entry)
        self._entries = entries
