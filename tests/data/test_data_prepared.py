import json
import os
import time
from pathlib import Path

import pytest

from medlms import config, data
from medlms.data import flow
from medlms.errors import ConfigError, DataError

SHARED = Path(os.environ.get("MEDLMS_DATA") or Path(__file__).parents[3] / "shared" / "data")


def records(topics: int, each: int, name: str = "n") -> list[dict]:
    return [
        {"question": f"Question {n} on {name} {t} ?", "answer": f"Answer {n} of {name} {t}.", "topic": f"{name} {t}"}
        for t in range(topics)
        for n in range(each)
    ]


def make(*sources, **split) -> config.Config:
    return config.load({"model": "x", "data": list(sources), "split": split})[0]


def test_the_whole_way_on_a_file(table) -> None:
    path = table(
        "mine.jsonl",
        [
            *records(30, 3),
            {"question": "Question 0 on n 0 ?", "answer": "Answer 0 of n 0."},
            {"question": "Question 0 on n 1 ?", "answer": "Another answer.", "topic": "n 1"},
            {"question": "", "answer": "x"},
        ],
    )
    prepared = data.prepare(make(path, train=40, dev=5, eval=8))
    account = prepared.report["sources"]["mine"]
    assert account["rows_in"] == 93
    assert account["dropped"] == {"empty question": 1, "question and answer repeat another row": 1}
    assert account["cleaned"]["space before the question mark"] == 92
    assert account["kept"] == 91 == account["train"] + account["dev"] + account["eval"] + account["not_drawn"]
    assert (len(prepared.train), len(prepared.dev), len(prepared.eval)) == (40, 5, 8)
    assert all(row.group for side in (prepared.train, prepared.dev, prepared.eval) for row in side)
    assert json.loads(json.dumps(prepared.report)) == prepared.report
    assert prepared.report["identifiers"]["by_source"]["mine"]["rows"] == 53
    assert any("identifiers" in sentence for sentence in prepared.said)
    assert data.prepare(make(path, train=40, dev=5, eval=8), look=False).report["identifiers"]["scanned"] is False
    assert list(prepared.files) == [path]
    assert set(prepared.references) == {row.id for row in (*prepared.dev, *prepared.eval)}
    (shown,) = prepared.report["dropped_examples"]["empty question"]
    assert shown["place"] == f"{path}:93"


def test_all_answers_of_a_question_are_references(table) -> None:
    rows = [{"question": f"Q{n}?", "answer": f"Answer {k} to {n}."} for n in range(20) for k in range(3)]
    prepared = data.prepare(make(table("mine.jsonl", rows), train=20, dev=3, eval=5))
    for row in prepared.eval:
        number = row.question.strip("Q?")
        assert prepared.references[row.id][0] == row.answer
        assert sorted(prepared.references[row.id]) == [f"Answer {k} to {number}." for k in range(3)]
    assert any("no topic column" in sentence for sentence in prepared.said)
    assert prepared.report["repeated_questions"] == {"questions_with_several_answers": 20, "rows_in_them": 60}


def test_the_same_config_gives_the_same_set(table) -> None:
    path = table("mine.jsonl", records(20, 3))
    assert data.prepare(make(path, dev=3, eval=5)) == data.prepare(make(path, dev=3, eval=5))


def test_two_files_of_one_name_and_one_file_twice(table, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, two = table("mine.jsonl", records(20, 2, "a")), table("other/mine.jsonl", records(20, 2, "b"))
    named = table("medquad.jsonl", records(20, 2, "c"))
    prepared = data.prepare(make(one, two, named, train=60, dev=6, eval=6))
    assert list(prepared.report["sources"]) == ["mine", "mine-2", "medquad-2"]
    assert prepared.report["mixture"]["train"] == {"mine": 0.3333, "mine-2": 0.3333, "medquad-2": 0.3333}
    with pytest.raises(ConfigError, match="twice"):
        data.prepare(make(one, one, dev=3, eval=3))


def test_a_mixture_that_can_not_be_had_is_said(table) -> None:
    big, small = table("big.jsonl", records(60, 3, "a")), table("small.jsonl", records(12, 2, "b"))
    said = " ".join(data.prepare(make(big, small, train=100, dev=5, eval=10)).said)
    assert "asked were big 50 %, small 50 %: a source has too few rows" in said


def test_too_small(table) -> None:
    with pytest.raises(DataError, match="too small to split"):
        data.prepare(make(table("mine.jsonl", records(2, 2)), dev=1, eval=1))


def test_a_report_that_does_not_add_up_is_refused() -> None:
    good = {"rows_in": 3, "kept": 2, "dropped": {"x": 1}, "train": 1, "dev": 0, "eval": 1, "not_drawn": 0}
    flow.check({"sources": {"a": good}})
    for key in ("rows_in", "kept", "train"):
        with pytest.raises(ArithmeticError):
            flow.check({"sources": {"a": {**good, key: 9}}})


@pytest.mark.skipif(not (SHARED / "medquad").is_dir(), reason="the originals are not here (set MEDLMS_DATA)")
def test_medquad_and_wikidoc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", str(SHARED))
    start = time.process_time()
    wanted = make("medquad", "wikidoc", "wikidoc_patient_information", train=1900, dev=100, eval=100)
    prepared = data.prepare(wanted, look=False)  # the scan for identifiers is measured apart
    seconds = time.process_time() - start
    totals = prepared.report["totals"]
    assert totals["rows_in"] == 47_441 + 1_000 + 5_942
    assert (totals["train"], totals["dev"], totals["eval"]) == (1900, 100, 100)
    assert prepared.report["groups"]["rows_per_group_in_eval_at_most"] == 1
    assert prepared.report["mixture"]["eval"] == {"medquad": 0.34, "wikidoc": 0.33, "wikidoc_patient_information": 0.33}
    assert {item["licence"] for item in prepared.report["licences"]} == {"CC BY 4.0", "CC BY-SA"}
    assert seconds < 60  # of the processor; a few are usual


def test_an_account_names_files_and_no_places() -> None:
    from medlms.data.report import _without_place

    assert _without_place({"/a/b/secret/a.csv": "1"}) == {"secret/a.csv": "1"}
    assert _without_place({"a.csv": "1"}) == {"a.csv": "1"}
    assert _without_place({}) == {}
    both = {"/one/x/a.csv": "1", "/two/x/a.csv": "2"}
    assert _without_place(both) == {"one/x/a.csv": "1", "two/x/a.csv": "2"}


def test_the_licence_of_a_file_is_what_the_config_says(table) -> None:
    path = table("mine.jsonl", records(20, 3))
    settings = {"model": "m", "split": {"dev": 3, "eval": 5}}
    named = {**settings, "data": [{"source": path, "licence": "CC BY-NC 4.0"}]}
    prepared = data.prepare(config.load(named)[0])
    assert {row.licence for row in prepared.train} == {"CC BY-NC 4.0"}
    assert [item["licence"] for item in prepared.report["licences"]] == ["CC BY-NC 4.0"]
    assert any("commercial" in sentence for sentence in prepared.report["terms"])
    known = {**settings, "data": [{"source": "starter", "licence": "mine"}]}
    with pytest.raises(ConfigError, match=r"data\.licence: starter is a known set under CC BY"):
        data.prepare(config.load(known)[0])
