"""Dialogues in the shapes of ShareGPT and of OpenAI's messages: what is read, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medlms import datasets
from medlms.config import DataSource
from medlms.datasets import Loaded
from medlms.types import QA, Dialogue

TALK = ("What is gout?", "A disease.", "Of what?", "The joints.", "Who gets it?", "Mostly men.")
ROLES = {"messages": ("user", "assistant"), "conversations": ("human", "gpt")}


def turns(column: str, said: tuple[str, ...] = TALK) -> list[dict[str, Any]]:
    keys = ("role", "content") if column == "messages" else ("from", "value")
    return [dict(zip(keys, (ROLES[column][place % 2], text), strict=True)) for place, text in enumerate(said)]


def load(path: Path, rows: list[dict[str, Any]], **more: Any) -> Loaded:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return datasets.load(DataSource(source=str(path), **more))


@pytest.mark.parametrize("column", ROLES)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_both_shapes_give_the_same_dialogue(tmp_path: Path, column: str, name: str) -> None:
    rows = [{column: turns(column)}, {column: turns(column, TALK[:2])}]
    path = tmp_path / name
    path.write_text(json.dumps(rows) if name == "a.json" else "\n".join(map(json.dumps, rows)))
    loaded = datasets.load(DataSource(source=str(path)))
    talk, single = loaded.examples
    assert isinstance(talk, Dialogue)
    assert (talk.question, talk.between, talk.answer) == (TALK[0], TALK[1:-1], TALK[-1])
    assert datasets.exchanges(talk) == [TALK[:2], TALK[2:4], TALK[4:]]
    assert datasets.before(talk) == TALK[:-1]
    assert talk.place == f"{path}{':1' if name == 'a.jsonl' else '#1'}"
    assert type(single) is QA, "one question with one answer is no dialogue"
    assert datasets.exchanges(single) == [TALK[:2]]
    assert any("1 rows are dialogues of up to 3 questions" in sentence for sentence in loaded.said)


def test_topic_document_and_id_are_read_beside_the_turns(tmp_path: Path) -> None:
    (row,) = load(
        tmp_path / "a.jsonl", [{"id": "x", "messages": turns("messages"), "topic": "Gout", "document": "d"}]
    ).examples
    assert (row.id, row.topic, row.links) == ("a/x", "Gout", ("topic:gout", "document:a/d"))


def test_turns_may_lie_as_text_in_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    cell = json.dumps(turns("messages")).replace('"', '""')
    path.write_text(f'messages,topic\n"{cell}",gout\n')
    (row,) = datasets.load(DataSource(source=str(path))).examples
    assert isinstance(row, Dialogue)
    assert datasets.before(row) == TALK[:-1]


def test_texts_in_parts_are_joined_and_spaces_around_turns_go(tmp_path: Path) -> None:
    said = turns("messages")
    said[0]["content"] = [{"type": "text", "text": "What is"}, {"type": "text", "text": "gout? "}]
    said[1]["content"] = "  A disease.\n"
    (row,) = load(tmp_path / "a.jsonl", [{"messages": said}]).examples
    assert datasets.before(row)[:2] == ("What is\ngout?", "A disease.")


def test_a_leading_system_message_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "system", "content": "Be kind."}, *turns("messages")]},
        {"messages": turns("messages")},
    ]
    loaded = load(tmp_path / "a.jsonl", rows)
    assert [datasets.before(row) for row in loaded.examples] == [TALK[:-1], TALK[:-1]]
    assert any("system messages are not used (1 rows have one)" in sentence for sentence in loaded.said)


def said(*pairs: tuple[str, Any], **last: Any) -> list[dict[str, Any]]:
    made = [{"role": role, "content": text} for role, text in pairs]
    made[-1] |= last
    return made


ODD: dict[str, tuple[Any, str, str]] = {
    "two questions": (said(("user", "a"), ("user", "b"), ("assistant", "c")), "two turns in a row", "turns 1 and 2"),
    "two answers": (said(("user", "a"), ("assistant", "b"), ("assistant", "c")), "two turns in a row", "turns 2 and 3"),
    "answer first": (said(("assistant", "a"), ("user", "b"), ("assistant", "c")), "begins with an answer", "assistant"),
    "no last answer": (
        said(("user", "a"), ("assistant", "b"), ("user", "c")),
        "last question has no answer",
        "the last turn",
    ),
    "nothing but a question": (said(("user", "a")), "no question with an answer", "user"),
    "nothing but a system message": (said(("system", "a")), "no question with an answer", "no turns"),
    "no turns": ([], "no question with an answer", "no turns"),
    "no list": ("some text", "no question with an answer", "no turns"),
    "no such column": (None, "no question with an answer", "no turns"),
    "an empty question": (
        said(("user", "a"), ("assistant", "b"), ("user", " "), ("assistant", "d")),
        "empty turn",
        "turn 3",
    ),
    "an empty answer": (
        said(("user", "a"), ("assistant", ""), ("user", "c"), ("assistant", "d")),
        "empty turn",
        "turn 2",
    ),
    "an empty single answer": (said(("user", "a"), ("assistant", " ")), "empty answer", ""),
    "system in the middle": (
        said(("user", "a"), ("assistant", "b"), ("system", "s"), ("user", "c"), ("assistant", "d")),
        "system message in the middle",
        "turn 3",
    ),
    "a tool's turn": (said(("user", "a"), ("tool", "b"), ("assistant", "c")), "turn of a tool", "turn 2"),
    "a call of a tool": (
        [*said(("user", "a")), {"role": "assistant", "content": None, "tool_calls": [{"id": 1}]}],
        "turn of a tool",
        "turn 2",
    ),
    "another role": (said(("user", "a"), ("critic", "b")), "unknown role", "'critic'"),
    "no role": ([{"content": "a"}, {"role": "assistant", "content": "b"}], "wrong type", "turn 1"),
    "no text": ([{"role": "user"}, {"role": "assistant", "content": "b"}], "wrong type", "turn 1"),
    "a picture": (
        [{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "b"}],
        "wrong type",
        "turn 1",
    ),
    "no object": (["a", "b"], "wrong type", "turn 1"),
    "a weight of nothing": (said(("user", "a"), ("assistant", "b"), weight=0), "answer not to be learned", "turn 2"),
    "half a character": (
        said(("user", "a"), ("assistant", "b"), ("user", "\ud800"), ("assistant", "d")),
        "broken text",
        "surrogate",
    ),
}


@pytest.mark.parametrize(("value", "reason", "detail"), ODD.values(), ids=ODD)
def test_an_odd_row_is_refused_with_its_place(tmp_path: Path, value: Any, reason: str, detail: str) -> None:
    good = {"messages": turns("messages")}
    loaded = load(tmp_path / "a.jsonl", [good, {"messages": value}, good])
    (fault,) = loaded.faults
    assert (fault.place, fault.reason) == (f"{tmp_path}/a.jsonl:2", reason)
    assert detail in fault.detail
    assert (loaded.rows_in, len(loaded.examples)) == (3, 2)


def test_check_lists_every_odd_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"messages": value}) + "\n" for value, _, _ in ODD.values()))
    assert [fault.reason for fault in datasets.check(path).faults] == [reason for _, reason, _ in ODD.values()]
