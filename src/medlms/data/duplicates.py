"""Drops rows whose question and answer (all turns of a dialogue) stand in an earlier row, case and marks aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from medlms.data.keys import Keys
from medlms.data.store import take
from medlms.datasets import before, normalised
from medlms.types import QA, Fault

REASON = "question and answer repeat another row"


def drop(examples: Iterable[QA]) -> tuple[Sequence[QA], list[tuple[str, Fault]]]:
    """The first of each (question, answer), and for every other its source with the fault. Order is kept.

    The same question with another answer is no repetition: it stays.
    """
    rows = examples if isinstance(examples, Sequence) else list(examples)
    asked = Keys(normalised(row.question) for row in rows)
    again = np.flatnonzero(asked.times() > 1)  # the long texts of the others need not be looked at
    said = Keys()
    for row in take(rows, again):
        said.add(*(normalised(text) for text in (*before(row), row.answer)))
    first = said.firsts()
    repeated = np.flatnonzero(first != np.arange(len(first)))
    gone, origins = again[repeated], again[first[repeated]]
    dropped = [
        (row.source, Fault(row.place, REASON, f"as in {origin.place}"))
        for row, origin in zip(take(rows, gone), take(rows, origins), strict=True)
    ]
    kept = np.ones(len(rows), dtype=bool)
    kept[gone] = False
    return take(rows, np.flatnonzero(kept)), dropped
