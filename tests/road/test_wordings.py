"""best_prompt: wordings are tried on development rows alone, the best is graded; and answers are taken over from other runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import medlms
from medlms.engines.prompted import Wording
from medlms.road.wordings import wordings
from medlms.types import Message

from road_runs import Stopper, lines  # isort: skip


def graded(config: dict[str, Any], run: str, **evaluate: Any) -> tuple[Any, Stopper]:
    listener = Stopper()
    settings = {**config["evaluate"], "latency_rows": 0, "systems": ["base", "best_prompt", "sentence"], **evaluate}
    return medlms.evaluate({**config, "evaluate": settings, "run": run, "prompts": []}, talk=listener), listener


def test_the_wordings_of_the_data_file() -> None:
    found = wordings("answer")
    assert len({item.name for item in found}) == len(found) == 5
    assert found[0] == Wording("own")
    assert all(item.question.count("{question}") == 1 for item in found)


def test_a_wording_changes_the_instruction_and_the_last_question() -> None:
    turns = (Message("system", "S"), Message("user", "A {x}?"), Message("assistant", "B."), Message("user", "C?"))
    assert Wording("own").worded(turns) == turns
    assert Wording("w", "Now: {question} Well?", "T").worded(turns) == (
        Message("system", "T"), *turns[1:3], Message("user", "Now: C? Well?"),
    )  # fmt: skip
    assert Wording("w", instruction="").worded(turns) == turns[1:]


def test_the_best_on_development_rows_is_graded(config: dict[str, Any], here: Path) -> None:
    result, listener = graded(config, "a")
    record = json.loads((result.run.folder / "wordings.json").read_text())
    values = {item["name"]: item["score"]["value"] for item in record["wordings"]}
    assert values[record["chosen"]] == max(values.values()) and len(values) == 5
    assert record["answers"] == 20 and record["rows"] == 4
    dev = {row["id"] for row in lines(result.run.folder / "splits/dev.jsonl")}
    asked = [lines(path) for path in sorted((result.run.folder / "predictions/dev").glob("prompt-*.jsonl"))]
    assert len(asked) == 5 and all({row["id"] for row in found} == dev for found in asked)
    assert record["tokens"] == sum(row["tokens"] for found in asked for row in found)
    chosen = next(item for item in wordings("answer") if item.name == record["chosen"])
    for row in lines(result.run.folder / "predictions/best_prompt.jsonl"):
        question = Message("user", row["question"])
        wanted = chosen.worded((Message("system", "Answer."), question))
        assert row["prompt"] == "\n\n".join(turn.text for turn in wanted)
        assert row["id"] not in dev
    assert any(text.startswith(f"best_prompt: the wording '{record['chosen']}' of 5") for text in listener.said)
    page = (result.run.folder / "report.md").read_text()
    assert "Prompts tried on 4 development rows" in page and "BLEU is that of sacrebleu: nrefs:1" in page
    assert [system["name"] for system in result.report["systems"]] == ["base", "best_prompt", "sentence"]


def test_without_development_rows_it_is_left_out_and_said(config: dict[str, Any], here: Path) -> None:
    changed = {**config, "split": {"dev": 0, "eval": 6}, "train": {**config["train"], "evaluate_every": "never"}}
    result, listener = graded(changed, "a")
    assert [system["name"] for system in result.report["systems"]] == ["base", "sentence"]
    assert any("no development rows to choose a prompt by" in text for text in listener.said)


def test_a_wording_that_leaves_no_room_is_not_tried(config: dict[str, Any], here: Path, monkeypatch: Any) -> None:
    from medlms.road import wordings as room

    monkeypatch.setattr(room, "wordings", lambda task: [Wording("own"), Wording("long", "{question}" + " so" * 300)])
    result, listener = graded(config, "a")
    assert result.report["wordings"]["chosen"] == "own" and len(result.report["wordings"]["wordings"]) == 1
    assert any("the wording 'long' is not tried" in text for text in listener.said)


def test_the_same_evaluation_again_takes_its_answers_over(config: dict[str, Any], here: Path) -> None:
    first, _ = graded(config, "a", cache=True)
    again, listener = graded(config, "b", cache=True)
    assert "base: cached: 6 of 6 answers, from a" in listener.said
    assert "best_prompt: cached: 6 of 6 answers, from a" in listener.said
    assert [system["metrics"] for system in again.report["systems"]] == [
        system["metrics"] for system in first.report["systems"]
    ]
    assert any(
        "base: 6 of 6 answers taken from a (same weights, prompt and settings)" in n for n in again.report["notes"]
    )
    afresh, listener = graded(config, "c", cache=False)
    assert not any("cached" in text for text in listener.said)
    assert [system["metrics"] for system in afresh.report["systems"]] == [
        system["metrics"] for system in first.report["systems"]
    ]
    _, listener = graded({**config, "precision": "bf16"}, "d", cache=True)
    assert not any("cached" in text for text in listener.said)
