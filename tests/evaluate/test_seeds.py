"""Means over seeds, differences that hold both kinds of luck, and what may be said of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from medlms.errors import AskedWrongly
from medlms.evaluate import compare as one_seed
from medlms.evaluate import seeds
from medlms.evaluate.findings import findings
from medlms.types import Comparison, Prediction

WORDS = "rest fluids fever pain heart blood skin bone lung liver".split()


def answers(right: float, seed: int, n: int = 60) -> list[Prediction]:
    """Answers of ten words of which a share of about ``right`` stands in the reference."""
    drawn = np.random.default_rng(seed)
    found = []
    for number in range(n):
        said = " ".join(word if drawn.random() < right else f"x{word}" for word in WORDS)
        found.append(Prediction(f"q{number}", f"g{number}", "", said, (" ".join(WORDS),)))
    return found


def test_the_mean_of_seeds_has_students_interval() -> None:
    value, low, high = seeds.mean([0.1, 0.2, 0.3])
    half = 4.302652729911275 * 0.1 / math.sqrt(3)
    assert (value, low, high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))
    assert seeds.mean([0.5])[0] == 0.5
    for values in ([0.5], [0.5, 0.5]):
        assert all(math.isnan(end) for end in seeds.mean(values)[1:]), "no width would claim certainty"


def test_one_run_on_each_side_is_the_paired_comparison() -> None:
    a, b = answers(0.6, 1), answers(0.4, 2)
    assert seeds.compare("a", [a], "b", [b], ["token_f1"]) == one_seed.compare("a", a, "b", b, ["token_f1"])


def test_the_luck_of_training_widens_a_difference() -> None:
    alike = [answers(0.60, seed) for seed in (1, 2, 3)]
    apart = [answers(right, seed) for right, seed in ((0.45, 1), (0.60, 2), (0.75, 3))]
    base = [answers(0.5, 9)]
    calm, wild = (seeds.compare("t", runs, "b", base, ["token_f1"])[0] for runs in (alike, apart))
    assert calm.difference == pytest.approx(wild.difference, abs=0.03)
    assert wild.high - wild.low > 3 * (calm.high - calm.low)
    assert calm.p_value < 0.01 < 0.05 < wild.p_value
    assert calm.low > 0 > wild.low


def test_more_seeds_make_a_difference_surer_and_order_does_not_matter() -> None:
    drawn = np.random.default_rng(5)
    runs = [answers(0.6 + drawn.normal(0, 0.03), seed) for seed in range(8)]
    base = [answers(0.55, 99)]
    two, eight = (seeds.compare("t", runs[:k], "b", base, ["token_f1"])[0] for k in (2, 8))
    assert eight.high - eight.low < two.high - two.low
    turned = [list(reversed(run)) for run in runs]
    again = seeds.compare("t", [runs[0], *turned[1:]], "b", [list(reversed(base[0]))], ["token_f1"])[0]
    assert again == eight


def test_coverage_of_no_difference() -> None:
    """Of repeated studies without any difference, about one in twenty must find one; far more or less is wrong."""
    drawn, hits, rounds = np.random.default_rng(11), 0, 80
    for _ in range(rounds):
        sides = []
        for _side in range(2):
            rights = np.clip(drawn.normal(0.5, 0.05, size=3), 0.05, 0.95)
            sides.append([answers(float(right), int(drawn.integers(1 << 30)), n=25) for right in rights])
        found = seeds.compare("a", sides[0], "b", sides[1], ["token_f1"], resamples=100)[0]
        hits += not found.low <= 0 <= found.high
    assert hits / rounds < 0.12


def test_different_tests_are_not_compared() -> None:
    other = [replace(item, golds=("another",)) for item in answers(0.5, 3)]
    with pytest.raises(AskedWrongly, match="not the same test"):
        seeds.compare("a", [answers(0.5, 1), answers(0.5, 2)], "b", [other], ["token_f1"])


def difference(a: str, b: str, value: float, half: float, p: float, metric: str = "token_f1") -> Comparison:
    return Comparison(a, b, metric, value, value - half, value + half, p, 100)


TITLES = {"a/tuned": "r = 4", "b/tuned": "r = 8"}


def test_only_what_stands_up_to_all_comparisons_is_a_finding() -> None:
    base = [difference("a/tuned", "base", 0.05, 0.02, 0.001), difference("b/tuned", "base", 0.03, 0.02, 0.03)]
    between = [difference("b/tuned", "a/tuned", -0.02, 0.03, 0.4)]
    said = findings(base, [], between, titles=TITLES, seeds=[1, 1])
    assert said[0] == "Tuned beats its base on token F1 at r = 4 +0.050 [+0.030, +0.070]."
    assert said[1] == (
        "No measurable difference from its base on token F1 at r = 8 +0.030 [+0.010, +0.050]; its interval leaves out "
        "zero, which may be chance among 3 comparisons."
    )
    assert said[2] == ("No measurable difference on token F1 between r = 4 and r = 8: +0.020 [−0.010, +0.050].")
    assert said[3].startswith("Each point was trained once")


def test_a_tuned_model_that_lost_is_said_to_be_worse() -> None:
    base = [difference("a/tuned", "base", -0.05, 0.02, 0.001)]
    floor = [difference("a/tuned", "nearest", -0.06, 0.02, 0.001)]
    said = findings(base, floor, [], titles=TITLES, seeds=[3])
    assert said[0] == "Tuned is worse than its base on token F1 at r = 4 −0.050 [−0.070, −0.030]."
    assert said[1].startswith("Tuned is worse than looking an answer up on token F1")


def test_points_apart_are_named_better_first_whichever_way_is_better() -> None:
    between = [
        difference("b/tuned", "a/tuned", -0.05, 0.01, 0.0005),
        difference("b/tuned", "a/tuned", -0.05, 0.01, 0.0005, "bits_per_byte"),
    ]
    said = findings([], [], between, titles=TITLES, seeds=[3, 3])
    assert said[0] == "Between points, better on token F1: r = 4 over r = 8 by +0.050 [+0.040, +0.060]."
    assert said[1].startswith("Between points, better on bits per byte: r = 8 over r = 4 by −0.050")
    assert "both the choice of questions and the luck of training" in said[2]


def test_an_interval_without_zero_that_is_no_finding_is_always_told_as_such() -> None:
    near = [difference(f"{name}/tuned", "base", 0.03, 0.02, 0.03) for name in "ab"]
    bits = [replace(item, metric="bits_per_byte", difference=-0.03, low=-0.05, high=-0.01) for item in near]
    said = findings([near[0], *bits], [], [], titles=TITLES, seeds=[1, 1])
    assert said[0] == (
        "No measurable difference from its base on token F1: +0.030 [+0.010, +0.050]; its interval leaves out zero, which may "
        "be chance among 3 comparisons."
    )
    assert said[1].startswith(
        "No measurable difference in how well the reference answers fit tuned and base (bits per byte)"
    )
    assert said[1].endswith("; 2 of them have an interval without zero, which may be chance among 3 comparisons.")
    pairs = [
        difference("b/tuned", "a/tuned", -0.03, 0.02, 0.03),
        difference("b/tuned", "a/tuned", 0.01, 0.02, 0.3, "rougeL"),
    ]
    assert findings([], [], pairs, titles=TITLES, seeds=[1, 1])[0] == (
        "No measurable difference on token F1 between r = 4 and r = 8: +0.030 [+0.010, +0.050]; its interval leaves out zero, "
        "which may be chance among 2 comparisons."
    )


def test_only_the_pairs_that_were_compared_are_spoken_of() -> None:
    titles = {f"{name}/tuned": name for name in "abcd"}
    all_pairs = [difference(f"{a}/tuned", f"{b}/tuned", 0.01, 0.03, 0.5) for b, a in itertools.combinations("abc", 2)]
    assert (
        "on token F1 between the points (b, a, c); the largest"
        in findings([], [], all_pairs, titles=titles, seeds=[1] * 3)[0]
    )
    one_apart = [replace(item, p_value=0.0001, low=0.005) if at == 0 else item for at, item in enumerate(all_pairs)]
    assert (
        "between the other pairs of points; the largest" in findings([], [], one_apart, titles=titles, seeds=[1] * 3)[1]
    )
    to_first = [difference(f"{a}/tuned", "a/tuned", 0.01, 0.03, 0.5) for a in "bcd"]
    said = findings([], [], to_first, titles=titles, seeds=[1] * 4)[0]
    assert said.startswith(
        "No measurable difference on token F1 between a and the points it was compared with; the largest"
    )
    two_tests = [difference("b/tuned", "a/tuned", 0.01, 0.03, 0.5), difference("d/tuned", "c/tuned", 0.02, 0.03, 0.5)]
    said = findings([], [], two_tests, titles=titles, seeds=[1] * 4)[0]
    assert said.startswith("No measurable difference on token F1 between the points that answered the same questions;")
    mixed = [*to_first[:2], difference("d/tuned", "a/tuned", 0.09, 0.03, 0.0005)]
    said = findings([], [], mixed, titles=titles, seeds=[1, 3, 3, 3])
    assert said[0] == "Between points, better on token F1: d over a by +0.090 [+0.060, +0.120]."
    assert "between a and the other points it was compared with" in said[1]
    assert said[2].endswith("Of points that were trained once they hold the choice of questions alone.")


def test_nothing_compared_says_nothing() -> None:
    assert findings([], [], [], titles={}, seeds=[]) == []
