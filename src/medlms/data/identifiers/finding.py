"""What a scan hands on, and how overlapping findings are settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

KINDS = (
    "name", "place", "date", "phone", "fax", "email", "url", "ip", "ssn", "mrn", "plan", "account", "licence", "vehicle",
    "device", "other",
)  # fmt: skip

_NEARLY = 0.16  # a span inside another gives way to it up to this difference in confidence
_AROUND = 12  # how many spans back one is looked for that lies around
_FIRM = 0.6  # below it only a longer remainder is kept
_SHORTEST = 2  # characters of a remainder that is kept


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text (code points, end exclusive) that looks like an identifier; ``confidence`` in 0..1 is a rank, no share."""

    start: int
    end: int
    kind: str
    rule: str
    confidence: float


def settled(found: Iterable[Finding]) -> list[Finding]:
    """Findings that do not overlap, in order of place.

    Of two that overlap the surer one stays whole, unless it lies inside one that is nearly as sure; of the other what
    juts out stays, where that is more than a mark or two, so that nothing found is left half open.
    """
    items = sorted(found, key=lambda item: (item.start, -item.end, -item.confidence))
    if len(items) < 2:
        return items
    wide: list[Finding] = []
    for item in items:
        if item.start < item.end and not any(
            other.start <= item.start and item.end <= other.end and other.confidence >= item.confidence - _NEARLY
            for other in wide[-_AROUND:]
        ):
            wide.append(item)
    kept: list[Finding] = []
    taken: set[int] = set()
    for item in sorted(wide, key=lambda item: (-item.confidence, item.start - item.end, item.start)):
        free = [place for place in range(item.start, item.end) if place not in taken]
        if len(free) == item.end - item.start:
            kept.append(item)
        else:
            kept += [
                replace(item, start=start, end=end)
                for start, end in _runs(free)
                if end - start >= (_SHORTEST if item.confidence >= _FIRM else _SHORTEST + 3)
            ]
        taken.update(free)
    return sorted(kept, key=lambda item: item.start)


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Consecutive numbers as ranges."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs
