"""Adapters graded on rows they were tuned on are told of, and a stopped evaluation goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, lines, measured_apart

import medlms
from medlms import errors
from medlms.data import leaks
from medlms.road import overlap
from medlms.testing import tiny_rows


def test_rows_that_have_to_do_with_others_are_counted() -> None:
    known = [replace(row, topic="", links=(), group="") for row in tiny_rows(8)]
    others = [replace(row, group="") for row in tiny_rows(40)[20:]]
    assert leaks.shared(others, known) == leaks.Shared(0, 0)
    question = replace(others[0], question=f"  {known[0].question.upper()} ")
    answer = replace(others[1], answer=known[1].answer)
    topic = replace(others[2], links=("topic:gout",))
    rows = [question, answer, topic, *others[3:]]
    assert leaks.shared(rows, known) == leaks.Shared(2, 2)
    assert leaks.shared(rows, tiny_rows(8)) == leaks.Shared(2, 2)
    assert leaks.shared([replace(topic, links=("topic:asthma",))], tiny_rows(8)) == leaks.Shared(0, 1)
    assert leaks.shared([replace(others[4], id=known[0].id)], known) == leaks.Shared(0, 0), "ids repeat between files"


def evaluated(config: dict[str, Any], model: Path, *settings: str, talk: Any = None) -> dict[str, Any]:
    source = {**config, "model": str(model), "prompts": [], "run": "graded"}
    words = ["evaluate.latency_rows=0", "evaluate.systems=[tuned]", "evaluate.max_new_tokens=2"]
    return medlms.evaluate(source, [*words, *settings], talk=talk).report


def test_its_own_rows_raise_no_warning(finished: Path, config: dict[str, Any]) -> None:
    assert evaluated(config, finished)["warnings"] == evaluated(config, finished, "run=x")["warnings"]
    assert not any("tuned on" in warning for warning in evaluated(config, finished)["warnings"])


def test_another_seed_is_warned_of_with_counts(finished: Path, config: dict[str, Any]) -> None:
    talk = Stopper()
    report = evaluated(config, finished, "seed=14", talk=talk)
    trained = {row["question"] for row in lines(finished / "splits/train.jsonl")}
    count = sum(row["question"] in trained for row in lines(Path("runs/graded/splits/eval.jsonl")))
    assert count
    sentence = next(warning for warning in report["warnings"] if "not new to tuned" in warning)
    assert sentence.startswith(f"{count} of the 6 evaluation rows are not new to tuned (a): {count} stand among")
    assert f"warning: {sentence}" in talk.said
    assert "not new to tuned" in Path("runs/graded/report.html").read_text()
    assert str(finished) not in sentence


def test_an_adapter_without_its_rows_can_not_be_checked(finished: Path, here: Path) -> None:
    shutil.copytree(finished / "adapter", here / "alone/adapter")
    assert "could not be checked" in overlap.warnings(here / "alone/adapter", tiny_rows(3))[0]


def test_a_stopped_evaluation_goes_on(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from medlms.cli import main

    stopper = Stopper("tuned answers", 2)
    with pytest.raises(errors.Interrupted) as caught:
        medlms.evaluate(finished, run="again", talk=stopper)
    folder = Path("runs/again")
    assert caught.value.hint == f"Go on with: medlms evaluate --resume {folder}"
    with pytest.raises(SystemExit):
        main(["runs", "list", "--json"])
    assert json.loads(capsys.readouterr().out)[0]["verdict"] == f"go on with: medlms evaluate --resume {folder}"
    with pytest.raises(errors.AskedWrongly, match="is an evaluation") as wrong:
        medlms.train(resume="again")
    assert wrong.value.hint == f"Go on with: medlms evaluate --resume {folder}"
    base = (folder / "predictions/base.jsonl").read_bytes()
    with pytest.raises(SystemExit) as left:
        main(["evaluate", "--resume", "again", "--json"])
    assert left.value.code == 0
    assert (folder / "predictions/base.jsonl").read_bytes() == base
    for system in ("base", "tuned", "nearest"):
        found, wanted = (measured_apart(lines(at / f"predictions/{system}.jsonl")) for at in (folder, finished))
        assert found == wanted


def test_what_can_not_be_resumed_as_an_evaluation(finished: Path) -> None:
    with pytest.raises(errors.AskedWrongly, match="is no evaluation that was stopped"):
        medlms.evaluate(resume=finished)
    with pytest.raises(errors.AskedWrongly, match="keeps its own config"):
        medlms.evaluate(finished, resume="x")
