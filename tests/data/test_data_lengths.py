"""Histograms hold every row once, in its bin, and part rows at the limit."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medlms.data.lengths import BINS, histogram, numbers

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
sizes = st.lists(st.integers(0, 20_000), max_size=80)


@PATIENT
@given(sizes, st.none() | st.integers(1, 20_000))
def test_every_length_is_in_its_bin(found: list[int], limit: int | None) -> None:
    bins = histogram(found, limit)
    assert sum(item["rows"] for item in bins) == len(found)
    assert len(bins) <= BINS + 1
    for item, after in pairwise(bins):
        assert item["high"] == after["low"]
    for item in bins:  # the slow twin: each bin counted anew
        inside = [one for one in found if item["low"] <= max(one, 1) < item["high"]]
        assert item["rows"] == len(inside)
        assert item["low"] < item["high"]
        assert all((limit is not None and one > limit) == item["over"] for one in inside)


@PATIENT
@given(st.lists(st.integers(0, 500), min_size=1, max_size=60))
def test_numbers_are_lengths_that_occur(found: list[int]) -> None:
    told = numbers(found)
    assert told["n"] == len(found)
    marks = [told[key] for key in ("min", "median", "p90", "p99", "max")]
    assert marks == sorted(marks)
    assert set(marks) <= set(found)
    assert (told["min"], told["max"]) == (min(found), max(found))
    assert abs(sum(one <= told["median"] for one in found) * 2 - len(found)) <= 2 * found.count(told["median"])


def test_nothing_has_no_length() -> None:
    assert numbers([]) == {"n": 0}
    assert histogram([]) == []
