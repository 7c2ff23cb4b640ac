"""Where every row came from and what became of it: one record a row that was read, kept or not.

A record holds no text of the row. Its ``mark`` (a hash of what the row says) finds the same text under another id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from medlms.data.origin import Origin, Taken
from medlms.types import QA

NOT_DRAWN, DROPPED = "not drawn", "dropped"


def records(
    taken: Mapping[str, Taken],
    origins: Iterable[Origin],
    *,
    kept: Iterable[QA],
    fate: Sequence[int],
    dropped: Sequence[Mapping[str, Any]],
    part_of: Callable[[int], str],
    times: Mapping[str, int],
) -> Iterator[dict[str, Any]]:
    """The records of all rows, source by source in the order of reading; rows that could not be read come last, without id.

    ``fate`` says of each of the ``origins`` that it is kept (-1), or which of the ``dropped`` records it is. ``kept`` holds all
    usable rows with their group in the same order; ``part_of`` names the part of the n-th of them, ``times`` how often a
    training row is read in an epoch. Keys with nothing in them are left out.
    """
    rows = enumerate(kept)
    known = iter(zip(origins, fate, strict=True))
    for name, item in taken.items():
        for row, gone in islice(known, item.usable):
            record: dict[str, Any] = {
                "id": row.id,
                "source": name,
                "licence": row.licence,
                "place": row.place,
                "sha256": file_hash(row.place, item.files),
                "mark": row.mark,
                "links": list(row.links),
                "cleaned": list(row.cleaned),
            }
            if gone < 0:
                number, left = next(rows)
                record |= {"group": left.group, "part": part_of(number), "times": times.get(row.id)}
            else:
                record |= {"part": DROPPED, **_why(dropped[gone])}
            yield _filled(record)
        for fault in (dropped[number] for number in item.unread):
            yield _filled(
                {
                    "source": name,
                    "licence": item.source.licence,
                    "place": fault["place"],
                    "sha256": file_hash(fault["place"], item.files),
                    "part": DROPPED,
                    **_why(fault),
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


def _why(fault: Mapping[str, Any]) -> dict[str, str]:
    return {"reason": fault["reason"], "detail": fault["detail"]}


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value}
