"""Curves and their redrawn copies: a place alone is what a score is, seeds scatter as they do, epochs of one run together."""

from __future__ import annotations

import numpy as np
import pytest

from medlms.errors import AskedWrongly
from medlms.evaluate.curves import LOSS, along, spread
from medlms.evaluate.intervals import percentile, resampled_sums
from medlms.evaluate.rows import by_group, groups, rows
from medlms.evaluate.score import score
from medlms.types import Prediction

WORDS = ("rest", "drink", "warm", "see", "doctor", "now", "sleep", "walk")


def answers(seed: int, count: int = 12) -> list[Prediction]:
    draw = np.random.default_rng(seed)
    gold = np.random.default_rng(99)
    return [
        Prediction(
            id=f"q{n}", group=f"g{n // 2}", prompt="", said=" ".join(draw.choice(WORDS, 4)),
            golds=(" ".join(gold.choice(WORDS, 4)),), reference_logprob=-float(draw.uniform(2, 9)), reference_tokens=4 + n % 3,
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("metric", ["token_f1", "bleu"])
def test_a_place_of_a_curve_is_a_score(metric: str) -> None:
    places = [answers(1), answers(2), answers(3)[::-1]]
    curve = along(metric, [[place] for place in places], joint=True, resamples=300, seed=7)
    assert curve is not None and (curve.n, curve.groups, curve.seeds, curve.better) == (12, 6, 1, 1)
    for at, place in enumerate(places):
        found = score(sorted(place, key=lambda item: int(item.id[1:])), [metric], resamples=300, seed=7)[0]
        assert curve.values[at] == pytest.approx(found.value)
        table = rows(metric, sorted(place, key=lambda item: int(item.id[1:])))
        sums = by_group(table.values, groups(sorted(place, key=lambda item: int(item.id[1:]))))
        redrawn = table.metric.value(resampled_sums(sums, resamples=300, seed=7))
        assert percentile(curve.redrawn[:, at], groups=6) == pytest.approx(percentile(redrawn, groups=6))


def test_held_out_loss_is_the_mean_a_token() -> None:
    place = answers(1)
    curve = along(LOSS, [[place], [place]], joint=True, resamples=100)
    total = -sum(item.reference_logprob or 0 for item in place)
    assert curve is not None and curve.better == -1
    assert curve.values == pytest.approx([total / sum(item.reference_tokens for item in place)] * 2)
    assert (curve.redrawn[:, 0] == curve.redrawn[:, 1]).all(), "equal places are redrawn alike"


def test_what_a_metric_does_not_apply_to_has_no_curve() -> None:
    bare = [Prediction(id="a", group="", prompt="", said="x", golds=("x",))]
    assert along(LOSS, [[bare], [bare]], joint=True, resamples=100) is None


def test_other_questions_are_no_curve() -> None:
    with pytest.raises(AskedWrongly, match="same questions"):
        along("token_f1", [[answers(1)], [answers(2)[:-1]]], joint=True)
    with pytest.raises(AskedWrongly, match="at least one run"):
        along("token_f1", [[answers(1)], []], joint=True)


def test_values_are_means_over_seeds_and_their_luck_is_added() -> None:
    runs = [answers(seed) for seed in (1, 2, 3)]
    one = along("token_f1", [[runs[0]]] * 2, joint=True, resamples=400)
    three = along("token_f1", [runs, runs], joint=True, resamples=400)
    apart = along("token_f1", [runs, runs], joint=False, resamples=400)
    assert one is not None and three is not None and apart is not None
    each = [score(run, ["token_f1"], resamples=100)[0].value for run in runs]
    assert three.values == pytest.approx([np.mean(each)] * 2)
    assert (three.redrawn[:, 0] == pytest.approx(three.redrawn[:, 1])) and three.seeds == 3
    assert np.std(apart.redrawn[:, 0] - apart.redrawn[:, 1]) > 0, "runs at two sizes are different runs"


def test_scatter_over_seeds_is_students_t() -> None:
    runs = np.random.default_rng(5).normal(size=(4, 3)) @ np.array([[1.0, 0.5, 0], [0, 1, 0.2], [0, 0, 2]])
    drawn = spread(runs, 200_000, np.random.default_rng(1))
    # Student's t with 3 degrees of freedom has quartiles at 0.7649 standard errors; its 97.5 % point is at 3.182.
    errors = runs.std(axis=0, ddof=1) / 2
    assert np.quantile(drawn, 0.75, axis=0) == pytest.approx(0.7649 * errors, rel=0.03)
    assert np.quantile(drawn, 0.975, axis=0) == pytest.approx(3.182 * errors, rel=0.05)
    weights = np.array([1.0, -2.0, 0.5])  # places move together as the runs do
    assert np.quantile(drawn @ weights, 0.75) == pytest.approx(0.7649 * (runs @ weights).std(ddof=1) / 2, rel=0.03)
    assert not spread(runs[:1], 5, np.random.default_rng(1)).any()
