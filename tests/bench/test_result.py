"""Result files: the contract's keys, replacing, writing and reading."""

import json

import pytest

from medlms.bench.estimates import Estimate
from medlms.bench.result import KEYS, Result, read, table
from medlms.errors import DataError


def test_a_number_measured_again_replaces_the_old_one(tmp_path):
    result = Result(machine={"cores": 2}, command="python benchmarks/x.py")
    result.add("ours", "tokens_per_second", Estimate(1.0, None, None, 1), {"phase": "search"})
    result.add("ours", "tokens_per_second", Estimate(2.0, 1.5, 2.5, 3), {"phase": "rounds"})
    result.add("ours", "tokens_per_second", Estimate(3.0, 2.5, 3.5, 4), {"phase": "rounds"})
    result.compare("ours", "best_peer", "tokens_per_second", Estimate(1.5, 1.4, 1.6, 3))
    path = tmp_path / "results" / "x.json"
    result.write(path)
    value = read(path)
    assert set(KEYS) < set(value) and not value["complete"]
    assert [row["median"] for row in value["rows"]] == [1.0, 3.0]
    assert set(value["rows"][0]) == {"system", "metric", "median", "low", "high", "n", "settings"}
    assert value["ratios"] == [
        {"a": "ours", "b": "best_peer", "metric": "tokens_per_second", "value": 1.5, "low": 1.4, "high": 1.6}
    ]


@pytest.mark.parametrize("text", [None, "{", "[]", json.dumps({"rows": []})])
def test_a_broken_file_gets_a_sentence(tmp_path, text):
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.json"):
        read(path)


def test_table_is_aligned():
    assert table([["a", "speed"], ["longer", "1"]]) == "a       speed\nlonger      1"
