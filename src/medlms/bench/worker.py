"""A system in a process of its own, driven line by line over pipes: its memory peak is its own, and it can be stopped.

Both ends live here. A message is one line of JSON. The process answers ``{"error": ...}`` when it could not do it.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medlms.errors import CouldNot


class WorkerFailed(CouldNot):
    """A measured process ended, refused, or sent no answer."""


class TooSlow(WorkerFailed):
    """A measured process had not answered within the time it was given."""


class Worker:
    """The harness's end. What the process prints goes to ``log``; ``close`` ends the process, and only it."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str] = {}) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **environment},
            )
        self._held = b""

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    def ask(self, message: Mapping[str, Any], *, seconds: float | None = None) -> dict[str, Any]:
        """Send a message and wait for its answer. TooSlow after ``seconds``; WorkerFailed on an error or an early end."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._ended() from None
        answer = self._read(seconds)
        if "error" in answer:
            raise WorkerFailed(f"{self.name}: {answer['error']}")
        return answer

    def peak_memory(self) -> int:
        """The most memory the living process has held, in bytes; 0 where this system does not tell."""
        return _high_water(str(self._process.pid))

    def close(self) -> None:
        """End the process: its input ends, then it is killed if it does not leave."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, seconds: float | None) -> dict[str, Any]:
        assert self._process.stdout is not None
        end = None if seconds is None else time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._held:
                left = None if end is None else end - time.monotonic()
                if (left is not None and left <= 0) or not selector.select(left):
                    raise TooSlow(f"{self.name}: no answer within {seconds:.0f} s")
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    raise self._ended()
                self._held += part
        line, _, self._held = self._held.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> WorkerFailed:
        code = self._process.wait()
        why = f"was killed (signal {-code}; out of memory?)" if code < 0 else f"ended with code {code}"
        try:
            said = [
                line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
            ]
        except OSError:
            said = []
        return WorkerFailed(f"{self.name}: {why}" + (f": {said[-1][:300]}" if said else ""))


class Line:
    """The process's end: takes messages from stdin and gives answers on what was stdout.

    From then on all that libraries print goes to stderr. Under memory pressure this process is the first to go.
    """

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        try:
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")
        except OSError:
            return

    def take(self) -> dict[str, Any] | None:
        """The next message; None when the harness has gone."""
        line = sys.stdin.readline()
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    def give(self, answer: Mapping[str, Any]) -> None:
        """Answer the last message."""
        self._out.write(json.dumps(answer) + "\n")
        self._out.flush()


def own_peak_memory() -> int:
    """The most memory that this process has held, in bytes.

    Linux carries the ``ru_maxrss`` of a parent over into its children, so the kernel's own mark is read where there is one.
    """
    found = _high_water("self")
    return found or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _high_water(process: str) -> int:
    try:
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
