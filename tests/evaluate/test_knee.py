"""Knees of scripted curves: found where they are, with an interval that holds them, and not found where there are none."""

from __future__ import annotations

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medlms.errors import AskedWrongly
from medlms.evaluate.knee import SHARE, STEP, Knee, as_json, knee

sys.path.insert(0, str(Path(__file__).parent))

from scripted import scripted

EPOCHS = np.arange(11.0)


def bent(at: float, before: float = 0.05, beyond: float = 0.0) -> np.ndarray:
    course: np.ndarray = 0.2 + before * np.minimum(EPOCHS, at) + beyond * np.maximum(EPOCHS - at, 0)
    return course


def many(truth: np.ndarray, count: int = 80, **more: float) -> list[Knee]:
    return [knee(scripted(truth, seed, **more), EPOCHS) for seed in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize("at", [2.0, 4.5])
def test_a_knee_lies_in_its_interval_about_as_often_as_promised(at: float) -> None:
    found = many(bent(at))
    assert {item.state for item in found} == {"knee"}
    assert np.mean([item.low <= at <= item.high for item in found]) >= 0.88
    assert np.mean([item.gain_low <= 0.05 * at <= item.gain_high for item in found]) >= 0.88
    assert np.mean([item.high - item.low for item in found]) < 4, "an interval that says nothing"


def test_a_loss_that_turns_has_its_knee_at_the_turn() -> None:
    found = knee(scripted(2 - bent(3, 0.3, -0.05), 1, better=-1), EPOCHS)
    assert (found.state, found.metric) == ("knee", "dev_loss")
    assert found.low <= 3 <= found.high
    assert found.gain == pytest.approx(0.9, abs=0.1)
    assert found.after == pytest.approx(-0.05, abs=0.02) and found.after_high < 0


def test_a_curve_that_saturates_has_an_early_knee() -> None:
    found = knee(scripted(0.4 - 0.2 * 0.5**EPOCHS, 3, noise=0.05), EPOCHS)
    assert found.state == "knee" and 1 <= found.low <= found.epoch <= found.high <= 4


def test_a_flat_curve_has_no_measurable_gain() -> None:
    found = many(np.full(11, 0.3))
    assert np.mean([item.state == "no gain" for item in found]) >= 0.92
    assert math.isnan(found[0].epoch) and as_json(found[0])["epoch"] is None


def test_a_curve_that_falls_is_no_gain_and_says_so() -> None:
    found = knee(scripted(0.5 - 0.03 * EPOCHS, 1), EPOCHS)
    assert found.state == "no gain" and found.gain_high < 0


def test_a_curve_that_goes_on_rising_has_no_knee() -> None:
    found = many(0.2 + 0.03 * EPOCHS)
    assert np.mean([item.state == "none" for item in found]) >= 0.93
    assert found[0].gain == pytest.approx(0.3, abs=0.05)


def test_a_gain_that_slows_but_not_enough_is_no_knee() -> None:
    found = many(bent(4, 0.05, 0.05 * 2 * SHARE), noise=0.02)
    assert np.mean([item.state == "none" for item in found]) >= 0.93


def test_the_fit_is_that_of_a_slow_search() -> None:
    curve = scripted(bent(4), 5, resamples=100)
    best = (math.inf, 0.0)
    for at in np.arange(1, 9 + STEP / 2, STEP):
        basis = np.column_stack([np.ones(11), np.minimum(EPOCHS, at), np.maximum(EPOCHS - at, 0)])
        solved, *_ = np.linalg.lstsq(basis, curve.values, rcond=None)
        best = min(best, (float(((curve.values - basis @ solved) ** 2).sum()), float(at)))
    assert knee(curve, EPOCHS).epoch == best[1]


def test_four_epochs_are_enough_and_three_are_not() -> None:
    steep = [0.1, 0.4, 0.41, 0.42]
    found = knee(scripted(steep, 1, noise=0.02), [0, 1, 2, 3])
    assert (found.state, found.epoch) == ("knee", 1.0)
    with pytest.raises(AskedWrongly, match="at least 4 epochs"):
        knee(scripted(steep[:3], 1), [0, 1, 2])


@pytest.mark.parametrize("epochs", [[1, 2, 3, 4], [0, 1, 1, 2], [0, 2, 1, 3], [0, 1, 2, 3, 4]])
def test_epochs_that_are_none(epochs: list[int]) -> None:
    with pytest.raises(AskedWrongly, match="rising order"):
        knee(scripted([0.1, 0.2, 0.3, 0.3], 1), epochs)


def test_few_groups_of_questions_give_no_interval_and_so_no_knee() -> None:
    found = knee(replace(scripted(bent(3), 1), groups=7), EPOCHS)
    assert found.state == "no gain" and math.isnan(found.gain_low) and not math.isnan(found.gain)


def test_uneven_epochs_are_taken_as_they_are() -> None:
    places = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0]
    truth = [0.2 + 0.05 * min(at, 4) for at in places]
    found = knee(scripted(truth, 2, noise=0.05), places)
    assert found.state == "knee" and found.low <= 4 <= found.high
    assert all(a <= b for a, b in itertools.pairwise([found.low, found.epoch, found.high]))
