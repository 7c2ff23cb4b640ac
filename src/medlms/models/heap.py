"""Give memory that was freed back to the system: the C library keeps blocks below 32 MB for itself, in gaps that grow."""

from __future__ import annotations

import ctypes
import sys


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
