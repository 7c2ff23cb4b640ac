"""Exams asked of scripted engines: what is shown, what is kept, what a stop leaves, and what can't be answered."""

import json
import math
from pathlib import Path

import pytest
from tests.evaluate.exam_answers import Scripted, question

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.evaluate import sitting
from medlms.evaluate.solved import chooser
from medlms.run import Run
from medlms.tasks import exam
from medlms.types import Message

FILE = "predictions/base.e.letters.jsonl"
ROWS = [question(n, right=n % 4) for n in range(8)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def first_shown(request, index):
    """Prefers what stands at A."""
    return -1.0 if request.options[index] == " A" else -2.0


def knowing(request, index):
    """Prefers the right option wherever it stands: it reads the number of the question."""
    number = int(request.id.partition("@")[0].partition("/")[2])
    return 0.0 if index == number % 4 else -5.0


def lines(run: Run) -> list[dict]:
    return [json.loads(line) for line in (run.folder / FILE).read_text().splitlines()]


def test_options_are_turned_and_answers_turned_back(run):
    asking = sitting.Asking("letters", "chat", instruction="Be right.", permutations=4)
    answered = sitting.sit(Scripted(first_shown), ROWS, asking, run=run, file=FILE)
    for row, item in zip(ROWS, answered, strict=True):
        assert item.first.id == row.id and item.first.right == row.answer
        assert [found.chosen for found in item.predictions] == [order[0] for order in item.orders] == [0, 3, 2, 1]
        assert item.first.said == row.options[0]
    knows = sitting.sit(Scripted(knowing), ROWS, asking, run=run, file="predictions/other.jsonl")
    assert all(found.chosen == found.right for item in knows for found in item.predictions)


def test_the_prompt_shows_the_options_in_the_order(run):
    asking = sitting.Asking("letters", "plain", permutations=2)
    seen = {}

    def value(request, index):
        seen[request.id] = request.messages
        return 0.0

    sitting.sit(Scripted(value), ROWS[:1], asking, run=run, file=FILE)
    assert seen["e/0@0"] == (
        Message(
            "plain",
            "Question: What is thing 0?\nA. thing 0 one\nB. thing 0 two\nC. thing 0 three\nD. thing 0 four\nAnswer:",
        ),
    )
    assert "A. thing 0 four\nB. thing 0 one" in seen["e/0@1"][0].text
    assert len(lines(run)[0]["prompt"]) == len(seen["e/0@0"][0].text)


def test_full_options_are_asked_once_without_the_list(run):
    asking = sitting.Asking("options", "chat", permutations=4)
    (item,) = sitting.sit(Scripted(lambda request, index: -float(index == 0)), ROWS[:1], asking, run=run, file=FILE)
    assert item.orders == ((0, 1, 2, 3),)
    assert item.first.chosen == 1
    assert item.first.option_bytes == tuple(len(option.encode()) for option in ROWS[0].options)
    assert "A. " not in item.first.prompt


def test_the_answers_are_read_back_from_the_file(run):
    asking = sitting.Asking("letters", "chat", permutations=3)
    made = sitting.sit(Scripted(knowing), ROWS, asking, run=run, file=FILE)
    assert {item.first.id: item for item in sitting.read(run, FILE)} == {item.first.id: item for item in made}
    with pytest.raises(DataError, match="no answers"):
        sitting.read(run, "predictions/none.jsonl")


@pytest.mark.parametrize("after", [0, 1, 5, 15])
def test_a_stopped_exam_goes_on_by_rows_and_ends_the_same(run, tmp_path, after):
    asking = sitting.Asking("letters", "chat", permutations=2)
    whole = sitting.sit(Scripted(knowing), ROWS, asking, run=Run(tmp_path / "whole"), file=FILE)
    with pytest.raises(KeyboardInterrupt):
        sitting.sit(Scripted(knowing, stop_after=after), ROWS, asking, run=run, file=FILE)
    if (run.folder / FILE).exists():
        with (run.folder / FILE).open("a") as file:
            file.write('{"id": "e/7", "cut of')
    engine = Scripted(knowing)
    assert sitting.sit(engine, ROWS, asking, run=run, file=FILE) == whole
    assert len(engine.asked) == 16 - after // 2 * 2
    assert len(lines(run)) == 8
    again = Scripted(knowing)
    sitting.sit(again, ROWS, asking, run=run, file=FILE)
    assert again.asked == []


def test_answers_of_another_exam_are_not_taken_over(run):
    sitting.sit(Scripted(knowing), ROWS, sitting.Asking("letters", "chat"), run=run, file=FILE)
    for other in (sitting.Asking("letters", "plain"), sitting.Asking("letters", "chat", instruction="x"),
                  sitting.Asking("letters", "chat", permutations=2)):  # fmt: skip
        with pytest.raises(AskedWrongly, match="another exam"):
            sitting.sit(Scripted(knowing), ROWS, other, run=run, file=FILE)
    with pytest.raises(AskedWrongly, match="another exam"):
        sitting.sit(Scripted(knowing), ROWS[1:], sitting.Asking("letters", "chat"), run=run, file=FILE)


def test_more_rows_of_the_same_exam_are_added(run):
    asking = sitting.Asking("letters", "chat")
    sitting.sit(Scripted(knowing), ROWS[:3], asking, run=run, file=FILE)
    engine = Scripted(knowing)
    assert len(sitting.sit(engine, ROWS, asking, run=run, file=FILE)) == 8
    assert len(engine.asked) == 5


def test_an_engine_that_leaves_a_question_out_or_makes_one_up_is_named(run):
    class Deaf(Scripted):
        def choose(self, requests):
            return super().choose(requests[1:])

    class Chatty(Scripted):
        def choose(self, requests):
            yield from super().choose(requests)
            yield from super().choose(requests[:1])

    with pytest.raises(CouldNot, match="1 questions got no reply"):
        sitting.sit(Deaf(knowing), ROWS, sitting.Asking("letters", "chat"), run=run, file=FILE)
    with pytest.raises(CouldNot, match="was not asked"):
        sitting.sit(Chatty(knowing), ROWS, sitting.Asking("letters", "chat"), run=run, file="predictions/b.jsonl")


def test_an_id_that_stands_twice_is_refused(run):
    with pytest.raises(DataError, match="occur twice"):
        sitting.sit(Scripted(knowing), [*ROWS, ROWS[0]], sitting.Asking("letters", "chat"), run=run, file=FILE)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers_choose_nothing(run, value):
    (item,) = sitting.sit(
        Scripted(lambda request, index: value if index == 2 else -1.0), ROWS[:1], sitting.Asking("letters", "chat"),
        run=run, file=FILE,
    )  # fmt: skip
    assert (item.first.chosen, item.first.problem, item.first.option_logprobs) == (None, "not a number", ())


def test_written_answers_are_read_in_the_order_shown(run):
    asking = sitting.Asking("generate", "chat", permutations=2, max_new_tokens=5)
    (item,) = sitting.sit(
        Scripted(None, says=lambda request: "The answer is (A)."), ROWS[:1], asking, run=run, file=FILE
    )
    assert [found.chosen for found in item.predictions] == [0, 3]
    assert item.first.said == "The answer is (A)."


def test_a_model_that_says_nothing_or_never_ends_is_unread(run):
    rows = ROWS[:3]
    said = {"e/0@0": "", "e/1@0": "ha " * 500, "e/2@0": "C"}
    found = sitting.sit(
        Scripted(None, says=lambda request: said[request.id]),
        rows,
        sitting.Asking("generate", "chat"),
        run=run,
        file=FILE,
    )
    assert [(item.first.chosen, item.first.problem) for item in found] == [
        (None, "empty"),
        (None, "no option named"),
        (2, ""),
    ]


def test_a_prompt_without_room_is_not_asked(run):
    engine = Scripted(None, says=lambda request: "A")
    found = sitting.sit(
        engine, ROWS[:3], sitting.Asking("generate", "chat"), run=run, file=FILE,
        fits=lambda messages: "thing 1?" not in messages[0].text,
    )  # fmt: skip
    assert [item.first.problem for item in found] == ["", "too long", ""]
    assert engine.asked == ["e/0@0", "e/2@0"]


def test_solved_examples_in_turns_and_as_text():
    shots = [question(20, right=2), question(21, right=0)]
    chat = exam.messages(ROWS[0], instruction="Be right.", shots=shots)
    assert [turn.role for turn in chat] == ["system", "user", "assistant", "user", "assistant", "user", "assistant"]
    assert [turn.text for turn in chat if turn.role == "assistant"] == ["Answer: C", "Answer: A", "Answer:"]
    (plain,) = exam.messages(ROWS[0], style="plain", shots=shots)
    assert plain.text.count("\n\n") == 2 and plain.text.endswith("Answer:") and "Answer: C\n\nQuestion" in plain.text
    full = exam.messages(ROWS[0], way="options", shots=shots)
    assert [turn.text for turn in full if turn.role == "assistant"] == [
        "Answer: thing 20 three",
        "Answer: thing 21 one",
        "Answer:",
    ]
    assert exam.messages(ROWS[0], way="generate")[-1].role == "user"


def test_a_question_is_never_shown_its_own_answer():
    pool = [question(n) for n in range(4)]
    shots = chooser(pool, 3, how="fixed")
    assert [row.id for row in shots(ROWS[1])] == ["e/0", "e/2", "e/3"]
    assert [row.id for row in shots(question(9))] == ["e/0", "e/1", "e/2"]
    for how in ("fixed", "nearest"):
        with pytest.raises(AskedWrongly, match="4 solved examples are wanted, 3 are there"):
            chooser(pool, 4, how=how)(ROWS[0])
    assert ROWS[2].id not in [row.id for row in chooser(pool, 3, how="nearest")(ROWS[2])]
    assert chooser((), 0, how="nearest")(ROWS[0]) == ()


def test_nearest_examples_are_the_most_similar_with_the_best_one_last():
    words = ["fever in children", "fever and cough in children", "broken leg", "cough", "heart attack"]
    pool = [question(50 + n, text=text) for n, text in enumerate(words)]
    shots = chooser(pool, 2, how="nearest")(question(1, text="Which fever with cough do children have?"))
    assert [row.question for row in shots] == ["fever in children", "fever and cough in children"]


def test_examples_of_the_same_topic_come_first():
    pool = [question(50 + n, topic="anatomy" if n % 2 else "genetics") for n in range(6)]
    shots = chooser(pool, 2, how="fixed", same_topic=True)
    assert [row.id for row in shots(question(1, topic="anatomy"))] == ["e/51", "e/53"]
    assert [row.id for row in shots(question(1, topic="law"))] == ["e/50", "e/51"]
