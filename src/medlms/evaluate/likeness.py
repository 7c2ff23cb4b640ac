"""Embedding similarity of a run's answers: measured once and kept in the lines of the predictions, where metrics read it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from medlms.evaluate.ask import EVERY, Progress
from medlms.evaluate.lines import file_of, prediction, sealed
from medlms.run import Run
from medlms.types import Prediction


class Embedder(Protocol):
    """What measures how alike texts are."""

    def similarities(self, texts: Sequence[str], others: Sequence[Sequence[str]]) -> list[float]:
        """For each text the highest cosine with any of its ``others``."""
        ...


def add_similarity(
    embedder: Embedder, run: Run, system: str, ids: Sequence[str], *, progress: Progress | None = None
) -> list[Prediction]:
    """The predictions of ``system`` for ``ids``, in their order, with similarities; none is measured twice."""
    lines = {found["id"]: found for found in run.rows(file_of(system))}
    missing = [key for key in ids if lines[key].get("similarity") is None]
    written = time.monotonic()
    try:
        for done, key in enumerate(missing, 1):
            (value,) = embedder.similarities([lines[key]["predict"]], [lines[key]["references"]])
            lines[key] = sealed({**lines[key], "similarity": value})
            if time.monotonic() - written > EVERY:
                run.keep_rows(file_of(system), list(lines.values()))
                written = time.monotonic()
            if progress is not None:
                progress(len(ids) - len(missing) + done, len(ids))
    finally:
        if missing:
            run.keep_rows(file_of(system), list(lines.values()))
    return [prediction(lines[key]) for key in ids]
