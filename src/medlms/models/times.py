"""Seconds of training and grading, from counted operations and two measured rates. No torch; ranges, not promises."""

from __future__ import annotations

from dataclasses import dataclass

from medlms.models.costs import Work, quantised, weight_bytes
from medlms.models.shapes import Shape

# Shares of a large matrix product's speed that whole steps are taken to reach on two cores: 0.51 was measured with 135 million
# weights; with 7 to 8 billion 0.6 to 0.85 follow from the measured steps, less what unpacking is reckoned to take. The ends of
# the range lie beyond all of these: a machine that others use too, one with faster other operations.
REACHED, WORST, BEST = 0.55, 0.25, 0.95
# 4-bit weights turned into numbers in a second, on two cores; 6 to 10e9 were measured, strip by strip, beside other work.
UNPACKED = 5e9


@dataclass(frozen=True, slots=True)
class Seconds:
    """An estimate with the range that it stands for."""

    middle: float
    low: float
    high: float

    def __add__(self, other: Seconds) -> Seconds:
        return Seconds(self.middle + other.middle, self.low + other.low, self.high + other.high)

    def __mul__(self, times: float) -> Seconds:
        return Seconds(self.middle * times, self.low * times, self.high * times)

    def __str__(self) -> str:
        """In minutes or hours, from low to high."""
        unit, name = (3600.0, "hours") if self.low > 5400 else (60.0, "minutes")
        low, high = self.low / unit, self.high / unit
        digits = 0 if low >= 10 else 1
        return f"{max(low, 0.1):.{digits}f} to {max(high, 0.1):.{digits}f} {name}"


def step_flop(shape: Shape, tokens: float, *, learned: float, row: float, adapter: int, full: bool = False) -> float:
    """Operations of forward and backward passes over ``tokens`` tokens in rows of ``row``: base weights frozen, or ``full``."""
    passes = 6.0 if full else 4.0  # a weight that learns takes a third product
    body = passes * shape.linear * tokens
    head = passes * shape.embedding * learned
    # Two products forward; the weights again, then four, in the backward pass.
    attention = 14.0 * shape.layers * shape.query * row * tokens
    return body + head + attention + 6.0 * adapter * tokens


def again_flop(shape: Shape, tokens: float, *, row: float, adapter: int) -> float:
    """Operations of running the layers once more in the backward pass."""
    return (2.0 * shape.linear + 4.0 * shape.layers * shape.query * row + 2.0 * adapter) * tokens


def ranged(flop: float, rate: float, *, extra: float = 0.0) -> Seconds:
    """Seconds of ``flop`` operations at a measured ``rate`` a second, plus ``extra`` seconds as they are."""
    return Seconds(*(flop / (share * rate) + extra for share in (REACHED, BEST, WORST)))


def training_time(work: Work, *, flops: float) -> Seconds:
    """Seconds of all epochs."""
    rows = work.rows
    full = work.method == "full"
    adapter = 0 if full else work.adapter
    row = rows.mean + work.places
    tokens = rows.train * row
    learned = rows.learned * rows.train * rows.mean
    flop = step_flop(work.shape, tokens, learned=learned, row=row, adapter=adapter, full=full)
    passes = 2
    if work.recomputed:
        passes = 3
        flop += again_flop(work.shape, tokens, row=row, adapter=adapter)
    unpacking = passes * work.shape.linear / UNPACKED * max(1.0, tokens / work.block) if quantised(work) else 0.0
    return ranged(flop, flops, extra=unpacking) * work.epochs


def grading_time(work: Work, *, flops: float, bytes_per_second: float, systems: int, answers: int) -> Seconds:
    """Seconds in which ``systems`` write ``answers`` answers each: at least half, at most all of the longest answers."""
    batches = -(-answers // work.batch)
    weights = weight_bytes(work.shape, work.weights, element=work.element)
    read = weights / bytes_per_second
    computed = 2.0 * (work.shape.linear + work.shape.embedding) * work.batch / flops
    unpacking = work.shape.linear / UNPACKED if quantised(work) else 0.0
    token = (max(read, computed) + unpacking) * work.new_tokens
    asked = 2.0 * work.shape.linear * work.prompt * work.batch / flops
    batch = Seconds((token * 0.8 + asked) / 0.5, (token * 0.5 + asked) / 0.8, (token + asked) / 0.3)
    return batch * (batches * systems)
