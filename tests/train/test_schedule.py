"""The learning rate rises to its peak and falls; no step has a rate of nothing."""

from __future__ import annotations

import pytest

from medlms.train.schedule import rate


def rates(steps: int, shape: str, warmup: float) -> list[float]:
    return [rate(step, steps, peak=2.0, warmup=warmup, shape=shape) for step in range(1, steps + 1)]


def test_values_by_hand() -> None:
    assert rates(9, "linear", 0.2) == pytest.approx([1.0, 2.0, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25])
    assert rates(5, "constant", 0.4) == pytest.approx([1.0, 2.0, 2.0, 2.0, 2.0])
    # cos 0, 45, 90, 135 degrees
    assert rates(5, "cosine", 0.3)[1:] == pytest.approx([2.0, 1.7071068, 1.0, 0.2928932])
    assert rates(4, "constant", 0.0) == [2.0] * 4


@pytest.mark.parametrize("shape", ["cosine", "linear", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.03, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_it_never_leaves_its_bounds(shape: str, warmup: float, steps: int) -> None:
    found = rates(steps, shape, warmup)
    assert all(0 <= value <= 2.0 for value in found)
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)
    if steps == 50 and warmup:
        assert max(found) == pytest.approx(2.0)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_every_step_learns(shape: str, steps: int) -> None:
    assert all(rates(steps, shape, 0.0))
