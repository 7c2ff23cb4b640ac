import copy
from typing import Any

import pytest

from medlms.report import overlaps
from medlms.report.markdown import markdown
from medlms.report.page import html

HIT = {
    "exam": "medquad", "exam_id": "medquad/a#1", "exam_place": "a.xml", "field": "answer", "row": "medquad/b#2",
    "place": "b.xml", "part": "answer", "kinds": ["words", "characters"], "text": "iron is what the blood carries oxygen with",
}  # fmt: skip


@pytest.fixture
def hit(report: dict[str, Any]) -> dict[str, Any]:
    report["contamination"] = {
        "items": 100, "hit": 40, "kept": 60, "not_compared": 0, "meaning": ["13 words."], "ids": [HIT["exam_id"]],
        "hits": [HIT],
    }  # fmt: skip
    for system in report["systems"]:
        system["without_hits"] = copy.deepcopy(system["metrics"])
        for score in system["without_hits"].values():
            score |= {"n": 60, "value": 0.123}
    return report


def test_two_rows_a_system_with_intervals(hit: dict[str, Any]) -> None:
    table = overlaps.results(hit)
    assert table is not None
    assert len(table.rows) == 2 * len(hit["systems"])
    assert [row[1].text for row in table.rows[:2]] == ["100", "60"]
    place = table.columns.index("Token F1")
    assert table.rows[1][place].text == "0.123"
    assert table.rows[0][place].text != "0.123"
    assert all(row[place].small.startswith("[") for row in table.rows)


def test_page_and_markdown_show_results_and_places(hit: dict[str, Any]) -> None:
    text, page = markdown(hit, []), html(hit, [])
    assert f"## {overlaps.HEADING}" in text
    assert overlaps.HEADING in page
    for shown in (text.replace("\\", ""), page):
        assert "40 of the 100 graded items share a run of text" in shown
        assert all(part in shown for part in ("a.xml", "b.xml", HIT["text"], "medquad/a#1"))


def test_nothing_hit_is_said_and_nothing_compared_is_not(report: dict[str, Any]) -> None:
    assert overlaps.HEADING not in markdown(report, []) + html(report, [])
    report["contamination"] = {
        "items": 80,
        "hit": 0,
        "kept": 80,
        "not_compared": 0,
        "meaning": [],
        "ids": [],
        "hits": [],
    }
    for shown in (markdown(report, []), html(report, [])):
        assert "0 of the 80 graded items" in shown
    assert overlaps.results(report) is None


def test_none_left_is_said(hit: dict[str, Any]) -> None:
    hit["contamination"] |= {"hit": 100, "kept": 0}
    assert overlaps.sentence(hit).endswith("None is left without them.")


def test_texts_are_escaped(hit: dict[str, Any]) -> None:
    hit["contamination"]["hits"] = [{**HIT, "text": "<script>x</script>", "place": "<b>"}]
    assert "<script>x" not in html(hit, [])
    assert "<b>" not in html(hit, [])
