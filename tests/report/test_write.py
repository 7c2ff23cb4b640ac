from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from medlms.report import write
from medlms.run import Run


def test_the_run_gets_its_files(tmp_path: Path, report: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    paths = write(Run(tmp_path), report, steps)
    names = [str(path.relative_to(tmp_path)) for path in paths]
    assert names[:2] == ["report.md", "report.html"]
    assert "plots/loss-by-step.svg" in names
    for path in paths[2:]:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
        assert "prefers-color-scheme:dark" in path.read_text(encoding="utf-8")


def test_the_same_input_gives_the_same_bytes(
    tmp_path: Path, report: dict[str, Any], steps: list[dict[str, Any]]
) -> None:
    first = [path.read_bytes() for path in write(Run(tmp_path), report, steps)]
    assert [path.read_bytes() for path in write(Run(tmp_path), report, steps)] == first


def test_hostile_text_can_be_written(tmp_path: Path, hostile: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    assert write(Run(tmp_path), hostile, steps)


def test_without_plots_the_pages_say_so(
    tmp_path: Path, report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    paths = write(Run(tmp_path), report, [])
    assert [path.name for path in paths] == ["report.md", "report.html"]
    assert all("could not be drawn" in path.read_text(encoding="utf-8") for path in paths)


def test_a_run_without_training_one_system_and_no_intervals(tmp_path: Path) -> None:
    score = {"value": 0.2, "low": None, "high": None, "n": 3, "unread": 1, "maximum": None}
    report = {"run": "r", "systems": [{"name": "base", "metrics": {"bleu": score}, "speed": {}, "endings": {}}]}
    paths = write(Run(tmp_path), report, [])
    assert "1 unread" in paths[0].read_text(encoding="utf-8")


def test_nothing_heavy_is_imported_before_a_chart_is_asked_for() -> None:
    code = "import sys, medlms.report, medlms.report.card, medlms.report.terminal; print([m for m in ('altair', 'vl_convert', 'torch', 'pandas', 'rich') if m in sys.modules])"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
