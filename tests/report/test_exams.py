"""Exams in reports: floors among the rows, every table, plots with descriptions, untrusted names, and few sentences."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from rich.console import Console
from tests.report.exam_example import exam

from medlms.evaluate.exam_findings import exam_findings
from medlms.report import exams, markdown, page, plots, terminal

EXAM = exam()
REPORT: Any = {"run": "r", "exams": [EXAM], "systems": [], "verdict": exam_findings([EXAM])}


def texts(table: Any) -> list[list[str]]:
    return [[" ".join(filter(None, (cell.text, cell.small, cell.faint))) for cell in row] for row in table.rows]


def test_always_yes_and_chance_close_the_table() -> None:
    rows = texts(exams.results(REPORT, EXAM))
    assert [row[0] for row in rows] == [
        "Base, by letter", "Base, by full option", "Base, by full option, per byte",
        "Always yes (most often right)", "Chance (guessing)",
    ]  # fmt: skip
    assert (rows[3][1], rows[4][1]) == ("55.2", "33.3")
    assert rows[0][4] == "10 (2.0 %)"
    assert rows[1][3] == "–"


def test_every_table_is_there_and_what_was_not_measured_is_left_out() -> None:
    names = [table.name for table in exams.tables(REPORT, EXAM)]
    assert names == [
        "exam-ours",
        "exam-ours-sure",
        "exam-ours-orders",
        "exam-ours-topics",
        "exam-ours-unread",
        "exam-ours-faults",
    ]
    bare = copy.deepcopy(EXAM)
    bare |= {"faults": [], "set_aside": {}}
    bare["results"] = [{**bare["results"][2], "unread": 0, "topics": {}}]
    assert [table.name for table in exams.tables(REPORT, bare)] == ["exam-ours"]
    assert exams.about(EXAM).startswith("500 of 502 questions asked; 2 set aside (equal options 2).")


def test_findings_group_by_outcome_and_name_the_unread() -> None:
    found = exam_findings([EXAM])
    assert sum("base on ours by" in sentence for sentence in found) == len(found)
    unread = copy.deepcopy(EXAM)
    unread["results"][0] |= {"unread": 250}
    assert any("could not be read" in said and "250 of 500" in said for said in exam_findings([unread]))
    same = {
        "a": "tuned",
        "b": "base",
        "way": "letters",
        "metric": "accuracy",
        "difference": 0.1,
        "high": 0.2,
        "p_value": 0.01,
    }
    tuned = {**EXAM, "comparisons": [{**same, "low": low} for low in (0.05, -0.05, None)]}
    assert [
        any(word in said for said in exam_findings([tuned]))
        for word in ("is better than base", "no measurable", "can't be told")
    ]


def test_pages_hold_all_and_escape_what_is_foreign() -> None:
    pytest.importorskip("altair")
    report = copy.deepcopy(REPORT)
    report["exams"][0] |= {"title": "<script>alert(1)</script>", "majority_answer": "<b>yes</b>"}
    report["exams"][0]["faults"][0]["detail"] = "[x](http://evil)<img src=x>"
    drawn = plots.draw(report, [])
    assert [plot.name for plot in drawn] == ["exam-ours-places", "exam-ours-reliability", "exam-ours-risk"]
    assert all(plot.description and plot.caption and "<title" in plot.svg for plot in drawn)
    html, text = page.html(report, drawn), markdown.markdown(report, drawn)
    for content in (html, text):
        assert "<script>alert" not in content and "<img" not in content and "<b>yes" not in content
        assert "Chance (guessing)" in content.replace("\\", "")
    assert html.count("<svg") == 3 and text.count("](plots/exam-ours-") == 3


def test_the_terminal_shows_the_floors() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    terminal.show(REPORT, console)
    said = console.export_text()
    assert "Chance (guessing)" in said and "Always yes" in said
