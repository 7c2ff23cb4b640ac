"""Paired comparisons: known cases, brute force, and simulation."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from medlms.errors import AskedWrongly
from medlms.evaluate.compare import as_json, compare
from medlms.evaluate.family import holm
from medlms.evaluate.score import score
from medlms.evaluate.swaps import DRAWS, mcnemar
from medlms.tasks.answer import METRICS
from medlms.types import Prediction

pytest.importorskip("sacrebleu")
pytest.importorskip("rouge_score")

WORDS = [f"w{number}" for number in range(30)]


def system(quality, *, n=40, groups=20, seed=0):
    """Answers that copy each reference word with the chance ``quality``; the references depend on the seed alone."""
    texts, noise = np.random.default_rng(1), np.random.default_rng([seed, int(quality * 1000)])
    found = []
    for number in range(n):
        gold = texts.choice(WORDS, size=20)
        said = np.where(noise.random(20) < quality, gold, noise.choice(WORDS, size=20))
        found.append(
            Prediction(
                f"p{number}",
                f"g{number % groups}",
                "",
                " ".join(said),
                (" ".join(gold),),
                reference_logprob=-float(60 * (1 - quality) + noise.uniform(0, 20)),
                reference_tokens=20,
            )
        )
    return found


def lengths(values, groups=None):
    """Predictions of so many words: their metric length_words is any list of numbers we like."""
    return [
        Prediction(f"p{n}", f"g{groups[n] if groups else n}", "", "x " * value, ("y",))
        for n, value in enumerate(values)
    ]


def test_system_against_itself():
    items = system(0.5)
    for found in compare("a", items, "b", items, METRICS, resamples=200):
        assert found.difference == 0
        assert found.p_value == 1
        assert found.low <= 0 <= found.high
        assert found.n == 40


def test_better_system_wins_on_everything_but_length():
    better, worse = system(0.7), system(0.4)
    found = {item.metric: item for item in compare("a", better, "b", worse, METRICS, resamples=400)}
    for name in ("bleu", "rouge1", "rouge2", "rougeL", "token_f1", "chrf"):
        assert found[name].low > 0 and found[name].p_value < 0.01, name
    assert found["perplexity"].high < 0 and found["perplexity"].p_value < 0.01
    assert found["length_words"].difference == 0 and found["length_words"].p_value == 1


def test_difference_is_that_of_the_scores_and_turns_with_the_order():
    one, other = system(0.6), system(0.5)
    values = [{item.metric: item.value for item in score(items, METRICS, resamples=100)} for items in (one, other)]
    there = compare("a", one, "b", other[::-1], METRICS, resamples=200)
    back = compare("b", other, "a", one, METRICS, resamples=200)
    for left, right in zip(there, back, strict=True):
        assert left.difference == pytest.approx(values[0][left.metric] - values[1][left.metric])
        assert (left.difference, left.low, left.high) == pytest.approx((-right.difference, -right.high, -right.low))
        assert left.p_value == pytest.approx(right.p_value, abs=0.02)


def test_p_value_of_a_mean_equals_all_sign_flips():
    a, b, groups = [5, 9, 4, 7, 8, 3, 6, 12, 9], [4, 5, 6, 5, 5, 3, 2, 8, 9], [0, 0, 1, 2, 3, 4, 5, 6, 6]
    sums = np.bincount(groups, weights=np.subtract(a, b))
    flips = [abs(np.dot(signs, sums)) for signs in itertools.product((1, -1), repeat=len(sums))]
    expected = np.mean(np.array(flips) >= abs(sums.sum()) - 1e-9)
    exact = compare("a", lengths(a, groups), "b", lengths(b, groups), ["length_words"], resamples=2000)[0]
    drawn = compare("a", lengths(a, groups), "b", lengths(b, groups), ["length_words"], resamples=127)[0]
    assert exact.p_value == pytest.approx(expected)
    assert drawn.p_value == pytest.approx(expected, abs=0.12)


def test_p_value_of_a_corpus_metric_equals_all_swaps():
    from medlms.metrics import bleu

    one, other = system(0.8, n=12, groups=6), system(0.7, n=12, groups=6)
    rows = [np.array([bleu.row(item) for item in items]) for items in (one, other)]
    differences = []
    for swapped in itertools.product((False, True), repeat=6):
        swap = np.array([swapped[number % 6] for number in range(12)])[:, None]
        left, right = np.where(swap, rows[1], rows[0]), np.where(swap, rows[0], rows[1])
        differences.append(float(bleu.value(left.sum(axis=0)) - bleu.value(right.sum(axis=0))))
    expected = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
    assert compare("a", one, "b", other, ["bleu"], resamples=100)[0].p_value == pytest.approx(expected)


def test_false_alarms_are_rare_and_intervals_cover():
    generator = np.random.default_rng(11)
    alarms = covered = 0
    for number in range(200):
        shift = generator.integers(-6, 7, size=25)  # a shared effect a group, none on average
        groups = [item % 25 for item in range(75)]
        a = generator.integers(10, 30, size=75)
        b = np.maximum(a + shift[groups] + generator.integers(-3, 4, size=75), 1)
        found = compare("a", lengths(a, groups), "b", lengths(b, groups), ["length_words"], resamples=199, seed=number)[
            0
        ]
        alarms += found.p_value < 0.05
        covered += found.low <= 0 <= found.high
    assert alarms / 200 < 0.1
    assert covered / 200 > 0.88


def test_one_group_can_not_be_told():
    found = compare("a", system(0.9, groups=1), "b", system(0.1, groups=1), ["token_f1", "exact_match"], resamples=100)
    assert math.isnan(found[0].low) and found[0].p_value == 1
    assert found[1].low < 0 < found[1].high
    shown = json.loads(json.dumps([as_json(item) for item in found], allow_nan=False))
    assert shown[0]["low"] is None
    assert list(shown[0]) == [
        "a",
        "b",
        "metric",
        "difference",
        "low",
        "high",
        "p_value",
        "n",
        "detectable",
        "items_needed",
    ]


def test_metric_of_a_single_group_can_not_be_told_beside_others():
    one, other = system(0.9), system(0.1)
    only = [item if item.group == "g0" else replace(item, reference_logprob=None) for item in one]
    found = compare("a", only, "b", other, ["perplexity"], resamples=100)[0]
    assert found.n == 2 and found.p_value == 1
    assert math.isnan(found.low)


def test_drawn_p_value_is_never_zero():
    found = compare("a", system(0.9), "b", system(0.1), ["token_f1"], resamples=199)[0]
    assert found.p_value == 1 / (DRAWS * 199 + 1)


def test_shares_without_a_difference_have_an_interval_with_width():
    found = compare("a", system(0.3), "b", system(0.2), ["exact_match"], resamples=100)[0]
    assert found.difference == 0
    assert found.low < 0 < found.high


def test_only_items_that_both_have_count():
    one, other = system(0.6), system(0.5)
    other[:5] = [replace(item, reference_logprob=None) for item in other[:5]]
    assert compare("a", one, "b", other, ["perplexity"], resamples=100)[0].n == 35
    assert compare("a", one, "b", [replace(item, reference_logprob=None) for item in other], ["perplexity"]) == []


def test_different_tests_are_refused():
    one, other = system(0.6), system(0.5)
    with pytest.raises(AskedWrongly, match="2 stand in one only, 'p0' first"):
        compare("a", one, "b", other[2:], ["token_f1"])
    with pytest.raises(AskedWrongly, match="'p3' has different references"):
        compare("a", one, "b", [*other[:3], replace(other[3], golds=("z",)), *other[4:]], ["token_f1"])
    with pytest.raises(AskedWrongly, match="different references or groups"):
        compare("a", one, "b", [replace(item, group="z") for item in other], ["token_f1"])
    with pytest.raises(AskedWrongly, match="b: there are no predictions"):
        compare("a", one, "b", [], ["token_f1"])


def test_holm():
    assert holm([]) == []
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == [0.02]


def test_exact_mcnemar_is_the_binomial_test():
    stats = pytest.importorskip("scipy.stats")
    for more, fewer in ((0, 0), (1, 0), (9, 2), (30, 51), (200, 231)):
        expected = stats.binomtest(more, more + fewer).pvalue if more + fewer else 1.0
        assert mcnemar(np.array([1.0] * more + [-1.0] * fewer + [0.0] * 7)) == pytest.approx(expected)


def test_exact_mcnemar_of_groups_is_all_sign_flips():
    changes = np.array([3.0, -1, 2, 0, 1, -2, 2])
    flips = [abs(np.dot(signs, changes)) for signs in itertools.product((1, -1), repeat=len(changes))]
    assert mcnemar(changes) == pytest.approx(np.mean(np.array(flips) >= abs(changes.sum()) - 1e-9))


def test_yes_no_metrics_are_judged_by_exact_mcnemar():
    right = [Prediction(f"p{n}", "", "", "y" if n < 30 else "n", ("y",)) for n in range(40)]
    other = [replace(item, said="y" if number in range(10, 28) else "n") for number, item in enumerate(right)]
    found = compare("a", right, "b", other, ["exact_match"])[0]
    assert found.p_value == pytest.approx(2 * 0.5**12)
    assert found.difference == pytest.approx(0.3) and found.low > 0
