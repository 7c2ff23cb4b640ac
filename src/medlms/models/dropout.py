"""Dropout masks of the adapters, drawn by place and kept as two bits an entry where that is exact.

A mask is opened to 16-bit integers, 0 or -1, and laid over 16-bit numbers with a bitwise "and": on a processor that takes less
than half the time of a product, and two random bits an entry a tenth of the time of a byte (docs/log.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FIELDS = 8  # two-bit fields in 16 bits


@dataclass(frozen=True, slots=True)
class Mask:
    """Which entries of a tensor of ``shape`` are kept; ``words`` is int16: eight entries a word, or one."""

    words: Tensor
    shape: torch.Size
    keep: float

    def opened(self) -> Tensor:
        """int16 of ``shape``: -1 where an entry is kept, 0 where it is dropped."""
        if _in_quarters(self.keep):
            shifts = torch.arange(0, 2 * FIELDS, 2, dtype=torch.int16, device=self.words.device).unsqueeze(1)
            field = (self.words >> shifts).bitwise_and_(3)
            if self.keep != 0.75:
                field.sub_(3 - round(4 * self.keep))
            return field.clamp_(0, 1).neg_().flatten()[: self.shape.numel()].view(self.shape)
        # 15 random bits against a threshold: the sign of the difference, spread over the word.
        return ((self.words >> 1) - (round(self.keep * 32768) - 16384)).bitwise_right_shift_(15).view(self.shape)

    def kept(self) -> Tensor:
        """Bool of ``shape``: True where an entry is kept."""
        return self.opened() != 0


def mask_of(words: Tensor | None, rest: tuple[torch.Size, float] | None) -> Mask | None:
    """The mask whose words and (shape, keep) were kept apart, as autograd keeps tensors."""
    return None if words is None or rest is None else Mask(words, *rest)


@dataclass
class Masks:
    """Dropout masks as a function of (seed, step, row block, layer): nothing to save, the same again after a resume."""

    seed: int
    keep: float
    step: int = 0
    block: int = 0

    def draw(self, layer: int, shape: torch.Size, device: torch.device | None = None) -> Mask:
        """The mask of a layer. An entry is kept with probability ``keep``, rounded to 1/32768 unless in quarters."""
        count = -(-shape.numel() // FIELDS) if _in_quarters(self.keep) else shape.numel()
        random = np.random.SFC64([self.seed, self.step, self.block, layer])
        words = random.random_raw(-(-count // 4)).view(np.int16)[:count]
        return Mask(torch.from_numpy(words).to(device or "cpu"), shape, self.keep)


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
