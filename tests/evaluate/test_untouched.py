from typing import Any

import pytest

from medlms.data import contamination, graded
from medlms.evaluate import untouched
from medlms.evaluate.score import as_json, score
from medlms.types import QA, Choice, Prediction

STEM = "A baker of forty years has had a cough each night since spring and says that flour makes it worse at work"


def said(id: str, text: str, gold: str) -> Prediction:
    return Prediction(id=id, group=id, prompt="", said=text, golds=(gold,))


def qa(id: str, question: str, answer: str) -> QA:
    return QA(f"set/{id}", "set", "", f"set.jsonl:{id}", question, answer)


@pytest.fixture
def data() -> dict[str, Any]:
    """A data report of training on one row that holds an exam's question and a graded row's answer."""
    train = [qa("1", "Why?", f"{STEM}. So it is.")]
    exam = [
        Choice(f"exam/{n}", "exam", "", f"exam.csv:{n}", text, ("a", "b"), 0) for n, text in enumerate((STEM, "Else?"))
    ]
    items = [qa("7", "Who coughs?", STEM), qa("8", "Who?", "Nobody.")]
    return {
        "sources": {"set": {}},
        "graded": graded.account(train, items, {}),
        "exams": contamination.account(train, contamination.index(exam)),
    }


@pytest.mark.parametrize(("ids", "hit"), [(["set/7", "set/8"], "set/7"), (["exam/0", "exam/1"], "exam/0")])
def test_graded_rows_and_exams_alike(data: dict[str, Any], ids: list[str], hit: str) -> None:
    found = untouched.overlaps(data, ids)
    assert found is not None
    assert (found["items"], found["hit"], found["kept"], found["not_compared"]) == (2, 1, 1, 0)
    assert (found["ids"], [one["exam_id"] for one in found["hits"]]) == ([hit], [hit])
    assert found["hits"][0]["place"] == "set.jsonl:1"
    assert len(found["meaning"]) == 1


def test_what_was_never_compared_is_said(data: dict[str, Any]) -> None:
    assert untouched.overlaps({"sources": {"set": {}}}, ["set/7"]) is None
    assert untouched.overlaps({**data, "exams": {"compared": False, "said": []}}, ["exam/0"]) is None
    found = untouched.overlaps(data, ["set/7", "mine/1"])
    assert found is not None
    assert (found["hit"], found["kept"], found["not_compared"]) == (1, 1, 1)


def test_scores_are_those_of_the_items_left() -> None:
    items = [said("set/1", "red", "red"), said("set/2", "red", "blue"), said("set/3", "green", "green")]
    names = ["exact_match", "token_f1"]
    got = untouched.scores(items, ["set/1"], names, resamples=200, seed=3)
    assert got == {one.metric: as_json(one) for one in score(items[1:], names, resamples=200, seed=3)}
    assert (got["exact_match"]["value"], got["exact_match"]["n"]) == (0.5, 2)
    assert got["token_f1"]["low"] is not None
    assert untouched.scores(items, ["set/1", "set/2", "set/3"], names, resamples=200, seed=3) == {}
