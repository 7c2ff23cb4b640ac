"""An inverted index of exam texts: which of their runs of words or characters, and which whole questions, a text holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medlms.data.runs import I64, U64, Words, changes, characters, ranges, windows, within

SHORT = 8  # words: a shorter question must equal a text, a longer one may stand inside
LEAD = 13  # words at the start of a question by which it is found
_SLOTS = 24  # bits of a hash in the table that says at once what stands in no exam

Kind = Literal["words", "characters"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A normalised text of the exam question number ``item``; ``field`` is question, option or context."""

    item: int
    field: str
    text: str


class Runs:
    """All runs of ``width`` words or characters in the passages but those that stand in more than ``common`` questions."""

    def __init__(self, passages: Sequence[Passage], kind: Kind, width: int, common: int) -> None:
        self.kind, self._width = kind, width
        self._texts = [_pieces(passage.text, kind) for passage in passages]
        symbols, starts = _symbols([passage.text for passage in passages], kind)
        places, of = within(starts, width)
        runs = windows(symbols, width)[places]
        items = np.array([passage.item for passage in passages], dtype=np.int64)[of]
        order = _order(runs)  # passages of a question stand together, so its places in a run do too
        runs, items, of, places = runs[order], items[order], of[order], places[order]
        new = changes(runs)
        number = np.cumsum(new) - 1
        questions = np.bincount(number[new | changes(items)], minlength=int(new.sum()))
        keep = questions[number] <= common
        self._runs, self._of = runs[keep], of[keep]
        self._at = (places - starts[of])[keep]
        self._table = np.zeros(2**_SLOTS, dtype=bool)
        self._table[_slot(self._runs)] = True

    def inside(self, texts: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """Text, passage and their longest common run, for each pair that has one of at least ``width``."""
        symbols, starts = _symbols(texts, self.kind)
        places, of = within(starts, self._width)
        runs = windows(symbols, self._width)[places]
        maybe = np.flatnonzero(self._table[_slot(runs)])
        low, high = (np.searchsorted(self._runs, runs[maybe], side=side) for side in ("left", "right"))
        found, which = ranges(low, high - low)
        text = of[maybe][which]
        at = places[maybe][which] - starts[text]
        passage, there = self._of[found], self._at[found]
        # Hits on one diagonal, one behind another, are one run.
        order = np.lexsort((at, at - there, passage, text))
        text, passage, at, there = text[order], passage[order], at[order], there[order]
        begins = changes(text) | changes(passage) | changes(at - there) | (np.diff(at, prepend=-2) != 1)
        longest: dict[tuple[int, int], tuple[int, int]] = {}
        pieces: dict[int, Sequence[str]] = {}
        for place in np.flatnonzero(begins).tolist():
            t, p = int(text[place]), int(passage[place])
            if t not in pieces:
                pieces[t] = _pieces(texts[t], self.kind)
            bounds = _extended(pieces[t], self._texts[p], int(at[place]), int(there[place]))
            old = longest.get((t, p), (0, 0))
            if bounds[1] - bounds[0] >= max(self._width, old[1] - old[0] + 1):
                longest[t, p] = bounds
        joint = " " if self.kind == "words" else ""
        for (t, p), (first, last) in longest.items():
            yield t, p, joint.join(pieces[t][first:last])


class Wholes:
    """Whole questions: those of SHORT words or more anywhere in a text, shorter ones where they are all of it."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._equal: defaultdict[str, list[int]] = defaultdict(list)
        self._starts: defaultdict[int, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._words: dict[int, list[str]] = {}
        asked = [number for number, passage in enumerate(passages) if passage.field == "question"]
        words = Words(passages[number].text for number in asked)
        for place, number in enumerate(asked):
            count = int(words.starts[place + 1] - words.starts[place])
            if count < SHORT:
                self._equal[passages[number].text].append(number)
                continue
            width = min(count, LEAD)
            run = int(windows(words.symbols(place, place + 1)[:width], width)[0])
            self._starts[width][run].append(number)
            self._words[number] = passages[number].text.split()
        self._known: dict[int, U64] = {
            width: np.sort(np.fromiter(found, dtype=np.uint64, count=len(found)))
            for width, found in self._starts.items()
        }

    def inside(self, texts: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Text and passage for each question that stands in a text as a whole."""
        for number, text in enumerate(texts):
            for passage in self._equal.get(text, ()):
                yield number, passage
        words = Words(texts)
        seen: set[tuple[int, int]] = set()
        for width, known in self._known.items():
            runs, of = words.runs(0, len(words), width)
            places = np.minimum(np.searchsorted(known, runs), len(known) - 1)
            for place in np.flatnonzero(known[places] == runs).tolist():
                holder = int(of[place])
                for passage in self._starts[width][int(runs[place])]:
                    if (holder, passage) not in seen and _contains(texts[holder].split(), self._words[passage]):
                        seen.add((holder, passage))
                        yield holder, passage


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    size = len(part)
    return any(words[at : at + size] == part for at, word in enumerate(words) if word == part[0])


def _extended(one: Sequence[str], other: Sequence[str], at: int, there: int) -> tuple[int, int]:
    """Bounds in ``one`` of the longest equal run around these places, letter by letter; empty where they differ."""
    if one[at] != other[there]:
        return at, at
    first, last = 0, 1
    while at > first and there > first and one[at - first - 1] == other[there - first - 1]:
        first += 1
    while at + last < len(one) and there + last < len(other) and one[at + last] == other[there + last]:
        last += 1
    return at - first, at + last


def _pieces(text: str, kind: Kind) -> Sequence[str]:
    return text.split() if kind == "words" else text


def _symbols(texts: Sequence[str], kind: Kind) -> tuple[U64, I64]:
    if kind == "characters":
        return characters(texts)
    words = Words(texts)
    return words.symbols(0, len(words)), words.starts


def _order(runs: U64) -> I64:
    """What a stable argsort gives: by sorting the runs' first bits with the places behind them, which is far quicker."""
    bits = np.uint64(max(1, len(runs) - 1).bit_length())
    keys = (runs >> bits << bits) | np.arange(len(runs), dtype=np.uint64)
    keys.sort()
    order = (keys & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    ordered = runs[order]
    return order if (ordered[1:] >= ordered[:-1]).all() else np.argsort(runs, kind="stable")


def _slot(runs: U64) -> I64:
    return (runs >> np.uint64(64 - _SLOTS)).astype(np.int64)
