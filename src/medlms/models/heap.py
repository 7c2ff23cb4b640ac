"""Give memory that was freed back to the system: the C library keeps blocks below 32 MB for itself, in gaps that grow."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

SETTLED = 4  # steps after which a process holds what its steps need: rows differ in length
GROWN = 1.2  # times that, and memory is given back


def trim() -> bool:
    """Return free pages of the heap to the system. False where the C library has no such call (only glibc has).

    Costs the time in which they are asked for again, so call it between phases, not between steps.
    """
    if sys.platform != "linux":
        return False
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False


def resident() -> int:
    """Bytes of this process that lie in memory now; 0 where the system does not tell (only Linux does)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Gaps:
    """Gives memory back when steps have made it grow: blocks of many sizes leave gaps that fit no later block.

    What was given back has to be touched anew, page by page, so it is done when memory has grown by a fifth over what the first
    steps after the last time held, and not at every step.
    """

    resident: Callable[[], int] = resident
    trim: Callable[[], bool] = trim
    seen: list[int] = field(default_factory=list)

    def after_step(self) -> bool:
        """Note a step; True when memory was given back."""
        now = self.resident()
        if len(self.seen) < SETTLED:
            self.seen.append(now)
            return False
        if now <= GROWN * max(self.seen) or not now:
            return False
        self.seen.clear()
        return self.trim()
