import pytest

from medlms.data import contamination, graded
from medlms.datasets import dialogue
from medlms.types import QA

SAID = "The rash begins behind both ears and moves down over the chest to the legs within about three days of fever"


def account(train: list[QA], items: list[QA], references: dict[str, tuple[str, ...]] | None = None):
    return graded.account(train, items, references or {})


def test_hits_and_counts_add_up(qa) -> None:
    train = [qa("t1", "q1", f"As said: {SAID}."), qa("t2", "q2", "Nothing."), qa("t3", "q3", f"{SAID}, and so on.")]
    items = [qa("e1", "e1", SAID), qa("e2", "e2", "Something else.")]
    found = account(train, items)
    assert (found["items"], found["rows"], found["rows_hit"], found["any"], found["ids"]) == (2, 3, 2, 1, ["set/e1"])
    assert (found["whole"], found["words"], found["characters"], found["question"], found["answer"]) == (0, 1, 1, 0, 1)
    first = found["hits"][0]
    assert (first["exam_id"], first["exam_place"], first["place"]) == ("set/e1", items[0].place, train[0].place)
    assert first["text"].startswith("the rash begins behind both ears")
    (said,) = graded.said(found)
    assert said.startswith("1 of the 2 graded rows share a run of text with training rows")
    assert graded.said(account(train[1:2], items)) == []


def test_all_references_are_compared(qa) -> None:
    train, items = [qa("t1", "q1", SAID)], [qa("e1", "e1", "Short.")]
    assert account(train, items)["any"] == 0
    assert account(train, items, {"set/e1": ("Short.", SAID)})["ids"] == ["set/e1"]


def test_a_frame_of_many_training_rows_counts(qa) -> None:
    train = [qa(f"t{n}", f"q{n}", f"{SAID}, which is case {n}.") for n in range(50)]
    items = [qa(f"e{n}", f"e{n}", f"{SAID}: number {n}") for n in range(contamination.COMMON + 3)]
    assert account(train, items)["any"] == len(items)


def test_follow_up_questions_of_dialogues_are_no_whole_questions(qa) -> None:
    item = dialogue(qa("e1", "Do I have measles?", "Stay at home."), ("You may.", "And what then?"))
    assert account([qa("t1", "And what then?", "Wait.")], [item])["any"] == 0
    assert account([qa("t1", "Do I have measles?", "Wait.")], [item])["whole"] == 1


def test_each_item_is_listed_before_any_twice(qa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contamination, "LISTED", 2)
    other = "Wash both hands with soap and warm water for as long as it takes to sing one song twice"
    train = [*(qa(f"t{n}", f"q{n}", SAID) for n in range(5)), qa("t9", "q9", other)]
    found = account(train, [qa("e1", "e1", SAID), qa("e2", "e2", other)])
    assert found["hits_in_all"] == 6
    assert {hit["exam_id"] for hit in found["hits"]} == {"set/e1", "set/e2"}
