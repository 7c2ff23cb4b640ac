"""Which solved examples are shown before an exam question: always the same, or the nearest ones of a pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from medlms.datasets import normalised
from medlms.engines.nearest import NearestEngine
from medlms.errors import AskedWrongly
from medlms.types import QA, Choice

Shots = Callable[[Choice], tuple[Choice, ...]]


def chooser(
    pool: Sequence[Choice], asked: Sequence[Choice], count: int, *, how: str, same_topic: bool = False
) -> Shots:
    """A function from a question to its ``count`` solved examples, none of which stands among the questions ``asked``.

    ``fixed``: the first rows of the pool, the same for all; with ``same_topic`` the first of the question's topic, where
    there are enough. ``nearest``: the rows with the most similar question (BM25), the most similar one last, next to the
    question. AskedWrongly where the pool is too small.
    """
    if not count:
        return lambda row: ()
    held = {_key(row) for row in asked}
    known = [row for row in pool if _key(row) not in held]
    if len(known) < count:
        raise AskedWrongly(
            f"evaluate.exam.shots: {count} solved examples are wanted, {len(known)} are there (of {len(pool)}; those that are "
            "asked too are left out).",
            hint="Lower evaluate.exam.shots.",
        )
    if how == "nearest":
        return _nearest(known, count)
    first = tuple(known[:count])
    by_topic: dict[str, tuple[Choice, ...]] = {}
    for row in known if same_topic else ():
        by_topic[row.topic] = (*by_topic.get(row.topic, ()), row)
    return lambda row: found if len(found := by_topic.get(row.topic, ())[:count]) == count else first


def _nearest(pool: Sequence[Choice], count: int) -> Shots:
    ordered = sorted(pool, key=lambda row: row.id)
    index = NearestEngine(
        QA(row.id, row.source, row.licence, row.place, row.question, row.options[row.answer]) for row in ordered
    )

    def nearest(row: Choice) -> tuple[Choice, ...]:
        scores = index.similarities(row.question)
        best = sorted(range(len(ordered)), key=lambda at: (-scores[at], at))[:count]
        return tuple(ordered[at] for at in reversed(best))

    return nearest


def _key(row: Choice) -> tuple[str, str]:
    return normalised(row.question), normalised(row.context)
