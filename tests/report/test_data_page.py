"""The page of a data report: complete, well formed, safe to open, and refused when the account does not add up."""

from __future__ import annotations

import copy
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from medlms.data import language, lengths, terms
from medlms.report.data import markdown, page, plots, tables, write
from medlms.report.plots import Plot
from medlms.run import Run
from medlms.types import QA

VOID = {"meta", "br"}
HOSTILE = '"><script>alert("x")</script>\x1b[31m\u202e<img src=x onerror=y>'


def fault(line: int, reason: str) -> dict[str, str]:
    return {"source": "mine", "place": f"mine.jsonl:{line}", "reason": reason, "detail": "40 tokens, 20 kept"}


def source(name: str, **more: Any) -> dict[str, Any]:
    made = {
        "title": f"The {name} set", "licence": "CC BY-SA", "citation": "Someone, 2020", "address": "https://example.org",
        "public": True, "weight": 1.0, "files": {f"x/{name}.jsonl": "ab" * 32}, "rows_in": 20, "kept": 17, "dropped_rows": 3,
        "dropped": {"empty answer": 2, "nothing left": 1},
        "dropped_by_step": {"reading": {"empty answer": 2}, "cleaning": {"nothing left": 1}},
        "cleaned": {"white space": 4}, "train": 10, "dev": 2, "eval": 3, "not_drawn": 2, "said": [],
    }  # fmt: skip
    return made | more


def account_of(**more: Any) -> dict[str, Any]:
    sizes = [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20, 20, 20, 20, 30, 40, 50]
    rows = [QA(str(n), "mine", "", f"mine.jsonl:{n}", "What is it?", "It is the one that you have.") for n in range(34)]
    made = {
        "sources": {"mine": source("mine", public=False, licence="not stated"), "wiki": source("wiki")},
        "totals": {"rows_in": 40, "kept": 34, "train": 20, "dev": 4, "eval": 6, "not_drawn": 4,
                   "dropped": {"empty answer": 4, "nothing left": 2}},
        "mixture": {part: {"mine": 0.5, "wiki": 0.5} for part in ("asked", "train", "dev", "eval")},
        "groups": {"all": 12, "train": 8, "dev": 2, "eval": 2, "joined_by": "topic"},
        "passed_over": {"answer also stands in another group": 1},
        "overlaps": {"on_two_sides": 0, "values_compared": {"group": 12, "question": 30}},
        "repeated_questions": {"questions_with_several_answers": 1, "rows_in_them": 2},
        "dropped_examples": {"empty answer": [fault(3, "empty answer")]},
        "languages": language.account(rows),
        "lengths": {"unit": "words", "sources": {"mine": {"answer": lengths.numbers([5, 6])}},
                    "rows": lengths.numbers(sizes), "bins": lengths.histogram(sizes)},
        "licences": [{"licence": name, "sources": [who], "terms": terms.of(name)}
                     for name, who in (("not stated", "mine"), ("CC BY-SA", "wiki"))],
        "terms": terms.adapter({"not stated": ["mine"], "CC BY-SA": ["wiki"]}),
        "identifiers": {"scanned": True, "asked": "report", "note": "Look at them.", "by_class": {"phone": 2, "date": 1},
                        "by_source": {"mine": {"policy": "report", "rows_with": 7, "by_class": {"phone": 2}}},
                        "findings": [{"place": "mine.jsonl:4", "class": "phone"}]},
        "duplicates": {
            "asked": "apart", "rows_with_a_copy_in_another_group": 2, "meaning": "Answers of 8 words or more.",
            "near_answers": {"clusters": 1, "rows": 2, "largest": 2, "examples": [
                {"rows": 2, "places": ["mine.jsonl:1", "wiki.jsonl:9"], "texts": ["One text", "An other"], "jaccard": 0.9}]},
        },
        "exams": {
            "compared": True, "rows": 20, "rows_hit": 1, "hits_in_all": 1, "said": [], "meaning": "13 words in a row",
            "exams": {"medqa": {"questions": 9, "whole": 0, "words": 1, "characters": 0, "any": 1}},
            "hits": [{"exam_id": "medqa/7", "place": "mine.jsonl:8", "part": "answer", "text": "the same thirteen words"}],
        },
        "graded": {
            "items": 6, "rows": 20, "rows_hit": 3, "whole": 0, "words": 5, "characters": 1, "any": 5, "hits_in_all": 5,
            "meaning": "13 words in a row",
            "hits": [{"exam_id": "mine/44", "place": "mine.jsonl:2", "part": "answer", "text": "same"}],
        },
        "tokens": {
            "model": "tiny", "template": "chatml", "max_length": 20, "rows": 19, "tokens": 300, "learned_tokens": 100,
            "learned_share": 0.3333, "longest_row": 20, "cut": [fault(5, "cut"), fault(6, "cut")],
            "dropped": [fault(7, "question longer than max_length")],
            "lengths": {"unit": "tokens", "limit": 20, "rows": lengths.numbers(sizes), "bins": lengths.histogram(sizes, 20)},
        },
        "preview": {"model": "tiny", "rows": [
            {"id": "mine/1", "place": "mine.jsonl:1", "tokens": 20, "learned_tokens": 9, "cut_tokens": 4, "said": "answer cut",
             "pieces": [{"kind": "given", "text": "<user>What?\n"},
                        {"kind": "learned", "text": "It is", "left_out": 900, "end": "so."},
                        {"kind": "cut", "text": "And more"}]}]},
        "said": ["A sentence on the data."],
    }  # fmt: skip
    return made | more


@pytest.fixture
def account() -> dict[str, Any]:
    return account_of()


@pytest.fixture(scope="module")
def drawn() -> list[Plot]:
    return plots.draw(account_of())


ABOUT = page.About("mine", "2026-01-02T03:04:05+00:00", "1.2.3", {"max_length": 20})


class Outline(HTMLParser):
    """Checks that tags nest, and keeps tags and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.text += "" if "style" in self.open else data


def test_all_of_it_stands_on_the_page(account: dict[str, Any], drawn: list[Plot]) -> None:
    found = Outline(page.html(account, drawn, ABOUT))
    sections = [attributes["id"] for tag, attributes in found.tags if tag == "section"]
    assert sections == ["way", "dropped", "cleaned", "parts", "lengths", "rows", "language", "licences", "copies", "overlaps",
                        "exams", "identifiers", "how", "warnings"]  # fmt: skip
    assert [tag for tag, _ in found.tags].count("svg") == len(drawn) == 3
    for said in (
        "40 rows read = 34 kept + 6 dropped.", "33 % of the 300 training tokens are learned;",
        "2 rows are cut at 20 tokens, 1 left out.", "Every dropped or shortened row stands in dropped.jsonl", "mine.jsonl:3",
        "5 of the 6 graded rows share a run of text with training rows",
        "mine/44", "English", "Terms not known: mine", "Rows with",
        "pass on under the same licence", "2 rows have a copy in another group", "wiki.jsonl:9", "medqa/7", "Phone",
        "mine.jsonl:4",
        "20 tokens, 9 of them learned (45 %), 4 cut off", "900 characters not shown here", "A sentence on the data.",
    ):  # fmt: skip
        assert said in found.text or said.lower() in found.text, said
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(attributes["href"][1:] in ids for tag, attributes in found.tags if tag == "a" and attributes.get("href"))  # type: ignore[index]


def test_every_number_of_the_way_is_there_and_adds_up(account: dict[str, Any], drawn: list[Plot]) -> None:
    shown = unescape(page.html(account, drawn, ABOUT))
    table = tables.way(account)
    assert all(part in shown for row in table.rows for cell in row for part in (cell.text, cell.small, cell.faint))
    cells = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert cells["Rows read"] == ["20", "20", "40"]
    assert cells["− Unusable as read"] == ["2", "2", "4"]
    assert cells["= Kept"] == ["17", "17", "34"]
    assert cells["of the training rows: learned whole"][-1] == "17"
    assert cells["of the training rows: cut at 20 tokens"][-1] == "2"


def test_learned_and_cut_text_are_marked_without_colour_too(account: dict[str, Any], drawn: list[Plot]) -> None:
    html = page.html(account, drawn, ABOUT)
    assert '<mark class="learned">It is <span class="left-out">' in html
    assert '<del class="cut">And more</del>' in html
    assert '<span class="given">&lt;user&gt;What?\n</span>' in html
    assert re.search(r"mark\.learned \{[^}]*border-bottom: 2px solid", html)
    text = markdown.markdown(account, drawn, ABOUT)
    assert "{+It is [… 900 characters not shown here …] so.+}[-And more-]" in text


def test_an_account_that_does_not_add_up_is_refused(account: dict[str, Any], drawn: list[Plot], tmp_path: Path) -> None:
    account["sources"]["wiki"]["train"] += 1
    for made in (lambda: page.html(account, drawn, ABOUT), lambda: markdown.markdown(account, drawn, ABOUT)):
        with pytest.raises(ArithmeticError, match="wiki"):
            made()
    with pytest.raises(ArithmeticError):
        write(Run(tmp_path), account, name="x", config={}, version="1")
    assert list(tmp_path.iterdir()) == []


def test_hostile_texts_and_names_stay_text(account: dict[str, Any]) -> None:
    evil = _poisoned(account)
    evil["sources"] = {f"{name}{HOSTILE}": item for name, item in evil["sources"].items()}
    for key in ("mixture", "languages"):
        evil[key] = {
            **evil[key],
            **({"asked": {HOSTILE: 1.0}} if key == "mixture" else {"sources": {HOSTILE: {HOSTILE: 3}}}),
        }
    about = page.About(f"x{HOSTILE}", "now", HOSTILE, {HOSTILE: HOSTILE}, HOSTILE)
    drawn = plots.draw(evil)
    html = page.html(evil, drawn, about)
    tags = Outline(html).tags
    assert not {tag for tag, _ in tags} & {"script", "img", "link", "iframe", "form"}
    assert not any(name.startswith("on") or name == "src" for _, attributes in tags for name in attributes)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", html)
    assert "default-src 'none'" in unescape(html)
    assert "<script" not in markdown.markdown(evil, drawn, about).replace("```\n", "").split("## Rows")[0]


def test_little_is_known_of_a_bare_account(tmp_path: Path) -> None:
    bare = {"sources": {"mine": source("mine")}, "said": []}
    paths = write(Run(tmp_path), bare, name="mine", config={}, version="1")
    html = paths[0].read_text(encoding="utf-8")
    text = Outline(html).text
    assert "20 rows read = 17 kept + 3 dropped" in text
    assert "the model's tokenizer was not at hand" in text
    assert "Near copies were not looked for." in text
    assert "Rows as the model reads them" not in text
    assert [path.name for path in paths] == ["data_report.html", "data_report.md", "data-way.svg"]


def test_rows_not_searched_for_identifiers_are_warned_of(account: dict[str, Any], drawn: list[Plot]) -> None:
    assert not any("not searched" in sentence for sentence in page.warnings(account))
    account["identifiers"] = {"scanned": False, "asked": "stop", "note": "Look yourself."}
    assert "The mine set: not searched for identifiers of patients. Look yourself." in page.warnings(account)
    assert "were not searched" in page.html(account, drawn, ABOUT)


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 5, "0 %"), (5, 5, "100 %"), (1, 100_000, "< 0.1 %"), (99_999, 100_000, "> 99.9 %"), (996, 1000, "99.6 %"),
     (1, 3, "33 %"), (1, 50, "2.0 %"), (1, 0, "")],
)  # fmt: skip
def test_shares_are_not_rounded_to_nothing_or_all(part: int, whole: int, said: str) -> None:
    assert tables.share(part, whole) == said


def _poisoned(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(item, name) for name, item in copy.deepcopy(value).items()}
    if isinstance(value, list):
        return [_poisoned(item, key) for item in value]
    if isinstance(value, str) and key not in ("kind", "unit"):
        return f"{value}{HOSTILE}"
    return value
