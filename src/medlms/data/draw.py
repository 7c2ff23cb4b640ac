"""Draws rows from groups by the sources' weights. Of each row it knows a few numbers, in arrays: the texts are elsewhere."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from medlms.data.keys import Keys
from medlms.data.runs import I64, changes
from medlms.data.store import take
from medlms.datasets import before, normalised
from medlms.types import QA

# A source gives one in this many of its groups to eval, and to dev, before larger sources stand in for it.
HELD = 4


class Table:
    """Grouped rows as numbers. Rows stand by group, groups in the order that a hash of their names and the seed gives.

    Of the row at each place: ``group`` (numbered in that order), ``source`` (its number in ``sources``) and ``unfit``.
    ``candidates`` are the places of rows that dev and eval can take, one a question in each group; the n-th group's are
    ``candidates[starts[n] : starts[n + 1]]``. ``places`` are the first 64 bits of the groups' hashes.
    """

    def __init__(self, examples: Sequence[QA], seed: int, unfit: Collection[str]) -> None:
        rows, groups, asked = Keys(), Keys(), Keys()
        numbers: dict[str, int] = {}
        source, barred = array("i"), bytearray()
        for example in examples:
            rows.put(order(seed, "row", example.id))
            groups.put(order(seed, "group", example.group))
            asked.add(*map(normalised, before(example)))
            source.append(numbers.setdefault(example.source, len(numbers)))
            barred.append(example.id in unfit)
        self.sources = list(numbers)
        (group_high, group_low), (row_high, row_low) = groups.halves(), rows.halves()
        self._number = np.lexsort((row_low, row_high, group_low, group_high))
        new = changes(group_high[self._number]) | changes(group_low[self._number])
        self.group: I64 = np.cumsum(new) - 1
        self.places = group_high[self._number][new]
        self.groups = len(self.places)
        self.largest = int(np.bincount(self.group).max(initial=0))
        self._rank = np.empty(len(new), dtype=np.int64)
        self._rank[np.lexsort((row_low, row_high))] = np.arange(len(new))
        self._rank = self._rank[self._number]
        self.source = np.asarray(source, dtype=np.int64)[self._number]
        self.unfit = np.frombuffer(bytes(barred), dtype=bool)[self._number]
        self._find_candidates(asked)

    def _find_candidates(self, asked: Keys) -> None:
        """One row a question: its other answers are references, not items."""
        fit = np.flatnonzero(~self.unfit)
        high, low = (half[self._number[fit]] for half in asked.halves())
        alike = np.lexsort((low, high, self.group[fit]))
        new = changes(self.group[fit][alike]) | changes(high[alike]) | changes(low[alike])
        self.candidates = np.sort(fit[alike[new]])
        sizes = np.bincount(self.group[self.candidates], minlength=self.groups)
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.most = int(sizes.max(initial=0))
        both = np.unique(self.group[self.candidates] * max(len(self.sources), 1) + self.source[self.candidates])
        counts = np.bincount(both % max(len(self.sources), 1), minlength=len(self.sources)).tolist()
        found = sorted((name, count) for name, count in zip(self.sources, counts, strict=True) if count)
        self.room = {name: max(1, count // HELD) for name, count in found}

    def shuffled(self, places: I64) -> I64:
        """The places in the order in which rows are read, whatever their groups."""
        return places[np.argsort(self._rank[places], kind="stable")]

    def rows(self, examples: Sequence[QA], places: I64) -> Sequence[QA]:
        """The rows at these places."""
        return take(examples, self._number[places])


class Draw:
    """Takes rows group by group; a group that gave a row is ``used`` up and gives to no other side."""

    def __init__(self, table: Table, per_group: int) -> None:
        self.used = np.zeros(table.groups, dtype=bool)
        self._table = table
        self._per_group = per_group

    def draw(self, size: int, weights: Mapping[str, float], serves: NDArray[np.bool_]) -> list[int] | None:
        """Places of ``size`` rows by weight from groups that serve, or None when those that are left hold too few."""
        table = self._table
        open_ = serves & ~self.used & (np.diff(table.starts) > 0)
        taken: list[int] = []
        rounds = -(-size // max(1, sum(table.room.values())))  # more than one when all sources are small
        quota = quotas(size, weights, {name: count * rounds for name, count in table.room.items()})
        self._walk(quota, taken, open_)
        spent: set[str] = set()  # sources that have no more to give
        while len(taken) < size:
            free = (open_ & ~self.used)[table.group[table.candidates]]
            left = np.unique(table.source[table.candidates][free]).tolist()
            sources = {table.sources[number] for number in left} - spent
            if not sources:
                return None
            quota = quotas(size - len(taken), weights, dict.fromkeys(sorted(sources), size))
            self._walk(quota, taken, open_)
            spent |= {name for name, count in quota.items() if count > 0}
        return taken

    def _walk(self, quota: dict[str, int], taken: list[int], open_: NDArray[np.bool_]) -> None:
        table = self._table
        whole = {name: count or 1 for name, count in quota.items()}
        for group in np.flatnonzero(open_ & ~self.used).tolist():
            rest = table.candidates[table.starts[group] : table.starts[group + 1]].tolist()
            named = {place: table.sources[table.source[place]] for place in rest}
            for _ in range(self._per_group):
                fit = [place for place in rest if quota.get(named[place], 0) > 0]
                if not fit:
                    break
                # The source that is furthest behind its quota goes first.
                place = max(fit, key=lambda item: quota[named[item]] / whole[named[item]])
                rest.remove(place)
                quota[named[place]] -= 1
                taken.append(place)
                self.used[group] = True
            if not any(quota.values()):
                return


def quotas(size: int, weights: Mapping[str, float], room: Mapping[str, int]) -> dict[str, int]:
    """Share ``size`` over sources by weight, none above its room; what one lacks goes to the others. Sums to ``size``
    as long as the room does.
    """
    got = dict.fromkeys(room, 0)
    open_ = {name for name in room if room[name] > 0}
    left = min(size, sum(room.values()))
    while left > 0 and open_:
        total = sum(weights.get(name, 1.0) for name in sorted(open_))
        exact = {name: left * weights.get(name, 1.0) / total for name in sorted(open_)}
        give = {name: min(int(exact[name]), room[name] - got[name]) for name in exact}
        spare = left - sum(int(value) for value in exact.values())
        for name in sorted(exact, key=lambda item: (int(exact[item]) - exact[item], item)):
            if spare > 0 and got[name] + give[name] < room[name]:
                give[name] += 1
                spare -= 1
        for name, count in give.items():
            got[name] += count
        left -= sum(give.values())
        open_ = {name for name in open_ if got[name] < room[name]}
    return got


def order(seed: int, what: str, name: str) -> bytes:
    """16 bytes by which things are put in the order that the seed gives."""
    return hashlib.blake2b(f"{seed}\0{what}\0{name}".encode(), digest_size=16).digest()
