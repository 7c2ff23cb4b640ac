"""A finished run's report and steps, made up in ``example.py``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_example", Path(__file__).with_name("example.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXAMPLE = _example()


@pytest.fixture
def report() -> dict[str, Any]:
    return EXAMPLE.report()


@pytest.fixture(scope="session")
def steps() -> list[dict[str, Any]]:
    return EXAMPLE.steps()


@pytest.fixture(scope="session")
def drawn(steps: list[dict[str, Any]]) -> list[Any]:
    from medlms.report import plots

    return plots.draw(EXAMPLE.report(), steps)


@pytest.fixture
def hostile(report: dict[str, Any]) -> dict[str, Any]:
    """The report with every text in it replaced by one that tries to break out; names and keys of metrics stay."""
    return _poisoned(report, EXAMPLE.HOSTILE)


def _poisoned(value: Any, text: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(item, text, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_poisoned(item, text, key) for item in value]
    if isinstance(value, str) and key not in ("name", "metric", "a", "b"):
        return f"{value} {text}"
    return value
