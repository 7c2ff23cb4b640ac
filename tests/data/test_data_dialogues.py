"""Dialogues on their way through the data: cleaned turn by turn, grouped, split and compared by all that is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medlms import data, datasets
from medlms.config import load
from medlms.data import clean, duplicates, leaks, split
from medlms.errors import DataError
from medlms.road import rows as kept
from medlms.run import Run
from medlms.types import QA, Dialogue

LONG = "Rest for some days and drink enough water or tea every day"


@pytest.fixture
def talk(qa: Callable[..., QA]) -> Callable[..., QA]:
    def make(name: str, *said: str) -> QA:
        return datasets.dialogue(qa(name, said[0], said[-1]), said[1:-1])

    return make


def groups(*rows: QA) -> list[str]:
    return [row.group for row in split.grouped(rows)]


def test_every_turn_is_cleaned_and_the_steps_are_counted(talk: Any) -> None:
    row = talk("a", "What  is\ngout ?", "A&nbsp;disease.\r\n\r\n\r\nOf joints.", "Of what??", " Joints. ")
    found = clean.clean([row])
    (done,) = found.examples
    assert isinstance(done, Dialogue)
    assert datasets.exchanges(done) == [("What is gout?", "A disease.\n\nOf joints."), ("Of what?", "Joints.")]
    assert found.changed["white space"] == found.changed["HTML entities"] == found.changed["doubled question mark"] == 1


def test_an_answer_that_asks_back_stays_in_a_dialogue(talk: Any, qa: Any) -> None:
    asked = (
        "I have a cough.",
        "Do you have a fever with that cough?",
        "Yes.",
        "Do you have a fever and a cough? Rest.",
    )
    (done,) = clean.clean([talk("a", *asked)]).examples
    assert (*datasets.before(done), done.answer) == asked
    (dropped,) = clean.clean([qa("b", asked[0], asked[1])]).dropped  # alone it is no answer
    assert dropped.reason == "answer is nothing but a question"


def test_a_turn_that_cleaning_empties_drops_the_dialogue(talk: Any) -> None:
    (fault,) = clean.clean([talk("a", "What?", "\u200b\u200b", "And?", "Rest.")]).dropped
    assert (fault.place, fault.reason) == ("set.jsonl:a", "empty turn")


def test_only_dialogues_that_agree_in_every_turn_repeat_each_other(talk: Any, qa: Any) -> None:
    rows = [
        talk("a", "What is gout?", "A disease.", "Of what?", "Joints."),
        talk("b", "What is GOUT", "A disease", "Of what?", "Joints!"),
        talk("c", "What is gout?", "An illness.", "Of what?", "Joints."),
        qa("d", "What is gout?", "Joints."),
    ]
    left, dropped = duplicates.drop(rows)
    assert [row.id for row in left] == ["set/a", "set/c", "set/d"]
    assert [fault.place for _, fault in dropped] == ["set.jsonl:b"]


def test_the_first_question_joins_and_a_long_later_one_does(talk: Any, qa: Any) -> None:
    asked = "May I go on swimming every morning while I take this medicine"
    one, two, three, four, five = groups(
        talk("a", "What is gout?", "A disease.", "Why?", "Salts."),
        talk("b", "What is gout?", "An illness.", "Where?", "In joints."),
        talk("c", "What is mumps?", "An infection.", "Why?", "A virus."),
        talk("d", "What is measles?", "An infection.", asked, "Yes."),
        qa("e", asked, "No."),
    )
    assert one == two, "the same first question"
    assert three not in (one, four), "a short later question says nothing"
    assert four == five, "a long later question is the same question"


def test_a_long_answer_anywhere_in_a_dialogue_keeps_a_row_out_of_the_test(talk: Any, qa: Any) -> None:
    rows = split.grouped(
        [talk("a", "What is gout?", LONG, "Why?", "Salts."), qa("b", "What is mumps?", LONG), qa("c", "Who?", "You.")]
    )
    assert split.shared_answers(rows) == {"set/a", "set/b"}


def test_a_leak_between_the_turns_is_found(talk: Any, qa: Any) -> None:
    asked = "May I go on swimming every morning while I take this medicine"
    held = [talk("a", "What is gout?", LONG, asked, "Yes.")]
    for other in (qa("b", "What is mumps?", LONG), qa("c", asked, "No.")):
        rows = [replace(row, group=row.id) for row in (*held, other)]
        with pytest.raises(DataError, match="leaks"):
            leaks.prove({"train": rows[:1], "eval": rows[1:]})
        assert leaks.shared(rows[:1], rows[1:]).same == 1
    fine = [replace(row, group=row.id) for row in (*held, qa("d", "What is mumps?", "A virus."))]
    assert leaks.prove({"train": fine[:1], "eval": fine[1:]})["answer"] == 1


def records(n: int) -> list[dict[str, Any]]:
    def turns(number: int) -> list[dict[str, str]]:
        said = [f"What is illness {number}?", f"Illness {number} is rare.", "How long?", f"For {number} days."]
        return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(said)]

    return [{"messages": turns(number)} for number in range(n)]


def test_references_are_those_of_the_whole_conversation(table: Callable[..., str], tmp_path: Path) -> None:
    rows = records(20)
    again = json.loads(json.dumps(rows[:20]))
    for row in again:
        row["messages"][-1]["content"] += " At most."
    other = json.loads(json.dumps(rows[:20]))
    for row in other:
        row["messages"][2]["content"], row["messages"][3]["content"] = "Where?", "In Rome."
    path = table("talks.jsonl", rows + again + other)
    prepared = data.prepare(load({"model": "m", "data": path, "split": {"dev": 2, "eval": 6}})[0])
    held = {row.question for row in (*prepared.dev, *prepared.eval)}
    assert len(held) == 8
    assert not held & {row.question for row in prepared.train}
    for row in prepared.eval:
        number = row.question.removeprefix("What is illness ").removesuffix("?")
        wanted = {f"For {number} days.", f"For {number} days. At most."} if "How long?" in row.between else {"In Rome."}  # type: ignore[union-attr]
        assert prepared.references[row.id][0] == row.answer
        assert set(prepared.references[row.id]) == wanted
    # On disk and back they are the same rows.
    run = Run.create(str(tmp_path / "run"))
    written = kept.write(run, prepared)
    assert (written.train, written.dev, written.eval) == (prepared.train, prepared.dev, prepared.eval)
    assert all(isinstance(row, Dialogue) for row in written.eval)
    assert written.references == {row.id: prepared.references[row.id] for row in (*prepared.dev, *prepared.eval)}


def test_look_counts_dialogues_and_their_words(table: Callable[..., str]) -> None:
    from medlms.data.look import look

    found = look(table("talks.jsonl", records(20)))
    assert found["dialogues"] == 20
    assert found["question_words"]["median"] == len("What is illness 1? Illness 1 is rare. How long?".split())
    assert found["answer_words"]["median"] == 3
