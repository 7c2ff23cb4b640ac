"""When memory runs out in the middle of a step: the step is done again in smaller blocks, and later ones stay small.

A step's gradient is that of the mean over its learned tokens whatever its blocks, and dropout masks are drawn by row, so
smaller blocks change no result (in bf16 no more than rounding). They are those that ``train.micro_tokens`` of the smaller
size would have given.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from medlms.errors import ResourceError
from medlms.models import heap
from medlms.text.pack import PlannedStep, blocks_of
from medlms.types import Tokens

# What torch says on a processor ("can't allocate memory" on Linux, "not enough memory" on Windows), what C++ libraries
# below it say, and CUDA's own libraries where torch does not turn it into its OutOfMemoryError.
SIGNS = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory", "STATUS_ALLOC_FAILED")

Blocks = tuple[tuple[int, ...], ...]


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory could not be had."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def release() -> None:
    """Give back what a failed attempt has held."""
    gc.collect()
    heap.trim()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _silent(text: str) -> None:
    """For callers that need not hear."""


@dataclass
class Room:
    """How many tokens are read at once: ``micro_tokens``, and fewer from the steps of ``changes`` on.

    ``spare`` is asked for memory when one row alone does not fit: True when it found some (gradient checkpointing).
    """

    rows: Sequence[Tokens]
    micro_tokens: int
    say: Callable[[str], None] = _silent
    spare: Callable[[], bool] | None = None
    changes: dict[int, int] = field(default_factory=dict)

    def at(self, step: int) -> int | None:
        """Tokens read at once in a step; None where that is still what was configured."""
        return min((tokens for first, tokens in self.changes.items() if first <= step), default=None)

    def blocks(self, step: int, planned: PlannedStep) -> Blocks:
        """The blocks of a step."""
        tokens = self.at(step)
        if tokens is None:
            return planned.blocks
        rows = [row for block in planned.blocks for row in block]
        return blocks_of(rows, [len(row.ids) for row in self.rows], tokens)

    def shrink(self, step: int, block: Sequence[int]) -> None:
        """Read fewer tokens at once from this step on, since this block did not fit. ResourceError when it is one row."""
        release()
        tokens = sum(len(self.rows[row].ids) for row in block)
        if len(block) > 1:
            self.changes[step] = min(self.at(step) or self.micro_tokens, tokens) // 2
            self.say(
                f"step {step}: memory ran out on {tokens:,} tokens read at once; from here on at most "
                f"{self.changes[step]:,} are. A step learns the same from the same rows"
            )
            return
        if self.spare is not None and self.spare():
            self.say(
                f"step {step}: memory ran out on one row of {tokens:,} tokens; from here on activations are made again "
                "in the backward pass (train.checkpoint_gradients), which changes no result"
            )
            return
        raise ResourceError(
            f"Step {step}: memory does not suffice for one row alone: {self.rows[block[0]].id}, {tokens:,} tokens.",
            hint="Lower max_length, set train.checkpoint_gradients=on or load_in_4bit=true, or use a smaller model.",
        )

    def notes(self) -> dict[str, int]:
        """The changes as JSON for a checkpoint."""
        return {str(step): tokens for step, tokens in self.changes.items()}

    def restore(self, notes: Mapping[str, int]) -> None:
        """Take over the changes of a checkpoint."""
        self.changes = {int(step): int(tokens) for step, tokens in notes.items()}
