"""Finds the topic of rows that name it only in their question, among the topics that other rows carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from medlms.data.store import rewritten
from medlms.datasets import normalised
from medlms.types import QA

LONGEST = 12  # words
# Topics of some rows that are everyday words in the questions of others, in the singular.
TOO_GENERAL = frozenset(
    {
        "blood test",
        "clinical trial",
        "ct scan",
        "laboratory test",
        "medical history",
        "mri scan",
        "physical examination",
    }
    | {"chest x ray", "chest mri", "x ray", "blood transfusion", "risk factor", "birth control", "side effect"}
) | frozenset(
    "abnormalitie acute adult aging anatomy biopsy bleeding blood body cancer care cell child children chronic cold"
    " complication condition confusion cough death diet disease disorder drug exercise family fever food genetic"
    " health heart history infection inheritance injurie life medication medicine men mri overview pain patient"
    " people pregnancy prevention procedure prognosis risk sign skin surgery symptom syndrome test therapy"
    " treatment tumor ultrasound vaccine women".split()
)


def name(examples: Sequence[QA], also: Iterable[str] = ()) -> tuple[Sequence[QA], int]:
    """Fill ``topic`` where the question names a known one (the longest), and count the rows filled.

    Known are the topics of all rows and those in ``also``. Rows with a topic of their own that differs from a known one
    in plurals only are linked to it. Order is kept.
    """
    known = _index(chain((example.topic for example in examples), also))
    found = 0

    def filled() -> Iterator[QA]:
        nonlocal found
        for example in examples:
            if example.topic:
                key = normalised(example.topic)
                near = known.get(_singular(key.split()), key)
                yield example if near == key else _linked(example, near)
                continue
            topic = named(example.question, known)
            found += bool(topic)
            yield replace(_linked(example, topic), topic=topic) if topic else example

    return rewritten(examples, filled()), found


def named(question: str, known: dict[str, str]) -> str:
    """The longest known topic that stands in ``question``, the first of equals; an empty text when none does."""
    words = normalised(question).split()
    for size in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - size + 1):
            if topic := known.get(_singular(words[start : start + size])):
                return topic
    return ""


def _index(topics: Iterable[str]) -> dict[str, str]:
    """Singular form -> normalised topic, for topics that are not everyday words."""
    known: dict[str, str] = {}
    for key in sorted({normalised(topic) for topic in topics}):
        words = key.split()
        single = _singular(words)
        if words and len(words) <= LONGEST and len(key) > 3 and single not in TOO_GENERAL:
            known.setdefault(single, key)
    return known


def _singular(words: Sequence[str]) -> str:
    return " ".join(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
        for word in words
    )


def _linked(example: QA, topic: str) -> QA:
    return replace(example, links=(*example.links, f"topic:{topic}"))
