"""Memory is given back when steps have made it grow, and not otherwise."""

from __future__ import annotations

import sys

import pytest

from medlms.models import heap


def told(*sizes: int) -> tuple[heap.Gaps, list[bool]]:
    """Whether memory was given back after each of these steps."""
    rest = iter(sizes)
    gaps = heap.Gaps(resident=lambda: next(rest), trim=lambda: True)
    return gaps, [gaps.after_step() for _ in sizes]


def test_steps_that_hold_what_the_first_ones_held_give_nothing_back() -> None:
    assert not any(told(*[1000, 800, 900, 950], *[1100, 700, 1200] * 5)[1])


def test_growth_is_given_back_and_measured_from_anew() -> None:
    _, given = told(1000, 1000, 1000, 1000, 1150, 1201, *[1300] * 4, 1500, 1561)
    assert [number for number, back in enumerate(given) if back] == [5, 11]


def test_where_the_system_tells_nothing_nothing_is_done() -> None:
    assert not any(told(*[0] * 10)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_resident_memory_follows_what_is_touched() -> None:
    before = heap.resident()
    held = bytearray(64 << 20)
    held[::4096] = b"x" * len(held[::4096])
    assert 50 << 20 < heap.resident() - before < 100 << 20
