"""The numbers that were counted over the originals by other scripts; skipped where these are not here."""

import csv
import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.data import contamination, near
from medlms.datasets import normalised
from medlms.types import QA, Choice

SHARED = Path(os.environ.get("MEDLMS_DATA") or Path(__file__).parents[3] / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not (SHARED / "medquad").is_dir(), reason="the originals are not here (set MEDLMS_DATA)"
)


@pytest.fixture
def originals(monkeypatch: pytest.MonkeyPatch) -> list[QA]:
    monkeypatch.setenv("MEDLMS_DATA", str(SHARED))
    names = ("medquad", "wikidoc", "wikidoc_patient_information")
    return [row for name in names for row in datasets.load(DataSource(source=name), offline=True).examples]


def exam_questions() -> list[Choice]:
    made = []
    with gzip.open(SHARED / "medqa_usmle" / "phrases_no_exclude_test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            made.append(
                Choice(f"medqa/{number}", "medqa", "MIT", "", row["question"], tuple(row["options"].values()), 0)
            )
    for path in sorted((SHARED / "mmlu_medical").glob("*_test.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.reader(file)):
                made.append(Choice(f"{path.stem}/{number}", "mmlu", "MIT", "", row[0], tuple(row[1:5]), 0))
    return made


def test_near_answers_and_exams(originals: list[QA]) -> None:
    texts = list(dict.fromkeys(normalised(row.answer) for row in originals))
    assert sum(text.count(" ") >= near.SHORTEST - 1 for text in texts) == 20_804
    sizes = Counter(near.clusters(texts).tolist())
    several = [size for size in sizes.values() if size > 1]
    # MinHash with cut buckets found 873 in 162; nothing is cut here.
    assert (len(several), sum(several)) == (162, 888)
    exams = exam_questions()
    assert len(exams) == 1_273 + 1_089
    account = contamination.account(originals, contamination.index(exams))
    assert account["rows"] == 16_407 + 1_000 + 5_942
    equal = {normalised(row.question) for row in originals} & {normalised(row.question) for row in exams}
    assert not equal
    assert 0 < account["rows_hit"] < 500
