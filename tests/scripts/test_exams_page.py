"""The page of several runs' exams, and what publishing takes out of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.report.exam_example import exam

SCRIPTS = Path(__file__).parents[2] / "scripts"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(model: str) -> dict[str, Any]:
    about = {"name": model, "parameters": 135e6, "precision": "bf16"}
    return {"model": about, "date": "2026-01-02T03:04", "exams": [exam()], "data": {}, "config": {}}


def test_models_stand_in_one_table_with_the_floors_below() -> None:
    text = script("exams_page").page({"a": report("small"), "b": report("large")})
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[1:]] == [
        "| ---", *["| small"] * 3, *["| large"] * 3, "| *Always yes*", "| *Chance*",
    ]  # fmt: skip
    assert "| *Always yes* | | 55.2 |" in text and "| *Chance* | | 33.3 |" in text
    assert "set aside: 2 equal options" in text


def test_asked_wrongly(capsys: pytest.CaptureFixture[str]) -> None:
    assert script("exams_page").main(["exams"]) == 2
    assert "usage" in capsys.readouterr().err


def test_published_exams_quote_nothing_and_name_no_place_of_a_machine() -> None:
    found = script("publish_result").without_text(report("small"))["exams"][0]
    assert found["files"] == {"ours.json": "0" * 64}
    assert {fault["detail"] for fault in found["faults"]} == {""}
    assert found["faults"][0]["place"] == "ours.json:3"
