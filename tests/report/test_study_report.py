"""The report over several runs: its table as published ones have it, charts that draw what there is, one safe page."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from medlms.report.study import markdown, page, plots, tables, write
from medlms.report.tables import NOTHING
from medlms.run import Run

GOLDEN = Path(__file__).parent.parent / "golden" / "study-table.md"


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("study_example", Path(__file__).with_name("study_example.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXAMPLE = _example()


@pytest.fixture
def ranks() -> dict[str, Any]:
    return EXAMPLE.ranks()


@pytest.fixture
def models() -> dict[str, Any]:
    return EXAMPLE.models()


@pytest.fixture(scope="module")
def drawn() -> list[Any]:
    return plots.draw(EXAMPLE.ranks())


def test_the_combined_table_is_the_golden_one(models: dict[str, Any], ranks: dict[str, Any]) -> None:
    parts = [markdown.house.table(markdown.results(report)) for report in (models, ranks)]
    assert "\n\n".join(parts) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_base_stands_beside_tuned_in_the_columns_of_published_tables(models: dict[str, Any]) -> None:
    table = tables.results(models)
    assert table is not None
    assert table.columns == (
        "Point", "Exact match, %", "BLEU", "ROUGE-L", "Token F1", "Bits per byte", "Seconds per answer", "n",
    )  # fmt: skip
    assert [(row[0].text, row[0].small) for row in table.rows][:2] == [
        ("Mistral 7B", "Not tuned"),
        ("Mistral 7B", "Tuned"),
    ]
    assert {row[-1].text for row in table.rows} == {"100"}


@pytest.mark.parametrize(("known", "said"), [(9, ""), (16, "One epoch in 2 and"), (26, "One epoch in 3 and")])
def test_many_epochs_are_thinned_out_in_plain_words(models: dict[str, Any], known: int, said: str) -> None:
    models["groups"][0]["epochs"] = [{"epoch": at, "token_f1": {"value": 0.2}} for at in range(known)]
    models["groups"] = models["groups"][:1]
    table = tables.epochs(models, "token_f1")
    assert table is not None
    assert [note.startswith(said) for note in table.notes] == [True] * bool(said)
    assert table.columns[-1] == f"Epoch {known - 1}"
    assert len(table.columns) <= tables.MOST_EPOCHS + 2


def test_several_tests_are_numbered(models: dict[str, Any]) -> None:
    models["systems"] = [{**row, "test": 1 + at // 2} for at, row in enumerate(models["systems"])]
    table = tables.results(models)
    assert table is not None
    assert table.columns[-2:] == ("Test", "n")
    assert [row[-2].text for row in table.rows][:3] == ["1", "1", "2"]


def test_differences_from_the_base_and_between_points(ranks: dict[str, Any]) -> None:
    base, between = tables.against_base(ranks), tables.between(ranks)
    assert base is not None and between is not None
    assert [row[0].text for row in base.rows] == ["r = 4", "r = 8", "r = 16", "r = 32"]
    assert base.rows[0][-1].text == "Tuned scores better"
    assert len(between.rows) == 6
    assert between.rows[0][0].text == "r = 8 minus r = 4"
    assert between.rows[0][-1].text == "no measurable difference"


def test_a_failed_point_has_its_reason(models: dict[str, Any]) -> None:
    table = tables.points(models)
    assert table is not None
    assert (table.rows[-1][1].text, table.rows[-1][2].text) == ("failed", NOTHING)
    assert "accept terms" in table.rows[-1][1].small
    assert "accept terms" in page.html(models, [])


def test_numbers_become_curves_and_names_become_rows(drawn: list[Any], models: dict[str, Any]) -> None:
    names = {plot.name for plot in drawn}
    assert {
        "token-f1-over-lora-r",
        "against-base",
        "dev-loss-by-epoch",
        "loss-by-step",
        "training-time",
        "peak-memory",
    } <= names
    assert not any(name.endswith("by-point") for name in names)
    assert {"token-f1-by-point", "token-f1-by-epoch"} <= {plot.name for plot in plots.draw(models)}
    for plot in drawn:
        assert ElementTree.fromstring(plot.svg).tag.endswith("svg")
        assert plot.description and plot.caption
    loss = next(plot for plot in plots.draw(models) if plot.name == "dev-loss-by-epoch")
    assert "can't be compared between models" in loss.caption


def test_every_colour_has_its_dark_one(drawn: list[Any]) -> None:
    import re

    from medlms.report.plots import DARK

    for plot in drawn:
        used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', plot.svg))
        assert used <= set(DARK), plot.name


def test_the_page_holds_all_and_loads_nothing(tmp_path: Path, ranks: dict[str, Any]) -> None:
    paths = write(Run(tmp_path), ranks)
    assert [path.name for path in paths[:2]] == ["report.md", "report.html"]
    text = paths[1].read_text(encoding="utf-8")
    for heading in ("Findings", "Results", "Scores over what was varied", "Paired differences", "Learning curves",
                    "Memory and time", "Points", "How it was run"):  # fmt: skip
        assert f">{heading}<" in text
    assert "<script" not in text and "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "No measurable difference" in paths[0].read_text(encoding="utf-8")


def test_hostile_titles_are_shown_as_text(ranks: dict[str, Any], tmp_path: Path) -> None:
    bad = '<script>alert("x")</script> | `y`'
    for row in ranks["systems"]:
        row["title"] = bad
    for group in ranks["groups"]:
        group["title"] = bad
    paths = write(Run(tmp_path), ranks)
    assert "<script>" not in paths[1].read_text(encoding="utf-8")
    assert "<script>" not in paths[0].read_text(encoding="utf-8")


def test_a_study_without_any_finished_point(tmp_path: Path) -> None:
    points = [{"name": "a", "title": "a", "settings": {}, "state": "failed", "reason": "no", "folder": ""}]
    report = {"kind": "study", "run": "s", "verdict": ["All failed."], "points": points, "systems": [], "groups": []}
    text = write(Run(tmp_path), report)[1].read_text(encoding="utf-8")
    assert "All failed." in text and "Results" not in text.partition("</head>")[2].partition("Points")[0]


def test_the_terminal_shows_a_study(ranks: dict[str, Any]) -> None:
    from io import StringIO

    from rich.console import Console

    from medlms.report.terminal import show

    console = Console(file=StringIO(), width=140)
    show(ranks, console)  # type: ignore[arg-type]
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "r = 16" in text and "Peak memory" in text and "No measurable difference" in text
