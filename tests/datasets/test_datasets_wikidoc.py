import gzip
import json
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.datasets import wikidoc, wikidoc_patient_information
from medlms.errors import DataError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDLMS_DATA", str(tmp_path))
    folder = tmp_path / "medical_meadow_wikidoc"
    folder.mkdir()
    return folder


def load():
    return datasets.load(DataSource(source="wikidoc"), offline=True)


def test_rows_faults_and_ids(shelf: Path) -> None:
    rows = [
        {"instruction": "Answer", "input": "What is a bruise?", "output": " A mark.\r\n"},
        {"instruction": "Answer", "input": "What is a scar?", "output": ""},
        {"instruction": "Answer", "input": 7, "output": "x"},
        "not an object",
        {"instruction": "Answer", "input": "What is a graze?", "output": "A scrape."},
    ]
    (shelf / "medical_meadow_wikidoc_first1000.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    loaded = load()
    assert [row.id for row in loaded.examples] == ["wikidoc/1", "wikidoc/5"]
    assert [fault.reason for fault in loaded.faults] == ["empty answer", "wrong type", "wrong type"]
    assert loaded.faults[0].place.endswith("#2")
    assert loaded.rows_in == 5
    assert loaded.said == ["wikidoc: the first 5 of 10,000 rows, found in MEDLMS_DATA"]


@pytest.mark.parametrize("content", [b'[{"input": "a", "output": "b"}, {"inp', b"[]", b'{"a": 1}', b""])
def test_broken_files(shelf: Path, content: bytes) -> None:
    (shelf / "medical_meadow_wikidoc.json").write_bytes(content)
    with pytest.raises(DataError, match=r"medical_meadow_wikidoc\.json"):
        load()


def test_cut_off_gzip(shelf: Path) -> None:
    content = gzip.compress(json.dumps([{"input": "a" * 500, "output": "b"}]).encode())
    (shelf / "medical_meadow_wikidoc.json.gz").write_bytes(content[:-12])
    with pytest.raises(DataError, match="cut off"):
        load()


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("What are the symptoms of Sore throat?", "Sore throat"),
        ("What to expect if I have Crohn%27s disease  (Outlook/Prognosis)?", "Crohn's disease"),
        ("When to seek urgent medical care when I have  an Ankle sprain ?", "Ankle sprain"),
        ("Who is at highest risk for Hay fever patient information?", "Hay fever"),
        ("What causes this condition?", ""),
        ("Should I take any OTC pain medications?", ""),
    ],
)
def test_headings_name_the_page(question: str, topic: str) -> None:
    assert wikidoc_patient_information.topic(question) == topic


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What is the medical treatment for diphtheria?", "diphtheria"),
        ("Can you provide an overview of Brucellosis, please?", "Brucellosis"),
        ("What does atrial septal defect mean?", "atrial septal defect"),
        ("When was it found?", ""),
    ],
)
def test_last_words_name_the_subject(question: str, subject: str) -> None:
    assert wikidoc.subject(question) == subject
