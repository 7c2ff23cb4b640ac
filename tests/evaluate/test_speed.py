"""Speed figures from measured replies."""

import json

import numpy as np
import pytest

from medlms.evaluate.speed import speed
from medlms.types import Reply


def reply(number, tokens, seconds, first=0.25, finish="stop"):
    return Reply(str(number), "x", finish, 10, tokens, seconds, first)


def test_values():
    found = speed([reply(0, 100, 2.0, 0.1), reply(1, 50, 1.0, 0.3), reply(2, 150, 3.0, 0.2, "length")], resamples=500)
    assert list(found) == ["tokens_per_second", "seconds_median", "seconds_p95", "first_token_seconds"]
    assert found["tokens_per_second"]["value"] == pytest.approx(50)
    assert found["tokens_per_second"]["low"] == found["tokens_per_second"]["high"] == pytest.approx(50)
    assert found["seconds_median"]["value"] == 2.0
    assert found["seconds_median"]["cut"] == 1
    assert found["seconds_p95"]["value"] == pytest.approx(2.9)
    assert found["first_token_seconds"] == {"value": 0.2, "low": 0.1, "high": pytest.approx(0.3), "n": 3}


def test_intervals_hold_the_value_and_are_repeatable():
    generator = np.random.default_rng(1)
    replies = [reply(n, int(generator.integers(5, 99)), float(generator.uniform(0.5, 4))) for n in range(30)]
    found = speed(replies)
    for item in found.values():
        assert item["low"] <= item["value"] <= item["high"]
        assert item["n"] == 30
    assert found["tokens_per_second"]["low"] < found["tokens_per_second"]["high"]
    assert found == speed(replies)


def test_one_reply_none_and_no_tokens():
    one = speed([reply(0, 10, 2.0)])
    assert one["seconds_median"] == {"value": 2.0, "low": None, "high": None, "n": 1, "cut": 0}
    none = speed([])
    assert none["tokens_per_second"] == {"value": None, "low": None, "high": None, "n": 0}
    copied = speed([reply(n, 0, 0.001) for n in range(4)])
    assert copied["tokens_per_second"]["value"] is None
    assert copied["seconds_median"]["value"] == 0.001
    json.dumps([one, none, copied], allow_nan=False)
