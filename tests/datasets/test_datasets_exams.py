"""The readers of exams on small files of our own in the formats in which the exams are published."""

import csv
import json
from pathlib import Path

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.errors import AskedWrongly, ConfigError, DataError, FetchError
from medlms.types import Choice

OPTIONS = {"A": "The heart", "B": "The liver", "C": "The lung", "D": "The skin"}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MEDLMS_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()

    def make(name: str) -> Path:
        folder = tmp_path / "data" / name
        folder.mkdir(exist_ok=True)
        return folder

    return make


def lines(path: Path, rows: list) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def places(read) -> list[tuple[str, str]]:
    return [(fault.place.rsplit(":", 1)[1], fault.reason) for fault in read.faults]


def medqa(**changes: object) -> dict:
    row = {
        "question": "Which organ pumps blood?",
        "options": OPTIONS,
        "answer_idx": "A",
        "answer": "The heart",
        "meta_info": "step1",
    }
    return {key: value for key, value in {**row, **changes}.items() if value is not ...}


def test_medqa_and_every_fault_of_a_row(shelf) -> None:
    rows = [
        medqa(),
        medqa(answer_idx=None, answer=None),
        medqa(answer_idx="E"),
        medqa(options={**OPTIONS, "D": "the  Heart"}),
        medqa(answer="The liver"),
        medqa(question=" "),
        medqa(options={"A": "The heart"}),
        medqa(options={**OPTIONS, "C": ""}),
        "{",
        medqa(question=7),
    ]
    lines(shelf("medqa_usmle") / "phrases_no_exclude_test.jsonl", rows)
    read = datasets.exam("medqa", offline=True)
    assert [(row.question, row.options, row.answer, row.kind) for row in read.rows] == [
        ("Which organ pumps blood?", tuple(OPTIONS.values()), 0, "exam")
    ]
    assert read.rows[0].id == "medqa/1" and read.rows[0].licence == "MIT"
    assert places(read) == [
        ("2", "no answer"),
        ("3", "answer outside the options"),
        ("4", "equal options"),
        ("5", "answer and letter disagree"),
        ("6", "empty question"),
        ("7", "fewer than two options"),
        ("8", "empty option"),
        ("9", "broken row"),
        ("10", "wrong type"),
    ]
    assert read.rows_in == 10 == len(read.rows) + len(read.faults)
    assert [row.place.rsplit(":", 1)[1] for row in read.doubtful] == ["4"]
    assert any("equal options" in sentence for sentence in read.said)


def medmcqa(number: int, cop: object, **rest: object) -> dict:
    row = {
        "id": f"id-{number}",
        "question": f"Question {number}?",
        "opa": "one",
        "opb": "two",
        "opc": "three",
        "opd": "four",
    }
    return {
        **row,
        "cop": cop,
        "subject_name": "Anatomy",
        "topic_name": None,
        "exp": "Ans. is 'b'",
        "choice_type": "multi",
        **rest,
    }


def test_medmcqa_counts_from_1_in_the_original_and_from_0_in_the_hub_copy(shelf) -> None:
    folder = shelf("medmcqa")
    lines(folder / "dev.json", [medmcqa(n, n) for n in (1, 2, 3, 4)])
    original = datasets.exam("medmcqa", offline=True)
    assert [row.answer for row in original.rows] == [0, 1, 2, 3]
    assert original.rows[0].id == "medmcqa/id-1"
    assert (original.rows[0].topic, original.rows[0].explanation) == ("Anatomy", "Ans. is 'b'")
    assert any("counted from 1" in sentence for sentence in original.said)
    lines(folder / "dev.json", [medmcqa(n, n - 1) for n in (1, 2, 3, 4)])
    copy = datasets.exam("medmcqa", offline=True)
    assert [row.answer for row in copy.rows] == [0, 1, 2, 3]
    assert any("counted from 0" in sentence for sentence in copy.said)
    lines(folder / "dev.json", [medmcqa(1, 1), medmcqa(2, 2)])
    assert [row.answer for row in datasets.exam("medmcqa", offline=True).rows] == [0, 1]


def test_medmcqa_from_the_hubs_parquet(shelf) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    writer = pytest.importorskip("pyarrow.parquet")
    path = shelf("medmcqa") / "validation-00000-of-00001.parquet"
    writer.write_table(pyarrow.Table.from_pylist([medmcqa(1, 1), medmcqa(2, 2), medmcqa(3, -1)]), path)
    read = datasets.exam("medmcqa", offline=True)
    assert [row.answer for row in read.rows] == [1, 2]
    assert [fault.reason for fault in read.faults] == ["no answer"]


def test_medmcqa_numbers_that_fit_neither_counting_are_faults(shelf) -> None:
    lines(shelf("medmcqa") / "dev.json", [medmcqa(n, cop) for n, cop in enumerate((1, 4, 5, None, "x"), 1)])
    read = datasets.exam("medmcqa", offline=True)
    assert places(read) == [
        ("3", "answer outside the options"),
        ("4", "no answer"),
        ("5", "answer outside the options"),
    ]


def test_mmlu_reads_six_subjects_without_headers(shelf) -> None:
    from medlms.datasets import mmlu_medical

    folder = shelf("mmlu_medical")
    for subject in mmlu_medical.SUBJECTS:
        with (folder / f"{subject}_test.csv").open("w", newline="") as file:
            csv.writer(file).writerow([f"What, in {subject}?", "a", "b", "c", "d", "C"])
            csv.writer(file).writerow(
                ["The same?", "a", "b", "c", "d", "A"] if subject < "b" else ["No?", "a", "a", "c", "d", "A"]
            )
    read = datasets.exam("mmlu_medical", offline=True)
    assert [row.id for row in read.rows[:3]] == [
        "mmlu_medical/test/anatomy/1",
        "mmlu_medical/test/anatomy/2",
        "mmlu_medical/test/clinical_knowledge/1",
    ]
    assert (read.rows[0].question, read.rows[0].answer, read.rows[0].topic) == ("What, in anatomy?", 2, "anatomy")
    assert places(read) == [("2", "equal options")] * 5
    assert len(read.files) == 6
    with pytest.raises(FetchError, match=r"anatomy_dev\.csv"):
        datasets.exam("mmlu_medical", part="dev", offline=True)


def test_mmlu_pro_in_both_published_forms(shelf) -> None:
    row = {
        "realidx": 5,
        "question": "Which?",
        "options": OPTIONS,
        "answer_idx": "C",
        "category": "health",
        "src": "ori_mmlu-virology",
        "answer": "The lung",
    }
    folder = shelf("mmlu_pro_health")
    lines(folder / "test.jsonl", [row])
    read = datasets.exam("mmlu_pro_health", offline=True)
    assert (read.rows[0].id, read.rows[0].answer, len(read.rows[0].options)) == ("mmlu_pro_health/5", 2, 4)
    hub = {
        "question_id": 9,
        "question": "Which?",
        "options": list(OPTIONS.values()),
        "answer": "D",
        "answer_index": 3,
        "src": "x",
    }
    lines(folder / "test.jsonl", [{**hub, "category": "health"}, {**hub, "question_id": 10, "category": "law"}])
    read = datasets.exam("mmlu_pro_health", offline=True)
    assert [(row.id, row.answer) for row in read.rows] == [("mmlu_pro_health/9", 3)]
    assert read.rows_in == 1


def article(label: object, **rest: object) -> dict:
    return {
        "QUESTION": "Does it help?",
        "CONTEXTS": ["Aim.", "Result."],
        "LONG_ANSWER": "It helps.",
        "final_decision": label,
        **rest,
    }


def test_pubmedqa_takes_the_official_test_ids(shelf) -> None:
    folder = shelf("pubmedqa")
    rows = {
        "11": article("yes"),
        "22": article("no"),
        "33": article("perhaps"),
        "44": article("maybe"),
        "55": article("yes", CONTEXTS="x"),
    }
    (folder / "ori_pqal.json").write_text(json.dumps(rows, indent=4))
    (folder / "test_ground_truth.json").write_text(
        json.dumps({"22": "no", "33": "no", "44": "yes", "55": "yes", "99": "no"})
    )
    test = datasets.exam("pubmedqa", offline=True)
    assert [(row.id, row.options[row.answer]) for row in test.rows] == [("pubmedqa/22", "no")]
    assert test.rows[0].context == "Aim.\nResult." and test.rows[0].explanation == "It helps."
    assert [fault.reason for fault in test.faults] == [
        "answer outside the options",
        "labels disagree",
        "wrong type",
        "row missing",
    ]
    text = (folder / "ori_pqal.json").read_text().split("\n")
    assert '"22"' in text[int(test.rows[0].place.rsplit(":", 1)[1]) - 1]
    assert test.rows_in == 5
    train = datasets.exam("pubmedqa", part="train", offline=True)
    assert [row.id for row in train.rows] == ["pubmedqa/11"]


FORMS = {
    "letters in columns": {"question": "Which?", "A": "one", "B": "two", "C": "three", "answer": "B"},
    "a list and a letter": {"question": "Which?", "options": ["one", "two", "three"], "answer": "B"},
    "the answer in words": {"question": "Which?", "choices": ["one", "two", "three"], "answer": "two"},
    "labels and texts": {
        "question": "Which?",
        "choices": {"text": ["one", "two", "three"], "label": ["1", "2", "3"]},
        "answerKey": "2",
    },
    "a list as text": {"question": "Which?", "options": '["one", "two", "three"]', "answer": "B"},
}


@pytest.mark.parametrize("form", FORMS)
def test_an_exam_of_ones_own(form: str, tmp_path: Path) -> None:
    read = datasets.exam(str(lines(tmp_path / "mine.jsonl", [FORMS[form]])))
    assert [(row.options, row.answer, row.id) for row in read.rows] == [(("one", "two", "three"), 1, "mine/1")]


def test_numbers_of_ones_own_need_to_show_where_they_begin(tmp_path: Path) -> None:
    rows = [{"question": "Which?", "options": ["one", "two", "three"], "label": number} for number in (1, 2)]
    with pytest.raises(DataError, match="count from 0 or from 1"):
        datasets.exam(str(lines(tmp_path / "mine.jsonl", rows)))
    read = datasets.exam(str(lines(tmp_path / "mine.jsonl", [*rows, {**rows[0], "label": 0}])))
    assert [row.answer for row in read.rows] == [1, 2, 0]


def test_what_is_no_exam(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column for the options of an exam; found: question, answer"):
        datasets.exam(str(lines(tmp_path / "mine.jsonl", [{"question": "a", "answer": "b"}])))
    with pytest.raises(AskedWrongly, match="no exam") as error:
        datasets.exam("wikidoc")
    assert "medqa" in error.value.hint
    with pytest.raises(AskedWrongly, match="no part 'tset'"):
        datasets.exam("medqa", part="tset")
    with pytest.raises(DataError, match="no row can be asked"):
        datasets.exam(str(lines(tmp_path / "mine.jsonl", [{"question": "a", "options": ["b", "c"], "answer": ""}])))


def test_exams_and_bare_questions_are_never_trained_on() -> None:
    for name, words in (("medqa", "an exam"), ("health_search_qa", "without answers")):
        with pytest.raises(ConfigError, match=words):
            datasets.load(DataSource(source=name))


def test_every_exam_has_its_record_and_is_listed() -> None:
    assert datasets.exams() == ["medmcqa", "medqa", "mmlu_medical", "mmlu_pro_health", "pubmedqa", "starter"]
    for name in datasets.exams():
        assert datasets.source(name).kind in ("exam", "answers")
        assert name == "starter" or datasets.where(name) == ""
    starter = datasets.exam("starter")
    assert all(isinstance(row, Choice) for row in starter.rows) and starter.rows_in == len(starter.rows)


def test_health_search_qa(shelf) -> None:
    rows = [{"question": "Are hiccups serious?"}, {"question": ""}, {"q": 1}, {"question": 3}]
    lines(shelf("health_search_qa") / "healthsearchqa_test.jsonl", rows)
    read = datasets.questions("health_search_qa", offline=True)
    assert [(row.id, row.question) for row in read.rows] == [("health_search_qa/1", "Are hiccups serious?")]
    assert places(read) == [("2", "empty question"), ("3", "empty question"), ("4", "wrong type")]
    with pytest.raises(AskedWrongly):
        datasets.questions("wikidoc")


def test_meqsum(shelf) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [
        ("File", "CHQ", "Summary", None, None),
        ("1.txt", "SUBJECT: hiccups MESSAGE: mine do not stop.", "How do I stop hiccups?"),
    ]:
        book.active.append(row)
    book.save(shelf("meqsum") / "MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx")
    loaded = datasets.load(DataSource(source="meqsum"), offline=True)
    assert [(row.id[:7], row.answer) for row in loaded.examples] == [("meqsum/", "How do I stop hiccups?")]
    assert loaded.source.licence == "CC BY 4.0"
