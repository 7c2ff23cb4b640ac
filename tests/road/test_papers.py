"""Exams made ready to be asked: their questions and groups, faults, and where solved examples come from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from medlms import errors
from medlms.config import Exam
from medlms.datasets import normalised
from medlms.evaluate.chance import floor
from medlms.road.papers import SPARE, Paper, paper, papers
from medlms.types import Prediction

REAL = os.environ.get("MEDLMS_DATA", "")
published = pytest.mark.skipif(not REAL, reason="MEDLMS_DATA is not set")


def ready(name: str, **settings: object) -> Paper:
    return paper(name, Exam(**settings), say=lambda text: None)


def write(path: Path, questions: list[str]) -> str:
    rows = [{"question": text, "options": ["one", "two", "three"], "answer": "two"} for text in questions]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_question_that_stands_twice_is_one_group(tmp_path: Path) -> None:
    found = ready(write(tmp_path / "my exam.jsonl", ["What is gout?", "What  is GOUT?", "What is flu?"]))
    assert found.name == "my-exam"
    assert len(found.rows) == 3 and len({row.group for row in found.rows}) == 2


def test_only_the_first_rows_are_asked_and_the_rest_is_counted() -> None:
    found = ready("starter", rows=5)
    account = found.account()
    assert (account["rows_in"], account["asked"], account["left"], account["set_aside"]) == (52, 5, 47, {})
    assert [row.id for row in found.rows] == [row.id for row in ready("starter").rows][:5]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    names = [write(tmp_path / "x.jsonl", ["A?"]), write(tmp_path / "b" / "x.csv.jsonl", ["B?"])]
    with pytest.raises(errors.AskedWrongly, match="two exams are called 'x'"):
        papers(names, Exam(), say=lambda text: None)


def test_solved_examples_from_a_file_leave_out_the_question_itself(tmp_path: Path) -> None:
    asked = write(tmp_path / "asked.jsonl", ["One?", "Two?"])
    pool = write(tmp_path / "pool.jsonl", ["Two?", "Three?", "ONE", "Four?"])
    found = ready(asked, shots=2, examples_from=pool)
    assert [row.question for row in found.shots(found.rows[0])] == ["Two?", "Three?"]
    assert [row.question for row in found.shots(found.rows[1])] == ["Three?", "ONE"]
    assert "2 solved examples" in found.shown and "the same for all" in found.shown
    with pytest.raises(errors.AskedWrongly, match="5 solved examples are wanted"):
        ready(asked, shots=5, examples_from=pool)


@published
@pytest.mark.parametrize(
    ("name", "read", "asked", "chance", "majority", "answer"),
    [
        ("pubmedqa", 500, 500, 1 / 3, 0.552, "yes"),
        ("medqa", 1273, 1273, 0.25, 353 / 1273, "A"),
        ("mmlu-professional-medicine", 272, 272, 0.25, 122 / 272, "D"),
    ],
)
def test_floors_of_published_exams(
    name: str, read: int, asked: int, chance: float, majority: float, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLMS_DATA", REAL)
    found = ready(name)
    assert found.account()["rows_in"] == read and len(found.rows) == asked
    below = floor([
        Prediction(row.id, row.group, "", "", (), options=row.options, right=row.answer) for row in found.rows
    ])  # fmt: skip
    assert (below.chance, below.answer) == (pytest.approx(chance), answer)
    assert below.majority == pytest.approx(majority)


@published
def test_solved_examples_of_published_exams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", REAL)
    for name in ("medqa", "starter"):  # no training part here
        found = ready(name, shots=5)
        assert SPARE in found.shown
        assert {normalised(row.topic) for row in found.shots(found.rows[0])} == {"professional medicine"}
    anatomy = ready("mmlu-anatomy", shots=5)
    assert {row.topic for row in anatomy.shots(anatomy.rows[0])} == {"anatomy"}
    mixed = ready("mmlu_medical", shots=5)
    assert all({shot.topic for shot in mixed.shots(row)} == {row.topic} for row in mixed.rows[::200])
    nearest = ready("pubmedqa", shots=3, examples="nearest")
    assert "pubmedqa, part train (500 rows), the most similar ones" in nearest.shown
    tests = {row.id for row in nearest.rows}
    assert not any(shot.id in tests for row in nearest.rows[:20] for shot in nearest.shots(row))
