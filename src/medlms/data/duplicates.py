"""Drops rows whose question and answer (all turns of a dialogue) stand in an earlier row, case and marks aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from medlms.datasets import before, normalised
from medlms.types import QA, Fault

REASON = "question and answer repeat another row"


def drop(examples: Iterable[QA]) -> tuple[list[QA], list[tuple[str, Fault]]]:
    """The first of each (question, answer), and for every other its source with the fault. Order is kept.

    The same question with another answer is no repetition: it stays.
    """
    first: dict[tuple[str, ...], str] = {}
    kept: list[QA] = []
    dropped: list[tuple[str, Fault]] = []
    rows = list(examples)
    asked = Counter(normalised(row.question) for row in rows)
    for example in rows:
        if asked[normalised(example.question)] == 1:  # then its long texts need not be looked at
            kept.append(example)
            continue
        key = tuple(normalised(text) for text in (*before(example), example.answer))
        if key in first:
            dropped.append((example.source, Fault(example.place, REASON, f"as in {first[key]}")))
            continue
        first[key] = example.place
        kept.append(example)
    return kept, dropped
