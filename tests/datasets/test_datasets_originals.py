"""The published originals, counted: what the loaders make of them must be what their description says."""

import os
from collections import Counter
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.data import clean, duplicates, split, topics

SHARED = Path(os.environ.get("MEDLMS_DATA") or Path(__file__).parents[3] / "shared" / "data")
pytestmark = pytest.mark.skipif(
    not (SHARED / "medquad").is_dir(), reason="the originals are not here (set MEDLMS_DATA)"
)


@pytest.fixture(scope="module")
def loaded() -> dict[str, datasets.Loaded]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDLMS_DATA", str(SHARED))
        names = ("medquad", "wikidoc", "wikidoc_patient_information")
        return {name: datasets.load(DataSource(source=name), offline=True) for name in names}


def test_medquad_counts(loaded: dict[str, datasets.Loaded]) -> None:
    item = loaded["medquad"]
    assert (item.rows_in, len(item.examples)) == (47_441, 16_407)
    assert Counter(fault.reason for fault in item.faults) == {"empty answer": 31_034}
    assert len({row.id for row in item.examples}) == 16_407
    assert "11,274 documents (the documents of commit" in item.said[0]
    by_folder = Counter(row.id.split("/")[1] for row in item.examples)
    assert (by_folder["1_CancerGov_QA"], by_folder["2_GARD_QA"], by_folder["9_CDC_QA"]) == (729, 5_389, 270)


def test_medquad_questions_answers_and_foci(loaded: dict[str, datasets.Loaded]) -> None:
    rows = loaded["medquad"].examples
    assert len({datasets.normalised(row.question) for row in rows}) == 14_298
    assert len({datasets.normalised(row.answer) for row in rows}) == 15_808
    assert len({datasets.normalised(row.topic) for row in rows}) == 4_712  # the empty one counted
    _, dropped = duplicates.drop(rows)
    assert len(dropped) == 48


def test_medquad_groups(loaded: dict[str, datasets.Loaded]) -> None:
    sizes = Counter(row.group for row in split.grouped(loaded["medquad"].examples))
    assert (len(sizes), max(sizes.values())) == (3_874, 58)


def test_wikidoc_counts(loaded: dict[str, datasets.Loaded]) -> None:
    assert loaded["wikidoc"].said == ["wikidoc: the first 1,000 of 10,000 rows, found in MEDLMS_DATA"]
    patient = loaded["wikidoc_patient_information"]
    assert (patient.rows_in, len(patient.examples)) == (5_942, 5_942)
    assert "the published file" in patient.said[0]
    assert len({datasets.normalised(row.question) for row in patient.examples}) == 5_767
    assert len(duplicates.drop(patient.examples)[1]) == 101


def test_noise_is_found_as_described(loaded: dict[str, datasets.Loaded]) -> None:
    medquad = clean.clean(loaded["medquad"].examples, datasets.noise("medquad"))
    assert medquad.changed["doubled question mark"] == 322
    assert medquad.changed["question repeated in the answer"] > 3_900
    reasons = Counter(fault.reason for fault in medquad.dropped)
    assert reasons == {
        "answer is a list of link titles": 1_085,
        "answer is nothing but a question": 17,
        "answer breaks off": 1,
    }
    wikidoc = clean.clean(loaded["wikidoc"].examples, datasets.noise("wikidoc"))
    reasons = Counter(fault.reason for fault in wikidoc.dropped)
    assert reasons["question left over from a chat"] == 58
    assert reasons["answer of links or template marks only"] == 7
    assert not any("Template:" in row.answer for row in wikidoc.examples)
    patient = clean.clean(loaded["wikidoc_patient_information"].examples, datasets.noise("wikidoc_patient_information"))
    assert patient.changed["percent escapes"] == 140
    assert patient.changed["space before the question mark"] == 2_013


def test_wikidoc_rows_join_the_focus_they_name(loaded: dict[str, datasets.Loaded]) -> None:
    rows = [*loaded["medquad"].examples, *loaded["wikidoc_patient_information"].examples]
    grouped = split.grouped(topics.name(rows, loaded["medquad"].topics)[0])
    ours = {row.group for row in grouped if row.source == "medquad"}
    shared = [row for row in grouped if row.source != "medquad" and row.group in ours]
    assert len(shared) >= 2_037
    assert max(Counter(row.group for row in grouped).values()) < 150
