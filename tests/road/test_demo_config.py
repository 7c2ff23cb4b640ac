"""The demo's settings stand in the package and, for people who want to change them, in configs/demo.yaml: the same."""

from __future__ import annotations

from pathlib import Path

from medlms.config import load
from medlms.road.demo import CONFIG

FILE = Path(__file__).parents[2] / "configs" / "demo.yaml"


def test_the_demo_config_is_the_demo() -> None:
    assert load(FILE)[0] == load(CONFIG)[0]
