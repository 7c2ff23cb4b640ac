"""Strategies asked of a model with known truth: votes gain what binomial arithmetic says, drafts are read, stops go on."""

import json
import random
from dataclasses import replace
from math import comb, sqrt

import pytest
from tests.evaluate.drawing import Drawing, knows
from tests.evaluate.exam_answers import question

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.evaluate import strategies
from medlms.evaluate.strategies import Strategy, ask
from medlms.evaluate.strategy_exam import OfExam
from medlms.evaluate.strategy_open import OfAnswers
from medlms.evaluate.strategy_results import EXAM_METRICS, OPEN_METRICS, results
from medlms.run import Run
from medlms.tasks import answer
from medlms.testing import tiny_rows

FILE = "predictions/strategies/base.e.s.jsonl"
EXAM = OfExam("chat", "Be right.")
OPEN = OfAnswers(answer, "Be right.", {})
ROWS = [question(n, options=2, right=n % 2) for n in range(300)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda file: None)
    return Run(tmp_path)


def consistent(n, temperature=0.7):
    return Strategy(f"sc-{n}", "self_consistency", drafts=n, temperature=temperature)


def refined(drafts, samples, temperature=0.7):
    return Strategy("er", "ensemble_refinement", drafts, samples, temperature, temperature)


def sit(run, says, strategy, rows=ROWS, subject=EXAM, file=FILE, **more):
    engine = says if isinstance(says, Drawing) else Drawing(says)
    return ask(engine, rows, subject, strategy, run=run, file=file, seed=1, **more)


def share(told):
    return sum(item.prediction.chosen == item.prediction.right for item in told) / len(told)


def majority(p, n):
    """The chance that more than half of n draws are right, and half the chance of a tie: there the first draw decides."""
    even = comb(n, n // 2) * (p * (1 - p)) ** (n // 2) if n % 2 == 0 else 0.0
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n // 2 + 1, n + 1)) + even / 2


@pytest.mark.parametrize(("p", "n"), [(0.6, 1), (0.6, 11), (0.7, 2), (0.35, 5), (0.65, 6)])
def test_a_vote_gains_what_binomial_arithmetic_says(run, p, n):
    told = sit(run, knows(p), consistent(n), file=f"predictions/{p}-{n}.jsonl")
    expected = majority(p, n)
    assert share(told) == pytest.approx(expected, abs=3.3 * sqrt(expected * (1 - expected) / len(ROWS)))
    assert len({len(item.drafts) for item in told}) == 1 and len(told[0].drafts) == n
    single = sum(draft.chosen == item.prediction.right for item in told for draft in item.drafts) / (n * len(ROWS))
    assert single == pytest.approx(p, abs=3.3 * sqrt(p * (1 - p) / (n * len(ROWS))))
    if n == 11 and p > 0.5:
        assert share(told) > single + 0.08


def test_a_larger_n_draws_the_same_answers_first(run):
    few = sit(run, knows(0.6), consistent(3), ROWS[:20], file="predictions/a.jsonl")
    many = sit(run, knows(0.6), consistent(7), ROWS[:20], file="predictions/b.jsonl")
    assert [item.drafts for item in few] == [item.drafts[:3] for item in many]


def test_neither_order_nor_batch_changes_an_answer(run, monkeypatch):
    def shuffled(requests):
        random.Random(5).shuffle(requests)
        return requests

    for number, strategy in enumerate((consistent(5), refined(3, 5))):
        plain = sit(run, knows(0.6), strategy, ROWS[:30], file=f"predictions/a{number}.jsonl")
        monkeypatch.setattr(strategies, "AT_ONCE", 7)
        monkeypatch.setattr(strategies, "AT_ONCE_DRAFTED", 7)
        engine = Drawing(knows(0.6), order=shuffled)
        mixed = sit(run, engine, strategy, ROWS[:30][::-1], file=f"predictions/b{number}.jsonl")
        assert plain == mixed[::-1]


def test_every_draw_has_a_seed_of_its_own(run):
    engine = Drawing(knows(0.6))
    sit(run, engine, refined(3, 4), ROWS[:10])
    assert len({request.seed for request in engine.asked}) == len({request.id for request in engine.asked}) == 70


def copies_the_best_draft(request, draw):
    """Drafts are right with 0.6; a refined answer is what most of the drafts in the prompt say."""
    shown = request.messages[-1].text
    if "Draft 1:" not in shown:
        return knows(0.6)(request, draw)
    votes = [line[-1] for line in shown.splitlines() if line.startswith("Answer: ") and len(line) == 9]
    return f"They say {' '.join(votes)}.\nAnswer: {max(sorted(set(votes)), key=votes.count)}"


def test_refinement_reads_its_own_drafts(run):
    engine = Drawing(copies_the_best_draft)
    told = sit(run, engine, refined(5, 3))
    expected = majority(0.6, 5)
    assert share(told) == pytest.approx(expected, abs=3.3 * sqrt(expected * (1 - expected) / len(ROWS)))
    for item in told[:20]:
        drafts, last = item.drafts[:5], item.drafts[5:]
        assert {draft.stage for draft in drafts} == {"draft"} and {draft.stage for draft in last} == {"refined"}
        asked = [r for r in engine.asked if r.id.startswith(f"{item.prediction.id}@refined")]
        assert len(asked) == 3
        for request in asked:
            shown = request.messages[-1].text
            places = [shown.index(f"Draft {number}:\n{draft.text}") for number, draft in enumerate(drafts, 1)]
            assert places == sorted(places)
            assert request.messages[0].text == "Be right."
        assert item.prediction.prompt.endswith(asked[0].messages[-1].text)


def test_tokens_of_every_answer_are_counted(run):
    engine = Drawing(knows(0.6))
    told = sit(run, engine, refined(2, 3), ROWS[:8])
    made = results(told, system="base", strategy="er", metrics=EXAM_METRICS, resamples=100, seed=1)
    words = [sum(len(turn.text.split()) for turn in request.messages) for request in engine.asked]
    assert made["prompt_tokens"] == sum(words) / 8
    assert made["answers"] == 5 and made["new_tokens"] == sum(d.new_tokens for t in told for d in t.drafts) / 8
    lines = [json.loads(line) for line in (run.folder / FILE).read_text().splitlines()]
    assert sum(line["prompt_tokens"] for line in lines) == sum(words)
    assert sum(line["tokens"] for line in lines) == made["new_tokens"] * 8


@pytest.mark.parametrize("strategy", [consistent(4), refined(3, 2)])
def test_a_stop_costs_no_finished_question(run, monkeypatch, strategy):
    monkeypatch.setattr(strategies, "AT_ONCE_DRAFTED", 6)
    rows = ROWS[:12]
    whole = sit(run, knows(0.6), strategy, rows, file="predictions/whole.jsonl")
    with pytest.raises(KeyboardInterrupt):
        sit(run, Drawing(knows(0.6), stop_after=23), strategy, rows)
    there = len((run.folder / FILE).read_text().splitlines())
    assert 0 < there < 12
    with (run.folder / FILE).open("a") as file:
        file.write('{"id": "e/5", "pla')
    engine = Drawing(knows(0.6))
    assert sit(run, engine, strategy, rows) == whole
    assert len(engine.asked) == (12 - there) * strategy.answers
    assert strategies.read(run, FILE)[0].prediction.id in {row.id for row in rows}
    again = Drawing(knows(0.6), stop_after=0)
    assert sit(run, again, strategy, rows) == whole and not again.asked


def test_another_test_is_refused(run):
    sit(run, knows(0.6), consistent(2), ROWS[:3])
    for strategy, subject, rows in (
        (consistent(3), EXAM, ROWS[:3]),
        (consistent(2, 0.8), EXAM, ROWS[:3]),
        (consistent(2), replace(EXAM, instruction="Be quick."), ROWS[:3]),
        (consistent(2), EXAM, [replace(ROWS[0], answer=1), *ROWS[1:3]]),
    ):
        with pytest.raises(AskedWrongly, match="another test"):
            sit(run, knows(0.6), strategy, rows, subject)
    with pytest.raises(DataError, match="occur twice"):
        sit(run, knows(0.6), consistent(2), [*ROWS[:2], ROWS[0]])


def test_a_model_that_says_nothing_or_never_ends(run):
    silent = sit(run, lambda request, draw: "", consistent(3), ROWS[:4], file="predictions/a.jsonl")
    assert {(item.prediction.chosen, item.prediction.problem) for item in silent} == {(None, "empty")}
    endless = Drawing(lambda request, draw: "thing or thing or " * 20, finish="length")
    cut = sit(run, endless, refined(2, 2), ROWS[:4], file="predictions/b.jsonl")
    assert {item.prediction.problem for item in cut} == {"cut before its answer"}
    made = results(cut, system="base", strategy="er", metrics=EXAM_METRICS, resamples=100, seed=1)
    assert (made["cut"], made["unread"], made["agreement"], made["metrics"]["accuracy"]["value"]) == (1.0, 4, 0.0, 0.0)


def test_what_does_not_fit_is_not_cut(run):
    engine = Drawing(knows(1.0))
    told = sit(run, engine, refined(2, 2), ROWS[:3], fits=lambda messages, limit: "Draft" not in messages[-1].text)
    assert {item.prediction.problem for item in told} == {"too long"}
    assert all("@draft" in request.id for request in engine.asked)
    made = results(told, system="base", strategy="er", metrics=EXAM_METRICS, resamples=100, seed=1)
    assert made["answers"] == 2 and made["cut"] == 0


def test_an_engine_that_leaves_one_out_or_makes_one_up(run):
    class Short(Drawing):
        def answer(self, requests):
            return super().answer(requests[:-1])

    with pytest.raises(CouldNot, match="got no reply"):
        sit(run, Short(knows(0.6)), consistent(2), ROWS[:2])

    class Twice(Drawing):
        def answer(self, requests):
            yield from super().answer(requests)
            yield from super().answer(requests[:1])

    with pytest.raises(CouldNot, match="not asked"):
        sit(run, Twice(knows(0.6)), consistent(2), ROWS[:2], file="predictions/b.jsonl")


def test_unread_drafts_have_no_vote(run):
    def says(request, draw):
        number = int(request.id.rpartition("-")[2])
        return ["", "I can't say.", "Answer: B", "Answer: A", "Answer: B"][number]

    (item,) = sit(run, says, consistent(5), ROWS[:1])
    assert item.prediction.chosen == 1 and item.prediction.said == "Answer: B" and item.prediction.problem == ""
    assert item.agreement == 2 / 5


def test_plain_prompts_have_no_turns(run):
    engine = Drawing(knows(1.0))
    sit(run, engine, refined(2, 1), ROWS[:1], OfExam("plain", "Not shown."))
    assert {turn.role for request in engine.asked for turn in request.messages} == {"plain"}
    assert all(request.stop == ("\nQuestion:",) for request in engine.asked)
    assert not any("Not shown." in turn.text for request in engine.asked for turn in request.messages)


def test_of_open_answers_that_counts_which_is_nearest(run):
    said = ["Call now.", "Rest and drink water.", "Rest, drink.", "Drink water and rest."]
    rows = tiny_rows(3)
    told = sit(
        run, lambda request, draw: said[int(request.id.rpartition("-")[2])], consistent(4), rows, OPEN
    )  # fmt: skip
    assert {item.prediction.said for item in told} == {"Rest and drink water."}
    assert [item.prediction.golds for item in told] == [(row.answer,) for row in rows]
    # against call now 0, rest drink 2 * 2 / (4 + 2), the same words 1
    assert told[0].agreement == pytest.approx((0 + 4 / 6 + 1) / 3)
    made = results(told, system="base", strategy="sc", metrics=OPEN_METRICS, resamples=100, seed=1)
    assert set(made["metrics"]) == set(OPEN_METRICS) and made["unread"] == 0


def test_an_open_question_has_one_refined_answer_after_its_drafts(run):
    def says(request, draw):
        return "The best of both." if "Draft 2:" in request.messages[-1].text else f"Draft words {draw.random()}"

    plan = Strategy("er", "ensemble_refinement", drafts=2, samples=1, temperature=0.7)
    engine = Drawing(says)
    (item,) = sit(run, engine, plan, tiny_rows(1), OPEN)
    assert item.prediction.said == "The best of both." and item.agreement == 1.0
    assert [request.temperature for request in engine.asked] == [0.7, 0.7, 0.0]
    assert all(draft.text in engine.asked[-1].messages[-1].text for draft in item.drafts[:2])


def test_an_open_chain_of_thought_is_read_behind_its_mark(run):
    plan = Strategy("cot", "chain_of_thought")
    told = sit(run, lambda request, draw: "Gout hurts.\nAnswer: Rest.", plan, tiny_rows(1), OPEN)
    assert told[0].prediction.said == "Rest."
    (item,) = sit(run, lambda request, draw: "Rest.", plan, tiny_rows(1), OPEN, file="predictions/b.jsonl")
    assert (item.prediction.said, item.prediction.problem) == ("", "no answer marked")
