"""The readers on the published files, where MEDLMS_DATA names them: counts as their authors and our notes give them."""

import os
from collections import Counter

import pytest

from medlms import datasets
from medlms.config import DataSource

REAL = os.environ.get("MEDLMS_DATA", "")
pytestmark = [pytest.mark.skipif(not REAL, reason="MEDLMS_DATA is not set"), pytest.mark.slow]


@pytest.fixture(autouse=True)
def originals(nothing_at_hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", REAL)


# (exam, part): rows, how often each option is right (as far as counted), rows with equal options
EXAMS = {
    ("medqa", "test"): (1273, {0: 353, 1: 309, 2: 346, 3: 265}, 0),
    ("medmcqa", "dev"): (4183, {0: 1348, 3: 825}, 21),
    ("pubmedqa", "test"): (500, {0: 276, 1: 169, 2: 55}, 0),
    ("pubmedqa", "train"): (500, {0: 276, 1: 169, 2: 55}, 0),
    ("mmlu_medical", "test"): (1089, {}, 0),
    ("mmlu_medical", "val"): (123, {}, 0),
    ("mmlu_medical", "dev"): (30, {}, 0),
    ("mmlu_pro_health", "test"): (818, {}, 0),
    ("mmlu_pro_health", "dev"): (5, {}, 1),
}


@pytest.mark.parametrize(("name", "part"), EXAMS)
def test_exams(name: str, part: str) -> None:
    rows, right, equal = EXAMS[name, part]
    read = datasets.exam(name, part=part, offline=True)
    assert read.rows_in == rows == len(read.rows) + len(read.faults)
    assert Counter(fault.reason for fault in read.faults) == ({"equal options": equal} if equal else {})
    asked = [*read.rows, *read.doubtful]
    found = Counter(row.answer for row in asked)
    assert {index: found[index] for index in right} == right
    assert len({row.id for row in asked}) == rows
    assert all(0 <= row.answer < len(row.options) for row in asked)


def test_mmlu_by_subject_and_what_repeats() -> None:
    read = datasets.exam("mmlu_medical", offline=True)
    assert Counter(row.topic for row in read.rows) == {
        "anatomy": 135,
        "clinical knowledge": 265,
        "college biology": 144,
        "college medicine": 173,
        "medical genetics": 100,
        "professional medicine": 272,
    }
    assert any("78 questions stand in two subjects" in sentence for sentence in read.said)


def test_pubmedqa_shows_the_abstract_without_its_conclusion() -> None:
    read = datasets.exam("pubmedqa", offline=True)
    assert all(row.options == ("yes", "no", "maybe") and row.context and row.explanation for row in read.rows)
    assert not [row.id for row in read.rows if row.explanation in row.context]


def test_questions_and_summaries() -> None:
    asked = datasets.questions("health_search_qa", offline=True)
    assert len(asked.rows) == asked.rows_in == 3173
    assert len({datasets.normalised(row.question) for row in asked.rows}) == 3156
    summaries = datasets.load(DataSource(source="meqsum"), offline=True)
    assert len(summaries.examples) == summaries.rows_in == 1000


@pytest.mark.parametrize(
    ("name", "rows", "usable"),
    [("medquad", 47_441, 16_407), ("wikidoc", 1000, 1000), ("wikidoc_patient_information", 5942, 5942)],
)
def test_questions_with_answers(name: str, rows: int, usable: int) -> None:
    loaded = datasets.load(DataSource(source=name), offline=True)
    assert (loaded.rows_in, len(loaded.examples)) == (rows, usable)
