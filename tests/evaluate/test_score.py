"""Scores: values, intervals, maxima, counts."""

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest

from medlms.errors import AskedWrongly, UnknownName
from medlms.evaluate.score import as_json, score
from medlms.tasks.answer import METRICS
from medlms.types import Prediction

pytest.importorskip("sacrebleu")
pytest.importorskip("rouge_score")

WORDS = "fever cough rest water doctor lungs pain swelling heart blood often may cause signs treat".split()


def predictions(n=60, seed=0, groups=20):
    generator = np.random.default_rng(seed)
    found = []
    for number in range(n):
        gold = " ".join(generator.choice(WORDS, size=generator.integers(5, 40)))
        said = gold if number % 10 == 0 else " ".join(generator.choice(WORDS, size=generator.integers(0, 40)))
        if number % 7 == 3 and said != gold:
            said = f"{said} {said}".strip()  # repeats itself
        found.append(
            Prediction(
                f"p{number}",
                f"g{number % groups}",
                "",
                said,
                (gold,),
                problem="" if said else "empty",
                reference_logprob=-float(generator.uniform(20, 80)),
                reference_tokens=int(generator.integers(10, 40)),
                similarity=float(generator.uniform(-0.1, 0.9)),
            )
        )
    return found


def test_all_metrics():
    items = predictions()
    found = {item.metric: item for item in score(items, METRICS, resamples=300)}
    assert list(found) == list(METRICS)
    for item in found.values():
        assert item.low < item.value < item.high, item
        assert item.n == 60 or item.metric in ("reading_grade", "repetition")  # of those with enough words
    assert found["exact_match"].value == pytest.approx(0.1)
    assert found["token_f1"].maximum == pytest.approx(1)
    assert found["rougeL"].maximum == pytest.approx(1)
    assert found["bleu"].maximum == pytest.approx(1)
    assert found["perplexity"].maximum < found["perplexity"].value
    assert found["length_words"].value == pytest.approx(np.mean([len(item.said.split()) for item in items]))
    assert score(items, METRICS, resamples=300) == score(items, METRICS, resamples=300)


def test_metric_that_applies_to_nothing_is_left_out_and_to_some_says_so():
    items = [replace(item, reference_logprob=None) for item in predictions()]
    assert [item.metric for item in score(items, ["perplexity", "token_f1"], resamples=100)] == ["token_f1"]
    assert score(items, ["perplexity"], resamples=100) == []
    items[:7] = predictions()[:7]
    assert score(items, ["perplexity"], resamples=100)[0].n == 7


def test_unread_answers_stay_in_and_score_nothing():
    items = [
        replace(item, said="", problem="empty") if number < 5 else item for number, item in enumerate(predictions())
    ]
    found = {item.metric: item for item in score(items, ["token_f1", "perplexity"], resamples=100)}
    assert found["token_f1"].unread == sum(bool(item.problem) for item in items) >= 5
    assert found["token_f1"].n == 60
    assert found["perplexity"].unread == 0


def test_related_items_widen_the_interval():
    items = predictions(n=40, groups=40)
    copied = [replace(item, id=f"{item.id}.{copy}") for item in items for copy in range(5)]
    apart = [replace(item, group=item.id) for item in copied]
    one, many, wrong = (score(rows, ["token_f1", "exact_match"], resamples=800) for rows in (items, copied, apart))
    for metric in range(2):
        width = one[metric].high - one[metric].low
        assert many[metric].high - many[metric].low == pytest.approx(width, rel=0.1)
        assert wrong[metric].high - wrong[metric].low < 0.7 * width


def test_item_without_group_stands_alone():
    items = predictions(n=40, groups=40)
    ungrouped = [replace(item, group="") for item in items]
    assert score(ungrouped, METRICS, resamples=200) == score(items, METRICS, resamples=200)


def test_one_item_and_one_group_have_no_interval_but_shares_do():
    for items in (predictions(n=1), predictions(n=9, groups=1)):
        found = {item.metric: item for item in score(items, METRICS, resamples=100)}
        assert math.isnan(found["token_f1"].low) and math.isnan(found["bleu"].high)
        assert 0 <= found["exact_match"].low < found["exact_match"].high <= 1
        shown = json.loads(json.dumps([as_json(item) for item in found.values()], allow_nan=False))
        assert shown[METRICS.index("token_f1")]["low"] is None


def test_json_of_a_score():
    shown = as_json(score(predictions(), ["token_f1"], resamples=100)[0])
    assert list(shown) == ["value", "low", "high", "n", "unread", "maximum"]


def test_asked_wrongly():
    with pytest.raises(AskedWrongly, match="no predictions"):
        score([], ["token_f1"])
    with pytest.raises(AskedWrongly, match="'p0' occurs twice"):
        score([*predictions(), predictions()[0]], ["token_f1"])
    with pytest.raises(UnknownName) as caught:
        score(predictions(), ["token_f"])
    assert "token_f1" in caught.value.hint


def test_thousand_items_are_quick():
    items = predictions(n=1273, groups=1000)
    score(items, METRICS, resamples=10)  # texts are read once
    begun = time.perf_counter()
    score(items, METRICS, resamples=2000)
    assert time.perf_counter() - begun < 2
