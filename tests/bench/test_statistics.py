"""The simulations of benchmarks/simulations.py in small: intervals hold the truth, one system twice rarely differs."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("scipy")
pytest.importorskip("sacrebleu")

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "statistics.json"


def _benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulations", ROOT / "benchmarks" / "simulations.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulations"] = module
    spec.loader.exec_module(module)
    return module


SIMULATIONS = _benchmark()
SMALL = {"simulations": 120, "resamples": 200}


@pytest.mark.parametrize("name", ["right or wrong", "overlap", "bits per byte"])
def test_intervals_hold_the_truth_with_few_groups(name: str) -> None:
    design = next(item for item in SIMULATIONS.DESIGNS if item.name == name)
    found = SIMULATIONS.scores(design, 20, **SMALL)
    assert 0.88 <= found["coverage"] <= 0.99
    assert found["coverage"] >= found["percentile"]


@pytest.mark.parametrize("name", ["right or wrong", "overlap"])
def test_one_system_twice_is_rarely_said_to_differ(name: str) -> None:
    design = next(item for item in SIMULATIONS.DESIGNS if item.name == name)
    twice = SIMULATIONS.differences(design, 50, **SMALL)
    assert twice["said_to_differ"] <= 0.1 and twice["coverage"] >= 0.88
    apart = SIMULATIONS.differences(design, 50, **SMALL, apart=1.5)
    assert apart["said_to_differ"] > 0.5


def test_simulations_repeat_to_the_last_digit() -> None:
    design = SIMULATIONS.DESIGNS[1]
    once, again = (SIMULATIONS.scores(design, 20, simulations=5, resamples=50) for _ in range(2))
    assert once == again


def test_the_committed_results_hold_what_is_promised() -> None:
    held = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert held["settings"] == {"simulations": 1000, "resamples": 2000}
    assert {row["groups"] for row in held["rows"]} == {20, 50, 100}
    assert {row["design"] for row in held["rows"]} == {design.name for design in SIMULATIONS.DESIGNS}
    for row in held["rows"]:
        if row["bar"] and row["groups"] == 100:
            assert 0.93 <= row["coverage"] <= 0.97, row
        if row["kind"] == "one system twice":
            assert row["said_to_differ"] <= 0.06, row
    assert held["seconds"]["intervals"] < 2
