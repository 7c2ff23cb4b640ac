from __future__ import annotations

import re
from typing import Any

import pytest

from medlms.report import markdown, plots, tables
from medlms.report.plots import Plot


def test_the_sections_come_in_the_order_of_the_page(report: dict[str, Any], drawn: list[Plot]) -> None:
    text = markdown.markdown(report, drawn)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Results", "Paired differences", "Learning curves", "How answers ended", "Sample answers", "Ungraded questions", "Data",
        "How it was run", "Warnings",
    ]  # fmt: skip
    assert text.startswith("# medquad: MedLMs report\n")


def test_every_number_of_the_results_is_there(report: dict[str, Any], drawn: list[Plot]) -> None:
    text = markdown.markdown(report, drawn)
    for table in (tables.results(report), *tables.comparisons(report)):
        assert table is not None
        for row in table.rows:
            for cell in row[1:]:
                assert cell.small in text
                assert cell.faint in text


def test_each_chart_is_an_image_with_words(report: dict[str, Any], drawn: list[Plot]) -> None:
    images = re.findall(r"^!\[(.+)\]\(plots/(.+)\.svg\)$", markdown.markdown(report, drawn), re.MULTILINE)
    assert sorted(name for _, name in images) == sorted(plot.name for plot in drawn)
    assert all(len(words) > 40 for words, _ in images)


def test_rows_of_a_table_have_as_many_cells_as_its_head(report: dict[str, Any], drawn: list[Plot]) -> None:
    report["systems"][0]["title"] = "A | B"
    lines = markdown.markdown(report, drawn).splitlines()
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("|")]
    groups: list[set[int]] = []
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            if not before.startswith("|"):
                groups.append(set())
            groups[-1].add(len(re.findall(r"(?<!\\)\|", line)))
    assert cells
    assert all(len(group) == 1 for group in groups)


def test_hostile_text_stays_text(hostile: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    text = markdown.markdown(hostile, plots.draw(hostile, steps))
    text.encode("utf-8")
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in outside
    assert "](javascript" not in outside.replace("\\]", "")


def test_a_config_can_not_close_its_block(report: dict[str, Any]) -> None:
    report["config"] = {"instruction": "```\n<script>"}
    assert "````yaml\n" in markdown.markdown(report, [])


def test_an_answer_keeps_its_lines_inside_the_quotation(report: dict[str, Any]) -> None:
    report["samples"][0]["answers"]["tuned"]["text"] = "One.\n\n# Two\n- three"
    assert "> One.  \n>\n> \\# Two  \n> \\- three" in markdown.markdown(report, [])


@pytest.mark.parametrize(
    "part", ["training", "epochs", "systems", "comparisons", "samples", "prompts", "data", "config", "model"]
)
def test_missing_parts(report: dict[str, Any], part: str) -> None:
    report[part] = None
    assert markdown.markdown(report, [])
    del report[part]
    assert markdown.markdown(report, [])


def test_missing_charts_are_explained(report: dict[str, Any]) -> None:
    assert "- No charts." in markdown.markdown(report, [], "No charts.")
