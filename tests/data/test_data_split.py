from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
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


def sides_of(drawn):
    return {row.id: side for side, side_rows in sides(drawn).items() for row in side_rows}


SIZES = some.lists(some.integers(1, 5), min_size=12, max_size=40)


def made(rows, sizes):
    return [row for topic, each in enumerate(sizes) for row in rows(topic + 1, each)[-each:]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES, some.integers(0, 99), some.randoms(use_true_random=False))
def test_no_row_is_lost_or_doubled_and_order_does_not_matter(rows, sizes: list, seed: int, random) -> None:
    given_rows = made(rows, sizes)
    drawn = parts_of(given_rows, seed)
    placed = [row.id for side in sides(drawn).values() for row in side]
    assert len(placed) == len(set(placed))
    held = {row.group for row in (*drawn.dev, *drawn.eval)}
    grouped = split.grouped(given_rows)
    # What is not drawn shares a group with a graded row; all else is trained on.
    assert {row.id for row in grouped} - set(placed) == {row.id for row in grouped if row.group in held} - set(placed)
    assert not held & {row.group for row in drawn.train}
    assert not {row.group for row in drawn.dev} & {row.group for row in drawn.eval}
    leaks.prove(sides(drawn))
    random.shuffle(given_rows)
    assert sides(parts_of(given_rows, seed)) == sides(drawn)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES, some.integers(1, 8), some.integers(0, 99))
def test_added_groups_push_others_out_and_bring_none_in(rows, sizes: list, more: int, seed: int) -> None:
    given_rows = made(rows, [*sizes, *[2] * more])
    known = {row.id for row in made(rows, sizes)}
    before, after = parts_of([row for row in given_rows if row.id in known], seed), parts_of(given_rows, seed)
    assume(before.per_group == after.per_group == 1)
    order = {"eval": 0, "dev": 1, "train": 2}
    old, new = sides_of(before), sides_of(after)
    assert all(order[new[id]] >= order[side] for id, side in old.items() if id in new)
    assert sum(old[id] != new.get(id, old[id]) for id in old if old[id] != "train") <= 2 * more
    held = {id for id, side in old.items() if side != "train"}
    assert {id for id in known if new.get(id) in ("dev", "eval")} <= held


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(some.integers(1, 4), min_size=50, max_size=60), some.integers(1, 60), some.integers(0, 99))
def test_with_a_reserve_no_row_ever_changes_sides(rows, sizes: list, more: int, seed: int) -> None:
    given_rows = made(rows, [*sizes, *[3] * more])
    known = {row.id for row in made(rows, sizes)}
    asked = Split(train=None, dev=1, eval=2, reserve=0.4)

    def drawn(some_rows):
        return split.parts(split.grouped(some_rows), asked, weights={}, seed=seed)

    try:
        before = drawn([row for row in given_rows if row.id in known])
    except DataError as error:
        assert "reserve" in error.hint
        return
    after = drawn(given_rows)
    assert (len(after.dev), len(after.eval)) == (1, 2)
    old, new = sides_of(before), sides_of(after)
    assert all(new[id] == side for id, side in old.items() if id in new)
    assert {id for id, side in old.items() if side == "train"} <= {id for id, side in new.items() if side == "train"}


def parts_of(given_rows, seed: int):
    return split.parts(split.grouped(given_rows), Split(train=None, dev=2, eval=3), weights={}, seed=seed)
