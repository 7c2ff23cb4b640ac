"""Intervals against scipy, against brute force, and by simulation."""

import math
import time

import numpy as np
import pytest

from medlms.evaluate.intervals import (
    CELLS,
    finite,
    independent_items,
    paired_shares,
    percentile,
    resampled_sums,
    wilson,
)

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 100), (3, 100), (50, 100), (100, 100), (7, 13)])
def test_wilson_equals_scipy(right, n):
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert wilson(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_items_no_interval():
    assert all(math.isnan(end) for end in (*wilson(0.5, 0), *paired_shares(0, 0, 0), *wilson(math.nan, 5)))


def test_bootstrap_has_the_spread_of_the_mean():
    values = np.random.default_rng(1).normal(size=(400, 1))
    drawn = resampled_sums(np.hstack([values, np.ones_like(values)]), resamples=4000, seed=3)
    assert (drawn[:, 1] == 400).all()
    means = drawn[:, 0] / drawn[:, 1]
    assert means.mean() == pytest.approx(values.mean(), abs=0.004)
    assert means.std() == pytest.approx(values.std() / 20, rel=0.06)


def test_bootstrap_is_seeded_and_draws_groups_alike_for_all_columns():
    sums = np.arange(12.0).reshape(6, 2)
    first = resampled_sums(sums, resamples=50, seed=5)
    assert (first == resampled_sums(sums, resamples=50, seed=5)).all()
    assert (first != resampled_sums(sums, resamples=50, seed=6)).any()
    assert (first[:, 1] == first[:, 0] + 6).all()


def test_large_tests_are_drawn_in_parts():
    groups = CELLS // 3
    drawn = resampled_sums(np.ones((groups, 1)), resamples=7, seed=1)
    assert drawn.shape == (7, 1) and (drawn == groups).all()


def test_one_group_gives_no_percentile_interval():
    assert all(math.isnan(end) for end in percentile(np.ones(100), groups=1))
    assert all(math.isnan(end) for end in percentile(np.full(100, np.nan), groups=9))
    assert percentile(np.array([np.nan, *np.arange(1001.0)]), groups=2) == pytest.approx((25, 975))


def test_independent_items():
    alone = np.array([[float(number % 3 == 0), 1.0] for number in range(300)])
    assert independent_items(alone) == 300
    copies = alone * 5  # each group holds five copies of one item
    assert independent_items(copies) == pytest.approx(300, rel=0.02)
    assert independent_items(np.array([[0.0, 4.0], [0.0, 6.0]])) == 2
    assert independent_items(np.array([[2.0, 4.0]])) == 1
    assert independent_items(np.array([[2.0, 4.0], [0.0, 0.0]])) == 1


def test_wilson_covers_clustered_shares():
    generator = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        chances = generator.beta(1, 3, size=60)
        sizes = generator.integers(1, 8, size=60)
        sums = np.column_stack([generator.binomial(sizes, chances), sizes]).astype(float)
        low, high = wilson(float(sums[:, 0].sum() / sums[:, 1].sum()), independent_items(sums))
        covered += low <= 0.25 <= high
    assert 0.9 <= covered / 300 <= 0.99


def test_bootstrap_covers_clustered_means():
    generator = np.random.default_rng(8)
    covered = 0
    for number in range(300):
        sizes = generator.integers(1, 6, size=50)
        centres = generator.normal(0, 1, size=50)
        sums = np.column_stack([sizes * centres + generator.normal(0, np.sqrt(sizes)), sizes])
        drawn = resampled_sums(sums, resamples=300, seed=number)
        low, high = percentile(drawn[:, 0] / drawn[:, 1], groups=50)
        covered += low <= 0 <= high
    assert 0.9 <= covered / 300 <= 0.98


def test_paired_shares_cover_and_never_vanish():
    low, high = paired_shares(0, 0, 100)
    assert low == -high and 0 < high < 0.03
    generator = np.random.default_rng(9)
    covered = 0
    for _ in range(400):
        more, fewer, _ = generator.multinomial(80, [0.12, 0.05, 0.83])
        low, high = paired_shares(more, fewer, 80)
        covered += low <= 0.07 <= high
    assert 0.92 <= covered / 400 <= 0.985


def test_all_metrics_of_a_large_test_are_quick():
    sums = np.random.default_rng(1).random((1273, 60))
    begun = time.perf_counter()
    resampled_sums(sums, resamples=2000, seed=1)
    assert time.perf_counter() - begun < 2


def test_finite():
    assert finite(1.5) == 1.5
    assert finite(math.nan) is finite(math.inf) is finite(None) is None
