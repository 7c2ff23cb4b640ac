from __future__ import annotations

import math
import sys
from typing import Any
from xml.etree import ElementTree

import pytest

from medlms.errors import CouldNot
from medlms.report import plots
from medlms.report.plots import Plot

SVG = "{http://www.w3.org/2000/svg}"


def test_all_charts_are_drawn(drawn: list[Plot]) -> None:
    assert [plot.name for plot in drawn] == [
        "difference-1", "difference-2", "loss-by-step", "held-out-loss-by-epoch", "bleu-by-epoch", "rouge-by-epoch",
        "token-f1-by-epoch", "endings",
    ]  # fmt: skip


def test_each_chart_has_a_title_and_a_description_that_are_its_name(drawn: list[Plot]) -> None:
    for plot in drawn:
        root = ElementTree.fromstring(plot.svg)
        assert root.get("role") == "img"
        names = (root.get("aria-labelledby") or "").split()
        assert [root.find(f"{SVG}title").get("id"), root.find(f"{SVG}desc").get("id")] == names  # type: ignore[union-attr]
        assert root.findtext(f"{SVG}title") == plot.title
        assert root.findtext(f"{SVG}desc") == plot.description
        assert "aria-roledescription" not in plot.svg


def test_descriptions_tell_the_numbers(drawn: list[Plot]) -> None:
    by_name = {plot.name: plot for plot in drawn}
    assert "BLEU: +0.033 [+0.024, +0.042], Tuned scores better." in by_name["difference-1"].description
    assert "epoch 2 0.055 [0.041, 0.069]" in by_name["bleu-by-epoch"].description
    assert "86 complete" in by_name["endings"].description
    assert "mean of the last 12 steps" in by_name["loss-by-step"].caption


def test_charts_load_nothing(drawn: list[Plot]) -> None:
    for plot in drawn:
        for word in ("<script", "href=", "url(", "<image", "<foreignObject", "@import"):
            assert word not in plot.svg


def test_every_colour_has_a_place_in_dark_mode_or_works_in_both(drawn: list[Plot]) -> None:
    both = {*plots._FILLS.values(), "#fefefe", "#101010", "none", "transparent"}
    for plot in drawn:
        for item in ElementTree.fromstring(plot.svg).iter():
            for part in ("fill", "stroke"):
                assert item.get(part) in {None, *plots.DARK, *both}, (plot.name, item.tag, part)


def test_one_loss_or_none_draws_no_curve(report: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    report["epochs"] = report["epochs"][:1]
    names = [plot.name for plot in plots.draw(report, steps[:1])]
    assert names == ["difference-1", "difference-2", "endings"]


def test_losses_that_are_no_number_are_counted(report: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    broken = [*steps, {"step": 251, "loss": math.nan}, {"step": 252, "loss": None}]
    plot = next(plot for plot in plots.draw(report, broken) if plot.name == "loss-by-step")
    assert "2 steps had no finite loss" in plot.caption


def test_long_runs_are_thinned_and_say_so(report: dict[str, Any]) -> None:
    steps = [{"step": step, "loss": 2.0 + 1 / step, "learned_tokens": 100} for step in range(1, 5001)]
    plot = next(plot for plot in plots.draw(report, steps) if plot.name == "loss-by-step")
    assert "one in 13 of 5,000" in plot.caption
    assert len(plot.svg) < 120_000


def test_smoothing_weighs_by_tokens() -> None:
    assert plots.smoothed([1.0, 3.0, 5.0], [1.0, 3.0, 1.0], 2) == [1.0, 2.5, 3.5]


def test_steps_without_tokens_do_not_divide_by_zero(report: dict[str, Any]) -> None:
    steps = [{"step": step, "loss": 2.0, "learned_tokens": 0} for step in range(1, 4)]
    assert plots.draw(report, steps)


def test_hostile_names_stay_text(hostile: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    for plot in plots.draw(hostile, steps):
        ElementTree.fromstring(plot.svg)
        ElementTree.fromstring(plots.standalone(plot).encode())
        assert "<script" not in plot.svg


def test_missing_intervals_draw_the_point_alone(report: dict[str, Any], steps: list[dict[str, Any]]) -> None:
    for item in report["epochs"]:
        item["bleu"] |= {"low": None, "high": None}
    plot = next(plot for plot in plots.draw(report, steps) if plot.name == "bleu-by-epoch")
    assert "epoch 0 0.021;" in plot.description


def test_without_the_drawing_library_it_says_what_to_install(
    report: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(CouldNot) as caught:
        plots.draw(report, [])
    assert "medlms[report]" in caught.value.hint
