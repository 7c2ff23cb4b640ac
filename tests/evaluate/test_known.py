"""Answers are taken over from runs beside this one: the same model, prompt and settings, and nothing else."""

import json

import pytest

from medlms.evaluate.ask import ask, score_references
from medlms.evaluate.known import Known, beside
from medlms.evaluate.lines import read_predictions
from medlms.run import ASKED, CONFIG, Run
from medlms.tasks import answer
from medlms.types import QA, Message, Reply, Request

EXAMPLES = [
    QA(f"q{n}", "ours", "CC0", f"here:{n}", f"Why {'so ' * n}?", f"Because {n}.", group=f"g{n}") for n in range(6)
]


class Counting:
    name = "counting"
    path = "made up"

    def __init__(self):
        self.asked = []

    def answer(self, requests):
        for request in requests:
            self.asked.append(request.id)
            yield Reply(request.id, f"{request.messages[-1].text} {len(self.asked)}", "length", 5, 7, 1.5, 0.5)

    def score(self, requests):
        for request in requests:
            self.asked.append(request.id)
            yield Reply(request.id, "", "scored", 5, 0, 1.0, 1.0, -2.5, 4)


@pytest.fixture
def runs(tmp_path):
    def run(name):
        made = Run.create(name, root=tmp_path)
        made.write(CONFIG, "model: m\n")
        return made

    return run


def asked(run, engine, examples=EXAMPLES, model="m", instruction="Be brief.", limit=64, references=None, **more):
    return ask(
        engine, examples, task=answer, instruction=instruction, references=references or {}, run=run, system="base",
        max_new_tokens=limit, known=Known(model, beside(run.folder)), **more,
    )  # fmt: skip


def scored(run, engine):
    return score_references(engine, EXAMPLES, task=answer, instruction="Be brief.", run=run, system="base")


def test_the_same_test_again_costs_nothing_and_says_so(runs):
    first, second, engine, said = runs("one"), runs("two"), Counting(), []
    asked(first, engine)
    whole = scored(first, engine)
    again = asked(second, Counting(), say=said.append)
    assert again == whole  # scores of the references and all
    silent = Counting()
    assert scored(second, silent) == whole and silent.asked == []
    assert said == ["base: cached: 6 of 6 answers, from one"]
    assert read_predictions(second, "base") == read_predictions(first, "base")
    (line,) = second.rows(ASKED)
    assert line == {"system": "base", "there": 0, "cached": 6, "from": ["one"], "asked": 0}
    assert {row["taken_from"] for row in second.rows("predictions/base.jsonl")} == {"one"}


def test_what_is_missing_is_asked_alone(runs):
    asked(runs("one"), Counting(), EXAMPLES[:4])
    run, engine, said = runs("two"), Counting(), []
    found = asked(run, engine, say=said.append)
    assert sorted(engine.asked) == ["q4", "q5"] and said == ["base: cached: 4 of 6 answers, from one"]
    assert [item.id for item in found] == [row.id for row in EXAMPLES]
    third = Counting()
    assert asked(runs("three"), third) == found and third.asked == []  # from two runs, or from one that took them over


@pytest.mark.parametrize(
    "change", [{"model": "other"}, {"instruction": "Lie."}, {"limit": 65}], ids=lambda change: next(iter(change))
)
def test_another_model_prompt_or_setting_is_asked_anew(runs, change):
    asked(runs("one"), Counting())
    engine = Counting()
    asked(runs("two"), engine, **change)
    assert len(engine.asked) == 6


def test_other_references_take_the_answer_without_its_scores(runs):
    first = runs("one")
    asked(first, Counting())
    scored(first, Counting())
    engine = Counting()
    found = asked(runs("two"), engine, references={"q1": ("Another.",)})
    assert engine.asked == []
    assert [item.id for item in found if item.reference_logprob is None] == ["q1"]
    assert found[1].golds == ("Another.",)


def test_a_line_that_was_changed_by_hand_is_not_taken(runs):
    first, engine = runs("one"), Counting()
    asked(first, engine)
    path = first.folder / "predictions/base.jsonl"
    kept = path.read_text().split("\n")
    line = json.loads(kept[2])
    path.write_text("\n".join([kept[0], kept[1][:50], json.dumps({**line, "predict": "A better answer."}), *kept[3:]]))
    again = Counting()
    asked(runs("two"), again)
    assert len(again.asked) == 2 and line["id"] in again.asked


def test_only_runs_beside_it_are_looked_through(runs, tmp_path):
    one = runs("one")
    asked(one, Counting())
    (tmp_path / "no-run" / "predictions").mkdir(parents=True)
    (tmp_path / "no-run" / "predictions" / "base.jsonl").write_bytes(
        (one.folder / "predictions/base.jsonl").read_bytes()
    )
    one.erase()
    engine = Counting()
    asked(runs("two"), engine)
    assert len(engine.asked) == 6  # erased answers are gone


def test_drawn_answers_belong_to_their_seed():
    def key(**more):
        return Known("m").key(Request("q1", (Message("user", "Why?"),), **more))

    assert key() == Known("m").key(
        Request("q2", (Message("user", "Why?"),))
    )  # greedy: the name of the row is no matter
    drawn = {key(temperature=0.7, seed=seed) for seed in (1, 2)} | {
        key(temperature=0.8, seed=1),
        key(),
        key(stop=("x",)),
    }
    assert len(drawn) == 5
