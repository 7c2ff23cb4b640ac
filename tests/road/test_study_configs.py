"""Every study of configs/ in miniature: its own points and settings, on a random model and a few rows, to the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from road_runs import write_table

from medlms.road.points import read_study
from medlms.road.study import study

CONFIGS = Path(__file__).parents[2] / "configs"
STUDIES = sorted(path.stem for path in CONFIGS.glob("study-*.yaml"))
FAMILIES = {
    "mistral-7b-instruct-v0.2": "mistral",
    "llama-3-8b-instruct": "llama3",
    "llama-2-7b-chat": "llama2",
    "gemma-1.1-7b-it": "gemma",
    "gemma-3-270m-q4_k_m": "gemma3",
    "distilgpt2": "gpt2",
}
FINDINGS = {"study-size": "More rows:", "study-epochs": "Epochs, held-out loss:"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "my.csv", rows=64)


def miniature(name: str, tiny_folder: Callable[..., Path], table: Path) -> dict[str, Any]:
    """A study of configs/ with its models, rows and answers made small, and one seed; nothing else is changed."""
    held: dict[str, Any] = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    part = held["study"]
    vary = part.setdefault("vary", {})
    vary["seed"] = vary.get("seed", [1])[:1]
    if "split.train" in vary:
        vary["split.train"] = [size // 50 for size in vary["split.train"]]
    for point in part.get("points", []):
        if "model" in point:
            point["model"] = str(tiny_folder(FAMILIES.get(point["model"], "llama")))
            point["max_length"] = 256
            point.pop("load_in_4bit", None)
    if "model" in held:
        held["model"] = str(tiny_folder("llama", max_position_embeddings=4096))
    part["apart"] = False
    held |= {"data": [{"source": str(table)}], "identifier_scan": "quick"}
    asked = 8 if name in FINDINGS else 2  # eight questions are the fewest that give a fit an interval
    held["split"] = {"dev": asked, "eval": asked} | ({} if "split.train" in vary else {"train": 8})
    held["train"] |= {"evaluate_rows": asked, "tokens_per_step": 512}
    held["evaluate"] |= {"rows": asked, "max_new_tokens": 2, "latency_rows": 0, "resamples": 100}
    return held


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_the_repository_goes_the_whole_way(
    name: str, tiny_folder: Callable[..., Path], table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.report import page

    monkeypatch.setattr("medlms.report.plots.draw", lambda *_: [])  # the points' own charts: most of the time
    monkeypatch.setattr(page, "html", lambda *_: "")
    if name not in FINDINGS:
        monkeypatch.setattr("medlms.report.study.plots.draw", lambda *_: [])
    source = miniature(name, tiny_folder, table)
    result = study(source)
    assert result.failed == {}
    points = read_study(source).points
    groups = result.report["groups"]
    assert [group["title"] for group in groups] == list(dict.fromkeys(point.group for point in points))
    assert {point["state"] for point in result.report["points"]} == {"finished"}
    report = (result.run.folder / "report.html").read_text(encoding="utf-8")
    for group in groups:
        assert group["training"]["steps"] >= 1 and len(group["epochs"]) == source["train"]["epochs"] + 1
        assert group["title"] in report
    said = [sentence for sentence in result.report["verdict"] if sentence.startswith(FINDINGS.get(name, "-"))]
    assert bool(said) == (name in FINDINGS), result.report["verdict"]
    assert not any("too few questions" in sentence for sentence in said)


def test_the_grid_of_the_course_project_is_there() -> None:
    """The ranges that the course project names, each in one study."""

    def values(name: str, *keys: str) -> list[Any]:
        held = yaml.safe_load((CONFIGS / f"study-{name}.yaml").read_text(encoding="utf-8"))["study"]
        if "points" in held:
            return [tuple(point.get(key) for key in keys) for point in held["points"]]
        return list(held["vary"][keys[0]])

    assert values("rank", "lora.r") == [4, 8, 16, 32]
    assert values("alpha", "lora.alpha") == [8, 16, 32, 64]
    assert values("dropout", "lora.dropout") == [0, 0.1, 0.25, 0.5]
    assert values("length", "max_length") == [128, 256, 512, 1024, 2048]
    assert values("size", "split.train") == [100, 200, 400, 800, 1900]
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    mlp = ["gate_proj", "up_proj", "down_proj"]
    assert values("targets", "lora.targets") == [("all-linear",), (attention,), (["q_proj", "v_proj"],), (mlp,)]
    assert values("precision", "precision", "load_in_8bit", "load_in_4bit") == [
        ("fp32", None, None), ("bf16", None, None), (None, True, None), (None, None, True),
    ]  # fmt: skip


def test_lora_and_full_tuning_have_an_equal_budget() -> None:
    points = read_study(CONFIGS / "study-full.yaml").points
    assert {point.config.method for point in points} == {"lora", "full"}
    budgets = {
        json.dumps(
            [
                *(point.config.split.model_dump(), point.config.max_length, point.config.seed),
                point.config.train.model_dump(exclude={"learning_rate"}),
            ]
        )
        for point in points
    }
    assert len(budgets) == 1
    rates = {(point.config.method, point.config.train.learning_rate) for point in points}
    assert len(rates) == len(points)


def test_the_epochs_study_learns_at_one_rate_throughout() -> None:
    (point, *_) = read_study(CONFIGS / "study-epochs.yaml").points
    assert (point.config.train.schedule, point.config.train.epochs) == ("constant", 8)
    assert point.config.train.evaluate_rows == point.config.split.dev
