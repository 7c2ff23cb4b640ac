"""A run on dialogues from end to end: every answer is learned, the last one of held-out dialogues is asked and graded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from road_runs import lines, write_talks

import medlms
from medlms.models.fetch import locate
from medlms.models.load import load
from medlms.text.marks import marked
from medlms.text.template import template_of
from medlms.types import Message


@pytest.fixture(scope="module")
def run(config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talks")
    talks = write_talks(folder / "talks.jsonl")
    settings = {**config, "data": str(talks), "split": {"dev": 3, "eval": 5}, "prompts": [], "run": str(folder / "a")}
    settings["train"] = {**config["train"], "epochs": 1}
    return medlms.train(settings).run.folder


def said(row: dict[str, Any]) -> list[str]:
    return [row["question"], *row.get("between", []), row["answer"]]


def test_every_answer_of_a_training_dialogue_is_learned(run: Path, config: dict[str, Any]) -> None:
    loaded = load(locate(config["model"]), precision="fp32")
    template = template_of(loaded.tokenizer)
    learned = tokens = cut = 0
    for row in lines(run / "splits/train.jsonl"):
        turns = [Message(("user", "assistant")[place % 2], text) for place, text in enumerate(said(row))]
        turns.insert(0, Message("system", "Answer."))
        made = marked(loaded.tokenizer, template, turns[:-1], turns[-1].text, stops=loaded.stops, every=True)
        assert len(made.ends) == len(said(row)) // 2
        kept = max(end for end in made.ends if end <= 200)
        cut += kept < len(made.ids)
        learned, tokens = learned + sum(made.learn[:kept]), tokens + kept
    account = json.loads((run / "data_report.json").read_text())["tokens"]
    assert (account["learned_tokens"], account["tokens"], len(account["cut"])) == (learned, tokens, cut)
    assert cut > 0, "some dialogues must be too long"
    assert sum(step["learned_tokens"] for step in lines(run / "steps.jsonl")) == learned


def test_the_row_without_an_answer_is_counted(run: Path) -> None:
    account = json.loads((run / "data_report.json").read_text())
    assert account["totals"]["dropped"] == {"no question with an answer": 1}
    assert account["totals"]["rows_in"] == 21


def test_the_last_answer_is_asked_for_given_all_turns_before(run: Path) -> None:
    rows = {row["id"]: row for row in lines(run / "splits/eval.jsonl")}
    assert any(row.get("between") for row in rows.values())
    for system in ("base", "tuned", "nearest"):
        answers = lines(run / f"predictions/{system}.jsonl")
        assert {line["id"] for line in answers} == set(rows)
        for line in answers:
            row = rows[line["id"]]
            assert line["label"] == row["answer"]
            assert line["prompt"] == "\n\n".join(["Answer.", *said(row)[:-1]])
            assert all(text in line["question"] for text in said(row)[:-1])
            assert row["answer"] not in line["question"]


def test_the_lookup_copies_the_answer_to_one_question_of_a_dialogue(run: Path) -> None:
    held = {text for row in lines(run / "splits/train.jsonl") for text in said(row)[1::2]}
    assert all(line["predict"] in held for line in lines(run / "predictions/nearest.jsonl"))


def test_it_can_be_graded_again_from_its_folder(run: Path, tmp_path: Path) -> None:
    again = medlms.evaluate(run, run=str(tmp_path / "again")).run.folder
    one, other = (
        {line["id"]: (line["prompt"], line["predict"]) for line in lines(folder / "predictions/tuned.jsonl")}
        for folder in (run, again)
    )
    assert one == other
