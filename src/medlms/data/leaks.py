"""Proves that nothing stands on two sides of a split: no group, row, document, topic, question or longer answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from medlms.data.split import long_texts
from medlms.datasets import before, exchanges, normalised
from medlms.errors import DataError
from medlms.types import QA


def prove(sides: Mapping[str, Sequence[QA]]) -> dict[str, int]:
    """How many distinct values of each kind were compared over the sides; DataError when one stands on two sides."""
    compared: dict[str, int] = {}
    found: list[str] = []
    for kind, values in _KINDS.items():
        holder: dict[str, str] = {}
        for side, rows in sides.items():
            for row in rows:
                found += [
                    f"{kind} {value[:80]!r} stands in {holder[value]} and in {side} ({row.place})"
                    for value in values(row)
                    if holder.setdefault(value, side) != side
                ]
        compared[kind] = len(holder)
    if found:
        raise DataError(
            f"The split leaks, {len(found):,} times; the first: {found[0]}.",
            hint="This is a fault of the program, not of the data: please report it.",
        )
    return compared


@dataclass(frozen=True, slots=True)
class Shared:
    """How many rows of one set have to do with another: ``same`` question or longer answer; ``any`` link at all."""

    same: int
    any: int


def shared(rows: Sequence[QA], others: Sequence[QA]) -> Shared:
    """Count the ``rows`` whose question or longer answer, or whose topic, document or group, stands in ``others`` too.

    Ids are left out: rows of two files may have the same number, and the same row has the same question.
    """
    known = {kind: {value for row in others for value in values(row) if value} for kind, values in _KINDS.items()}
    same = related = 0
    for row in rows:
        hits = {kind for kind, values in _KINDS.items() if kind != "row" and known[kind] & set(values(row))}
        same += bool(hits & {"question", "answer"})
        related += bool(hits)
    return Shared(same, related)


def _documents(row: QA) -> Iterable[str]:
    return (link for link in row.links if link.startswith("document:"))


def _topics(row: QA) -> Iterable[str]:
    return {topic for topic in (normalised(row.topic), *_linked_topics(row)) if topic}


def _linked_topics(row: QA) -> Iterable[str]:
    return (link.removeprefix("topic:") for link in row.links if link.startswith("topic:"))


def _answers(row: QA) -> Iterable[str]:
    return long_texts(answer for _, answer in exchanges(row))


def _questions(row: QA) -> Iterable[str]:
    return (normalised(row.question) or row.question, *long_texts(before(row)[2::2]))


_KINDS: dict[str, Callable[[QA], Iterable[str]]] = {
    "group": lambda row: (row.group,),
    "row": lambda row: (row.id,),
    "document": _documents,
    "topic": _topics,
    "question": _questions,
    "answer": _answers,
}
