"""Knees and learning curves in reports: said in tables, marked on charts, and left out where there is nothing to show."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from medlms.report import knees, markdown, page, plots
from medlms.report.study import growth
from medlms.report.study import markdown as study_markdown
from medlms.report.study import page as study_page
from medlms.report.study import plots as study_plots

BENT = {
    "metric": "dev_loss", "state": "knee", "epoch": 2.25, "low": 1.5, "high": 3.0, "gain": 0.4, "gain_low": 0.35,
    "gain_high": 0.45, "after": -0.01, "after_low": -0.02, "after_high": -0.003, "last": 8.0, "n": 100, "seeds": 1,
}  # fmt: skip
NOWHERE = {"state": "none", "epoch": None, "low": None, "high": None}
IDLE = {
    **BENT,
    **NOWHERE,
    "metric": "token_f1",
    "state": "no gain",
    "gain": 0.002,
    "gain_low": -0.01,
    "gain_high": 0.01,
}
GROWTH = {
    "title": "", "metric": "token_f1", "sizes": [100.0, 400.0, 1900.0], "values": [0.15, 0.17, 0.19], "largest": 1900.0,
    "power": 0.0, "change": 0.009, "low": 0.001, "high": 0.017, "better": 1, "n": 100, "seeds": 1, "scatter": True,
    "fitted": [
        {"rows": 100.0, "value": 0.15, "low": 0.13, "high": 0.17}, {"rows": 1900.0, "value": 0.19, "low": 0.17, "high": 0.2},
        {"rows": 3800.0, "value": 0.199, "low": 0.17, "high": 0.22},
    ],
}  # fmt: skip


@pytest.fixture
def ranks() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("study_example", Path(__file__).with_name("study_example.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.ranks()
    return found


def test_a_table_says_what_was_found_and_what_was_not() -> None:
    table = knees.table([("", BENT), ("", IDLE), ("", {**BENT, **NOWHERE})])  # type: ignore[list-item]
    assert table is not None
    assert table.columns == ("Measure", "Knee at epoch", "Gain", "Gain of an epoch beyond", "Questions")
    cells = [[f"{cell.text} {cell.small}".strip() for cell in row] for row in table.rows]
    assert cells[0] == ["Held-out loss", "2.25 [1.5, 3]", "+0.400 [+0.350, +0.450]", "−0.010 [−0.020, −0.003]", "100"]
    assert cells[1][:2] == ["Token F1", "no measurable gain in 8 epochs"]
    assert cells[2][1] == "none can be told in 8 epochs"
    titled = knees.table([("r = 4", BENT)])  # type: ignore[list-item]
    assert titled is not None and titled.columns[0] == "Point" and titled.rows[0][0].text == "r = 4"
    assert knees.table([]) is None


def test_a_run_marks_its_knee_with_a_band(report: dict[str, Any]) -> None:
    plain = plots._loss_by_epoch(report)  # type: ignore[arg-type]
    report["knees"] = [BENT, IDLE]
    marked = plots._loss_by_epoch(report)  # type: ignore[arg-type]
    other = plots._metrics_by_epoch(report, "f1", "F1", ("token_f1",))  # type: ignore[arg-type]
    assert plain and marked and other
    assert ">knee<" in marked.svg and ">knee<" not in plain.svg
    assert "Pale: the knee, epoch 2.25, and its 95 % interval, 1.5 to 3." in marked.caption
    assert ">knee<" not in other.svg, "no gain, no mark"
    for text in (page.html(report, []), markdown.markdown(report, [])):  # type: ignore[arg-type]
        assert "no measurable gain" in text and "two straight lines that meet" in text


def test_a_study_marks_each_line_or_the_only_one(ranks: dict[str, Any]) -> None:
    groups = [{**group, "knees": [BENT, IDLE]} for group in ranks["groups"]]
    loss = study_plots._by_epoch(groups, "dev_loss")  # type: ignore[arg-type]
    other = study_plots._by_epoch(groups, "token_f1")  # type: ignore[arg-type]
    alone = study_plots._by_epoch(groups[:1], "dev_loss")  # type: ignore[arg-type]
    assert loss and other and alone
    assert "Bars along the head: each line's knee" in loss.caption and ">knee<" not in loss.svg
    assert "Bars along" not in other.caption
    assert ">knee<" in alone.svg
    ranks["groups"] = groups
    for text in (study_page.html(ranks, []), study_markdown.markdown(ranks, [])):  # type: ignore[arg-type]
        assert "Knee at epoch" in text


def test_what_more_rows_would_bring_is_drawn_and_told(ranks: dict[str, Any]) -> None:
    ranks["more_rows"] = [GROWTH, {**GROWTH, "metric": "bits_per_byte", "better": -1, "low": -0.001}]
    table = growth.table(ranks)  # type: ignore[arg-type]
    assert table is not None
    assert [row[3].text for row in table.rows] == ["better", "no measurable difference"]
    assert (table.rows[0][1].text, table.rows[0][2].small) == ("100, 400, 1,900", "[+0.001, +0.017]")
    (plot,) = growth.draw(ranks)  # type: ignore[arg-type]
    assert "Twice the rows: +0.009 [+0.001, +0.017], better." in plot.caption
    assert set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', plot.svg)) <= set(plots.DARK)
    for text in (study_page.html(ranks, [plot]), study_markdown.markdown(ranks, [plot])):  # type: ignore[arg-type]
        assert "more-rows-over-1" in text and "How many more examples?" in text


def test_a_curve_without_interval_is_drawn_without_band(ranks: dict[str, Any]) -> None:
    bare = [{**place, "low": None, "high": None} for place in GROWTH["fitted"]]  # type: ignore[attr-defined]
    ranks["more_rows"] = [{**GROWTH, "title": "r = 8", "low": None, "high": None, "fitted": bare}]
    (plot,) = growth.draw(ranks)  # type: ignore[arg-type]
    assert plot.title.endswith("fitted, r = 8") and "no measurable difference" in plot.caption
    table = growth.table(ranks)  # type: ignore[arg-type]
    assert table is not None and table.columns[0] == "Other settings"
