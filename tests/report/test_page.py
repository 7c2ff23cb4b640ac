from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from medlms.report import page, plots, tables
from medlms.report.plots import Plot

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Outline(HTMLParser):
    """Checks that tags nest, and collects what the tests ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return parsed


def test_the_page_is_well_formed_and_in_order(report: dict[str, Any], drawn: list[Plot]) -> None:
    parsed = outline(page.html(report, drawn))
    sections = [attributes["id"] for tag, attributes in parsed.tags if tag == "section"]
    assert sections == ["results", "differences", "learning", "endings", "samples", "cases", "data", "how", "warnings"]
    assert [tag for tag, _ in parsed.tags].count("h1") == 1
    assert len([tag for tag, _ in parsed.tags if tag == "svg"]) == len(drawn)
    headings = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-4]", tag)]
    assert headings[0] == 1
    text = " ".join(parsed.text)
    assert text.index(report["verdict"][0]) < text.index("Not a medical device") < text.index("Results on held-out")


def test_every_number_of_every_table_is_there(report: dict[str, Any], drawn: list[Plot]) -> None:
    shown = unescape(page.html(report, drawn))
    contents = [
        tables.results(report), *tables.comparisons(report), tables.epochs(report), tables.endings(report), tables.speed(report),
        tables.others(report), tables.sources(report), tables.splits(report), tables.licences(report),
    ]  # fmt: skip
    for table in contents:
        assert table is not None
        for row in table.rows:
            for cell in row:
                for part in (cell.text, cell.small, cell.faint):
                    assert part in shown, (table.name, part)


def test_it_loads_nothing_and_runs_nothing(report: dict[str, Any], drawn: list[Plot]) -> None:
    html = page.html(report, drawn)
    parsed = outline(html)
    assert not {tag for tag, _ in parsed.tags} & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in parsed.tags:
        assert not any(name.startswith("on") or name in ("src", "xlink:href", "srcset") for name in attributes), tag
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in unescape(html)


def test_labels_point_at_what_is_there(report: dict[str, Any], drawn: list[Plot]) -> None:
    parsed = outline(page.html(report, drawn))
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.tags:
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids  # type: ignore[index]


def test_tables_have_captions_and_headings(report: dict[str, Any], drawn: list[Plot]) -> None:
    tags = [tag for tag, _ in outline(page.html(report, drawn)).tags]
    assert tags.count("table") == tags.count("caption") == tags.count("thead") == 10
    scopes = {attributes.get("scope") for tag, attributes in outline(page.html(report, drawn)).tags if tag == "th"}
    assert scopes == {"col", "row"}


def test_hostile_text_stays_text(hostile: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    drawn = plots.draw(hostile, steps)
    html = page.html(hostile, drawn, "<script>no plots</script>")
    html.encode("utf-8")
    parsed = outline(html)
    tags = [tag for tag, _ in parsed.tags]
    assert "script" not in tags
    assert tags.count("svg") == len(drawn)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800]", html)
    assert '<script>alert("x")</script>' in " ".join(parsed.text)


def test_hostile_names_and_keys_stay_text(report: dict[str, Any]) -> None:
    evil = '"><script>x</script>'
    report["systems"][0] |= {"name": evil, "title": "", "endings": {evil: 3}}
    report["systems"][0]["metrics"][evil] = {"value": 1.0}
    report["comparisons"][0] |= {"a": evil, "metric": evil}
    report["data"]["sources"][evil] = {"rows_in": 1, "kept": 0, "dropped": {evil: 1}}
    report["config"][evil] = {evil: [evil]}
    report["machine"][evil] = {evil: evil}
    report["samples"][0]["answers"][evil] = {"text": evil, "ending": evil}
    report["epochs"][0][evil] = {"value": 1.0}
    assert "script" not in {tag for tag, _ in outline(page.html(report, plots.draw(report, []))).tags}


@pytest.mark.parametrize("ending", ["complete", "cut by length", "empty", "repeats itself"])
def test_each_answer_says_how_it_ended(report: dict[str, Any], ending: str) -> None:
    report["samples"][0]["answers"]["tuned"] = {"text": "", "ending": ending, "token_f1": None}
    html = page.html(report, [])
    fault = "" if ending == "complete" else " fault"
    assert f'<span class="label{fault}">{ending}</span>' in html


def test_a_long_answer_is_there_to_the_last_word(report: dict[str, Any]) -> None:
    words = [f"word{number}" for number in range(400)]
    report["samples"][0]["answers"]["base"]["text"] = "\n".join(words)
    html = page.html(report, [])
    assert "290 more words" in html
    found = re.findall(r"\bword\d+", html)
    assert found == words


def test_the_warnings_are_counted_at_the_top(report: dict[str, Any]) -> None:
    assert '<a href="#warnings">2 warnings below.</a>' in page.html(report, [])


PARTS = ["run", "date", "command", "verdict", "warnings", "model", "config", "systems", "comparisons", "training", "epochs",
         "samples", "prompts", "data", "machine", "version", "notes"]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("empty", ["gone", "none"])
def test_a_missing_part_is_left_out(report: dict[str, Any], part: str, empty: str) -> None:
    if empty == "gone":
        del report[part]
    else:
        report[part] = None
    outline(page.html(report, []))


def test_nothing_at_all_is_still_a_page() -> None:
    assert "Not a medical device" in page.html({}, [])


def test_empty_scores_are_marked_as_not_measured(report: dict[str, Any]) -> None:
    report["systems"] = [{"name": "base", "metrics": {"bleu": {"value": None, "low": None, "high": None, "n": 0}}}]
    html = page.html(report, [])
    assert 'aria-label="not measured"' in html
    assert "None" not in html


def test_dark_mode_and_print_are_part_of_the_style(report: dict[str, Any], drawn: list[Plot]) -> None:
    html = page.html(report, drawn)
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert f'svg.chart [fill="{plots.BLUE}"]{{fill:{plots.DARK[plots.BLUE]}}}' in html


def test_charts_inside_the_page_are_valid_xml(report: dict[str, Any], drawn: list[Plot]) -> None:
    for svg in re.findall(r"<svg.*?</svg>", page.html(report, drawn), re.DOTALL):
        ElementTree.fromstring(svg)


def contrast(first: str, second: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_on_its_ground_in_both_modes(report: dict[str, Any]) -> None:
    css = page.html(report, [])
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in css.split("@media", 2)[:2])
    for colours in (light, dark):
        for ground in ("paper", "card", "wash"):
            for ink in ("ink", "muted", "accent", "faint"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["notice"], colours["notice-wash"]) >= 4.5
    for kind, fill in plots._FILLS.items():
        assert contrast(plots._ON_FILL.get(kind, "#101010"), fill) >= 4.5
