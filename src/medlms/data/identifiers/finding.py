"""What a scan hands on, and how overlapping findings are settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KINDS = (
    "name", "place", "date", "phone", "fax", "email", "url", "ip", "ssn", "mrn", "plan", "account", "licence", "vehicle",
    "device", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text (code points, end exclusive) that looks like an identifier; ``confidence`` in 0..1 is a rank, no share."""

    start: int
    end: int
    kind: str
    rule: str
    confidence: float


def settled(found: Iterable[Finding]) -> list[Finding]:
    """Findings that do not overlap, in order of place: the surer one stays, then the longer one."""
    kept: list[Finding] = []
    taken: set[int] = set()
    for item in sorted(found, key=lambda item: (-item.confidence, item.start - item.end, item.start)):
        # Both ends are enough to see most overlaps; a longer, less sure finding around a kept one is seen by its inside.
        span = range(item.start, item.end)
        if item.start < item.end and taken.isdisjoint(span):
            kept.append(item)
            taken.update(span)
    return sorted(kept, key=lambda item: item.start)
