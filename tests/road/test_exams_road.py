"""Exams on the whole road in miniature: alone without data, beside answers, after training, stopped, and with faulty rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, lines, measured_apart

import medlms
from medlms import errors
from medlms.config import load

LETTERS = "ABCD"


def write_exam(path: Path, rows: int = 12, faulty: bool = False) -> Path:
    """A file of questions with four options; ``faulty`` adds one row of each fault."""
    made = [
        {
            "id": f"q{n}",
            "question": f"What is illness {n}?",
            "options": {letter: f"kind {n} {letter.lower()}" for letter in LETTERS},
            "answer_idx": LETTERS[n % 4],
            "topic": "lungs" if n % 2 else "heart",
        }
        for n in range(rows)
    ]
    if faulty:
        made += [
            {**made[0], "id": "none", "question": "Nobody knows?", "answer_idx": ""},
            {**made[0], "id": "equal", "question": "Same?", "options": {"A": "x", "B": "X ", "C": "y", "D": "z"}},
            {**made[0], "id": "out", "question": "Outside?", "answer_idx": "E"},
            {**made[0], "id": "blank", "question": " "},
        ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made))
    return path


@pytest.fixture
def alone(config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """A config that asks for exams and nothing else."""
    exam = {"ask": ["letters", "options", "generate"], "permutations": 4, "max_new_tokens": 4}
    return {
        "model": config["model"],
        "precision": "fp32",
        "evaluate": {
            "tasks": "exam", "exams": [str(write_exam(tmp_path / "ours.jsonl"))], "exam": exam, "resamples": 100, "batch": 4,
        },
        "run": "exams",
    }  # fmt: skip


def kept(folder: Path) -> dict[str, Any]:
    return {path.name: sorted(measured_apart(lines(path)), key=lambda line: line["id"])
            for path in sorted((folder / "predictions").glob("*.jsonl"))}  # fmt: skip


def test_exams_alone_need_no_data_and_fill_the_report(alone: dict[str, Any]) -> None:
    result = medlms.evaluate(alone)
    (exam,) = result.report["exams"]
    assert (exam["name"], exam["rows_in"], exam["asked"], exam["left"], exam["set_aside"]) == ("ours", 12, 12, 0, {})
    assert (exam["chance"], exam["majority"]) == (0.25, 0.25)
    assert [(item["system"], item["way"]) for item in exam["results"]] == [
        ("base", way) for way in ("letters", "options", "options_bytes", "generate")
    ]
    assert set(kept(result.run.folder)) == {f"base.ours.{way}.jsonl" for way in ("letters", "options", "generate")}
    letters = exam["results"][0]
    assert letters["places"]["orders"] == 4 and letters["places"]["answers"] == 48
    assert letters["metrics"]["accuracy"]["n"] == 12 and set(letters["topics"]) == {"heart", "lungs"}
    assert "chance" in letters["verdict"]
    assert result.report["systems"] == []
    for name in ("report.md", "report.html"):
        text = (result.run.folder / name).read_text(encoding="utf-8")
        for words in ("Always A", "Chance (guessing)", "by full option, per byte", "in other orders"):
            assert words in text, (name, words)
    assert json.loads((result.run.folder / "exams.json").read_text())[0]["files"]
    assert not (result.run.folder / "splits").exists()


def test_a_stopped_exam_goes_on_and_ends_the_same(alone: dict[str, Any], tmp_path: Path) -> None:
    whole = medlms.evaluate({**alone, "run": str(tmp_path / "runs/whole")})
    with pytest.raises(errors.Interrupted) as caught:
        medlms.evaluate({**alone, "run": str(tmp_path / "runs/cut")}, talk=Stopper("base: ours, options", 5))
    assert "medlms evaluate --resume" in caught.value.hint
    held = lines(tmp_path / "runs/cut/predictions/base.ours.options.jsonl")
    assert 0 < len(held) < 12
    result = medlms.evaluate(resume=tmp_path / "runs/cut")
    assert kept(result.run.folder) == kept(whole.run.folder)
    assert result.report["exams"][0]["results"] == whole.report["exams"][0]["results"]


def test_the_same_numbers_at_any_batch_size(alone: dict[str, Any]) -> None:
    one, many = (medlms.evaluate({**alone, "run": f"b{n}"}, [f"evaluate.batch={n}"]) for n in (1, 7))
    left, right = kept(one.run.folder), kept(many.run.folder)
    for name in left:
        for a, b in zip(left[name], right[name], strict=True):
            assert (a["id"], a["chosen"], a["predict"]) == (b["id"], b["chosen"], b["predict"])
            assert a["option_logprobs"] == pytest.approx(b["option_logprobs"], abs=1e-4)


def test_faulty_rows_are_named_and_counted_nowhere(alone: dict[str, Any], tmp_path: Path) -> None:
    alone["evaluate"]["exams"] = [str(write_exam(tmp_path / "faulty.jsonl", faulty=True))]
    alone["evaluate"]["exam"] = {"ask": "letters"}
    talk = Stopper()
    result = medlms.evaluate(alone, talk=talk)
    (exam,) = result.report["exams"]
    assert (exam["rows_in"], exam["asked"]) == (16, 12)
    assert exam["set_aside"] == {
        "no answer": 1, "equal options": 1, "answer outside the options": 1, "empty question": 1,
    }  # fmt: skip
    assert {fault["place"].rpartition(":")[2] for fault in exam["faults"]} == {"13", "14", "15", "16"}
    assert any("4 rows are set aside" in said for said in talk.said)
    assert "equal options" in (result.run.folder / "report.md").read_text()
    assert len(lines(result.run.folder / "predictions/base.faulty.letters.jsonl")) == 12


def test_one_question_and_none(alone: dict[str, Any], tmp_path: Path) -> None:
    alone["evaluate"]["exams"] = [str(write_exam(tmp_path / "one.jsonl", rows=1))]
    (exam,) = medlms.evaluate(alone).report["exams"]
    assert {item["outcome"] for item in exam["results"]} <= {"unknown", "chance", "worse"}
    (tmp_path / "none.jsonl").write_text("")
    for file in ("none.jsonl", "missing.jsonl"):
        with pytest.raises(errors.DataError):
            medlms.evaluate({**alone, "run": "none"}, [f"evaluate.exams=[{file}]"])
    assert not Path("runs/none").exists()


def test_exams_beside_answers_and_after_training(config: dict[str, Any], tmp_path: Path) -> None:
    exam = {"ask": ["letters"], "shots": 2, "examples_from": str(write_exam(tmp_path / "shown.jsonl", rows=30))}
    evaluate = {
        **config["evaluate"],
        "tasks": ["answer", "exam"],
        "exams": [str(write_exam(tmp_path / "ours.jsonl"))],
        "exam": exam,
    }
    result = medlms.train({**config, "evaluate": evaluate, "prompts": [], "train": {**config["train"], "epochs": 1}})
    (found,) = result.report["exams"]
    assert [item["system"] for item in found["results"]] == ["base", "tuned"]
    (difference,) = found["comparisons"]
    assert (difference["a"], difference["b"], difference["metric"], difference["n"]) == (
        "tuned",
        "base",
        "accuracy",
        12,
    )
    assert [system["name"] for system in result.report["systems"]] == [
        "base",
        "best_prompt",
        "tuned",
        "nearest",
        "sentence",
    ]
    assert "2 solved examples" in found["shots"]
    prompt = lines(result.run.folder / "predictions/base.ours.letters.jsonl")[0]["prompt"]
    assert prompt.count("Answer:") == 3
    graded = medlms.evaluate(result.run.folder, ["evaluate.tasks=exam", "run=graded"])
    assert kept(graded.run.folder) == {name: rows for name, rows in kept(result.run.folder).items() if "ours" in name}
    assert graded.report["exams"][0]["results"] == found["results"]


def test_a_question_that_does_not_fit_is_unread_and_wrong(alone: dict[str, Any], tmp_path: Path) -> None:
    file = write_exam(tmp_path / "long.jsonl", rows=3)
    rows = lines(file)
    rows[1]["question"] = "why " * 400
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    alone["evaluate"]["exams"] = [str(file)]
    (exam,) = medlms.evaluate(alone).report["exams"]
    for item in exam["results"]:
        assert item["unread_why"].get("too long") == 1, item["way"]
        assert item["metrics"]["accuracy"]["n"] == 3


def test_the_config_of_all_exams_runs(config: dict[str, Any]) -> None:
    file = Path(__file__).parents[2] / "configs" / "exams-small.yaml"
    settings = [
        f"model={config['model']}",
        "evaluate.exams=[starter]",
        "evaluate.exam.rows=2",
        "evaluate.resamples=100",
    ]
    result = medlms.evaluate(file, settings)
    assert result.run.name == "exams-smollm2-135m"
    (exam,) = result.report["exams"]
    assert (exam["asked"], exam["left"], exam["prompt"]) == (2, 50, "plain")
    assert [item["way"] for item in exam["results"]] == ["letters", "options", "options_bytes"]


def test_exams_need_a_system_that_can_sit_them(alone: dict[str, Any]) -> None:
    with pytest.raises(errors.AskedWrongly, match="neither base nor tuned"):
        medlms.evaluate(alone, ["evaluate.systems=[nearest]"])


def test_wrong_settings_are_said(alone: dict[str, Any]) -> None:
    def fault(**changes: Any) -> str:
        with pytest.raises(errors.ConfigError) as caught:
            load({**alone, "evaluate": {**alone["evaluate"], **changes}})
        return " ".join(caught.value.faults)

    assert "names none" in fault(exams=[])
    assert "data: must hold at least 1" in fault(tasks=["answer", "exam"]) or "data is missing" in fault(
        tasks=["answer", "exam"]
    )
    assert "add exam to evaluate.tasks" in fault(tasks=["answer"])
    assert "twice" in fault(exams=["medqa", "medqa"])
    assert "letters" in fault(exam={"ask": ["letter"]})
    with pytest.raises(errors.ConfigError, match="to train on"):
        medlms.train(alone)
    with pytest.raises(errors.MedLMsError, match="medqaa"):
        medlms.evaluate(alone, ["evaluate.exams=[medqaa]"])
    with pytest.raises(errors.AskedWrongly, match="no subject of MMLU"):
        medlms.evaluate(alone, ["evaluate.exams=[mmlu-law]"])
