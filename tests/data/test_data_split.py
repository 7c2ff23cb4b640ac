from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from medlms.config import Split
from medlms.data import leaks, split
from medlms.errors import DataError


def parts(rows, train, dev, held, *, weights=None, seed=13):
    return split.parts(split.grouped(rows), Split(train=train, dev=dev, eval=held), weights=weights or {}, seed=seed)


def sides(drawn):
    return {"train": drawn.train, "dev": drawn.dev, "eval": drawn.eval}


def test_rows_are_joined_by_what_they_share(qa) -> None:
    rows = split.grouped(
        [
            qa("1", "a", "x", links=("document:d1",)),
            qa("2", "b", "x", links=("document:d1",), topic="Cold"),
            qa("3", "c", "x", topic="cold"),
            qa("4", "C!", "x"),
            qa("5", "e", "x", links=("row:set/4",)),
            qa("6", "f", "x"),
        ]
    )
    assert [len({row.group for row in rows[:5]}), len({row.group for row in rows})] == [1, 2]


def test_codes_of_many_documents_join_nothing(qa) -> None:
    def rows(documents):
        return [qa(str(n), f"q{n}", "x", links=(f"document:{n}", "cui:C1")) for n in range(documents)]

    assert len({row.group for row in split.grouped(rows(split.RARE))}) == 1
    assert len({row.group for row in split.grouped(rows(split.RARE + 1))}) == split.RARE + 1


def test_exact_sizes_one_row_a_group_and_no_leaks(rows) -> None:
    drawn = parts(rows(100, 5), 200, 20, 30)
    assert (len(drawn.train), len(drawn.dev), len(drawn.eval)) == (200, 20, 30)
    assert drawn.per_group == 1
    assert len({row.group for row in drawn.eval}) == 30
    leaks.prove(sides(drawn))


def test_same_seed_same_split_whatever_the_order_of_rows(rows) -> None:
    given_rows = rows(50, 4)
    again = parts(given_rows[::-1], 60, 10, 10)
    first = parts(given_rows, 60, 10, 10)
    assert sides(first) == sides(again)
    assert {row.id for row in parts(given_rows, 60, 10, 10, seed=14).eval} != {row.id for row in first.eval}


def test_added_rows_hardly_move_the_others(rows) -> None:
    before = parts(rows(200, 3), None, 20, 40)
    after = parts(rows(210, 3), None, 20, 40)
    groups = {row.group for row in before.eval}
    assert len(groups & {row.group for row in after.eval}) >= 36
    held = {row.group for row in (*after.eval, *after.dev)}
    assert len({row.group for row in before.train} & held) == 0


def test_few_topics_give_several_rows_each_and_train_keeps_most(rows) -> None:
    drawn = parts(rows(64, 6), None, 24, 60)
    assert (len(drawn.dev), len(drawn.eval)) == (24, 60)
    assert drawn.per_group > 1
    assert len(drawn.train) >= split.KEEP * (64 * 6 - 84)
    assert max(Counter(row.group for row in drawn.eval).values()) <= drawn.per_group
    leaks.prove(sides(drawn))


def test_a_question_with_several_answers_is_one_item(qa, rows) -> None:
    same = [qa(f"s{n}", "The same question", f"answer {n}", topic="same") for n in range(40)]
    drawn = parts([*same, *rows(6, 6)], 8, 2, 4)
    assert sum(row.topic == "same" for row in drawn.eval) <= 1


def test_sources_by_weight(rows) -> None:
    both = [*rows(100, 4, source="a"), *rows(100, 4, source="b")]
    drawn = parts(both, 200, 12, 20, weights={"a": 3, "b": 1})
    for side, expected in (("train", 150), ("dev", 9), ("eval", 15)):
        assert sum(row.source == "a" for row in sides(drawn)[side]) == expected


def test_what_a_small_source_lacks_the_other_gives(rows) -> None:
    drawn = parts([*rows(100, 4, source="a"), *rows(10, 4, source="b")], 200, 20, 40, weights={"a": 1, "b": 1})
    assert (len(drawn.train), len(drawn.dev), len(drawn.eval)) == (200, 20, 40)
    counts = {side: sum(row.source == "b" for row in rows) for side, rows in sides(drawn).items()}
    assert (counts["eval"], counts["dev"]) == (4, 2)
    assert counts["train"] == 16


def test_boilerplate_answers_never_stand_in_dev_or_eval_and_in_train(qa, rows) -> None:
    text = "This condition is passed on in a way that is described in the same words everywhere."
    plain = rows(60, 3)
    shared = [
        qa(f"x{n}", f"how is {n} passed on", text, topic=f"set topic {n}", links=(f"document:set/{n}",))
        for n in range(60)
    ]
    drawn = parts([*plain, *shared], 60, 10, 20)
    assert not any(row.answer == text for row in (*drawn.dev, *drawn.eval))
    assert drawn.passed_over == {"answer also stands in another group": 30}
    leaks.prove(sides(drawn))


@pytest.mark.parametrize(
    ("topics", "each", "sizes"), [(3, 3, (100, 5, 5)), (2, 50, (None, 1, 1)), (1, 500, (None, 1, 1))]
)
def test_too_small_is_said_in_numbers(rows, topics: int, each: int, sizes: tuple) -> None:
    with pytest.raises(DataError, match=f"{topics * each} usable rows in {topics} groups") as error:
        parts(rows(topics, each), *sizes)
    assert error.value.hint


def test_the_suggestion_works(rows) -> None:
    for topics, each in ((3, 4), (10, 2), (64, 6), (40, 1), (500, 2)):
        grouped = split.grouped(rows(topics, each))
        suggested = split.suggest(grouped)
        assert suggested is not None
        drawn = split.parts(grouped, suggested, weights={}, seed=13)
        assert len(drawn.train) > len(drawn.eval)
    assert split.suggest(split.grouped(rows(1, 50))) is None


@settings(max_examples=60, deadline=None)
@given(
    some.integers(0, 200),
    some.dictionaries(some.sampled_from("abcd"), some.tuples(some.floats(0.1, 9), some.integers(0, 90)), min_size=1),
)
def test_quotas_sum_up_and_stay_within_room(size: int, sources: dict) -> None:
    room = {name: rows for name, (_, rows) in sources.items()}
    got = split.quotas(size, {name: weight for name, (weight, _) in sources.items()}, room)
    assert sum(got.values()) == min(size, sum(room.values()))
    assert all(0 <= got[name] <= room[name] for name in room)


def test_leaks_are_found(qa) -> None:
    long = "An answer of no less than eight words, which no two sides may share."
    one = qa("1", "What is a cold?", long, topic="Cold", links=("document:d",), group="g1")
    other = qa("2", "What is flu?", "Another.", topic="Flu", links=("document:e",), group="g2")
    leaks.prove({"train": [one], "eval": [other]})
    for change in (
        {"group": "g1"},
        {"id": "set/1"},
        {"links": ("document:d",)},
        {"links": ("topic:cold",)},
        {"topic": "COLD"},
        {"question": "what is a  cold"},
        {"answer": long.upper()},
    ):
        with pytest.raises(DataError, match=r"leaks, 1 times.*set\.jsonl:2"):
            leaks.prove({"train": [one], "eval": [replace(other, **change)]})
