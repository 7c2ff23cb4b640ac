"""The ceiling: what a processor's measured matrix speed would allow if a LoRA training step were matrix products alone.

A frozen weight costs 2 operations a token forward and 2 backward (the gradient for its input, none for itself). A LoRA
pair costs 6 r (in + out): forward, the gradient for its input, and those for its own two matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matrix:
    """``count`` equal weights [rows, columns] with their measured speed; ``adapters`` LoRA pairs lie in each.

    The head has no adapters and is applied to learned positions only (``head``).
    """

    name: str
    rows: int
    columns: int
    count: int
    gflops: float
    adapters: int = 0
    head: bool = False


@dataclass(frozen=True, slots=True)
class Ceiling:
    """``flop_per_token`` by part, and the tokens a second that the measured matrix speeds allow."""

    body: float
    head: float
    lora: float
    tokens_per_second: float

    @property
    def flop_per_token(self) -> float:
        """All parts together."""
        return self.body + self.head + self.lora


def ceiling(matrices: Sequence[Matrix], *, rank: int, learned_share: float) -> Ceiling:
    """The ceiling of a training step in which ``learned_share`` of the tokens pass through the head.

    LoRA products are charged at the fastest measured speed, attention and everything else not at all: an upper bound.
    """
    fastest = max(matrix.gflops for matrix in matrices) * 1e9
    body = head = lora = seconds = 0.0
    for matrix in matrices:
        flop = 4.0 * matrix.rows * matrix.columns * matrix.count * (learned_share if matrix.head else 1.0)
        seconds += flop / (matrix.gflops * 1e9)
        if matrix.head:
            head += flop
        else:
            body += flop
        # Layers that share an input are measured as one matrix, but each has an A of its own.
        lora += 6.0 * rank * (matrix.adapters * matrix.columns + (matrix.rows if matrix.adapters else 0)) * matrix.count
    return Ceiling(body, head, lora, 1.0 / (seconds + lora / fastest))
