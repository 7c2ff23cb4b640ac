"""Runs compared item by item: known wins and losses, refusals, and pages that hold what is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medlms.errors import AskedWrongly
from medlms.evaluate.lines import FIELDS
from medlms.road.comparing import compare_runs, written
from medlms.run import Run

for needed in ("sacrebleu", "rouge_score", "scipy"):
    pytest.importorskip(needed)

GOLD = "take rest and see a doctor soon"
METRICS = ("exact_match", "token_f1", "rougeL", "length_words")


def made(folder: Path, answers: dict[str, list[str]], *, golds: list[str] | None = None, start: int = 0) -> str:
    """A run's folder with these answers by system: question n is of topic n // 4."""
    run = Run(folder)
    run.write("config.yaml", "model: tiny\n")
    for system, said in answers.items():
        lines = [
            {
                **dict.fromkeys(FIELDS, ""),
                "id": f"q{n + start}", "group": f"g{n // 4}", "question": f"What helps{' so' * (n % 3)} against illness {n}?",
                "prompt": "-", "predict": text, "label": (golds or [GOLD] * len(said))[n],
                "references": [(golds or [GOLD] * len(said))[n]], "finish_reason": "stop", "tokens": 3, "seconds": 1.0,
                "first_token_seconds": 0.1, "reference_logprob": None, "reference_tokens": 0, "topic": f"topic {n // 4}",
                "kind": "care" if n % 2 else "signs", "source": "my.csv",
            }
            for n, text in enumerate(said)
        ]  # fmt: skip
        run.keep_rows(f"predictions/{system}.jsonl", lines)
    systems = [{"name": name, "title": name, "metrics": {metric: {} for metric in METRICS}} for name in answers]
    run.write_json("report.json", {"systems": systems, "model": {"name": "tiny"}})
    return str(folder)


GOOD, BAD = GOLD, "no idea at all"


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    a = made(tmp_path / "a", {"base": [BAD] * 40, "tuned": [GOOD] * 34 + [BAD] * 6})
    b = made(tmp_path / "b", {"tuned": [GOOD] * 4 + [BAD] * 30 + [GOOD] * 2 + [BAD] * 4})
    return a, b


def difference(found: dict[str, Any], metric: str) -> dict[str, Any]:
    return next(item for item in found["comparisons"] if item["metric"] == metric)


def test_wins_losses_and_ties_are_counted(runs: tuple[str, str]) -> None:
    found = compare_runs(runs)
    item = difference(found, "exact_match")
    assert (item["wins"], item["losses"], item["ties"]) == (30, 2, 8)
    assert item["difference"] == pytest.approx(28 / 40) and item["p_adjusted"] >= item["p_value"]
    assert [item["metric"] for item in found["comparisons"]] == ["exact_match", "token_f1", "rougeL"]
    assert found["verdict"][0].startswith("A does better than b on token F1, by 0.700 [")
    assert "of 40 questions a does better on 30, worse on 2, the same on 8" in found["verdict"][0]


def test_rows_that_differ_most_and_the_worst_are_those(runs: tuple[str, str]) -> None:
    found = compare_runs(runs)
    ahead, behind = found["apart"]
    assert (ahead["better"], len(ahead["rows"])) == ("a", 20)
    assert {row["id"] for row in ahead["rows"]} <= {f"q{n}" for n in range(4, 34)}
    assert (behind["better"], [row["id"] for row in behind["rows"]]) == ("b", ["q34", "q35"])
    assert behind["rows"][0]["answers"]["a"] == {"text": BAD, "ending": "complete", "value": 0.0}
    worst = {part["side"]: [row["id"] for row in part["rows"]] for part in found["worst"]}
    assert worst["a"][:6] == [f"q{n}" for n in range(34, 40)] and len(worst["b"]) == 20


def test_slices_add_up_and_say_where(runs: tuple[str, str]) -> None:
    found = compare_runs(runs)
    for by in ("topic", "kind", "question length"):
        part = [item for item in found["slices"] if item["by"] == by]
        assert sum(item["n"] for item in part) == 40
        assert sum(item["wins"] for item in part) == 30
    topics = {item["label"]: item for item in found["slices"] if item["by"] == "topic"}
    assert topics["topic 0"]["values"] == {"a": 1.0, "b": 1.0}
    assert topics["topic 1"]["values"] == {"a": 1.0, "b": 0.0}
    assert not [item for item in found["slices"] if item["by"] in ("source", "reference length")]


def test_systems_of_one_run_and_three_sides(runs: tuple[str, str]) -> None:
    a, b = runs
    one = compare_runs([a], metric="exact_match")
    assert [item["name"] for item in one["systems"]] == ["base", "tuned"] and one["metric"] == "exact_match"
    three = compare_runs([f"{a}:base", a, b])
    assert [item["name"] for item in three["systems"]] == ["a:base", "a:tuned", "b:tuned"]
    assert len({(item["a"], item["b"]) for item in three["comparisons"]}) == 3
    assert set(three["slices"][0]["values"]) == {"a:base", "a:tuned", "b:tuned"}


def test_a_system_that_is_the_same_does_not_differ(tmp_path: Path, runs: tuple[str, str]) -> None:
    same = made(tmp_path / "same", {"tuned": [GOOD] * 34 + [BAD] * 6})
    found = compare_runs([runs[0], same])
    assert found["verdict"][0].startswith("No measurable difference between a and same on token F1")
    assert all((item["wins"], item["losses"]) == (0, 0) and item["p_value"] == 1 for item in found["comparisons"])
    assert found["apart"][0]["rows"] == []


def test_other_tests_are_refused_or_compared_on_what_is_shared(tmp_path: Path, runs: tuple[str, str]) -> None:
    moved = made(tmp_path / "moved", {"tuned": [GOOD] * 40}, start=10)
    with pytest.raises(AskedWrongly, match=r"different tests: 30 questions are shared.*a 40, moved 40") as refused:
        compare_runs([runs[0], moved])
    assert "--shared" in refused.value.hint
    found = compare_runs([runs[0], moved], shared=True)
    assert found["items"] == 30 and found["left_out"] == {"a": 10, "moved": 10}
    other = made(tmp_path / "other", {"tuned": [GOOD] * 40}, golds=["something else"] * 40)
    with pytest.raises(AskedWrongly, match="no question is answered by all with the same references"):
        compare_runs([runs[0], other], shared=True)


def test_what_can_not_be_compared_is_said(runs: tuple[str, str], tmp_path: Path) -> None:
    a, b = runs
    with pytest.raises(AskedWrongly, match="has no system 'tuend'") as near:
        compare_runs([f"{a}:tuend", b])
    assert "tuned" in near.value.hint
    with pytest.raises(AskedWrongly, match="named twice"):
        compare_runs([a, a])
    with pytest.raises(AskedWrongly, match="nothing to compare"):
        compare_runs([f"{a}:base"])
    with pytest.raises(AskedWrongly, match="do not share 'bleu'"):
        compare_runs([a, b], metric="bleu")
    with pytest.raises(AskedWrongly, match="no run lies here"):
        compare_runs([a, str(tmp_path / "none")])


def test_one_question_alone_gives_no_finding(tmp_path: Path) -> None:
    a, b = (made(tmp_path / name, {"tuned": [said]}) for name, said in (("a", GOOD), ("b", BAD)))
    found = compare_runs([a, b])
    assert found["verdict"][0].startswith("Whether a or b is better on token F1 can't be told")
    assert difference(found, "token_f1")["low"] is None


def test_the_pages_hold_it_and_escape_what_was_said(
    tmp_path: Path, runs: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = made(tmp_path / "hostile", {"tuned": ["<script>alert(1)</script> | # x"] * 40})
    found = compare_runs([runs[0], hostile])
    page, text, data = (path.read_text(encoding="utf-8") for path in written(found, "comparison"))
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<script>" not in text
    for said in (
        "Token F1 by topic",
        "Where a is furthest ahead of hostile",
        "The worst of hostile",
        "Not a medical device",
    ):
        assert said in page and said in text
    assert json.loads(data)["verdict"] == found["verdict"]
    assert (tmp_path / "runs/comparison/comparison.html").is_file()


def test_the_command_prints_tables_or_json(
    tmp_path: Path, runs: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from medlms.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        main(["compare", *runs])
    said = capsys.readouterr().out
    assert done.value.code == 0 and "does better than b" in said and "comparison.html" in said
    with pytest.raises(SystemExit):
        main(["compare", *runs, "--json"])
    assert json.loads(capsys.readouterr().out)["items"] == 40
