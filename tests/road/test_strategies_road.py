"""Prompting strategies on the road in miniature: cost said first, tables and verification after, stopped, and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, lines, measured_apart
from test_exams_road import write_exam

import medlms
from medlms import errors
from medlms.config import dump, load
from medlms.engines.local import LocalEngine
from medlms.evaluate.strategies import Strategy, ask
from medlms.evaluate.strategy_exam import OfExam
from medlms.evaluate.strategy_open import OfAnswers
from medlms.run import Run
from medlms.tasks import answer
from medlms.testing import tiny_rows
from medlms.text.template import template_of
from medlms.types import Request
from medlms.verify import verify

ALL: list[Any] = [
    "zero_shot",
    {"few_shot": {"shots": 1}},
    {"chain_of_thought": {"max_new_tokens": 5}},
    {"self_consistency": {"n": 3, "max_new_tokens": 5}},
    {"ensemble_refinement": {"drafts": 2, "samples": 3, "max_new_tokens": 4}},
]
KEYS = ["zero_shot", "few_shot-1", "chain_of_thought", "self_consistency-n3-t0.7", "ensemble_refinement-d2-s3-t0.7"]


@pytest.fixture
def asked(config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Exam and open answers, by every strategy."""
    exam = str(write_exam(tmp_path / "ours.jsonl", rows=5))
    part = {
        "tasks": ["answer", "exam"], "exams": [exam], "systems": ["base"], "strategies": ALL, "resamples": 100, "batch": 4,
        "exam": {"ask": "generate", "max_new_tokens": 4, "examples_from": exam}, "max_new_tokens": 6, "latency_rows": 0,
    }  # fmt: skip
    return {
        **{key: config[key] for key in ("model", "data", "split", "precision", "instruction", "max_length")},
        "evaluate": part,
        "run": "s",
    }


def kept(folder: Path) -> dict[str, Any]:
    return {path.name: sorted(measured_apart(lines(path)), key=lambda line: line["id"])
            for path in sorted((folder / "predictions/strategies").glob("*.jsonl"))}  # fmt: skip


def test_each_strategy_has_its_row_and_all_of_it_follows(asked: dict[str, Any]) -> None:
    talk = Stopper()
    result = medlms.evaluate(asked, talk=talk)
    exam, answers = result.report["strategies"]
    assert (exam["name"], exam["asked"], answers["name"], answers["asked"]) == ("ours", 5, "answers", 6)
    # Some second prompts of ensemble refinement do not fit into a miniature model.
    unfit = exam["results"][4]["unread_why"].get("too long", 0)
    for part, refined in ((exam, 2 + 3 * (5 - unfit) / 5), (answers, 3)):
        assert [item["strategy"] for item in part["results"]] == KEYS
        assert [item["answers"] for item in part["results"]] == pytest.approx([1, 1, 1, 3, refined])
        assert [item["a"] for item in part["comparisons"]] == KEYS[1:]
        assert all(item["prompt_tokens"] > 40 and item["new_tokens"] > 0 for item in part["results"])
    # As many answers are said as are written, and before the first of them.
    said = [text for text in talk.said if "a system, at most" in text]
    assert (
        "self_consistency-n3-t0.7: 3 answers to each of 5 questions (ours): 15 a system, at most 75 new tokens" in said
    )
    assert len(said) == 10
    assert talk.said.index(said[0]) < next(n for n, text in enumerate(talk.said) if "million parameters" in text)
    for name in ("report.md", "report.html"):
        text = (result.run.folder / name).read_text(encoding="utf-8")
        for words in (
            "Prompting strategies",
            "Self consistency, n 3, temperature 0.7".lower(),
            "New tokens a question",
        ):
            assert words in text or words in text.lower(), (name, words)
    ledger = verify(result.run.folder)
    assert ledger.faults == []
    assert ledger.checked["tokens"] == 30
    greedy = {line["id"]: line["predict"] for line in lines(result.run.folder / "predictions/base.jsonl")}
    zero = lines(result.run.folder / "predictions/strategies/base.answers.zero_shot.jsonl")
    assert {line["id"]: line["predict"] for line in zero} == greedy
    written = {
        line["id"]: line["predict"] for line in lines(result.run.folder / "predictions/base.ours.generate.jsonl")
    }
    zero = lines(result.run.folder / "predictions/strategies/base.ours.zero_shot.jsonl")
    assert {line["id"]: line["predict"] for line in zero} == written


def test_what_is_changed_afterwards_is_found(asked: dict[str, Any]) -> None:
    asked["evaluate"] |= {"strategies": ["zero_shot", {"self_consistency": {"n": 2}}], "tasks": "exam"}
    folder = medlms.evaluate({**asked, "data": []}).run.folder
    file = folder / "predictions/strategies/base.ours.self_consistency-n2-t0.7.jsonl"
    first, *others = lines(file)
    first["drafts"][1] |= {"chosen": 3, "new_tokens": 1000}
    file.write_text("".join(json.dumps(line) + "\n" for line in (first, *others)))
    keys = [fault.key for fault in verify(folder, with_pages=False).faults]
    assert f"{first['id']}.drafts[1].chosen" in keys and f"{first['id']}.chosen" in keys
    assert "strategies[ours].results[base, self_consistency-n2-t0.7].new_tokens" in keys
    report = json.loads((folder / "report.json").read_text())
    part = report["strategies"][0]
    part["comparisons"][0]["high"] += 0.01
    part["comparisons"][0]["p_adjusted"] /= 2
    part["results"][1]["agreement"] = 1.5
    (folder / "report.json").write_text(json.dumps(report))
    keys = [fault.key for fault in verify(folder, with_pages=False).faults]
    for name in ("high", "p_adjusted", "agreement"):
        assert any(key.startswith("strategies[ours]") and key.endswith(name) for key in keys), name


def test_a_stopped_strategy_goes_on_and_ends_the_same(asked: dict[str, Any], tmp_path: Path) -> None:
    whole = medlms.evaluate({**asked, "run": str(tmp_path / "runs/whole")})
    with pytest.raises(errors.Interrupted):
        medlms.evaluate(
            {**asked, "run": str(tmp_path / "runs/cut")},
            ["evaluate.batch=2"],
            talk=Stopper(f"base: answers, {KEYS[3]}", 2),
        )
    held = lines(tmp_path / f"runs/cut/predictions/strategies/base.answers.{KEYS[3]}.jsonl")
    assert 0 < len(held) < 6
    result = medlms.evaluate(resume=tmp_path / "runs/cut")
    assert kept(result.run.folder) == kept(whole.run.folder)
    assert result.report["strategies"] == whole.report["strategies"]


@pytest.mark.parametrize("own", [True, False])
def test_one_sample_at_temperature_zero_is_greedy(tiny: Any, tmp_path: Path, own: bool) -> None:
    loaded = tiny("llama")
    engine = LocalEngine(loaded, template_of(loaded.tokenizer), own=own, batch=3)
    exam = medlms.datasets.exam(str(write_exam(tmp_path / "ours.jsonl", rows=6))).rows
    for subject, rows, kind in (
        (OfExam("chat", "Answer."), exam, "chain_of_thought"),
        (OfAnswers(answer, "Answer.", {}), tiny_rows(6), "zero_shot"),
    ):
        greedy = Strategy(kind, kind, limit=12)
        one = Strategy("self_consistency-n1-t0", "self_consistency", drafts=1, temperature=0.0, limit=12)
        told = {
            plan.key: ask(engine, rows, subject, plan, run=Run(tmp_path), file=f"{kind}-{plan.key}.jsonl", seed=seed)
            for plan, seed in ((greedy, 1), (one, 2))
        }
        assert [item.drafts for item in told[kind]] == [item.drafts for item in told["self_consistency-n1-t0"]]
        plain = {
            reply.id: reply.text
            for reply in engine.answer(
                [Request(row.id, subject.messages(row, greedy), max_new_tokens=12) for row in rows]
            )
        }
        assert {item.prediction.id: item.drafts[0].text for item in told[kind]} == plain
        drawn = Strategy("drawn", "self_consistency", drafts=3, temperature=1.0, limit=12)
        three = ask(engine, rows, subject, drawn, run=Run(tmp_path), file=f"{kind}-3.jsonl", seed=1)
        assert len({draft.text for draft in three[0].drafts}) > 1
        engine.batch = 2
        again = ask(engine, rows[::-1], subject, drawn, run=Run(tmp_path), file=f"{kind}-4.jsonl", seed=1)
        assert [item.drafts for item in again[::-1]] == [item.drafts for item in three]
        other = ask(engine, rows, subject, drawn, run=Run(tmp_path), file=f"{kind}-5.jsonl", seed=2)
        assert [item.drafts for item in other] != [item.drafts for item in three]


@pytest.mark.parametrize(
    ("strategies", "words"),
    [
        (["zero_shot", "zero_shot"], "zero_shot is named twice"),
        ([{"self_consistency": {"n": 5}}, {"self_consistency": {"n": 5}}], "is named twice"),
        ([{"self_consistency": {"n": 0}}], "must be at least 1"),
        ([{"self_consistency": {"n": 3, "temperature": 0}}], "or n: 1"),
        ([{"ensemble_refinement": {"temperature": 0}}], "or drafts: 1 and samples: 1"),
        (["self_consistancy"], "Did you mean self_consistency"),
        ([{"self_consistency": {"m": 5}}], "unknown key"),
        ([{"zero_shot": {}, "few_shot": {}}], "holds one strategy"),
        ([7], "must hold keys of its own"),
    ],
)
def test_bad_strategies_are_refused(asked: dict[str, Any], strategies: list[Any], words: str) -> None:
    asked["evaluate"]["strategies"] = strategies
    with pytest.raises(errors.ConfigError, match=words):
        load(asked)


def test_a_config_with_strategies_is_read_back(asked: dict[str, Any], tmp_path: Path) -> None:
    config, _ = load(
        asked, ["evaluate.strategies=[zero_shot, {self_consistency: {n: 5}}, {self_consistency: {n: 11}}]"]
    )
    assert [item.key for item in config.evaluate.strategies] == [
        "zero_shot", "self_consistency-n5-t0.7", "self_consistency-n11-t0.7",
    ]  # fmt: skip
    (tmp_path / "again.yaml").write_text(dump(config))
    assert load(tmp_path / "again.yaml")[0] == config


def test_strategies_need_a_model(asked: dict[str, Any]) -> None:
    asked["evaluate"] |= {"systems": ["nearest"], "tasks": "answer", "exams": []}
    with pytest.raises(errors.AskedWrongly, match="neither base nor tuned"):
        medlms.evaluate(asked)
