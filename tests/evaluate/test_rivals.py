"""Tuned against the best of the systems beside it, in every verdict."""

import math

import pytest

from medlms.evaluate.rivals import rivals
from medlms.evaluate.verdict import against_best, verdict
from medlms.types import Comparison, Score


def scores(**values):
    return {
        name: [Score(metric, value, 0, 1, 50) for metric in ("token_f1", "rougeL")] for name, value in values.items()
    }


def compared(other, difference, spread=0.01, p=0.001):
    low, high = (difference - spread, difference + spread) if spread is not None else (math.nan, math.nan)
    return [Comparison("tuned", other, metric, difference, low, high, p, 50) for metric in ("token_f1", "rougeL")]


def test_the_best_of_the_others_is_found():
    found = rivals(scores(base=0.2, tuned=0.4, nearest=0.3, sentence=0.1), ("token_f1", "bleu"))
    assert [(item.metric, item.name, item.value, item.own, item.of) for item in found] == [
        ("token_f1", "nearest", 0.3, 0.4, 3)
    ]


def test_it_takes_two_others_and_a_tuned_model():
    assert rivals(scores(tuned=0.4, base=0.3), ("token_f1",)) == []
    assert rivals(scores(base=0.3, nearest=0.1), ("token_f1",)) == []


@pytest.mark.parametrize(
    ("difference", "spread", "p", "words"),
    [
        (
            0.1,
            0.01,
            0.0001,
            "On token F1 tuned (0.400) beats the best of the 2 systems beside it, best-prompt (0.300), by 0.10",
        ),
        (-0.1, 0.01, 0.0001, "is worse than the best of the 2 systems beside it, best-prompt (0.300): 0.10"),
        (0.1, 0.01, 0.9, "is ahead of the best of the 2 systems beside it, best-prompt (0.300) by 0.10"),
        (-0.1, 0.01, 0.9, "is behind the best"),
        (0.0, 0.01, 0.9, "are not measurably different"),
        (0.1, None, 0.9, "can't be told apart"),
    ],
)
def test_what_came_out_is_said(difference, spread, p, words):
    given = scores(base=0.2, tuned=0.4, best_prompt=0.3)
    sentences = against_best(given, [*compared("base", 0.2), *compared("best_prompt", difference, spread, p)])
    assert len(sentences) == 2 and words in sentences[0]
    assert sentences[1].startswith("On ROUGE-L tuned")
    assert sentences[0] in verdict(given, [*compared("base", 0.2), *compared("best_prompt", difference, spread, p)])


def test_a_best_that_was_not_compared_is_no_silence():
    (first, _) = against_best(scores(tuned=0.4, base=0.2, nearest=0.3), compared("base", 0.2))
    assert "was not compared with the best of the 2 systems beside it, nearest" in first
