"""Learning curves over scripted scores: the gain of a doubling is covered, nothing is promised, nothing told beyond twice."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medlms.errors import AskedWrongly
from medlms.evaluate.more_rows import MoreRows, as_json, expected, more_rows

sys.path.insert(0, str(Path(__file__).parent))

from scripted import scripted

SIZES = np.array([100.0, 200, 400, 800, 1900])


def many(truth: np.ndarray, count: int = 120, **more: float) -> list[MoreRows]:
    return [more_rows(scripted(truth, seed, **more), SIZES) for seed in range(count)]  # type: ignore[arg-type]


def covered(found: list[MoreRows], change: float) -> float:
    return float(np.mean([item.low <= change <= item.high for item in found]))


def saturating(rows: np.ndarray) -> np.ndarray:
    return 0.4 - 2.0 * rows**-0.5


def test_a_line_over_doublings_is_found_without_noise() -> None:
    found = more_rows(scripted(0.1 + 0.02 * np.log2(SIZES), 1, noise=0), SIZES)
    assert found.power == 0
    assert found.change == pytest.approx(0.02, abs=1e-6)
    assert found.sure and found.scatter and found.largest == 1900


def test_a_power_law_is_found_without_noise() -> None:
    found = more_rows(scripted(saturating(SIZES), 1, noise=0), SIZES)
    assert found.power == -0.5
    assert found.change == pytest.approx(float(saturating(np.array(3800.0)) - saturating(np.array(1900.0))), abs=1e-6)


def test_what_a_doubling_brings_is_covered_for_a_line() -> None:
    found = many(0.1 + 0.02 * np.log2(SIZES), luck=0.005)
    assert covered(found, 0.02) >= 0.9


def test_what_a_doubling_brings_is_covered_for_a_curve_that_flattens() -> None:
    change = float(saturating(np.array(3800.0)) - saturating(np.array(1900.0)))
    assert covered(many(saturating(SIZES), luck=0.005), change) >= 0.9


def test_nothing_is_found_where_rows_do_not_help() -> None:
    found = many(np.full(5, 0.3), luck=0.01)
    assert np.mean([item.sure for item in found]) <= 0.07


def test_a_clear_gain_is_found() -> None:
    found = many(0.1 + 0.05 * np.log2(SIZES), count=20, luck=0.002, noise=0.05)
    assert np.mean([item.sure for item in found]) >= 0.7


def test_three_sizes_are_a_line_and_two_are_none() -> None:
    found = more_rows(scripted([0.2, 0.21, 0.22], 1, noise=0), [100, 200, 400])
    assert found.power == 0 and found.change == pytest.approx(0.01)
    with pytest.raises(AskedWrongly, match="at least 3 sizes"):
        more_rows(scripted([0.2, 0.21], 1), [100, 200])
    with pytest.raises(AskedWrongly, match="rising order"):
        more_rows(scripted([0.2, 0.21, 0.22], 1), [100, 400, 200])


def test_nothing_is_said_beyond_twice_the_largest() -> None:
    found = more_rows(scripted(saturating(SIZES), 1, luck=0.002), SIZES)
    assert found.fitted[-1][0] == 3800
    value, low, high = expected(found, 3800)
    assert low <= value <= high and value == pytest.approx(found.fitted[-1][1])
    for rows in (3801, 99):
        with pytest.raises(AskedWrongly, match="says nothing beyond"):
            expected(found, rows)


def test_runs_of_several_seeds_need_no_scatter() -> None:
    curve = scripted(saturating(SIZES), 1, luck=0.01)
    one = more_rows(curve, SIZES)
    three = more_rows(replace(curve, seeds=3), SIZES)
    assert not three.scatter and three.high - three.low < one.high - one.low


def test_few_groups_of_questions_give_no_interval() -> None:
    found = more_rows(replace(scripted(saturating(SIZES), 1), groups=7), SIZES)
    assert not found.sure and math.isnan(found.low) and as_json(found)["fitted"][0]["low"] is None


def test_a_report_can_hold_it() -> None:
    found = as_json(more_rows(scripted(saturating(SIZES), 1), SIZES))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["fitted"][-1]["rows"] == 3800
