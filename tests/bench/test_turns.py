"""Taking turns: order, warm-up, failures and the time limit, with a clock of our own."""

import pytest

from medlms.bench.turns import Contender, Measured, take_turns
from medlms.errors import CouldNot


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def contender(name, seen, *, clock=None, seconds=1.0, every=1, fails_at=None, error=CouldNot):
    def run(number):
        seen.append((number, name))
        if number == fails_at:
            raise error(f"{name} fell over")
        if clock is not None:
            clock.now += seconds
        return Measured(100.0, seconds, 7)

    return Contender(name, run, every)


def test_warm_up_is_dropped_and_each_round_begins_with_another():
    seen = []
    outcome = take_turns([contender("a", seen), contender("b", seen)], rounds=3, warmup=1)
    assert [name for number, name in seen if number == 0] == ["a", "b"]
    assert [name for number, name in seen if number == 1] == ["b", "a"]
    assert {number for number, _ in seen} == {-1, 0, 1, 2}
    assert outcome.rounds == 3
    assert outcome.rates("a") == {0: 100.0, 1: 100.0, 2: 100.0}


def test_a_slow_system_takes_part_in_some_rounds_only():
    seen = []
    outcome = take_turns([contender("a", seen), contender("slow", seen, every=2)], rounds=5, warmup=1)
    assert sorted(outcome.measured["slow"]) == [0, 2, 4]
    assert (-1, "slow") in seen


def test_a_failure_is_kept_and_the_others_go_on():
    seen = []
    outcome = take_turns([contender("a", seen), contender("b", seen, fails_at=1)], rounds=3, warmup=0)
    assert sorted(outcome.measured["a"]) == [0, 1, 2]
    assert sorted(outcome.measured["b"]) == [0]
    assert outcome.failed == {"b": "b fell over"}
    assert (2, "b") not in seen


def test_a_fault_of_the_harness_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        take_turns([contender("a", [], fails_at=0, error=ZeroDivisionError)], rounds=1)


def test_nothing_is_left_to_measure():
    outcome = take_turns([contender("a", [], fails_at=-1)], rounds=3)
    assert outcome.rounds == 0 and outcome.measured == {"a": {}}


@pytest.mark.parametrize(("seconds", "rounds"), [(1000, 6), (35, 3), (1, 2)])
def test_no_round_begins_that_would_end_too_late(seconds, rounds):
    clock = Clock()
    pair = [contender("a", [], clock=clock, seconds=4.0), contender("b", [], clock=clock, seconds=6.0)]
    # Warm-up and each round take 10 seconds; two rounds are the least.
    outcome = take_turns(pair, rounds=6, warmup=0, minimum=2, seconds=seconds, clock=clock)
    assert outcome.rounds == rounds
