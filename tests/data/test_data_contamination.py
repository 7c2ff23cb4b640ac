import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from medlms import data, datasets
from medlms.config import load
from medlms.data import contamination, exam_index
from medlms.types import Choice

STEM = (
    "A 61 year old gardener comes in because both his knees have been stiff every morning since the frost began, and he "
    "now walks with two sticks"
)
SHORT = "Koplik spots point to which disease?"


def asked(id: str, question: str, *options: str) -> Choice:
    options = options or ("none of these", "all of these")
    return Choice(f"exam/{id}", "exam", "x", f"exam.csv:{id}", question, options, 0)


@pytest.fixture
def found(qa):
    def look(questions: list[Choice], *texts: str):
        rows = [qa(str(n), f"question {n}", text) for n, text in enumerate(texts)]
        return list(contamination.hits(rows, contamination.index(questions)))

    return look


def test_whole_questions(found, qa) -> None:
    (hit,) = found([asked("1", STEM), asked("2", "What else?")], "Nothing.", f"He said: {STEM.upper()}! And more.")
    assert (hit.exam_id, hit.place, hit.part, hit.field) == ("exam/1", "set.jsonl:1", "answer", "question")
    assert hit.kinds == ("whole", "words", "characters")
    eight = "Which of these nerves lifts the upper lid"
    assert [hit.kinds for hit in found([asked("1", eight)], f"asked was {eight}, twice")] == [("whole",)]
    assert found([asked("1", eight)], "which of these nerves lifts the lower lid") == []


def test_short_questions_only_where_they_are_all_of_a_text(found, qa) -> None:
    assert found([asked("1", SHORT)], f"{SHORT} Measles.") == []
    (hit,) = contamination.hits([qa("1", SHORT.lower(), "Measles.")], contamination.index([asked("1", SHORT)]))
    assert (hit.part, hit.kinds) == ("question", ("whole",))


def test_thirteen_words_and_fifty_characters(found) -> None:
    words = " ".join("abcdefghijklmnopqrstuvwxyz")
    thirteen, twelve = f"0 {words[:25]} 0", f"0 {words[:23]} 0"
    assert [(hit.kinds, hit.text) for hit in found([asked("1", words)], thirteen)] == [(("words",), words[:25])]
    assert found([asked("1", words)], twelve) == []
    long = "pneumonoultramicroscopicsilicovolcanoconiosis of the lung"
    (hit,) = found([asked("1", f"What is {long} here")], f"A {long[:52]}x")
    assert (hit.kinds, hit.text) == (("characters",), f" {long[:52]}")
    assert found([asked("1", f"What is {long} here")], f"A{long[:49]}x") == []


def test_options_and_contexts_are_fields(found) -> None:
    (hit,) = found([asked("1", "Which is right?", STEM, "no")], STEM)
    assert hit.field == "option"


def test_phrases_of_the_trade_do_not_count(found) -> None:
    phrase = "which of the following is the most likely diagnosis in this patient at the time of the first visit"
    many = [asked(str(n), f"case {n} {phrase}") for n in range(contamination.COMMON + 1)]
    assert found(many, f"we ask {phrase}") == []
    assert len(found(many[:-1], f"we ask {phrase}")) == contamination.COMMON
    assert [hit.exam_id for hit in found(many, f"case 3 {phrase} a")] == ["exam/3"]  # the whole question always counts


@settings(max_examples=60, deadline=None)
@given(
    some.lists(some.text("ab ", min_size=1, max_size=40), min_size=1, max_size=4),
    some.lists(some.text("ab ", max_size=40), max_size=4),
    some.sampled_from(["words", "characters"]),
    some.integers(2, 6),
)
def test_longest_runs_as_by_comparing_all(passages: list[str], texts: list[str], kind: str, width: int) -> None:
    passages, texts = [" ".join(text.split()) for text in passages], [" ".join(text.split()) for text in texts]
    made = [exam_index.Passage(n, "question", text) for n, text in enumerate(passages)]
    index = exam_index.Runs(made, kind, width, common=10)
    got = {(t, p): len(run.split() if kind == "words" else run) for t, p, run in index.inside(texts)}
    split = (lambda text: text.split()) if kind == "words" else list
    wanted = {
        (t, p): size
        for t, text in enumerate(texts)
        for p, passage in enumerate(passages)
        if (size := longest(split(text), split(passage))) >= width
    }
    assert got == wanted


def longest(one: list[str], other: list[str]) -> int:
    best = 0
    for a in range(len(one)):
        for b in range(len(other)):
            size = 0
            while a + size < len(one) and b + size < len(other) and one[a + size] == other[b + size]:
                size += 1
            best = max(best, size)
    return best


def test_the_account_and_what_is_said(qa) -> None:
    exams = contamination.index([asked("1", STEM), asked("2", SHORT)])
    rows = [qa("1", "q", STEM), qa("2", "q2", STEM), qa("3", "q3", "Nothing.")]
    account = contamination.account(rows, exams)
    assert account["exams"] == {"exam": {"questions": 2, "whole": 1, "words": 1, "characters": 1, "any": 1}}
    assert (account["rows_hit"], account["hits_in_all"], account["ids"]) == (2, 2, {"exam": ["exam/1"]})
    (said,) = contamination.said(account)
    assert said.startswith("1 of the 2 questions of exam overlap with training rows (1 whole")
    assert any(
        "exam.csv" not in line and "set.jsonl:2 (answer): whole" in line for line in contamination.lines(account)
    )
    nothing = contamination.account(rows, None)
    assert (nothing["compared"], contamination.said(nothing)) == (False, [])
    assert "none was compared" in contamination.lines(nothing)[0]


def test_prepare_compares_what_it_trains_on(table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contamination, "at_hand", lambda: contamination.index([asked("1", STEM)]))
    rows = [{"question": f"Question {n}?", "answer": f"{STEM}, said {n}.", "topic": str(n)} for n in range(30)]
    config = load(
        {"model": "x", "data": [table("mine.jsonl", rows)], "split": {"dev": 2, "eval": 3}, "near_duplicates": "report"}
    )
    prepared = data.prepare(config[0])
    assert prepared.report["exams"]["rows_hit"] == len(prepared.train) == 25
    assert any("questions of exam overlap" in line for line in prepared.said)
    assert prepared.report["duplicates"]["graded_rows_with_a_copy_in_training"] == 3
    assert any("near copy in training" in line for line in prepared.said)


def test_only_what_lies_here_is_compared(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLMS_DATA", str(tmp_path))
    monkeypatch.setenv("MEDLMS_HOME", str(tmp_path))
    exams = contamination.at_hand()  # nothing is fetched
    assert exams is not None
    assert {question.source for question in exams.questions} == {"starter"}
    assert exams.said == ()
    monkeypatch.setattr(datasets, "names", lambda: ["medqa", "medquad"])
    assert contamination.at_hand() is None
