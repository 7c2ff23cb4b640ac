"""Grading again and asking: the same adapter, template and instruction as in the run, from Python and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from road_runs import SYSTEMS, essence, lines, measured_apart

import medlms
from medlms import errors, road
from medlms.road.asking import NOTICE


def predictions(folder: Path, system: str) -> list[dict[str, Any]]:
    return measured_apart(lines(folder / f"predictions/{system}.jsonl"))


def test_importing_a_room_does_not_hide_its_function() -> None:
    import importlib

    for name in ("train", "evaluate"):
        room = importlib.import_module(f"medlms.{name}")
        assert room.__file__ is not None
        assert getattr(medlms, name) is getattr(road, name)
    assert medlms.ask is road.ask
    with pytest.raises(AttributeError, match="no attribute 'tain'"):
        medlms.tain  # noqa: B018


def test_a_run_is_graded_again_with_the_same_answers(finished: Path) -> None:
    before = essence(finished)
    result = medlms.evaluate(finished)
    assert result.run.folder == finished.with_name("a-evaluated")
    assert [system["name"] for system in result.report["systems"]] == SYSTEMS
    for system in ("base", "tuned", "nearest"):
        assert predictions(result.run.folder, system) == predictions(finished, system)
    assert not (result.run.folder / "steps.jsonl").exists()
    assert essence(finished) == before


def test_settings_of_an_evaluation_win(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from medlms.cli import main

    words = [
        "run=again",
        "evaluate.max_new_tokens=2",
        "evaluate.systems=[tuned]",
        "prompts=[]",
        "evaluate.latency_rows=0",
    ]
    with pytest.raises(SystemExit) as left:
        main(["evaluate", str(finished), *words, "--json"])
    assert left.value.code == 0
    report = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [system["name"] for system in report["systems"]] == ["tuned"]
    assert max(row["tokens"] for row in lines(Path("runs/again/predictions/tuned.jsonl"))) <= 2


def test_a_config_that_names_a_run_as_model_grades_it(finished: Path, config: dict[str, Any]) -> None:
    result = medlms.evaluate({**config, "model": str(finished), "prompts": []}, ["evaluate.latency_rows=0"])
    assert [system["name"] for system in result.report["systems"]] == SYSTEMS
    assert predictions(result.run.folder, "tuned") == predictions(finished, "tuned")


def test_a_run_without_adapter_can_not_be_graded(finished: Path, here: Path) -> None:
    (here / "runs/a").mkdir(parents=True)
    (here / "runs/a/config.yaml").write_text((finished / "config.yaml").read_text())
    with pytest.raises(errors.AskedWrongly, match="has no adapter") as caught:
        medlms.evaluate("a")
    assert "medlms train --resume" in caught.value.hint
    with pytest.raises(errors.AskedWrongly, match="no run lies here"):
        medlms.evaluate("none")


def test_an_answer_is_the_one_that_was_graded(finished: Path) -> None:
    row = lines(finished / "predictions/tuned.jsonl")[0]
    answer = medlms.ask(row["question"], model=finished, max_new_tokens=6, precision="fp32")
    assert (answer.text, answer.finish_reason, answer.tokens) == (row["predict"], row["finish_reason"], row["tokens"])
    assert answer.notice == NOTICE


def test_the_command_line_answers_the_same(finished: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from medlms.cli import main

    answer = medlms.ask("What is illness 3?", model=finished, max_new_tokens=5)
    (here / "runs").mkdir()
    (here / "runs/a").symlink_to(finished)
    for words in (["--json"], []):
        with pytest.raises(SystemExit) as left:
            main(["ask", "What is illness 3?", "--model", "a", "--max-new-tokens", "5", *words])
        assert left.value.code == 0
        said = capsys.readouterr()
        assert NOTICE in (said.out if words else said.err)
        text = json.loads(said.out)["text"] if words else said.out.rstrip("\n")
        assert text == (answer.text or ("" if words else "(the model gave no answer)"))


def test_questions_that_can_not_be_asked(finished: Path) -> None:
    for question in ("", " \n"):
        with pytest.raises(errors.AskedWrongly, match="The question is empty"):
            medlms.ask(question, model=finished)
    with pytest.raises(errors.AskedWrongly, match="this model reads 256"):
        medlms.ask("why " * 300, model=finished)
    with pytest.raises(errors.AskedWrongly, match="at least 1"):
        medlms.ask("Why?", model=finished, max_new_tokens=0)


def test_an_adapter_of_another_template_is_not_asked(finished: Path, here: Path) -> None:
    import shutil

    shutil.copytree(finished / "adapter", here / "adapter")
    extra = json.loads((here / "adapter/medlms.json").read_text())
    (here / "adapter/medlms.json").write_text(json.dumps({**extra, "template_hash": "0" * 64}))
    with pytest.raises(errors.ModelError, match="another chat template"):
        medlms.ask("Why?", model=here / "adapter")


@pytest.fixture(scope="module")
def in_four_bit(config: dict[str, Any], tiny_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose base weights lay in 4 bit. Not to be written to."""
    pytest.importorskip("bitsandbytes")
    changes = {
        "model": str(tiny_folder("llama", intermediate_size=128)),
        "load_in_4bit": True,
        "train": {**config["train"], "epochs": 1},
        "prompts": [],
        "run": str(tmp_path_factory.mktemp("road") / "runs/nf4"),
    }
    return medlms.train({**config, **changes}).run.folder


def test_a_run_is_asked_on_weights_of_the_width_that_it_was_tuned_on(
    in_four_bit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.models import load as loading

    asked: list[tuple[bool, bool]] = []
    whole = loading.load

    def noted(*args: Any, **options: Any) -> Any:
        asked.append((options["load_in_4bit"], options["load_in_8bit"]))
        return whole(*args, **options)

    monkeypatch.setattr(loading, "load", noted)
    row = lines(in_four_bit / "predictions/tuned.jsonl")[0]
    answer = medlms.ask(row["question"], model=in_four_bit, max_new_tokens=6)
    assert (answer.text, answer.tokens) == (row["predict"], row["tokens"])
    medlms.ask(row["question"], model=in_four_bit, max_new_tokens=1, load_in_4bit=False)
    medlms.ask(row["question"], model=in_four_bit, max_new_tokens=1, load_in_8bit=True)
    assert asked == [(True, False), (False, False), (False, True)]
    with pytest.raises(errors.AskedWrongly, match="both"):
        medlms.ask("Why?", model=in_four_bit, load_in_4bit=True, load_in_8bit=True)


def test_grades_on_weights_of_another_width_are_warned_of(in_four_bit: Path, config: dict[str, Any]) -> None:
    settings = ["evaluate.latency_rows=0", "evaluate.systems=[tuned]", "evaluate.rows=1", "evaluate.max_new_tokens=1"]
    found = medlms.evaluate({**config, "model": str(in_four_bit), "prompts": []}, settings)
    assert any("load_in_4bit=true" in warning for warning in found.report["warnings"])
    found = medlms.evaluate(in_four_bit, settings)
    assert not any("load_in_4bit" in warning for warning in found.report["warnings"])


def test_the_command_line_asks_a_base_model_in_four_bit(
    tiny_folder: Any, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("bitsandbytes")
    from medlms.cli import main

    folder = str(tiny_folder("llama", intermediate_size=128))
    with pytest.raises(SystemExit) as left:
        main(["ask", "What is gout?", "--model", folder, "--max-new-tokens", "2", "--4bit", "--json"])
    assert left.value.code == 0
    assert "NF4" in json.loads(capsys.readouterr().out)["path"]
