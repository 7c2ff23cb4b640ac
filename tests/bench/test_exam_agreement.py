"""When two sides' values of exam items count as agreeing."""

from __future__ import annotations

import pytest
from benchmarks.exam_agreement import agreement, best


def test_equal_values_agree() -> None:
    values = [[-1.0, -2.0], [-3.0, -0.5]]
    found = agreement(values, values, [0, 0], 1e-3, 0.5)
    assert (found["disagree"], found["another_choice"], found["furthest_apart"]) == ([], 0, 0)
    assert found["accuracy"] == {"ours": 0.5, "lm_eval": 0.5}


@pytest.mark.parametrize(
    ("ours", "theirs", "bound", "wrong"),
    [
        ([-1.0, -2.0], [-1.0005, -2.0], 1e-3, False),
        ([-1.0, -2.0], [-1.002, -2.0], 1e-3, True),
        ([-1.0, -1.0001], [-1.0001, -1.0], 1e-3, True),  # another choice is never right in fp32
        ([-1.0, -1.3], [-1.3, -1.0], None, False),  # a near tie in bf16
        ([-1.0, -2.0], [-2.0, -1.0], None, True),
        ([-1.0, -9.0], [-3.0, -9.0], None, False),
    ],
)
def test_what_may_differ(ours: list[float], theirs: list[float], bound: float | None, wrong: bool) -> None:
    assert agreement([ours], [theirs], [0], bound, 0.5)["disagree"] == ([0] if wrong else [])


def test_the_first_of_equals_is_the_best() -> None:
    assert best([-1.0, -1.0, -2.0]) == 0
