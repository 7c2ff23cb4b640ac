"""Does work beside what this process does next: in a copy of the process where that is safe, else when its result is wanted.

Made for work that ends in a small result and changes nothing, such as counting. It knows nothing of what is done.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """Starts ``work`` at once beside this process. ``result`` waits for it and raises what it raised, each time it is asked.

    What a copy of the process changes in memory is lost with it, and its result is passed on pickled.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._done: list[tuple[T | None, BaseException | None]] = []
        self._copy = _started(work) if _safe() else None

    def result(self) -> T:
        """What the work returned."""
        if not self._done:
            self._done.append(self._received() or _tried(self._work))
            self._copy = None
        value, error = self._done[0]
        if error is not None:
            raise error
        return value  # type: ignore[return-value]

    def _received(self) -> tuple[T | None, BaseException | None] | None:
        """What the copy sent; None where there was no copy, or it was killed: then the work is done here."""
        if self._copy is None:
            return None
        process, pipe = self._copy
        try:
            found: tuple[T | None, BaseException | None] = pipe.recv()
        except (EOFError, OSError):
            return None
        finally:
            pipe.close()
            process.join()
        return found


def _safe() -> bool:
    """Other systems' libraries do not all outlive a fork, one core gains nothing, and a daemon may start none."""
    if not sys.platform.startswith("linux") or multiprocessing.current_process().daemon:
        return False
    return len(os.sched_getaffinity(0)) > 1


def _started(work: Callable[[], T]) -> tuple[BaseProcess, Connection] | None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    # A daemon: it ends with this process.
    copy = context.Process(target=_in_the_copy, args=(work, theirs), daemon=True, name="medlms aside")
    try:
        copy.start()
    except OSError:  # no room for another process
        ours.close()
        return None
    finally:
        theirs.close()
    return copy, ours


def _in_the_copy(work: Callable[[], T], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one answers
    try:
        pipe.send(_tried(work))
    except Exception:  # nobody waits any more, or this can't be sent: who waits does the work anew
        os._exit(1)


def _tried(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:
        return None, error
