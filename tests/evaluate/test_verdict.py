"""Verdicts on constructed numbers."""

import math

from medlms.evaluate.family import adjusted, holm
from medlms.evaluate.verdict import verdict
from medlms.types import Comparison, Score


def difference(a, b, metric, value, half=0.02, p=0.0005):
    return Comparison(a, b, metric, value, value - half, value + half, p, 100)


def pair(a, b, f1, rouge, **more):
    return [difference(a, b, "token_f1", f1, **more), difference(a, b, "rougeL", rouge, **more)]


def scores(**lengths):
    return {
        name: [Score("token_f1", 0.3, 0.28, 0.32, 100), Score("length_words", n, n - 5, n + 5, 100)]
        for name, n in lengths.items()
    }


SAME = scores(base=100, tuned=110, nearest=90)


def test_tuned_wins():
    found = verdict(SAME, [*pair("tuned", "base", 0.05, 0.04), *pair("tuned", "nearest", 0.06, 0.03)])
    assert found == [
        "Tuned beats base on token F1 by 0.05 [0.03, 0.07] and on ROUGE-L by 0.04 [0.02, 0.06].",
        "On token F1 tuned (0.300) beats the best of the 2 systems beside it, base (0.300), by 0.05 [0.03, 0.07].",
        "Tuned beats nearest on token F1 by 0.06 [0.04, 0.08] and on ROUGE-L by 0.03 [0.01, 0.05].",
        "The test has 100 questions; square brackets hold 95 % intervals.",
    ]


def test_tuned_loses():
    found = verdict(SAME, pair("tuned", "base", -0.05, -0.04))
    assert found[0] == "Base beats tuned on token F1 by 0.05 [0.03, 0.07] and on ROUGE-L by 0.04 [0.02, 0.06]."


def test_tie():
    found = verdict(SAME, pair("tuned", "base", 0.01, 0.004, p=0.4))
    assert found[0] == (
        "There is no measurable difference between tuned and base on token F1 (0.01 [-0.01, 0.03]) "
        "and ROUGE-L (0.004 [-0.016, 0.024])."
    )


def test_mixed():
    found = verdict(SAME, [difference("tuned", "base", "token_f1", 0.05), difference("tuned", "base", "rougeL", -0.05)])
    assert found[0].startswith("Tuned beats base on token F1")
    assert found[1].startswith("Base beats tuned on ROUGE-L")


def test_floor_wins_and_opens():
    found = verdict(SAME, [*pair("tuned", "base", 0.05, 0.04), *pair("tuned", "nearest", -0.06, 0.03)])
    assert found[0] == (
        "Copying the answer of the most similar training question (nearest) beats tuned on token F1 by "
        "0.06 [0.04, 0.08]: on this test tuned is no better than looking an answer up."
    )
    assert found[1].startswith("Tuned beats base")
    assert found[3] == "Tuned beats nearest on ROUGE-L by 0.03 [0.01, 0.05]."


def test_floor_only_just_ahead_still_opens():
    found = verdict(SAME, [*pair("tuned", "base", 0.05, 0.04), *pair("nearest", "tuned", 0.01, -0.03, p=0.3)])
    assert found[0].startswith(
        "Copying the answer of the most similar training question (nearest) scores higher than tuned on token F1"
    )
    assert "may be chance" in found[0]
    assert "ROUGE-L" not in found[0]


def test_many_comparisons_weaken_a_lead():
    found = verdict(SAME, [*pair("tuned", "base", 0.03, 0.03, p=0.02), *pair("tuned", "nearest", 0.0, 0.0, p=0.9)])
    assert found[0].startswith("Tuned is ahead of base on token F1 by 0.03 [0.01, 0.05]")
    assert "among 4 comparisons that may be chance (adjusted p = 0.08)" in found[0]


def test_p_values_are_adjusted_over_all_comparisons_of_a_report():
    items = [
        *pair("tuned", "base", 0.05, 0.04, p=0.03),
        *pair("nearest", "tuned", 0.05, 0.04, p=0.02),
        difference("base", "tuned", "bleu", 0.05, p=0.01),
    ]
    found = adjusted(items)
    for item, wanted in zip(items, holm([item.p_value for item in items]), strict=True):
        assert found[item.a, item.b, item.metric] == found[item.b, item.a, item.metric] == wanted


def test_what_a_level_comparison_could_have_shown_is_said():
    found = verdict(SAME, pair("tuned", "base", 0.01, 0.0, p=0.4))
    assert found[1] == (
        "With these questions a difference of 0.03 (token F1) and 0.03 (ROUGE-L) would be seen four times in five; to see "
        "ones as small as those measured, about 820 (token F1) would be needed."
    )


def test_one_group_can_not_be_told():
    found = verdict(SAME, [Comparison("tuned", "base", "token_f1", 0.3, math.nan, math.nan, 1.0, 9)])
    assert found[0] == "Whether tuned or base is better on token F1 can't be told: all questions belong to one group."


def test_lengths_are_named_when_far_apart():
    wins = pair("tuned", "base", 0.05, 0.04)
    assert not any("Mind the lengths" in line for line in verdict(scores(base=149, tuned=100), wins))
    found = verdict(scores(base=300, tuned=80, nearest=90), wins)
    assert any("base 300, tuned 80 and nearest 90" in line for line in found)
    assert any("Mind the lengths" in line for line in verdict(scores(base=30, tuned=0), wins))


def test_likelihood():
    both = {
        name: [Score("perplexity", value, value - 1, value + 1, 100)]
        for name, value in (("base", 12.3), ("tuned", 8.1))
    }
    better = difference("tuned", "base", "perplexity", -4.2)
    assert (
        verdict(both, [better])[0] == "The reference answers fit tuned better than base (perplexity 8.1 against 12.3)."
    )
    level = difference("tuned", "base", "perplexity", -4.2, half=9)
    assert "No measurable difference in how well" in verdict(both, [level])[0]


def test_single_system_and_small_test():
    found = verdict({"base": [Score("token_f1", 0.3, 0.2, 0.4, 12)]}, [])
    assert found == [
        "Base has token F1 0.30 [0.20, 0.40]; there is nothing to compare it with.",
        "The test has 12 questions; square brackets hold 95 % intervals. That is few: only large differences can be seen.",
    ]
    assert verdict({}, []) == []


def test_answers_that_repeat_themselves_are_said():
    looping = {"base": {"complete": 62, "repeats itself": 38}, "tuned": {"complete": 91, "repeats itself": 9}}
    wanted = "Answers that repeat themselves: base 38 of 100 and tuned 9 of 100."
    assert wanted in verdict({}, [], endings=looping)
    few = {"base": {"complete": 96, "repeats itself": 4}, "nearest": {"complete": 100, "repeats itself": 0}}
    assert not [said for said in verdict({}, [], endings=few) if "repeat" in said]
