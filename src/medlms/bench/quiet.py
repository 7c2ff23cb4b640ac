"""Is the machine quiet? Asked while every measured system waits, so that what is busy then is somebody else's work."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")


def load_average() -> float | None:
    """Processes that ran or waited to run, averaged over the last minute; the benchmark's own work is among them."""
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def busy_share(seconds: float = 0.5, *, stat: Path = STAT) -> float | None:
    """Share of all processor time that was used while this process slept; None where the system does not tell."""
    first = _times(stat)
    time.sleep(seconds)
    last = _times(stat)
    if first is None or last is None or last[1] <= first[1]:
        return None
    return round(1 - (last[0] - first[0]) / (last[1] - first[1]), 3)


def _times(stat: Path) -> tuple[int, int] | None:
    """Idle and total processor time since the start, in ticks."""
    try:
        fields = [int(word) for word in stat.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    return (fields[3] + fields[4], sum(fields)) if len(fields) >= 5 else None
