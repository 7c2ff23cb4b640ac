import json

import pytest

from medlms.data.look import look
from medlms.errors import DataError


def test_what_a_file_holds_and_allows(table) -> None:
    rows = [
        {"Question": f"What is thing {t} {n}?", "Answer": "One two three four.", "Topic": f"t{t}"}
        for t in range(40)
        for n in range(3)
    ]
    path = table("mine.jsonl", [*rows, rows[0], {"Question": "x"}])
    found = look(path)
    assert json.loads(json.dumps(found)) == found
    assert (found["rows"], found["usable"], found["topics"], found["groups"]) == (122, 120, 40, 40)
    assert found["faults"] == {"empty answer": 1, "question and answer repeat another row": 1}
    assert found["columns"]["used"] == {"question": "Question", "answer": "Answer", "topic": "Topic"}
    assert (found["columns"]["kind"], found["columns"]["format"]) == ("columns", "jsonl")
    assert found["answer_words"] == {"median": 4, "p95": 4, "max": 4}
    assert found["repeated_questions"] == 0
    fits = found["suggested_split"]
    assert fits["eval"] == 12 and fits["train"] + fits["dev"] + fits["eval"] <= 120
    assert any("wide intervals" in sentence for sentence in found["possible"])


def test_too_few_rows_and_no_topic(table) -> None:
    few = look(table("few.jsonl", [{"question": f"q{n}", "answer": "a"} for n in range(5)]))
    assert few["suggested_split"] is None and "too small" in few["possible"][0]
    flat = look(table("flat.jsonl", [{"question": f"q{n}", "answer": "a"} for n in range(50)]))
    assert any("no topic column" in sentence for sentence in flat["possible"])


def test_more_faults_than_rows_is_no_error(table) -> None:
    found = look(table("bad.jsonl", [{"question": "a", "answer": ""}] * 5 + [{"question": "a", "answer": "b"}]))
    assert (found["rows"], found["usable"]) == (6, 1)


def test_a_file_that_training_would_refuse_gets_no_split(table) -> None:
    good = [{"question": f"q{n}", "answer": "a"} for n in range(40)]
    found = look(table("half.jsonl", good + [{"question": "a", "answer": ""}] * 40))
    assert found["suggested_split"] and found["possible"][0].startswith("train on")
    found = look(table("most.jsonl", good + [{"question": "a", "answer": ""}] * 41))
    assert found["suggested_split"] is None
    assert found["possible"] == ["can't be trained on: 41 of 81 rows can't be used, more than half"]


def test_a_broken_file(table, tmp_path) -> None:
    (tmp_path / "mine.json").write_text("[{")
    with pytest.raises(DataError):
        look(tmp_path / "mine.json")
