"""Dropout masks of the adapters, drawn by row and kept as two bits an entry where that is exact.

A row's masks hang on its number and the step alone, so that neither the rows read beside it nor the process that reads it
change what is learned.

A mask is opened to 16-bit integers, 0 or -1, and laid over 16-bit numbers with a bitwise "and": on a processor that takes less
than half the time of a product, and two random bits an entry a tenth of the time of a byte (docs/log.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

FIELDS = 8  # two-bit fields in 16 bits


@dataclass(frozen=True, slots=True)
class Mask:
    """Which entries of a tensor of ``shape`` [..., width] are kept; ``words`` is int16 [tokens, words of a token].

    A word holds eight entries, a stride of ``words of a token`` apart, or one.
    """

    words: Tensor
    shape: torch.Size
    keep: float

    def opened(self) -> Tensor:
        """int16 of ``shape``: -1 where an entry is kept, 0 where it is dropped."""
        if _in_quarters(self.keep):
            shifts = torch.arange(0, 2 * FIELDS, 2, dtype=torch.int16, device=self.words.device).unsqueeze(1)
            field = (self.words.unsqueeze(1) >> shifts).bitwise_and_(3)
            if self.keep != 0.75:
                field.sub_(3 - round(4 * self.keep))
            entries = field.clamp_(0, 1).neg_().view(len(self.words), -1)
            return entries[:, : self.shape[-1]].reshape(self.shape)
        # 15 random bits against a threshold: the sign of the difference, spread over the word.
        return ((self.words >> 1) - (round(self.keep * 32768) - 16384)).bitwise_right_shift_(15).view(self.shape)

    @property
    def floor(self) -> int:
        """What native.c compares with: two-bit fields above it are kept; below 0, less one, its lift over 15-bit words."""
        return 3 - round(4 * self.keep) if _in_quarters(self.keep) else -1 - round(self.keep * 32768)

    def kept(self) -> Tensor:
        """Bool of ``shape``: True where an entry is kept."""
        return self.opened() != 0


def mask_of(words: Tensor | None, rest: tuple[torch.Size, float] | None) -> Mask | None:
    """The mask whose words and (shape, keep) were kept apart, as autograd keeps tensors."""
    return None if words is None or rest is None else Mask(words, *rest)


@dataclass
class Masks:
    """Dropout masks as a function of (seed, step, row, layer): nothing to save, the same again after a resume.

    ``rows`` are the rows that are read now, in order: the number of each and its tokens. None: all is one row, number 0.
    """

    seed: int
    keep: float
    step: int = 0
    rows: Sequence[tuple[int, int]] | None = None

    def draw(self, layer: int, shape: torch.Size, device: torch.device | None = None) -> Mask:
        """The mask of a layer's input [..., width]. An entry is kept with probability ``keep``, to 1/32768 or in quarters.

        ValueError where the rows have not as many tokens as the input.
        """
        width, tokens = shape[-1], shape[:-1].numel()
        rows = [(0, tokens)] if self.rows is None else self.rows
        if sum(length for _, length in rows) != tokens:
            raise ValueError(f"masks for {sum(length for _, length in rows)} tokens were asked for {tokens}")
        words = -(-width // FIELDS) if _in_quarters(self.keep) else width
        drawn = [self._row(layer, row, length * words) for row, length in rows]
        whole = drawn[0] if len(drawn) == 1 else np.concatenate(drawn)
        return Mask(torch.from_numpy(whole.reshape(tokens, words)).to(device or "cpu"), shape, self.keep)

    def _row(self, layer: int, row: int, words: int) -> np.ndarray[Any, np.dtype[np.int16]]:
        random = np.random.SFC64([self.seed, self.step, row, layer])
        drawn: np.ndarray[Any, np.dtype[np.int16]] = random.random_raw(-(-words // 4)).view(np.int16)[:words]
        return drawn


def masked(x: Tensor, opened: Tensor) -> Tensor:
    """``x`` with dropped entries set to 0; ``opened`` as ``Mask.opened`` gives it."""
    if x.element_size() == 2:
        return (x.view(torch.int16) & opened).view(x.dtype)
    return x * opened.to(x.dtype).neg_()


def mask_(x: Tensor, opened: Tensor) -> Tensor:
    """As ``masked``, in place."""
    if x.element_size() == 2:
        x.view(torch.int16).bitwise_and_(opened)
        return x
    return x.mul_(opened.to(x.dtype).neg_())


def _in_quarters(keep: float) -> bool:
    return keep in (0.25, 0.5, 0.75)
