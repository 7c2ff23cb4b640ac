"""p-values of paired comparisons: if two systems are alike, their rows may be swapped within any group of items.

Yes/no metrics: all swaps are counted exactly, which for items without groups is the exact test of McNemar. Other metrics:
all swaps are tried where they are few, else so many are drawn that a family of hundreds of comparisons can be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from medlms.evaluate.intervals import CELLS, Floats

DRAWS = 10
"""Swaps drawn for each resample asked for: 20,000 for 2,000."""
_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric of two systems: ``value`` of sums, and the sums of each by group [groups, k]."""

    value: Callable[[Floats], Floats]
    a: Floats
    b: Floats


def permutation(pairs: Sequence[Pair], *, resamples: int, seed: int) -> list[float]:
    """Two-sided p-values, one a pair, all swapped alike (their sums have the same groups). Drawn ones are never 0."""
    if not pairs:
        return []
    seen = [float(pair.value(pair.a.sum(axis=0)) - pair.value(pair.b.sum(axis=0))) for pair in pairs]
    change = np.hstack([pair.b - pair.a for pair in pairs])
    ends = np.cumsum([pair.a.shape[1] for pair in pairs])[:-1]
    large, tried = np.zeros(len(pairs)), np.zeros(len(pairs))
    exact = _few(pairs, resamples)
    for swapped in _every(len(change)) if exact else _draws(len(change), DRAWS * resamples, seed):
        shifts = np.split(swapped @ change, ends, axis=1)
        for at, (pair, shift) in enumerate(zip(pairs, shifts, strict=True)):
            found = pair.value(pair.a.sum(axis=0) + shift) - pair.value(pair.b.sum(axis=0) - shift)
            found = np.abs(found[np.isfinite(found)])
            large[at] += (found >= abs(seen[at]) - _TOLERANCE).sum()
            tried[at] += len(found)
    # What was seen is one of the possible swaps, so drawn ones count it too.
    extra = 0 if exact else 1
    return [float((over + extra) / (all_ + extra)) for over, all_ in zip(large, tried, strict=True)]


def mcnemar(changes: Floats) -> float:
    """Exact two-sided p-value of yes/no items, from right answers of one system minus those of the other by group [groups].

    The chance of a difference as large as that seen if each group's sign were a coin's. Groups of one item: McNemar's test.
    """
    sizes = np.abs(np.rint(changes)).astype(np.int64)
    sizes, seen = sizes[sizes > 0], abs(int(np.rint(changes).sum()))
    reach = int(sizes.sum())
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for size in sizes:
        moved = np.zeros_like(chances)
        moved[size:] += chances[:-size]
        moved[:-size] += chances[size:]
        chances = moved / 2
    return min(1.0, float(chances[np.abs(np.arange(-reach, reach + 1)) >= seen].sum()))


def _few(pairs: Sequence[Pair], resamples: int) -> bool:
    count = len(pairs[0].a)
    return count < 63 and 2**count <= DRAWS * resamples


def _every(count: int) -> Iterator[Floats]:
    yield (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.float64)


def _draws(count: int, draws: int, seed: int) -> Iterator[Floats]:
    generator = np.random.default_rng([seed, 1])
    step = max(1, CELLS // count)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        coins = np.frombuffer(generator.bytes(-(-size * count // 8)), dtype=np.uint8)
        yield np.unpackbits(coins, count=size * count).reshape(size, count).astype(np.float64)
