"""Proves that nothing stands on two sides of a split: no group, row, document, topic, question or longer answer.

Near copies of answers and questions count too. They are looked for by another way than the one that kept them apart.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medlms.data import copies, near
from medlms.data.keys import Keys
from medlms.data.split import long_texts
from medlms.datasets import before, normalised
from medlms.errors import DataError
from medlms.types import QA


def prove(sides: Mapping[str, Sequence[QA]], *, near_copies: bool = True) -> dict[str, int]:
    """How many distinct values of each kind were compared over the sides; DataError when one stands on two sides.

    Near copies are looked for only where they are to be kept apart and nothing equal was found.
    """
    compared: dict[str, int] = {}
    found: list[str] = []
    values = _values(sides)
    for kind, keys in values.items():
        first = keys.firsts()
        side = np.repeat(np.arange(len(sides)), keys.counts)
        crossing = np.flatnonzero(side[first] != side)
        if kind in _KINDS:
            compared[kind] = int(np.count_nonzero(first == np.arange(len(first))))
            found += _sentences(kind, sides, dict(zip(crossing.tolist(), side[first[crossing]].tolist(), strict=True)))
    if near_copies and not found:
        found = list(_near(sides))
        compared |= {"near answer": compared["answer"], "near question": values["near question"].distinct()}
    if found:
        raise DataError(
            f"The split leaks, {len(found):,} times; the first: {found[0]}.",
            hint="This is a fault of the program, not of the data: please report it.",
        )
    return compared


class _Counted(Keys):
    """The values of one kind, side by side; ``counts`` are how many each side has."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []


def _values(sides: Mapping[str, Sequence[QA]]) -> dict[str, _Counted]:
    kinds = {**_KINDS, "near question": copies.questions}
    keys = {kind: _Counted() for kind in kinds}
    for rows in sides.values():
        for row in rows:
            for kind, values in kinds.items():
                for value in values(row):
                    keys[kind].add(value)
        for kind in kinds:
            keys[kind].counts.append(len(keys[kind]) - sum(keys[kind].counts))
    return keys


def _sentences(kind: str, sides: Mapping[str, Sequence[QA]], crossing: Mapping[int, int]) -> Iterator[str]:
    """What to say of the values with these numbers, which stand on these other sides too."""
    if not crossing:
        return
    names = list(sides)
    everything = ((side, row, value) for side, rows in sides.items() for row in rows for value in _KINDS[kind](row))
    for number, (side, row, value) in enumerate(everything):
        if number in crossing:
            yield f"{kind} {value[:80]!r} stands in {names[crossing[number]]} and in {side} ({row.place})"


def _near(sides: Mapping[str, Sequence[QA]]) -> Iterator[str]:
    """A sentence for each pair of near copies on two sides."""
    names = sorted(sides, key=lambda side: len(sides[side]))
    for number, side in enumerate(names):
        for other in names[number + 1 :]:
            for kind, one, two in near_pairs(sides[side], sides[other]):
                yield f"a near copy of the {kind} of {one.place} ({side}) stands in {other} ({two.place})"


def near_pairs(rows: Sequence[QA], others: Sequence[QA]) -> Iterator[tuple[str, QA, QA]]:
    """Each row of a short list with each of ``others`` that has an equal or nearly equal longer answer or question."""
    for kind, texts in _NEAR.items():
        one = [(text, row) for row in rows for text in texts(row)]
        holders = array("q")
        for a, b in near.across([text for text, _ in one], _held(others, texts, holders)):
            yield kind, one[a][1], others[holders[b]]
    asked = {key: -1 for row in rows if (key := copies.wording(row))}
    for number, row in enumerate(others):
        if (key := copies.wording(row)) in asked:
            asked[key] = number
    for row in rows:
        if (number := asked.get(copies.wording(row), -1)) >= 0:
            yield "question", row, others[number]


def _held(rows: Sequence[QA], texts: Callable[[QA], list[str]], holders: array[int]) -> Iterator[str]:
    """All texts of the rows; each one's row goes into ``holders``."""
    for number, row in enumerate(rows):
        for text in texts(row):
            holders.append(number)
            yield text


@dataclass(frozen=True, slots=True)
class Shared:
    """How many rows of one set have to do with another: nearly the ``same`` question or longer answer; ``any`` link at all."""

    same: int
    any: int


def shared(rows: Sequence[QA], others: Sequence[QA]) -> Shared:
    """Count the ``rows`` whose question or longer answer (nearly), or whose topic, document or group, stands in ``others``.

    Ids are left out: rows of two files may have the same number, and the same row has the same question.
    """
    known = {kind: {value for row in others for value in values(row) if value} for kind, values in _KINDS.items()}
    same = related = 0
    nearly = {id(row) for _, row, _ in near_pairs(rows, others)}
    for row in rows:
        hits = {kind for kind, values in _KINDS.items() if kind != "row" and known[kind] & set(values(row))}
        same += bool(hits & {"question", "answer"}) or id(row) in nearly
        related += bool(hits) or id(row) in nearly
    return Shared(same, related)


def _documents(row: QA) -> Iterable[str]:
    return (link for link in row.links if link.startswith("document:"))


def _topics(row: QA) -> Iterable[str]:
    return {topic for topic in (normalised(row.topic), *_linked_topics(row)) if topic}


def _linked_topics(row: QA) -> Iterable[str]:
    return (link.removeprefix("topic:") for link in row.links if link.startswith("topic:"))


def _questions(row: QA) -> Iterable[str]:
    return (normalised(row.question) or row.question, *long_texts(before(row)[2::2]))


_KINDS: dict[str, Callable[[QA], Iterable[str]]] = {
    "group": lambda row: (row.group,),
    "row": lambda row: (row.id,),
    "document": _documents,
    "topic": _topics,
    "question": _questions,
    "answer": copies.answers,
}
_NEAR: dict[str, Callable[[QA], list[str]]] = {"answer": copies.answers, "question": copies.questions}
