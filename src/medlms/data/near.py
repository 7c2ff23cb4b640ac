"""Finds texts that are nearly equal: sets of five-word runs of which at least four fifths of all are in common.

No pair is missed. Two such sets must share one of the rarest fifth of their runs, whatever order ranks runs by rarity (prefix
filtering: Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007), so only texts that do are compared, in full.
Runs are compared by 64-bit hashes. It knows nothing of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from medlms.data.runs import I64, U64, Words

WIDTH = 5  # words in a run
SHORTEST = 20  # words: in shorter texts one other word changes most runs
SHARED, OF = 4, 5  # Jaccard index of at least 4 / 5
BLOCK = 2**20  # words, runs or pairs that are worked on at once
_RARITY = 15  # counts of a run above this are all alike


def clusters(texts: Sequence[str]) -> NDArray[np.int64]:
    """For each normalised text the number of the first text that a chain of near copies leads to (itself, mostly).

    Texts shorter than SHORTEST words have no near copies. Memory: 4 bytes a word, and what one block takes.
    """
    return _Join(Words(texts)).clusters()


def across(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """All pairs of a text of ``left`` and a near copy of it in ``right``, by comparing every run of one with the other.

    Made for a short ``left``; of ``clusters`` it uses nothing but the hashes, and so can prove what that found.
    """
    few, many = Words(left), Words(right)
    runs, of = few.runs(0, len(few), WIDTH)
    runs, of = _distinct(runs, of)
    order = np.argsort(runs, kind="stable")
    runs, of = runs[order], of[order]
    sizes = np.bincount(of, minlength=len(few))
    long = np.diff(few.starts) >= SHORTEST
    found: list[tuple[int, int]] = []
    for first, last in many.blocks(BLOCK):
        theirs, text = _distinct(*many.runs(first, last, WIDTH))
        their_sizes = np.bincount(text - first, minlength=last - first)
        low, high = np.searchsorted(runs, theirs, side="left"), np.searchsorted(runs, theirs, side="right")
        places, which = _ranges(low, high - low)
        pairs, common = np.unique((text[which] - first) * len(few) + of[places], return_counts=True)
        b, a = np.divmod(pairs, max(len(few), 1))
        b_long = np.diff(many.starts[first : last + 1]) >= SHORTEST
        near = _alike(common, sizes[a], their_sizes[b]) & long[a] & b_long[b]
        found += zip(a[near].tolist(), (b[near] + first).tolist(), strict=True)
    return sorted(found)


def jaccard(one: str, other: str) -> float:
    """Share of the five-word runs of two normalised texts that both have; 0 where neither has any."""
    words = Words([one, other])
    a, b = (np.unique(words.runs(number, number + 1, WIDTH)[0]) for number in (0, 1))
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / max(1, len(a) + len(b) - common)


class _Join:
    """One search for near copies among ``words``."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._long = np.diff(words.starts) >= SHORTEST
        self._sizes = np.zeros(len(words), dtype=np.int64)
        self._parent = np.arange(len(words))
        self._refused: I64 = np.zeros(0, dtype=np.int64)  # pairs that were compared and are not alike

    def clusters(self) -> NDArray[np.int64]:
        token, text = self._postings()
        # Neighbours in size first: they are most likely alike, and who is joined already need not be compared.
        for step, i in self._steps(token, text):
            self._compare(text[i], text[i + step])
        return self._roots()

    def _postings(self) -> tuple[U64, I64]:
        """The rare runs of each text that another one may share, sorted by run and then by the text's size."""
        bits = min(28, max(16, (8 * len(self._words.numbers)).bit_length()))
        counts = np.zeros(2**bits, dtype=np.uint8)  # of runs by a part of their hash: never less than the true count
        for first, last in self._words.blocks(BLOCK):
            runs, _ = self._words.runs(first, last, WIDTH)
            slots, times = np.unique(runs >> np.uint64(64 - bits), return_counts=True)
            counts[slots] = np.minimum(_RARITY, counts[slots] + times)
        tokens: list[U64] = []
        texts: list[I64] = []
        for first, last in self._words.blocks(BLOCK):
            runs, of = _distinct(*self._words.runs(first, last, WIDTH))
            size = np.bincount(of - first, minlength=last - first)
            self._sizes[first:last] = size
            rarity = counts[runs >> np.uint64(64 - bits)].astype(np.uint64)
            order = np.lexsort((runs, rarity, of))
            runs, of, rarity = runs[order], of[order], rarity[order]
            rank = np.arange(len(of)) - (np.cumsum(size) - size)[of - first]
            most = size - -(-SHARED * size // OF) + 1
            keep = (rank < most[of - first]) & (rarity > 1) & self._long[of]
            tokens.append(runs[keep])
            texts.append(of[keep])
        token = np.concatenate(tokens) if tokens else np.zeros(0, dtype=np.uint64)
        text = np.concatenate(texts) if texts else np.zeros(0, dtype=np.int64)
        order = np.lexsort((text, self._sizes[text], token))
        return token[order], text[order]

    def _steps(self, token: U64, text: I64) -> Iterator[tuple[int, I64]]:
        """Ever more distant places i, i + step of one run's texts, in blocks, as long as their sizes allow a near copy."""
        size = self._sizes[text]
        open_, step = np.arange(len(token)), 1
        while len(open_):
            open_ = open_[open_ + step < len(token)]
            open_ = open_[token[open_] == token[open_ + step]]
            open_ = open_[OF * size[open_] >= SHARED * size[open_ + step]]  # the larger one stands behind
            for start in range(0, len(open_), BLOCK):
                yield step, open_[start : start + BLOCK]
            step += 1

    def _compare(self, a: I64, b: I64) -> None:
        """Join those of the texts a[i], b[i] that are near copies and not joined yet."""
        roots = self._roots()
        apart = roots[a] != roots[b]
        a, b = np.minimum(a[apart], b[apart]), np.maximum(a[apart], b[apart])
        pairs = np.unique(a * len(self._words) + b)
        pairs = pairs[~_in(self._refused, pairs)]
        for start, end in _blocks(self._sizes, *np.divmod(pairs, max(len(self._words), 1))):
            one, other = np.divmod(pairs[start:end], len(self._words))
            near = _alike(self._common(one, other), self._sizes[one], self._sizes[other])
            for x, y in zip(one[near].tolist(), other[near].tolist(), strict=True):
                self._join(x, y)
            self._refused = np.union1d(self._refused, pairs[start:end][~near])
            if len(self._refused) > 16 * BLOCK:  # then some pairs are compared again
                self._refused = self._refused[:0]

    def _common(self, one: I64, other: I64) -> I64:
        """How many runs the texts one[i] and other[i] share."""
        texts, place = np.unique(np.concatenate([one, other]), return_inverse=True)
        sets = [np.unique(self._words.runs(text, text + 1, WIDTH)[0]) for text in texts.tolist()]
        lengths = np.array([len(item) for item in sets], dtype=np.int64)
        # Small numbers for the runs, so that a pair and a run fit into 64 bits.
        known, runs = np.unique(np.concatenate(sets), return_inverse=True)
        starts = np.cumsum(lengths) - lengths
        keys = []
        for side in (place[: len(one)], place[len(one) :]):
            places, pair = _ranges(starts[side], lengths[side])
            keys.append(pair * len(known) + runs[places])
        both = np.sort(np.concatenate(keys))
        twice = both[1:][both[1:] == both[:-1]]
        return np.bincount(twice // max(len(known), 1), minlength=len(one))

    def _join(self, a: int, b: int) -> None:
        a, b = self._root(a), self._root(b)
        self._parent[max(a, b)] = min(a, b)

    def _root(self, text: int) -> int:
        while self._parent[text] != text:
            self._parent[text] = self._parent[self._parent[text]]
            text = int(self._parent[text])
        return text

    def _roots(self) -> I64:
        """The root of every text; paths are shortened on the way."""
        while True:
            above = self._parent[self._parent]
            if np.array_equal(above, self._parent):
                return self._parent.copy()
            self._parent = above


def _alike(common: I64, one: I64, other: I64) -> NDArray[np.bool_]:
    """Whether sets of these sizes with so much in common reach the Jaccard index, in whole numbers."""
    alike: NDArray[np.bool_] = (OF + SHARED) * common >= SHARED * (one + other)
    return alike & (common > 0)


def _distinct(runs: U64, of: I64) -> tuple[U64, I64]:
    """Each text's runs once; texts stay in order."""
    order = np.lexsort((runs, of))
    runs, of = runs[order], of[order]
    new = np.ones(len(runs), dtype=bool)
    new[1:] = (runs[1:] != runs[:-1]) | (of[1:] != of[:-1])
    return runs[new], of[new]


def _ranges(starts: I64, lengths: I64) -> tuple[I64, I64]:
    """All numbers of the ranges from starts[i] on, lengths[i] long, and of each the i."""
    which = np.repeat(np.arange(len(starts)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + (starts - before)[which], which


def _blocks(sizes: I64, one: I64, other: I64) -> Iterator[tuple[int, int]]:
    """Bounds of pairs whose texts hold about BLOCK runs together."""
    ends = np.cumsum(sizes[one] + sizes[other])
    start = 0
    while start < len(ends):
        done = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
        yield start, end
        start = end


def _in(known: I64, values: I64) -> NDArray[np.bool_]:
    """Which of ``values`` stand in the sorted ``known``."""
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: NDArray[np.bool_] = known[places] == values
    return found
