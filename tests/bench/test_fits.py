"""Lines through points: against numpy's own polynomial fit, and where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlms.bench.fits import line


def test_a_straight_line_is_found():
    fit = line([(x, 2.0 + 0.5 * x) for x in (1, 2, 8)])
    assert (fit.slope, fit.intercept, fit.r2, fit.n) == (pytest.approx(0.5), pytest.approx(2.0), pytest.approx(1.0), 3)
    assert fit.worst == pytest.approx(0, abs=1e-12)
    assert fit.at(4) == pytest.approx(4) and fit.share(4) == pytest.approx(0.5)


def test_a_bent_one_says_how_far_it_lies_off():
    fit = line([(x, float(x * x)) for x in (1, 2, 3, 4)])
    assert fit.r2 < 0.98
    # -5 + 5 x: 1 is met by 0.
    assert fit.worst == pytest.approx(1.0)


def test_what_does_not_vary_has_no_share_to_explain():
    fit = line([(1, 3.0), (2, 3.0), (3, 3.0)])
    assert fit.r2 is None and fit.slope == 0 and fit.intercept == 3


@pytest.mark.parametrize("points", [[], [(1, 1.0)], [(1, 1.0), (2, 5.0)], [(1, 1.0), (1, 2.0), (2, 3.0)]])
def test_two_places_are_too_few(points):
    assert line(points) is None


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0.1, 100)), min_size=3, max_size=12))
def test_as_numpy(points):
    fit = line(points)
    if fit is None:
        assert len({x for x, _ in points}) < 3
        return
    x, y = np.array(points, dtype=float).T
    slope, intercept = np.polyfit(x, y, 1)
    assert fit.at(0) == pytest.approx(intercept, rel=1e-4, abs=1e-4)
    assert fit.at(x.max()) == pytest.approx(intercept + slope * x.max(), rel=1e-4, abs=1e-4)
