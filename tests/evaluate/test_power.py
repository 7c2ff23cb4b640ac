"""What a comparison could have shown, against the textbook and by simulation."""

import numpy as np
import pytest

from medlms.evaluate.intervals import paired_shares
from medlms.evaluate.power import detectable, items_needed


@pytest.mark.parametrize(("n", "points"), [(100, 12.5), (500, 5.6), (1273, 3.5)])
def test_paired_shares_with_a_fifth_of_discordant_items(n, points):
    low, high = paired_shares(n * 0.1, n * 0.1, n)
    assert 100 * detectable(low, high) == pytest.approx(points, rel=0.04)


def test_items_needed_are_those_that_see_it():
    smallest = detectable(-0.1, 0.3)
    assert items_needed(smallest, -0.1, 0.3, 50) == 50
    assert items_needed(-smallest / 2, -0.1, 0.3, 50) == 200
    assert items_needed(0.0, -0.1, 0.3, 50) is None
    assert detectable(None, 0.3) is detectable(0.2, 0.2) is None


def test_such_a_difference_is_seen_four_times_in_five():
    random = np.random.default_rng(5)
    half = 1.96 * 1.0 / np.sqrt(200)
    true = detectable(-half, half)
    seen = [random.normal(true, 1.0, 200).mean() - half > 0 for _ in range(2000)]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.03)
