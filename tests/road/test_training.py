"""One run from end to end: what it leaves, that it repeats to the bit, and what it refuses before the work starts."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from road_runs import SYSTEMS, Stopper, essence, lines, write_table

import medlms
from medlms import errors
from medlms.config import load

STEP = """
step epoch loss tokens learned_tokens tokens_per_second learning_rate grad_norm seconds peak_memory_bytes
""".split()
PREDICTION = "id prompt predict label problem finish_reason tokens seconds".split()
METRICS = "exact_match token_f1 bleu rouge1 rouge2 rougeL".split()


def test_a_run_leaves_the_files_of_the_contract(finished: Path) -> None:
    found = {path.relative_to(finished).as_posix() for path in finished.rglob("*") if path.is_file()}
    wanted = {
        "config.yaml",
        "manifest.json",
        "data_report.json",
        "steps.jsonl",
        "report.json",
        "report.md",
        "report.html",
    }
    wanted |= {f"splits/{part}.jsonl" for part in ("train", "dev", "eval")}
    wanted |= {f"predictions/{system}.jsonl" for system in ("base", "tuned", "nearest")}
    wanted |= {f"checkpoints/{which}/state.safetensors" for which in ("best", "last")}
    wanted |= {
        f"adapter/{name}"
        for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "README.md")
    }
    assert wanted <= found
    assert any(name.startswith("plots/") for name in found)
    assert not [name for name in found if name.endswith((".part", ".old"))]
    assert stat.S_IMODE(finished.stat().st_mode) == 0o700


def test_every_file_at_the_top_is_one_that_erase_knows(finished: Path) -> None:
    from medlms.run import FILES

    assert {path.name for path in finished.iterdir()} <= FILES


def test_its_config_is_resolved(finished: Path, config: dict[str, Any]) -> None:
    resolved, notes = load(finished / "config.yaml")
    assert notes == []
    assert resolved == load(config, [f"run={resolved.run}"])[0]


def test_its_report_has_the_shape_of_the_contract(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text(), parse_constant=pytest.fail)
    assert [system["name"] for system in report["systems"]] == SYSTEMS
    for system in report["systems"]:
        assert set(METRICS) <= set(system["metrics"])
        for name, score in system["metrics"].items():
            assert {"value", "low", "high", "n", "unread"} <= set(score)
            assert score["low"] <= score["value"] <= score["high"]
            # An answer without a word has no reading grade, one of three words repeats nothing.
            assert score["n"] == 6 or name in ("reading_grade", "repetition")
        assert system["name"] in ("nearest", "sentence") or system["speed"]
    assert {(item["a"], item["b"]) for item in report["comparisons"]} == {
        *(("tuned", other) for other in SYSTEMS if other != "tuned"),
        ("best_prompt", "base"),
    }
    for item in report["comparisons"]:
        assert {"metric", "difference", "low", "high", "p_value"} <= set(item)
    assert isinstance(report["warnings"], list)
    overlaps = report["contamination"]
    assert (overlaps["items"], overlaps["hit"] + overlaps["kept"], overlaps["not_compared"]) == (6, 6, 0)
    for system in report["systems"]:
        assert bool(overlaps["hit"]) == ("without_hits" in system)
        assert all(score["n"] == overlaps["kept"] for score in system.get("without_hits", {}).values())
    assert report["verdict"]
    assert [record["epoch"] for record in report["epochs"]] == [0, 1, 2]
    (prompt,) = report["prompts"]
    assert set(prompt["answers"]) == {"base", "tuned"}


def test_its_lines_have_the_fields_of_the_contract(finished: Path) -> None:
    steps = lines(finished / "steps.jsonl")
    assert [row["step"] for row in steps] == list(range(1, 21))  # 30 rows, 3 a step, twice
    assert all(set(STEP) == set(row) for row in steps)
    for system in ("base", "tuned", "nearest"):
        rows = lines(finished / f"predictions/{system}.jsonl")
        assert len(rows) == 6
        assert all(set(PREDICTION) <= set(row) for row in rows)


def test_its_rows_are_on_one_side_each(finished: Path) -> None:
    sides = {
        part: {row["group"] for row in lines(finished / f"splits/{part}.jsonl")} for part in ("train", "dev", "eval")
    }
    assert {part: len(groups) for part, groups in sides.items()} == {"train": 30, "dev": 4, "eval": 6}
    assert not sides["train"] & sides["eval"]
    report = json.loads((finished / "data_report.json").read_text())
    assert report["totals"]["rows_in"] == 40
    assert report["tokens"]["rows"] == 30


def test_its_manifest_names_what_went_in_and_no_place(finished: Path, config: dict[str, Any]) -> None:
    text = (finished / "manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["seed"] == 13
    report = json.loads((finished / "report.json").read_text())
    assert "attention over packed rows" in manifest["attention"]
    assert manifest["attention"] in report["model"]["path"].partition("training: ")[2].partition("; tuned: ")[0]
    assert [len(value) for value in manifest["weights_sha256"].values()] == [64]
    assert next(iter(manifest["data_sha256"])).endswith("my.csv")
    assert str(Path(config["model"]).parent) not in text


def test_it_learned(finished: Path) -> None:
    steps = lines(finished / "steps.jsonl")
    assert steps[-1]["loss"] < steps[0]["loss"] - 0.5
    epochs = lines(finished / "epochs.jsonl")
    assert epochs[-1]["dev_loss"]["value"] < epochs[0]["dev_loss"]["value"] - 0.5


def test_the_command_line_gives_the_same_run_to_the_bit(
    finished: Path, config: dict[str, Any], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from medlms.cli import main

    (here / "c.yaml").write_text((finished / "config.yaml").read_text())
    with pytest.raises(SystemExit) as left:
        main(["train", "c.yaml", "run=b", "--json"])
    assert left.value.code == 0
    said = capsys.readouterr()
    assert json.loads(said.out, parse_constant=pytest.fail) == json.loads((here / "runs/b/report.json").read_text())
    assert "done in" in said.err
    assert essence(here / "runs/b") == essence(finished)


def test_another_seed_gives_another_run(finished: Path, config: dict[str, Any]) -> None:
    with pytest.raises(errors.Interrupted):
        medlms.train(config, seed=14, talk=Stopper("training", at=1))
    assert lines(Path("runs/a/steps.jsonl"))[0]["loss"] != lines(finished / "steps.jsonl")[0]["loss"]


def refused(kind: type[errors.MedLMsError], match: str, config: dict[str, Any], *settings: str) -> errors.MedLMsError:
    """The error of a run that must not begin: nothing is graded before it, and no folder is left behind."""
    talk = Stopper()
    with pytest.raises(kind, match=match) as caught:
        medlms.train(config, settings, talk=talk)
    assert not [title for title in talk.bars if "answers" in title or title == "training"]
    assert not Path("runs").exists() or not list(Path("runs").iterdir())
    return caught.value


def test_a_set_that_is_too_small_to_split(config: dict[str, Any], here: Path) -> None:
    source = str(write_table(here / "small.csv", rows=9))
    error = refused(errors.DataError, "too small to split as asked", {**config, "data": source})
    assert error.hint.startswith("This would fit: split.train=null split.dev=1 split.eval=1.")
    found = medlms.train(
        {**config, "data": source},
        ["split.dev=1", "split.eval=1", "train.epochs=1", "evaluate.systems=[base, tuned]", "prompts=[]"],
    )
    assert found.report["systems"][0]["metrics"]["token_f1"]["n"] == 1


def test_a_length_over_the_models(config: dict[str, Any]) -> None:
    error = refused(errors.AskedWrongly, "max_length is 257, but .* reads at most 256 tokens", config, "max_length=257")
    assert error.hint == "Set max_length to 256."


def test_a_length_that_no_row_fits(config: dict[str, Any]) -> None:
    refused(errors.DataError, "No training row is left", config, "max_length=16")


def test_a_question_that_fills_the_model(config: dict[str, Any]) -> None:
    long = {**config, "prompts": ["Is this short?", "Why does it hurt? " * 60]}
    refused(errors.AskedWrongly, r"^prompts\[1\]: the question has \d+ tokens .* reads 256", long)


def test_modules_that_the_model_has_not(config: dict[str, Any]) -> None:
    error = refused(errors.AskedWrongly, "this model has no module q_prj", config, "lora.targets=[q_prj, v_proj]")
    assert "q_proj" in error.hint


def test_a_tuned_model_as_base(config: dict[str, Any], finished: Path) -> None:
    refused(errors.AskedWrongly, "is itself a tuned model", {**config, "model": str(finished)})


def test_too_little_memory(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import plan

    monkeypatch.setattr(plan, "available_memory", lambda: 1_000)
    refused(errors.ResourceError, "Training needs about .* GB of memory", config)


def test_too_little_disk(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.road import training

    monkeypatch.setattr(training.shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000_000))
    refused(errors.ResourceError, "a run needs about 50 MB of disk, 10 MB are free", config)


def broken(source: Path, target: Path, *, without: str = "", cut: str = "") -> str:
    """A copy of a model's folder with some files left out or cut short."""
    target.mkdir()
    for path in source.iterdir():
        if not (without and path.match(without)):
            content = path.read_bytes()
            (target / path.name).write_bytes(content[: len(content) // 2] if cut and path.match(cut) else content)
    return str(target)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"without": "*.safetensors"}, r"no weights \(\*\.safetensors\)"),
        ({"without": "tokenizer*"}, "no tokenizer"),
        ({"without": "config.json"}, "no config.json"),
        ({"cut": "*.safetensors"}, "the weights can't be read"),
        ({"cut": "tokenizer.json"}, "the tokenizer can't be read"),
        ({"cut": "config.json"}, "config.json is not one"),
    ],
)
def test_a_broken_model_folder(
    config: dict[str, Any], tiny_folder: Callable[..., Path], here: Path, how: dict[str, str], sentence: str
) -> None:
    model = broken(tiny_folder("llama"), here / "model", **how)
    refused(errors.ModelError, sentence, {**config, "model": model})


def test_a_name_stays_free_for_the_next_try(config: dict[str, Any]) -> None:
    for _ in range(2):
        refused(errors.DataError, "there is no such file", {**config, "data": "none.csv"})
    Path("runs/a").mkdir(parents=True)
    with pytest.raises(errors.DataError):
        medlms.train({**config, "data": "none.csv"})
    assert [path.name for path in Path("runs").iterdir()] == ["a"]
