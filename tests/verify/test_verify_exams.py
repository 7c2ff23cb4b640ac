"""The exams of a run: all of their numbers follow, and whatever is changed in them is found and named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms.types import Prediction
from medlms.verify import Ledger, options, verify

for needed in ("torch", "scipy", "altair"):
    pytest.importorskip(needed)

ROWS = 24


@pytest.fixture(scope="module")
def finished(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    import medlms

    folder = tmp_path_factory.mktemp("verify-exams")
    rows = [
        {
            "id": f"q{n}",
            "question": f"What is illness {n}" + " of the left hand" * (n % 3) + "?",
            "options": {letter: f"kind {n} {letter.lower()}" for letter in "ABCD"},
            "answer_idx": "ABCD"[n % 3],
            "topic": "lungs" if n % 2 else "heart",
        }
        for n in range(ROWS)
    ]
    (folder / "ours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return medlms.evaluate(
        {
            "model": str(tiny_folder("llama")),
            "precision": "fp32",
            "evaluate": {
                "tasks": "exam",
                "exams": [str(folder / "ours.jsonl")],
                "exam": {"ask": ["letters", "options", "generate"], "permutations": 4, "max_new_tokens": 4},
                "resamples": 100,
                "batch": 4,
            },
            "run": str(folder / "runs/a"),
        }
    ).run.folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "a"))


def keys(ledger: Ledger) -> set[str]:
    return {fault.key for fault in ledger.faults if fault.key != "sha256"}


def change(run: Path, work: Callable[[dict[str, Any]], None]) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    work(report["exams"][0])
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")


def test_an_untouched_run_follows(run: Path) -> None:
    ledger = verify(run)
    assert ledger.faults == [] and ledger.notes == []
    assert ledger.checked["answers"] > 2 * 4 * ROWS
    assert ledger.checked["values by reference libraries"] >= 3 * 5


@pytest.mark.parametrize(
    "place",
    [
        ("results", 0, "metrics", "accuracy", "value"),
        ("results", 0, "metrics", "brier", "high"),
        ("results", 1, "metrics", "log_loss", "value"),
        ("results", 2, "metrics", "accuracy", "value"),
        ("results", 3, "metrics", "macro_f1", "low"),
        ("results", 0, "reliability", 0, "accuracy"),
        ("results", 0, "ece_equal_mass"),
        ("results", 0, "selective", "area", "low"),
        ("results", 0, "selective", "at", 0, "value"),
        ("results", 0, "places", "bias"),
        ("results", 0, "places", "over_orders", "high"),
        ("results", 0, "topics", "lungs", "value"),
        ("results", 3, "unread"),
        ("majority",),
        ("chance",),
    ],
)
def test_a_number_that_was_changed_is_named(run: Path, place: tuple[Any, ...]) -> None:
    def other(exam: dict[str, Any]) -> None:
        part: Any = exam
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = (part[place[-1]] or 0) + 0.01

    change(run, other)
    assert any(key.endswith(str(place[-1])) for key in keys(verify(run, with_pages=False)))


def test_a_sentence_that_was_changed_is_named(run: Path) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    report["verdict"][0] = "Better than a physician."
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert "verdict[0]" in keys(verify(run, with_pages=False))


@pytest.mark.parametrize("way", ["letters", "options", "generate"])
def test_a_choice_that_was_changed_is_named(run: Path, way: str) -> None:
    path = run / f"predictions/base.ours.{way}.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines[3]["chosen"] = ((lines[3]["chosen"] or 0) + 1) % 4
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert f"{lines[3]['id']}: chosen in order 0123" in keys(verify(run, with_pages=False))


@pytest.mark.parametrize("how", ["left out", "moved", "cut", "of another kind"])
def test_a_line_that_is_not_as_it_was_is_named(run: Path, how: str) -> None:
    path = run / "predictions/base.ours.letters.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if how == "left out":
        del lines[2]
    elif how == "moved":
        lines.insert(0, lines.pop())
    elif how == "cut":
        lines[-1] = lines[-1][:50]
    else:
        lines[2] = json.dumps({"id": "q2"}) + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    assert "questions and their order" in keys(verify(run, with_pages=False))


def test_answers_without_their_order_are_checked_in_part(run: Path) -> None:
    change(run, lambda exam: exam.pop("ids_sha256"))
    ledger = verify(run, with_pages=False)
    assert keys(ledger) == set() and "earlier version" in ledger.notes[-1]
    change(run, lambda exam: exam["results"][0]["metrics"]["accuracy"].update(value=0.9))
    assert any(key.endswith("accuracy.value") for key in keys(verify(run, with_pages=False)))


def test_slow_twins_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    drawn = random.Random(4)
    items = [
        Prediction(
            f"q{n}", "", "", "", (), options=("a", "b", "c"), right=drawn.randrange(3),
            option_logprobs=(scores := tuple(drawn.gauss(-3, 1) for _ in range(3))), chosen=scores.index(max(scores)),
        )
        for n in range(200)
    ]  # fmt: skip
    found = options.values(items)
    right, chosen = ([getattr(item, name) for item in items] for name in ("right", "chosen"))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(right, chosen, average="macro"))
    shares = [options._softmax(item.option_logprobs) for item in items]
    assert found["log_loss"] == pytest.approx(metrics.log_loss(right, shares))
