"""Finds texts that are nearly equal: sets of five-word runs of which at least four fifths of all are in common.

No pair is missed. Two such sets must share one of the rarest fifth of their runs, whatever order ranks runs by rarity (prefix
filtering: Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007), so only texts that do are compared, in full.
Runs are compared by 64-bit hashes. It knows nothing of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from medlms.data.runs import I64, U64, Words, changes, ranges

WIDTH = 5  # words in a run
SHORTEST = 20  # words: in shorter texts one other word changes most runs
SHARED, OF = 4, 5  # Jaccard index of at least 4 / 5
BLOCK = 2**20  # words, runs or pairs that are worked on at once
_RARITY = 255  # counts of a run above this are all alike
_SHORT = 44  # bits of a hash that are kept beside the number of a text, of which a block holds at most 2 ** 20


def clusters(texts: Iterable[str]) -> NDArray[np.int64]:
    """For each normalised text the number of the first text that a chain of near copies leads to (itself, mostly).

    Texts shorter than SHORTEST words have no near copies. Memory: a few bytes a text, and what one block takes.
    """
    return _Join(Words(texts)).clusters()


def across(left: Sequence[str], right: Iterable[str]) -> list[tuple[int, int]]:
    """All pairs of a text of ``left`` and a near copy of it in ``right``, by comparing every run of one with the other.

    Made for a short ``left``; ``right`` is read once and never held. Of ``clusters`` it uses nothing but the hashes, and so
    can prove what that found.
    """
    few = Words(left)
    runs, of = _distinct(*few.runs(0, len(few), WIDTH))
    order = np.argsort(runs, kind="stable")
    runs, of = runs[order], of[order]
    sizes = np.bincount(of, minlength=len(few))
    long = np.diff(few.starts) >= SHORTEST
    found: list[tuple[int, int]] = []
    before = 0
    for texts in _batches(right):
        many = Words(texts)
        for first, last in many.blocks(BLOCK):
            theirs, text = _distinct(*many.runs(first, last, WIDTH))
            their_sizes = np.bincount(text - first, minlength=last - first)
            low, high = np.searchsorted(runs, theirs, side="left"), np.searchsorted(runs, theirs, side="right")
            places, which = ranges(low, high - low)
            pairs, common = np.unique((text[which] - first) * len(few) + of[places], return_counts=True)
            b, a = np.divmod(pairs, max(len(few), 1))
            b_long = np.diff(many.starts[first : last + 1]) >= SHORTEST
            near = _alike(common, sizes[a], their_sizes[b]) & long[a] & b_long[b]
            found += zip(a[near].tolist(), (b[near] + first + before).tolist(), strict=True)
        before += len(texts)
    return sorted(found)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts, about BLOCK words at a time."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size > 8 * BLOCK:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def jaccard(one: str, other: str) -> float:
    """Share of the five-word runs of two normalised texts that both have; 0 where neither has any."""
    words = Words([one, other])
    a, b = (np.unique(words.runs(number, number + 1, WIDTH)[0]) for number in (0, 1))
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / max(1, len(a) + len(b) - common)


def leaders(texts: Sequence[str]) -> list[int]:
    """For each normalised text the number of the first earlier one that is a leader and equal or near; else its own.

    Unlike ``clusters`` it follows no chain: every text is near to its leader.
    """
    first: dict[str, int] = {}
    for number, text in enumerate(texts):
        first.setdefault(text, number)
    places = list(first.values())
    words = Words(first)
    sets = [np.unique(words.runs(number, number + 1, WIDTH)[0]) for number in range(len(first))]
    heads: list[int] = []
    leader: dict[str, int] = {}
    for number, text in enumerate(first):
        head = next((head for head in heads if _near(words, sets, head, number)), number)
        leader[text] = places[head]
        if head == number:
            heads.append(number)
    return [leader[text] for text in texts]


def _near(words: Words, sets: Sequence[U64], one: int, other: int) -> bool:
    a, b = sets[one], sets[other]
    if min(np.diff(words.starts)[[one, other]]) < SHORTEST:
        return False
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common > 0 and (OF + SHARED) * common >= SHARED * (len(a) + len(b))


class _Join:
    """One search for near copies among ``words``."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._sizes = np.zeros(len(words), dtype=np.int64)
        self._parent = np.arange(len(words))
        self._refused: I64 = np.zeros(0, dtype=np.int64)  # pairs that were compared and are not alike

    def clusters(self) -> NDArray[np.int64]:
        for a, b in self._candidates(*self._postings()):
            self._compare(a, b)
        return self._roots()

    def _postings(self) -> tuple[U64, I64, I64]:
        """The rare runs of each text that another one may share: run, text, and the run's rank in the text.

        Ranks begin at the rarest run. Sorted by run, then by the text's size.
        """
        counts = self._counts()
        tokens, texts, ranks = [np.zeros(0, dtype=np.uint64)], [self._refused], [self._refused]
        for first, last in self._words.blocks(BLOCK):
            runs, of = self._short_runs(first, last)
            size = np.bincount(of, minlength=last - first)
            self._sizes[first:last] = size
            rarity = counts[runs >> np.uint64(_SHORT - _bits(len(counts)))]
            single = np.bincount(of[rarity == 1], minlength=last - first)
            most = size - -(-SHARED * size // OF) + 1
            long = np.diff(self._words.starts[first : last + 1]) >= SHORTEST
            keep = (rarity > 1) & (long & (single < most))[of]
            runs, of, rarity = runs[keep], of[keep], rarity[keep]
            order = np.lexsort((runs, rarity, of))
            runs, of = runs[order], of[order]
            left = np.bincount(of, minlength=last - first)
            rank = np.arange(len(of)) - (np.cumsum(left) - left - single)[of]
            keep = rank < most[of]
            tokens.append(runs[keep])
            texts.append(of[keep] + first)
            ranks.append(rank[keep])
        token, text, rank = np.concatenate(tokens), np.concatenate(texts), np.concatenate(ranks)
        order = np.lexsort((text, self._sizes[text], token))
        return token[order], text[order], rank[order]

    def _counts(self) -> NDArray[np.uint8]:
        """How often runs occur, by the first bits of their hash: never less than the truth, and at most _RARITY."""
        bits = min(28, max(16, _bits(8 * len(self._words.numbers))))
        counts = np.zeros(2**bits, dtype=np.uint8)
        for first, last in self._words.blocks(BLOCK):
            runs, _ = self._short_runs(first, last)
            slots = np.sort(runs >> np.uint64(_SHORT - bits))
            new = np.flatnonzero(changes(slots))
            times = np.diff(new, append=len(slots))
            slots = slots[new]
            counts[slots] = np.minimum(_RARITY, counts[slots] + times)
        return counts

    def _short_runs(self, first: int, last: int) -> tuple[U64, I64]:
        """Each text's runs once, by the first _SHORT bits of their hashes, in order; texts count from ``first``.

        Two runs that look alike so only make more pairs that are compared, by whole hashes.
        """
        runs, of = self._words.runs(first, last, WIDTH)
        key = ((of - first).astype(np.uint64) << np.uint64(_SHORT)) | (runs >> np.uint64(64 - _SHORT))
        key.sort()
        key = key[changes(key)]
        return key & np.uint64(2**_SHORT - 1), (key >> np.uint64(_SHORT)).astype(np.int64)

    def _candidates(self, token: U64, text: I64, rank: I64) -> Iterator[tuple[I64, I64]]:
        """Pairs of texts that share a rare run and may be alike, in blocks.

        Neighbours in size come first: they are most likely alike, and texts that are joined already need not be compared.
        """
        size = self._sizes[text]
        rest = size - rank
        open_, step = np.arange(len(token)), 1
        while len(open_):
            open_ = open_[open_ + step < len(token)]
            open_ = open_[token[open_] == token[open_ + step]]
            open_ = open_[OF * size[open_] >= SHARED * size[open_ + step]]  # the larger one stands behind
            i, j = open_, open_ + step
            # Of two texts' first common run all that precedes it is not common.
            able = _alike(np.minimum(rest[i], rest[j]), size[i], size[j])
            for start in range(0, len(i), BLOCK):
                part = slice(start, start + BLOCK)
                yield text[i[part][able[part]]], text[j[part][able[part]]]
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
            near = self._near(one, other)
            for x, y in zip(one[near].tolist(), other[near].tolist(), strict=True):
                self._join(x, y)
            self._refused = np.union1d(self._refused, pairs[start:end][~near])
            if len(self._refused) > 16 * BLOCK:  # then some pairs are compared again
                self._refused = self._refused[:0]

    def _near(self, one: I64, other: I64) -> NDArray[np.bool_]:
        """Whether the texts one[i] and other[i] are alike, by all their runs."""
        texts, place = np.unique(np.concatenate([one, other]), return_inverse=True)
        sets = [np.unique(self._words.runs(text, text + 1, WIDTH)[0]) for text in texts.tolist()]
        lengths = np.array([len(item) for item in sets], dtype=np.int64)
        # Small numbers for the runs, so that a pair and a run fit into 64 bits.
        known, runs = np.unique(np.concatenate(sets), return_inverse=True)
        starts = np.cumsum(lengths) - lengths
        sides = place[: len(one)], place[len(one) :]
        keys = []
        for side in sides:
            places, pair = ranges(starts[side], lengths[side])
            keys.append(pair * len(known) + runs[places])
        both = np.sort(np.concatenate(keys))
        twice = both[1:][both[1:] == both[:-1]]
        common = np.bincount(twice // len(known), minlength=len(one))
        return _alike(common, lengths[sides[0]], lengths[sides[1]])

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
    new = changes(runs) | changes(of)
    return runs[new], of[new]


def _blocks(sizes: I64, one: I64, other: I64) -> Iterator[tuple[int, int]]:
    """Bounds of pairs whose texts hold about BLOCK runs together."""
    ends = np.cumsum(sizes[one] + sizes[other])
    start = 0
    while start < len(ends):
        done = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
        yield start, end
        start = end


def _bits(number: int) -> int:
    return max(1, number - 1).bit_length()


def _in(known: I64, values: I64) -> NDArray[np.bool_]:
    """Which of ``values`` stand in the sorted ``known``."""
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: NDArray[np.bool_] = known[places] == values
    return found
