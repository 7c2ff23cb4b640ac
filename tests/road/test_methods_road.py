"""Every method goes the whole way: trained, stopped and resumed, graded, asked, graded again, planned and told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from road_runs import Stopper, essence, lines

import medlms
from medlms import errors
from medlms.config import Config, load
from medlms.road import keys
from medlms.road.shots import choose
from medlms.road.study import study
from medlms.testing import tiny_rows

CONFIGS = Path(__file__).parents[2] / "configs"
METHODS = ("rslora", "dora", "lora+", "pissa", "soft_prompt", "full")
MADE = {"soft_prompt": "a soft prompt (5 vectors)", "full": "a fully fine-tuned copy", "dora": "a DoRA adapter"}


def settings_of(config: dict[str, Any], method: str) -> dict[str, Any]:
    rate = {"soft_prompt": 0.1, "full": 0.003}.get(method, 0.01)
    return {
        **config,
        "method": method,
        "soft_prompt": {"length": 5},
        "train": {**config["train"], "epochs": 1, "learning_rate": rate},
        "evaluate": {**config["evaluate"], "systems": ["base", "tuned"], "latency_rows": 0},
    }


def comparable(folder: Path) -> dict[str, Any]:
    whole = folder / "model/model.safetensors"
    if not whole.is_file():
        return essence(folder)
    (folder / "adapter").mkdir()
    (folder / "adapter/adapter_model.safetensors").write_bytes(whole.read_bytes())
    return essence(folder)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_goes_the_whole_way(config: dict[str, Any], here: Path, method: str) -> None:
    settings = settings_of(config, method)
    talk = Stopper()
    whole = medlms.train({**settings, "run": "whole"}, talk=talk)
    folder = whole.run.folder
    with pytest.raises(errors.Interrupted):
        medlms.train({**settings, "run": "cut"}, talk=Stopper("training", 4))
    resumed = medlms.train(resume="cut")
    assert comparable(resumed.run.folder) == comparable(folder)

    epochs = lines(folder / "epochs.jsonl")
    assert epochs[-1]["dev_loss"]["value"] < epochs[0]["dev_loss"]["value"] - 0.3, "it learned"
    kind = "model" if method == "full" else "adapter"
    card = (folder / kind / "README.md").read_text(encoding="utf-8")
    assert f": {MADE.get(method, 'a')} " in card
    assert ("PeftModel" in card) == (method != "full")
    (tuned,) = (system for system in whole.report["systems"] if system["name"] == "tuned")
    assert "LoRA adapter" not in tuned["note"] or method in ("rslora", "lora+")
    assert whole.report["config"]["method"] == method
    assert json.loads((folder / kind / "medlms.json").read_text())["method"] == method

    # The same loader answers: graded again from the folder, and asked.
    again = medlms.evaluate("whole")
    (graded,) = (system for system in again.report["systems"] if system["name"] == "tuned")
    assert graded["metrics"] == tuned["metrics"]
    question = lines(folder / "predictions/tuned.jsonl")[0]
    answer = medlms.ask(question["question"], model="whole", max_new_tokens=6)
    assert answer.text == question["predict"]
    assert (
        answer.text
        != medlms.ask(question["question"], model=config["model"], max_new_tokens=6, instruction="Answer.").text
    )


def test_the_method_is_part_of_what_a_run_is(config: dict[str, Any], here: Path) -> None:
    path = medlms.train(settings_of(config, "rslora")).run.folder / "config.yaml"
    path.write_text(path.read_text().replace("method: rslora", "method: lora"))
    with pytest.raises(errors.AskedWrongly, match="was changed after the run began"):
        medlms.train(resume="a")


def test_keys_that_came_later_do_not_stop_older_runs() -> None:
    whole = Config(model="m", data=["d"]).model_dump()  # type: ignore[list-item]
    known = keys.without_later(whole)
    assert whole == Config(model="m", data=["d"]).model_dump(), "what was given stays"  # type: ignore[list-item]
    for path in keys.LATER:
        part, _, last = path.rpartition(".")
        assert last in (whole[part] if part else whole), path
        assert last not in (known[part] if part else known), path
    for key in keys.LATER_OF_SOURCES:
        assert key in whole["data"][0] and key not in known["data"][0]
    assert keys.without_later({**whole, "method": "dora"}) == {**known, "method": "dora"}
    changed = {
        "method": "lora+", "lora": {"plus_ratio": 8}, "soft_prompt": {"length": 5}, "split": {"seed": 1},
        "train": {"early_stopping": 1, "best_by": "rougeL", "optimiser": "adamw_8bit", "checkpoint_gradients": "on"},
        "evaluate": {"examples": 4, "prompt_rows": 8, "similarity": "off", "cache": False,
                     "tasks": ["answer", "exam"], "exams": ["medqa"], "exam": {"shots": 2},
                     "strategies": ["zero_shot", "few_shot"], "strategy_rows": 7},
        "mix": {"most_repeats": 3}, "exclude": ["list"],
        "clean": {"html": False},
        "data": [{"source": "d", "rows": 3, "repeats": 2, "files": "*", "licence": "MIT", "columns": {"id": "n"}}],
    }  # fmt: skip
    settings = Config(model="m", **changed).model_dump()  # type: ignore[arg-type]
    assert keys.without_later(settings) == settings


@pytest.mark.parametrize("method", ["lora+", "soft_prompt", "full"])
def test_a_stopped_run_with_8_bit_moments_and_layers_that_run_again_ends_the_same(
    config: dict[str, Any], here: Path, method: str
) -> None:
    pytest.importorskip("bitsandbytes")
    settings = settings_of(config, method)
    settings["lora"] = {**settings["lora"], "r": 64}
    settings["train"] |= {"optimiser": "adamw_8bit", "checkpoint_gradients": "on"}
    settings["evaluate"] |= {"systems": ["tuned"], "rows": 2}
    settings["prompts"] = []
    whole = medlms.train({**settings, "run": "whole"}).run.folder
    with pytest.raises(errors.Interrupted):
        medlms.train({**settings, "run": "cut"}, talk=Stopper("training", 4))
    assert comparable(medlms.train(resume="cut").run.folder) == comparable(whole)


@pytest.mark.parametrize(("method", "said"), [("dora", "peft's own forward"), ("full", "all weights learn"),
                                              ("soft_prompt", "soft prompt of 5 vectors")])  # fmt: skip
def test_the_path_that_ran_is_said(config: dict[str, Any], here: Path, method: str, said: str) -> None:
    talk = Stopper()
    settings = settings_of(config, method)
    settings["train"]["evaluate_every"] = "never"
    settings["evaluate"]["systems"] = ["tuned"]
    report = medlms.train({**settings, "prompts": []}, talk=talk).report
    assert any(said in text for text in talk.said)
    assert said in report["model"]["path"]


def test_places_of_a_soft_prompt_count_against_the_context(config: dict[str, Any], here: Path) -> None:
    settings = settings_of(config, "soft_prompt")
    settings["soft_prompt"] = {"length": 57}
    with pytest.raises(errors.AskedWrongly, match="max_length is 200 behind 57 vectors") as caught:
        medlms.train(settings)
    assert caught.value.hint == "Set max_length to 199."


def test_few_shot_examples_come_from_training_rows_by_the_seed() -> None:
    rows = tiny_rows(24)
    sizes = {row.id: number for number, row in enumerate(rows)}

    def chosen(seed: int, room: int = 1000) -> list[str]:
        return [row.id for row in choose(rows, 3, seed=seed, size=lambda row: sizes[row.id], room=room)]

    assert chosen(1) == chosen(1) != chosen(2)
    assert len(set(chosen(1))) == 3
    assert [row.id for row in choose(rows[::-1], 3, seed=1, size=lambda row: 1, room=9)] == chosen(1)
    assert all(sizes[name] <= 4 for name in chosen(1, room=14))
    with pytest.raises(errors.AskedWrongly, match=r"few_shot: 2 of 24 training rows") as caught:
        chosen(1, room=4)
    assert "evaluate.examples" in caught.value.hint


def test_few_shot_is_the_base_behind_examples(config: dict[str, Any], here: Path) -> None:
    settings = {**config, "evaluate": {**config["evaluate"], "systems": ["base", "few_shot", "nearest"], "examples": 2}}
    settings["max_length"] = 250
    report = medlms.evaluate(settings).report
    assert [system["name"] for system in report["systems"]] == ["base", "few_shot", "nearest"]
    held = {system["name"]: system for system in report["systems"]}
    assert held["few_shot"]["metrics"]["perplexity"] != held["base"]["metrics"]["perplexity"]
    assert {(item["a"], item["b"]) for item in report["comparisons"]} == {("few_shot", "base")}
    assert "with 2 training rows before each question" in report["model"]["path"]
    shown = report["model"]["path"].partition("few_shot: ")[2].partition("question (")[2].partition(")")[0].split(", ")
    train = {row["id"] for row in lines(Path("runs/a/splits/train.jsonl"))}
    assert len(shown) == 2
    assert set(shown) <= train
    assert any("few-shot" in sentence for sentence in report["verdict"])


def test_few_shot_asks_what_one_would_ask_by_hand(config: dict[str, Any], here: Path) -> None:
    from medlms.engines.few_shot import FewShotEngine
    from medlms.types import Message, Reply, Request

    class Echo:
        name = path = "echo"

        def answer(self, requests: Any) -> Any:
            for request in requests:
                text = " | ".join(f"{turn.role}: {turn.text}" for turn in request.messages)
                yield Reply(request.id, text, "stop", 0, 0, 0.0, 0.0)

        score = answer

    turns = [Message("user", "q1"), Message("assistant", "a1")]
    engine = FewShotEngine(Echo(), turns, said="with q1")
    asked = [Request("x", (Message("system", "s"), Message("user", "q"))), Request("y", (Message("user", "q"),))]
    wanted = ["system: s | user: q1 | assistant: a1 | user: q", "user: q1 | assistant: a1 | user: q"]
    assert [reply.text for reply in engine.answer(asked)] == wanted
    assert [reply.text for reply in engine.score(asked)] == wanted
    assert (engine.name, engine.path) == ("few_shot", "echo, with q1")


def test_the_study_of_methods_in_miniature(config: dict[str, Any], here: Path) -> None:
    text = yaml.safe_load((CONFIGS / "study-methods.yaml").read_text(encoding="utf-8"))
    names = [point["name"] for point in text["study"]["points"]]
    assert [point.get("method", "lora") for point in text["study"]["points"]] == ["soft_prompt", "lora", "full"]
    assert text["evaluate"]["systems"] == ["base", "few_shot", "tuned", "nearest"]
    for point in text["study"]["points"]:
        point["train"] = {**point.get("train", {})}
        if "soft_prompt" in point:
            point["soft_prompt"]["length"] = 5
    small = {
        **text,
        **{key: config[key] for key in ("model", "data", "split", "precision", "lora")},
        "max_length": 240,
        "train": {**text["train"], "epochs": 1, "evaluate_rows": 1, "rows_per_step": 6},
        "evaluate": {**text["evaluate"], "max_new_tokens": 4, "latency_rows": 1, "resamples": 100, "examples": 1,
                     "rows": 4},
        "study": {**text["study"], "apart": False},
    }  # fmt: skip
    small["train"].pop("tokens_per_step", None)
    talk = Stopper()
    result = study(small, talk=talk)
    assert not result.failed
    rows = [row["title"] for row in result.report["systems"]]
    assert rows == ["Base", "Base with 1 examples in its prompt", *names, "Nearest question's answer"]
    points = [name.rpartition("/")[0] for name in (row["name"] for row in result.report["systems"]) if "tuned" in name]
    assert len(points) == 3
    pairs = {(item["a"].rpartition("/")[2], item["b"].rpartition("/")[2]) for item in result.report["comparisons"]}
    assert {("tuned", "base"), ("tuned", "few_shot"), ("tuned", "nearest"), ("tuned", "tuned")} == pairs
    # What no method changes was asked once.
    for system in ("base", "few_shot", "nearest"):
        assert sum(f"{system}: answers taken from" in said for said in talk.said) == 2
    assert all(row["speed"] for row in result.report["systems"] if "nearest" not in row["name"])


def test_the_config_of_the_study_is_sound() -> None:
    from medlms.road.points import read_study

    found = read_study(CONFIGS / "study-methods.yaml")
    assert [point.config.method for point in found.points] == ["soft_prompt", "lora", "full"]
    assert len({point.config.split_seed for point in found.points}) == 1


@pytest.mark.parametrize("method", ["full", "soft_prompt", "dora", "pissa"])
def test_a_plan_costs_the_method(method: str) -> None:
    from medlms.road.planning import Machine, plan

    machine = Machine(device="cpu", free=10**12, element=2, why="bf16", flops=3e11, bytes_per_second=1e10)
    settings = ["data=[starter]"]
    lora = plan("smollm2-135m-instruct-q4_1", None, settings, machine=machine)
    found = plan("smollm2-135m-instruct-q4_1", None, [*settings, f"method={method}"], machine=machine)
    training = {phase["name"]: phase["needed_bytes"] for phase in found["phases"]}["training"]
    before = {phase["name"]: phase["needed_bytes"] for phase in lora["phases"]}["training"]
    share = found["trainable_share"]
    assert [method["name"] for method in found["methods"]] == [method["name"] for method in lora["methods"]]
    if method == "full":
        assert share == 1
        assert training - before > 14 * found["parameters"]
        assert found["seconds"]["training"]["middle"] > 1.2 * lora["seconds"]["training"]["middle"]
    elif method == "soft_prompt":
        assert share == 100 * 576 / found["parameters"]
        assert found["seconds"]["training"]["middle"] > 1.2 * lora["seconds"]["training"]["middle"]
    elif method == "dora":
        assert share > lora["trainable_share"]
        assert training > before
    else:
        assert training == before
    assert load({"model": "m", "data": "d", "method": method})[0].method == method
