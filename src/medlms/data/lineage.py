"""Where every row came from and what became of it: one record a row that was read, kept or not.

A record holds no text of the row. Its ``mark`` (a hash of what the row says) finds the same text under another id.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from medlms.datasets import Loaded, mark
from medlms.types import QA, Fault

NOT_DRAWN, DROPPED = "not drawn", "dropped"


def records(
    loaded: Mapping[str, Loaded],
    *,
    steps: Mapping[str, Sequence[str]],
    kept: Iterable[QA],
    dropped: Iterable[tuple[str, Fault]],
    sides: Mapping[str, Sequence[QA]],
    times: Mapping[str, int],
) -> Iterator[dict[str, Any]]:
    """The records of all rows, source by source in the order of reading; rows that could not be read come last, without id.

    ``steps`` names what cleaning did, ``kept`` holds all usable rows with their group, ``times`` how often a training row is
    read in an epoch. Keys with nothing in them are left out.
    """
    part = {row.id: side for side, rows in sides.items() for row in rows}
    groups = {row.id: row.group for row in kept}
    faults: defaultdict[tuple[str, str], list[Fault]] = defaultdict(list)
    for name, fault in dropped:
        faults[name, fault.place].append(fault)
    for name, item in loaded.items():
        for row in item.examples:
            record: dict[str, Any] = {
                "id": row.id,
                "source": name,
                "licence": row.licence,
                "place": row.place,
                "sha256": file_hash(row.place, item.files),
                "mark": mark(row),
                "links": [link for link in row.links if link.startswith(("document:", "topic:"))],
                "cleaned": list(steps.get(row.id, ())),
            }
            if row.id in groups:
                record |= {"group": groups[row.id], "part": part.get(row.id, NOT_DRAWN), "times": times.get(row.id)}
            else:
                record |= {"part": DROPPED, **_why(faults.get((name, row.place), ()))}
            yield _filled(record)
        for fault in item.faults:
            yield _filled(
                {
                    "source": name,
                    "licence": item.source.licence,
                    "place": fault.place,
                    "sha256": file_hash(fault.place, item.files),
                    "part": DROPPED,
                    **_why([fault]),
                }
            )


def file_hash(place: str, files: Mapping[str, str]) -> str:
    """The sha256 of the file that a place lies in; empty when it is none of ``files``."""
    if len(files) == 1:
        return next(iter(files.values()))
    for mark_ in ":#!":
        if found := files.get(place.rpartition(mark_)[0]):
            return found
    return ""


def _why(faults: Sequence[Fault]) -> dict[str, str]:
    return {"reason": faults[0].reason, "detail": faults[0].detail} if faults else {"reason": "not said"}


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value}
