"""The starter set is what its README says, and the script that holds it against its passages can fail."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from pathlib import Path

import pytest

import check_starter
from medlms.types import QA

PASSAGE = QA(
    "p/1",
    "p",
    "none",
    "p:1",
    "What is gout?",
    "Gout is a painful swelling of a joint, often the big toe, from crystals of uric acid.",
)
GOOD = {
    "id": "gout-information",
    "topic": "Gout",
    "type": "information",
    "question": "What is gout?",
    "passages": ["p/1"],
    "answer": "Gout is painful swelling of a joint. It is often in the big toe. The pain comes from crystals of uric acid. "
    "Gout is a swelling. The toe is painful. The joint is painful. The crystals are often in the joint. The acid is uric acid.",
}


def test_a_good_row_has_no_fault() -> None:
    assert check_starter.faults_of(GOOD, {"p/1": PASSAGE}, set()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"answer": "Too short."}, "words"),
        ({"answer": GOOD["answer"] + " It strikes 7 times."}, "numbers"),
        (
            {
                "answer": "Rivers run down green hills while happy children sing old songs about distant shining lands. "
                * 3
            },
            "content words",
        ),
        ({"type": "story"}, "type"),
        ({"passages": ["p/2"]}, "passages"),
        ({"passages": []}, "passages"),
        ({"answer": PASSAGE.answer + " " + GOOD["answer"]}, "in a row"),
    ],
)
def test_faults_are_found(change: dict[str, object], fault: str) -> None:
    runs = check_starter.all_runs([PASSAGE])
    found = check_starter.faults_of({**GOOD, **change}, {"p/1": PASSAGE}, runs)
    assert any(fault in text for text in found), found


def test_the_starter_set_is_as_large_and_as_plain_as_said() -> None:
    questions, exam = check_starter.rows("questions.jsonl"), check_starter.rows("exam.jsonl")
    assert len(questions) >= 320
    assert len(exam) >= 40
    assert len({row["topic"] for row in questions}) >= 60
    assert {row["type"] for row in questions} == check_starter.TYPES
    assert statistics.median(check_starter.grade(row["answer"]) for row in questions) <= 8
    assert all(40 <= len(row["answer"].split()) <= 80 for row in questions)
    assert len({row["id"] for row in [*questions, *exam]}) == len(questions) + len(exam)
    letters = Counter(row["answer"] for row in exam)
    assert max(letters.values()) <= len(exam) / 3


def test_every_row_stands_on_its_passages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    beside = Path(__file__).parents[2].parent / "shared" / "data"
    folder = os.environ.get("MEDLMS_DATA") or (str(beside) if beside.is_dir() else "")
    if not folder or not (Path(folder) / "medquad").is_dir():
        pytest.skip("the original data sets are not here (set MEDLMS_DATA)")
    monkeypatch.setenv("MEDLMS_DATA", folder)
    assert check_starter.main() == 0, capsys.readouterr().out
