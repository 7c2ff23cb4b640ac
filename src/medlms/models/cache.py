"""Keys and values of many rows of different lengths: written where each row ends, read without padding in front."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

STEP = 128  # places added at once when a row outgrows the buffers


class RowCache:
    """The cache of one batch, in the form that transformers' layers call.

    First ``update`` calls come from packed prompts [1, key heads, tokens, size]; later ones hold one token a row
    [rows, key heads, 1, size]. ``lengths`` [rows] counts the places filled; the caller adds to it before each token.
    """

    is_compileable = False

    def __init__(self, starts: list[int], device: torch.device) -> None:
        self.starts = starts
        self.lengths = torch.tensor([end - start for start, end in pairwise(starts)], device=device)
        self.longest = int(self.lengths.max())
        self.prompts = True
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def update(self, key: Tensor, value: Tensor, layer: int, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Keep the keys and values of a layer; returns what its attention reads."""
        if self.prompts:
            self.keys.append(self._rows(key))
            self.values.append(self._rows(value))
            return key, value
        if self.longest > self.keys[layer].shape[2]:
            self.keys[layer] = _longer(self.keys[layer], self.longest)
            self.values[layer] = _longer(self.values[layer], self.longest)
        rows = torch.arange(len(self.lengths), device=key.device)
        self.keys[layer][rows, :, self.lengths - 1] = key[:, :, 0]
        self.values[layer][rows, :, self.lengths - 1] = value[:, :, 0]
        return self.keys[layer][:, :, : self.longest], self.values[layer][:, :, : self.longest]

    def advance(self) -> None:
        """Make room for one more token in every row."""
        self.prompts = False
        self.lengths = self.lengths + 1
        self.longest += 1

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only."""
        self.lengths = self.lengths[rows]
        self.longest = int(self.lengths.max())
        self.keys = [keys[rows] for keys in self.keys]
        self.values = [values[rows] for values in self.values]

    def get_seq_length(self, *args: Any, **kwargs: Any) -> int:
        """Places filled before the present call, as transformers asks for it."""
        return 0 if self.prompts else self.longest - 1

    def _rows(self, packed: Tensor) -> Tensor:
        room = packed.new_zeros(len(self.lengths), packed.shape[1], self.longest + STEP, packed.shape[3])
        for row, (start, end) in enumerate(pairwise(self.starts)):
            room[row, :, : end - start] = packed[0, :, start:end]
        return room


def _longer(held: Tensor, needed: int) -> Tensor:
    rows, heads, places, size = held.shape
    longer = held.new_zeros(rows, heads, max(needed, places + STEP), size)
    longer[:, :, :places] = held
    return longer
