from dataclasses import replace

import pytest

from medlms.config import Split
from medlms.data import copies, leaks, look, split
from medlms.errors import DataError

FRAME = "This condition is passed on in a way that the family doctor explains to the parents of each child at length,"
PAIR = [f"{FRAME} and then once more {end}" for end in ("in writing", "by letter")]


def test_equal_and_nearly_equal_answers_are_clusters(qa) -> None:
    rows = [
        qa("1", "how is a passed on", PAIR[0]),
        qa("2", "how is b passed on", PAIR[1]),
        qa("3", "how is c passed on", PAIR[0].upper()),
        qa("4", "what is d", "A short answer."),
        qa("5", "what is e", "A short answer."),
        qa("6", "what is f", "An answer of eight words, no more and no less."),
        qa("7", "what is g", "An answer of eight words: no more, and no less!"),
    ]
    near, equal = copies.find(rows)
    assert near == copies.Cluster("answer", ("set/1", "set/2", "set/3"), 2)
    assert equal == copies.Cluster("answer", ("set/6", "set/7"), 1)
    found = copies.account(split.grouped(rows), [near, equal], "apart")
    assert (found["near_answers"]["clusters"], found["near_answers"]["rows"], found["near_answers"]["largest"]) == (
        1,
        3,
        3,
    )
    assert (found["equal_answers"]["clusters"], found["near_questions"]["clusters"]) == (1, 0)
    assert found["rows_with_a_copy_in_another_group"] == 5
    (example,) = found["near_answers"]["examples"]
    assert example["places"] == ["set.jsonl:1", "set.jsonl:2"]
    assert 0.8 <= example["jaccard"] < 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What are the symptoms of gout?", "Symptoms of gout", True),
        ("What is (are) Gout ?", "What are gout", True),
        ("What causes gout?", "What is gout?", False),
        ("Who gets gout?", "How to get gout?", False),
        ("Is 5 mg twice enough, or 2?", "Is 2 mg twice enough, or 5?", False),
        ("What is it?", "Is this that?", False),
    ],
)
def test_questions_in_other_words(qa, one: str, other: str, same: bool) -> None:
    rows = [qa("1", one, "x"), qa("2", other, "y")]
    assert bool(copies.find(rows)) == same
    assert bool(list(leaks.near_pairs(rows[:1], rows[1:]))) == same


def test_long_questions_that_differ_in_a_word(qa) -> None:
    long = "My mother is 70 and has had pain in her left knee since she fell last winter on ice, what can she do about that"
    rows = [qa("1", long, "x"), qa("2", f"{long} now", "y"), qa("3", "Another one", "z")]
    assert [cluster.rows for cluster in copies.find(rows)] == [("set/1", "set/2")]


def test_drop_keeps_the_first(qa) -> None:
    rows = [qa("1", "a", PAIR[0]), qa("2", "b", "Short."), qa("3", "c", PAIR[1]), qa("4", "d", "Short.")]
    kept, dropped = copies.drop(rows, copies.find(rows))
    assert [row.id for row in kept] == ["set/1", "set/2", "set/4"]
    assert [(name, fault.place, fault.reason, fault.detail) for name, fault in dropped] == [
        ("set", "set.jsonl:3", copies.REASON, "as in set.jsonl:1")
    ]


def test_near_copies_are_never_graded_on(qa, rows) -> None:
    shared = [qa(f"x{n}", f"how is {n} passed on", PAIR[n % 2] + "!" * n, topic=f"set topic {n}") for n in range(40)]
    grouped = split.grouped([*rows(60, 3), *shared])
    clusters = copies.find(grouped)
    unfit = copies.apart(grouped, clusters)
    assert unfit == {row.id for row in shared}
    drawn = split.parts(grouped, Split(train=None, dev=10, eval=20), weights={}, seed=13, unfit=unfit)
    assert not unfit & {row.id for row in (*drawn.dev, *drawn.eval)}
    assert drawn.passed_over
    assert leaks.prove({"train": drawn.train, "dev": drawn.dev, "eval": drawn.eval})["near answer"] > 100


def test_a_near_copy_on_two_sides_is_a_leak(qa) -> None:
    one = qa("1", "how is a passed on", PAIR[0], group="g1")
    other = qa("2", "how is b passed on", PAIR[1], group="g2")
    sides = {"train": [one], "eval": [other]}
    with pytest.raises(DataError, match=r"near copy of the answer of set\.jsonl:[12]"):
        leaks.prove(sides)
    assert leaks.prove(sides, near_copies=False)["answer"] == 2
    assert leaks.shared([one], [other]) == leaks.Shared(1, 1)
    words = replace(other, question="is a passed on how", answer="y")
    with pytest.raises(DataError, match="near copy of the question"):
        leaks.prove({"train": [one], "dev": [], "eval": [words]})


def test_look_counts_them(qa, table) -> None:
    rows = [{"question": f"how is {n} passed on", "answer": PAIR[n % 2], "topic": str(n)} for n in range(20)]
    rows += [{"question": f"what is {n}", "answer": f"It is {n}.", "topic": str(n)} for n in range(20)]
    found = look.look(table("mine.jsonl", rows))
    assert found["near_copies"] == 20
    assert found["suggested_split"]
