"""Whether an adapter is graded on rows that it was tuned on: its run's training rows against the evaluation rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medlms.data import leaks
from medlms.errors import DataError
from medlms.road import rows
from medlms.run import Run
from medlms.types import QA


def warnings(adapter: Path, graded: Sequence[QA]) -> list[str]:
    """What stands in the way of believing the grades of ``adapter`` on ``graded``, in sentences; mostly nothing.

    An adapter's training rows lie beside it when it lies in its run's folder. AskedWrongly is never raised: what can't be
    checked is said.
    """
    run = Run(adapter.resolve().parent)
    try:
        tuned_on = rows.read(run) if rows.there(run) else None
    except DataError as error:
        return [f"Whether {adapter} was tuned on rows that it is graded on here could not be checked: {error}"]
    if tuned_on is None:
        return [
            f"Whether {adapter} was tuned on rows that it is graded on here could not be checked: no splits/ lies beside it."
        ]
    said = []
    found = leaks.shared(graded, tuned_on.train)
    if found.any:
        said.append(
            f"{found.any:,} of the {len(graded):,} evaluation rows are not new to tuned ({run.name}): {_counted(found)}. "
            f"Its grades here are too good; on rows that it never saw: medlms evaluate {run.name}."
        )
    chosen = leaks.shared(graded, tuned_on.dev)
    if chosen.same:
        said.append(
            f"{chosen.same:,} of the {len(graded):,} evaluation rows were among those that picked the best epoch of {run.name}."
        )
    return said


def _counted(found: leaks.Shared) -> str:
    parts = [
        (found.same, "stand among the rows it was tuned on (the same question or answer)"),
        (found.any - found.same, "share a topic, document or group with them"),
    ]
    return " and ".join(f"{count:,} {words}" for count, words in parts if count)
