"""Which solved examples are shown before an exam question: always the same, or the nearest ones of a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from medlms.datasets import normalised
from medlms.engines.nearest import NearestEngine
from medlms.errors import AskedWrongly
from medlms.types import QA, Choice

Shots = Callable[[Choice], tuple[Choice, ...]]


def chooser(pool: Sequence[Choice], count: int, *, how: str, same_topic: bool = False) -> Shots:
    """A function from a question to its ``count`` solved examples, never the question itself.

    ``fixed``: the first rows of the pool, the same for all; with ``same_topic`` the first of the question's topic, where
    there are enough. ``nearest``: the rows with the most similar question (BM25), the most similar one last, next to the
    question. AskedWrongly, when asked, where the pool is too small.
    """
    if not count:
        return lambda row: ()
    ranked = _nearest(pool) if how == "nearest" else _in_order(pool, count, same_topic)

    def shots(row: Choice) -> tuple[Choice, ...]:
        own = _key(row)
        found = tuple(islice((item for item in ranked(row) if _key(item) != own), count))
        if len(found) < count:
            raise AskedWrongly(
                f"evaluate.exam.shots: {count} solved examples are wanted, {len(found)} are there beside the question itself.",
                hint="Lower evaluate.exam.shots.",
            )
        return found[::-1] if how == "nearest" else found

    return shots


def _in_order(pool: Sequence[Choice], count: int, same_topic: bool) -> Callable[[Choice], Sequence[Choice]]:
    """The rows of the question's topic where that has ``count``, else all, in the pool's order."""
    by_topic: dict[str, list[Choice]] = {}
    for row in pool if same_topic else ():
        by_topic.setdefault(row.topic, []).append(row)
    return lambda row: found if len(found := by_topic.get(row.topic, [])) >= count else pool


def _nearest(pool: Sequence[Choice]) -> Callable[[Choice], Iterator[Choice]]:
    """All rows, those with the most similar question first."""
    ordered = sorted(pool, key=lambda row: row.id)
    index = NearestEngine(
        QA(row.id, row.source, row.licence, row.place, row.question, row.options[row.answer]) for row in ordered
    )

    def nearest(row: Choice) -> Iterator[Choice]:
        scores = index.similarities(row.question)
        return (ordered[at] for at in sorted(range(len(ordered)), key=lambda at: (-scores[at], at)))

    return nearest


@lru_cache(maxsize=65536)
def _key(row: Choice) -> tuple[str, str]:
    return normalised(row.question), normalised(row.context)
