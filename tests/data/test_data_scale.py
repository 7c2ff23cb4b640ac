"""What is done in arrays and temporary files gives what lists and dicts in memory give."""

import json
import random
import tempfile
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.data import slow_twins as slow

from medlms import config, data
from medlms.config import Split
from medlms.data import copies, duplicates, keys, leaks, runs, split, store
from medlms.errors import DataError, ResourceError
from medlms.types import QA, Dialogue

TEXT = some.text(some.characters(codec="utf-8"), max_size=30)


def some_rows(seed: int, count: int = 60) -> list[QA]:
    """Rows of which many share a question, a topic, a document, a code or (nearly) an answer; some are dialogues."""
    rng = random.Random(seed)
    long = [" ".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(40)) for _ in range(6)]
    made = []
    for number in range(count):
        source = rng.choice("aab")
        answer = rng.choice(
            [f"short {rng.randrange(9)}", " ".join([*rng.choice(long).split()[:-1], rng.choice("xyz")])]
        )
        topic = f"Topic {rng.randrange(12)}" if rng.random() < 0.6 else ""
        links = [f"topic:{topic.lower()}"] if topic else []
        links += [f"document:{source}/{rng.randrange(20)}"] if rng.random() < 0.3 else []
        links += [f"cui:C{rng.randrange(4)}"] if rng.random() < 0.3 else []
        question = rng.choice(["What is {}?", "Is {} what?", "Who has {}"]).format(f"it {rng.randrange(count // 2)}")
        row = QA(
            f"{source}/{number}", source, "x", f"{source}.jsonl:{number}", question, answer, topic, "", tuple(links)
        )
        if rng.random() < 0.1:
            said = (
                f"Well, {rng.randrange(3)}.",
                rng.choice(["And then?", "What of all the things that were said before that?"]),
            )
            row = Dialogue(*(getattr(row, name) for name in QA.__slots__), between=said)
        made.append(row)
    return made


def on_disk(rows: list[QA]) -> store.Stored[QA]:
    """The rows in a store that holds none of them in memory."""
    held = store.rows()
    held._spill()
    return store.filled(held, rows)


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(TEXT, TEXT, some.lists(TEXT, max_size=2))), some.randoms())
def test_a_store_gives_back_what_was_put_in(texts: list, rng: random.Random) -> None:
    rows = [
        QA(str(n), "s", "x", "p", one, two, links=tuple(rest))
        if n % 3
        else Dialogue(str(n), "s", "x", "p", one, two, between=("a", "b"))
        for n, (one, two, rest) in enumerate(texts)
    ]
    disk, memory = on_disk(rows), store.filled(store.rows(), rows)
    order = rng.sample(range(len(rows)), len(rows))
    for held in (disk, memory):
        assert len(held) == len(rows) and list(held) == rows == held and held[:] == rows
        assert held[1:3] == rows[1:3] and [held[n] for n in order] == [rows[n] for n in order]
        assert store.take(held, np.array(order, dtype=np.int64)) == [rows[n] for n in order]
        assert held != [*rows, QA("x", "s", "x", "p", "", "")]
    assert disk == memory and [type(row) for row in disk] == [type(row) for row in rows]


def test_far_apart_rows_are_read_in_the_order_asked(qa) -> None:
    rows = [qa(str(number), "q" * number, "a") for number in range(2000)]
    held = on_disk(rows)
    order = random.Random(1).sample(range(2000), 2000)
    assert list(store.take(held, np.array(order))) == [rows[number] for number in order]
    assert list(store.take(held, np.arange(0, 2000, 7))) == rows[::7]


def test_rows_written_while_others_are_read(qa) -> None:
    held = store.rows()
    held._spill()
    for number in range(50):
        held.add(qa(str(number), "q", "a" * number))
        assert held[number].answer == "a" * number and held[number // 2].id == f"set/{number // 2}"


def test_no_room_on_disk_is_said(qa, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(store, "ROOM", 10)
    with pytest.raises(ResourceError, match="No space left on device"):
        store.filled(store.rows(), [qa("1", "q", "a")])


@settings(max_examples=60, deadline=None)
@given(some.lists(some.lists(some.integers(0, 2**31 - 1), max_size=9), max_size=9), some.integers(1, 20))
def test_a_column_gives_back_its_numbers(pieces: list[list[int]], room: int) -> None:
    column, wanted = runs.Column(), []
    before, runs.ROOM = runs.ROOM, room
    try:
        for piece in pieces:
            column.extend(piece)
            wanted += piece
    finally:
        runs.ROOM = before
    assert len(column) == len(wanted)
    for first in range(len(wanted) + 1):
        for last in range(first, len(wanted) + 1):
            assert column.between(first, last).tolist() == wanted[first:last]


@settings(max_examples=60, deadline=None)
@given(some.lists(some.sampled_from(["", "a", "b", "ab", "ba", "\ud800", "é"])))
def test_keys_as_by_a_dict(texts: list[str]) -> None:
    made = keys.Keys(texts)
    assert made.firsts().tolist() == [texts.index(text) for text in texts]
    assert made.times().tolist() == [Counter(texts)[text] for text in texts]
    assert made.distinct() == len(set(texts)) and len(made) == len(texts)
    several = keys.Keys()
    for text in texts:
        several.add(text, "x")
    several.add("", "x") if texts else None
    assert several.distinct() == len({*texts, *([""] if texts else [])})


@settings(max_examples=60, deadline=None)
@given(some.integers(0, 10**6))
def test_steps_as_in_memory(seed: int) -> None:
    rows = some_rows(seed)
    stored = on_disk(rows)
    kept, dropped = duplicates.drop(stored)
    wanted, gone = slow.without_repetitions(rows)
    assert kept == wanted
    assert [(fault.place, fault.detail) for _, fault in dropped] == [(place, f"as in {first}") for place, first in gone]
    grouped = split.grouped(kept)
    assert grouped == slow.grouped(wanted) == split.grouped(wanted)
    found = copies.find(grouped)
    assert [(item.kind, item.rows, item.texts) for item in found] == slow.clusters(list(grouped))
    assert copies.account(grouped, found, "apart") == copies.account(list(grouped), found, "apart")
    assert copies.drop(grouped, found) == copies.drop(list(grouped), found)
    groups = {row.id: row.group for row in grouped}
    holders = [(text, row) for row in grouped for text in copies.answers(row)]
    shared = {row.id for text, row in holders for same, other in holders if text == same and row.group != other.group}
    assert split.shared_answers(grouped) == shared and shared <= set(groups)


@settings(max_examples=100, deadline=None)
@given(
    some.integers(0, 10**6),
    some.sampled_from([None, 10, 20, 30]),
    some.integers(1, 8),
    some.integers(1, 10),
    some.sampled_from([{}, {"a": 3.0, "b": 1.0}, {"b": 9.0}]),
    some.sampled_from([None, 0.5]),
)
def test_the_split_as_in_memory(seed, train, dev, held, weights, reserve) -> None:
    rows = slow.grouped(some_rows(seed))
    asked = Split(train=train, dev=dev, eval=held, reserve=reserve)
    unfit = {row.id for row in rows if random.Random(row.id + str(seed)).random() < 0.2}
    wanted = slow.parts(rows, asked, weights, seed, unfit)
    try:
        drawn = split.parts(on_disk(rows), asked, weights=weights, seed=seed, unfit=unfit)
    except DataError:
        assert wanted is None
        return
    sides = (drawn.train, drawn.dev, drawn.eval)
    assert (*(tuple(row.id for row in side) for side in sides), drawn.per_group) == wanted
    assert drawn == split.parts(rows, asked, weights=weights, seed=seed, unfit=unfit)


@settings(max_examples=40, deadline=None)
@given(some.integers(0, 10**6), some.integers(0, 10))
def test_the_proof_as_by_comparing_sets(seed: int, moved: int) -> None:
    rows = split.grouped(some_rows(seed))
    side = {group: random.Random(group).choice(("train", "dev", "eval")) for group in {row.group for row in rows}}
    parts = {name: [row for row in rows if side[row.group] == name] for name in ("train", "dev", "eval")}
    parts["dev"] += parts["train"][:moved]
    parts["train"] = parts["train"][moved // 2 :]
    wanted = slow.compared(parts)
    stored = {name: on_disk(part) for name, part in parts.items()}
    leaks_there = any(crossing for _, crossing in wanted.values())
    if leaks_there:
        with pytest.raises(DataError, match="leaks") as raised:
            leaks.prove(stored, near_copies=False)
        with pytest.raises(DataError) as again:
            leaks.prove(parts, near_copies=False)
        assert str(raised.value) == str(again.value)
    else:
        assert leaks.prove(stored, near_copies=False) == {kind: count for kind, (count, _) in wanted.items()}


@pytest.mark.parametrize("policy", ["apart", "drop", "report"])
@pytest.mark.parametrize("identifiers", ["report", "deidentify"])
def test_the_whole_way_with_nothing_in_memory(table, policy: str, identifiers: str) -> None:
    rows = [{"question": row.question, "answer": row.answer, "topic": row.topic} for row in some_rows(5, 400)]
    rows[7]["answer"], rows[9]["answer"] = "", "<p>Call 555-0199 now</p> ."
    other = [{"question": row.question, "answer": f"{row.answer} again"} for row in some_rows(6, 90)]
    read, _ = config.load(
        {
            "model": "x",
            "data": [table("one.jsonl", rows), {"source": table("two.jsonl", other), "repeats": 2}],
            "split": {"dev": 4, "eval": 6},
            "near_duplicates": policy,
            "identifiers": identifiers,
            "identifier_scan": "quick",
        }
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "ROOM", 0)
        patched.setattr(runs, "ROOM", 7)
        spilled = data.prepare(read)
    assert spilled.train.store._file is not None and spilled.lineage.store._file is not None
    held = data.prepare(read)
    assert held.train.store._file is None
    assert spilled == held
    assert json.dumps(spilled.report) == json.dumps(held.report)
    assert list(spilled.lineage) == list(held.lineage) and len(held.lineage) == 490
