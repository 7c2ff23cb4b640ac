"""Rows into optimiser steps and row blocks: shuffled by epoch, never padded, the same order for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from medlms.types import Tokens


@dataclass(frozen=True)
class Batch:
    """Rows behind one another. ids and positions [1, tokens]; ``starts`` are the rows' offsets and the end.

    ``learned`` [n] are the positions whose *next* token is learned, ``targets`` [n] those tokens, ``rows`` [n] the row
    that each belongs to.
    """

    ids: Tensor
    positions: Tensor
    starts: list[int]
    learned: Tensor
    targets: Tensor
    rows: Tensor


@dataclass(frozen=True)
class PlannedStep:
    """One optimiser step: blocks of row numbers, the epoch it belongs to, and whether it is the epoch's last."""

    blocks: tuple[tuple[int, ...], ...]
    epoch: int
    ends_epoch: bool


def plan_steps(
    lengths: Sequence[int],
    *,
    epochs: int,
    tokens_per_step: int,
    rows_per_step: int | None,
    block_tokens: int,
    seed: int,
) -> list[PlannedStep]:
    """Every step of a training run, from the lengths (tokens) of its rows."""
    steps: list[PlannedStep] = []
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([seed, epoch]).permutation(len(lengths))
        groups = _steps([int(row) for row in order], lengths, tokens_per_step, rows_per_step)
        for index, rows in enumerate(groups):
            blocks = blocks_of(rows, lengths, block_tokens)
            steps.append(PlannedStep(blocks, epoch, index == len(groups) - 1))
    return steps


def blocks_of(rows: Sequence[int], lengths: Sequence[int], limit: int) -> tuple[tuple[int, ...], ...]:
    """Row numbers of one step as blocks: first-fit decreasing, each within ``limit`` tokens unless one row alone is longer.

    The same for any order of ``rows``.
    """
    blocks: list[list[int]] = []
    room: list[int] = []
    for row in sorted(rows, key=lambda row: (-lengths[row], row)):
        place = next((index for index, free in enumerate(room) if free >= lengths[row]), None)
        if place is None:
            blocks.append([row])
            room.append(limit - lengths[row])
        else:
            blocks[place].append(row)
            room[place] -= lengths[row]
    return tuple(tuple(block) for block in blocks)


def pack(rows: Sequence[Tokens], *, device: torch.device | str = "cpu") -> Batch:
    """Concatenate rows. The first token of a row is never a target: nothing in its row comes before it."""
    ids: list[int] = []
    positions: list[int] = []
    starts = [0]
    learned: list[int] = []
    owner: list[int] = []
    for number, row in enumerate(rows):
        begin = len(ids)
        ids.extend(row.ids)
        positions.extend(range(len(row.ids)))
        here = [begin + index - 1 for index, learn in enumerate(row.learn) if learn and index > 0]
        learned.extend(here)
        owner.extend([number] * len(here))
        starts.append(len(ids))
    flat = torch.tensor(ids, dtype=torch.long)
    places = torch.tensor(learned, dtype=torch.long)
    return Batch(
        ids=flat[None].to(device),
        positions=torch.tensor(positions, dtype=torch.long)[None].to(device),
        starts=starts,
        learned=places.to(device),
        targets=flat[places + 1].to(device),
        rows=torch.tensor(owner, dtype=torch.long).to(device),
    )


def _steps(order: list[int], lengths: Sequence[int], tokens: int, rows: int | None) -> list[list[int]]:
    if rows is not None:
        return [order[start : start + rows] for start in range(0, len(order), rows)]
    groups: list[list[int]] = [[]]
    held = 0
    for row in order:
        if groups[-1] and held + lengths[row] > tokens:
            groups.append([])
            held = 0
        groups[-1].append(row)
        held += lengths[row]
    return groups
