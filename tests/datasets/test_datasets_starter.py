import json
from pathlib import Path

import pytest

from medlms.datasets import starter
from medlms.errors import DataError
from medlms.types import Choice

ROW = {
    "id": "hiccups-information",
    "topic": "Hiccups",
    "type": "information",
    "question": "What are hiccups?",
    "answer": "Hiccups are sudden tugs of the muscle under the lungs.",
    "passages": ["medquad/1_First_QA/0000001#2", "wikidoc_patient_information/7"],
}
EXAM = {
    "id": "exam-hiccups-1",
    "topic": "Hiccups",
    "question": "Which muscle causes hiccups?",
    "options": {"A": "The heart", "B": "The diaphragm", "C": "The tongue", "D": "The calf"},
    "answer": "B",
    "passages": ["medquad/1_First_QA/0000001#2"],
}


def write(folder: Path, name: str, *rows: dict) -> Path:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_rows_are_linked_to_what_they_restate(tmp_path: Path) -> None:
    loaded = starter.read(folder=write(tmp_path, "questions.jsonl", ROW))
    (row,) = loaded.examples
    assert (row.id, row.kind, row.licence) == ("starter/hiccups-information", "information", "CC BY 4.0")
    assert row.links == (
        "topic:hiccups",
        "row:medquad/1_First_QA/0000001#2",
        "row:wikidoc_patient_information/7",
        "document:medquad/1_First_QA/0000001",
    )
    assert "not reviewed by a clinician" in loaded.source.title


def test_exam(tmp_path: Path) -> None:
    (question,) = starter.exam(folder=write(tmp_path, "exam.jsonl", EXAM))
    assert isinstance(question, Choice)
    assert question.options[question.answer] == "The diaphragm"


@pytest.mark.parametrize(
    "change", [{"options": {"A": "x", "B": "y"}}, {"answer": "E"}, {"answer": None}, {"question": " "}, {"topic": 3}]
)
def test_broken_exam_rows_name_the_line(tmp_path: Path, change: dict) -> None:
    with pytest.raises(DataError, match=r"exam\.jsonl:2"):
        starter.exam(folder=write(tmp_path, "exam.jsonl", EXAM, {**EXAM, "id": "other", **change}))


def test_an_id_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="twice"):
        starter.read(folder=write(tmp_path, "questions.jsonl", ROW, ROW))


def test_the_package_holds_the_starter_set() -> None:
    folder = Path(starter.__file__).parent / "starter"
    if not folder.is_dir():
        pytest.skip("the starter files are not in this checkout yet")
    rows, exam = starter.read().examples, starter.exam()
    assert len(rows) >= 320
    assert len({row.topic for row in rows}) >= 60
    assert len(exam) >= 40
    assert all(row.links for row in rows)


def test_a_package_without_its_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing from the package"):
        starter.read(folder=tmp_path)
