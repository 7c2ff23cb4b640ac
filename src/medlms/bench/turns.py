"""Systems take turns, round by round, so that a machine that warms up, slows down or is shared treats all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from medlms.errors import CouldNot


@dataclass(frozen=True, slots=True)
class Measured:
    """One timed piece of work: how much of it (tokens, questions, rows), how long it took, and the memory peak so far."""

    work: float
    seconds: float
    peak_memory_bytes: int = 0

    @property
    def rate(self) -> float:
        """Work a second."""
        return self.work / self.seconds


@dataclass(frozen=True, slots=True)
class Contender:
    """A system under its name; ``run`` does the work of a round (0, 1, ...; negative rounds are warm-up).

    ``every``: it takes part in each ``every``-th round only, which is how a very slow system fits the time.
    """

    name: str
    run: Callable[[int], Measured]
    every: int = 1

    def takes_part(self, number: int) -> bool:
        """Whether this round is one of its own."""
        return number < 0 or number % self.every == 0


@dataclass
class Outcome:
    """What was measured, by system and round, and why a system stopped taking part."""

    measured: dict[str, dict[int, Measured]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    rounds: int = 0

    def rates(self, name: str) -> dict[int, float]:
        """Work a second of a system, by round."""
        return {number: found.rate for number, found in self.measured.get(name, {}).items()}


def take_turns(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    warmup: int = 1,
    minimum: int = 1,
    seconds: float | None = None,
    before: Callable[[int], None] = lambda number: None,
    after: Callable[[int, str, Measured], None] = lambda number, name, found: None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Measure all contenders in ``rounds`` rounds, each round beginning with another of them; warm-up is dropped.

    No round begins behind ``minimum`` rounds when the longest one so far would end after ``seconds``. A contender that
    raises CouldNot is left out from then on, and the reason is kept; other errors are faults of the harness and go up.
    """
    outcome = Outcome(measured={contender.name: {} for contender in contenders})
    began, longest = clock(), 0.0
    for number in range(-warmup, rounds):
        start = clock()
        if number >= minimum and seconds is not None and start - began + longest > seconds:
            break
        before(number)
        for contender in _order(contenders, number):
            if contender.name in outcome.failed or not contender.takes_part(number):
                continue
            try:
                found = contender.run(number)
            except CouldNot as error:
                outcome.failed[contender.name] = str(error)
                continue
            if number >= 0:
                outcome.measured[contender.name][number] = found
            after(number, contender.name, found)
        if number >= 0:
            outcome.rounds = number + 1
            longest = max(longest, clock() - start)
        if len(outcome.failed) == len(contenders):
            break
    return outcome


def _order(contenders: Sequence[Contender], number: int) -> list[Contender]:
    first = number % len(contenders) if contenders else 0
    return [*contenders[first:], *contenders[:first]]
