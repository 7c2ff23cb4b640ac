"""Medians and paired ratios: values, edges, and how often the interval holds the truth."""

import numpy as np
import pytest

from medlms.bench.estimates import median, ratio


def test_one_round_has_no_interval():
    found = median([5.0])
    assert (found.value, found.low, found.high, found.n) == (5.0, None, None, 1)
    with pytest.raises(ValueError, match="no round"):
        median([])


def test_the_interval_lies_within_the_rounds_and_repeats():
    values = [10.0, 12.0, 11.0, 14.0, 9.0]
    found = median(values)
    assert found.value == 11.0 and found.n == 5
    assert min(values) <= found.low < 11.0 < found.high <= max(values)
    assert found == median(values)


def test_the_interval_holds_the_true_median_about_as_often_as_it_says():
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        found = median(list(generator.normal(size=15)))
        held += found.low <= 0 <= found.high
    assert 0.88 <= held / 200 <= 1.0


def test_a_ratio_is_paired_by_round():
    # Rounds differ tenfold, the ratio does not: pairing keeps the interval narrow.
    a = {0: 20.0, 1: 200.0, 2: 2.0, 3: 50.0}
    b = {0: 10.0, 1: 100.0, 2: 1.0}
    found = ratio(a, b)
    assert (found.value, found.low, found.high, found.n) == (2.0, 2.0, 2.0, 3)
    assert ratio(a, {7: 1.0}) is None
