"""Rows behind one another: positions restart, targets are the next tokens of the same row, nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medlms.text.pack import pack, plan_steps
from medlms.types import Tokens

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=30)
ROW = st.lists(st.tuples(st.integers(0, 999), st.booleans()), min_size=1, max_size=12)


def tokens(*rows: list[tuple[int, bool]]) -> list[Tokens]:
    return [
        Tokens(f"row{number}", tuple(one for one, _ in row), tuple(learn for _, learn in row))
        for number, row in enumerate(rows)
    ]


def plan(lengths: list[int], **changes: object) -> list:
    options = {"epochs": 1, "tokens_per_step": 50, "rows_per_step": None, "block_tokens": 30, "seed": 0}
    return plan_steps(lengths, **(options | changes))


def test_two_rows_by_hand() -> None:
    batch = pack(tokens([(5, False), (6, True), (7, True)], [(8, True), (9, False), (10, True)]))
    assert batch.ids.tolist() == [[5, 6, 7, 8, 9, 10]]
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1, 2]]
    assert batch.starts == [0, 3, 6]
    # 6 is foretold at place 0, 7 at 1, 10 at 4; the 8 that begins its row is foretold by nothing.
    assert batch.learned.tolist() == [0, 1, 4]
    assert batch.targets.tolist() == [6, 7, 10]
    assert batch.rows.tolist() == [0, 0, 1]


def test_nothing_learned_gives_empty_tensors() -> None:
    batch = pack(tokens([(5, False), (6, False)]))
    assert batch.learned.shape == batch.targets.shape == batch.rows.shape == (0,)
    assert batch.targets.dtype == torch.long


@given(st.lists(ROW, min_size=1, max_size=6))
def test_every_learned_token_but_a_first_one_is_a_target_once(rows: list[list[tuple[int, bool]]]) -> None:
    batch = pack(tokens(*rows))
    wanted = [(number, one) for number, row in enumerate(rows) for one, learn in row[1:] if learn]
    assert list(zip(batch.rows.tolist(), batch.targets.tolist(), strict=True)) == wanted
    flat = batch.ids[0].tolist()
    for place, target, owner in zip(batch.learned.tolist(), batch.targets.tolist(), batch.rows.tolist(), strict=True):
        assert flat[place + 1] == target
        assert batch.starts[owner] <= place < batch.starts[owner + 1] - 1, "a target lies in the row that foretells it"
    lengths = [len(row) for row in rows]
    assert batch.positions[0].tolist() == [place for length in lengths for place in range(length)]
    assert [end - start for start, end in pairwise(batch.starts)] == lengths


@given(LENGTHS, st.integers(1, 3), st.integers(0, 5))
def test_every_row_once_an_epoch(lengths: list[int], epochs: int, seed: int) -> None:
    steps = plan(lengths, epochs=epochs, seed=seed)
    for epoch in range(1, epochs + 1):
        own = [step for step in steps if step.epoch == epoch]
        assert Counter(row for step in own for block in step.blocks for row in block) == Counter(range(len(lengths)))
        assert [step.ends_epoch for step in own] == [False] * (len(own) - 1) + [True]
    assert [step.epoch for step in steps] == sorted(step.epoch for step in steps)
    assert all(step.blocks and all(step.blocks) for step in steps)


@given(LENGTHS, st.integers(1, 60), st.integers(1, 60))
def test_limits_are_kept_unless_one_row_alone_is_longer(lengths: list[int], per_step: int, block: int) -> None:
    for step in plan(lengths, tokens_per_step=per_step, block_tokens=block):
        rows = [row for group in step.blocks for row in group]
        assert sum(lengths[row] for row in rows) <= per_step or len(rows) == 1
        for group in step.blocks:
            assert sum(lengths[row] for row in group) <= block or len(group) == 1


@given(LENGTHS, st.integers(1, 60))
def test_steps_are_full(lengths: list[int], per_step: int) -> None:
    steps = plan(lengths, tokens_per_step=per_step)
    sizes = [sum(lengths[row] for block in step.blocks for row in block) for step in steps]
    # A step ends only where the next row does not fit, so two neighbours together hold more than the limit.
    assert all(one + other > per_step for one, other in pairwise(sizes))


@given(LENGTHS, st.integers(1, 7))
def test_rows_per_step_counts_rows(lengths: list[int], rows: int) -> None:
    sizes = [sum(len(block) for block in step.blocks) for step in plan(lengths, rows_per_step=rows)]
    assert all(size == rows for size in sizes[:-1])
    assert 1 <= sizes[-1] <= rows


def test_the_order_comes_from_the_seed_and_differs_by_epoch() -> None:
    lengths = [10] * 30

    def order(steps: list) -> list[int]:
        return [row for step in steps for block in step.blocks for row in block]

    assert plan(lengths, epochs=2, seed=3) == plan(lengths, epochs=2, seed=3)
    assert order(plan(lengths, seed=3)) != order(plan(lengths, seed=4))
    both = plan(lengths, epochs=2, seed=3)
    assert order([step for step in both if step.epoch == 1]) != order([step for step in both if step.epoch == 2])
    assert order(both)[:30] == order(plan(lengths, seed=3)), "more epochs do not change the first"


def test_which_rows_share_a_step_does_not_depend_on_the_block_size() -> None:
    lengths = [7, 19, 3, 28, 11, 5, 16, 9, 22, 13]
    small, large = plan(lengths, block_tokens=30), plan(lengths, block_tokens=1000)
    assert [{row for block in step.blocks for row in block} for step in small] == [
        {row for block in step.blocks for row in block} for step in large
    ]
    assert all(len(step.blocks) == 1 for step in large)


def test_blocks_are_few() -> None:
    (step,) = plan([15] * 10, tokens_per_step=1000, block_tokens=30)
    assert len(step.blocks) == 5


@pytest.mark.parametrize("lengths", [[60], [60, 1, 1]])
def test_a_row_longer_than_all_limits_has_its_own_block(lengths: list[int]) -> None:
    steps = plan(lengths)
    assert any(step.blocks == ((0,),) for step in steps)
