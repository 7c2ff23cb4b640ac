"""ROUGE equals rouge_score with stemming, and stays quick over long answers."""

import random
import time

import numpy as np
import pytest
from metric_texts import WORDS, prediction, random_text, varied

from medlms.metrics import rouge1, rouge2, rougeL
from medlms.metrics._rouge import lcs_length, stems

rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")


@pytest.fixture(scope="module")
def oracle():
    return rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)


@pytest.mark.parametrize("item", varied(3, items=30, longest=120)[:-1], ids=lambda item: item.id)
def test_equals_rouge_score(item, oracle):
    expected = oracle.score_multi(list(item.golds), item.said)
    for metric in (rouge1, rouge2, rougeL):
        assert metric.row(item) == (pytest.approx(expected[metric.NAME].fmeasure, abs=1e-12), 1.0)


def test_very_long_equals_rouge_score(oracle):
    generator = np.random.default_rng(8)
    item = prediction(random_text(generator, 900), [random_text(generator, 700)])
    assert rougeL.row(item)[0] == pytest.approx(oracle.score(item.golds[0], item.said)["rougeL"].fmeasure, abs=1e-12)


def test_longest_common_subsequence_of_small_texts():
    def table(left, right):
        best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
        for i, one in enumerate(left):
            for j, other in enumerate(right):
                best[i + 1][j + 1] = best[i][j] + 1 if one == other else max(best[i][j + 1], best[i + 1][j])
        return best[-1][-1]

    generator = random.Random(4)
    for _ in range(500):
        left = tuple(generator.choices("abc", k=generator.randrange(9)))
        right = tuple(generator.choices("abcd", k=generator.randrange(80)))
        assert lcs_length(left, right) == lcs_length(right, left) == table(left, right)


def test_long_answers_are_quick():
    generator = np.random.default_rng(9)
    vocabulary = [f"{word}{number}" for word in WORDS[:20] for number in range(100)]
    texts = [" ".join(generator.choice(vocabulary, size=500)) for _ in range(200)]
    stems("warm up")
    begun = time.perf_counter()
    for number in range(100):
        rougeL.row(prediction(texts[number], [texts[number + 100]], number))
    assert time.perf_counter() - begun < 2
