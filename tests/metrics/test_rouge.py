"""ROUGE equals rouge_score with stemming, and stays quick over long answers."""

import random
import time

import numpy as np
import pytest
from metric_texts import WORDS, prediction, random_text, varied

from medlms.metrics import rouge1, rouge2, rougeL, rougeLsum
from medlms.metrics._rouge import common_places, lcs_length, stems

rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")


@pytest.fixture(scope="module")
def oracle():
    return rouge_scorer.RougeScorer([metric.NAME for metric in METRICS], use_stemmer=True)


METRICS = (rouge1, rouge2, rougeL, rougeLsum)


def lined(generator, words):
    """A random text in lines, some of them empty, some alike."""
    return "".join(
        f"{word}{' ' if generator.random() < 0.85 else chr(10)}" for word in random_text(generator, words).split()
    )


def lined_items(seed, items=25, longest=90):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, longest, size=(items, 3))
    return [
        prediction(lined(generator, a), [lined(generator, b), lined(generator, c)], number)
        for number, (a, b, c) in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    "item", [*varied(3, items=30, longest=120)[:-1], *lined_items(11)], ids=lambda item: f"{item.id}-{len(item.said)}"
)
def test_equals_rouge_score(item, oracle):
    expected = oracle.score_multi(list(item.golds), item.said)
    for metric in METRICS:
        wanted = expected[metric.NAME]
        assert metric.row(item) == pytest.approx((wanted.fmeasure, wanted.precision, wanted.recall, 1.0), abs=1e-12)


def test_parts_are_means_of_precision_and_recall(oracle):
    items = lined_items(12, items=8)
    wanted = [oracle.score_multi(list(item.golds), item.said) for item in items]
    for metric in METRICS:
        totals = np.sum([metric.row(item) for item in items], axis=0)
        for part in ("precision", "recall"):
            mean = np.mean([getattr(found[metric.NAME], part) for found in wanted])
            assert float(metric.PARTS[part](totals)) == pytest.approx(mean, abs=1e-12)


def test_very_long_equals_rouge_score(oracle):
    generator = np.random.default_rng(8)
    item = prediction(random_text(generator, 900), [random_text(generator, 700)])
    assert rougeL.row(item)[0] == pytest.approx(oracle.score(item.golds[0], item.said)["rougeL"].fmeasure, abs=1e-12)


def test_places_of_the_common_subsequence_are_those_of_rouge_score():
    generator = random.Random(5)
    for _ in range(500):
        left = tuple(generator.choices("abc", k=generator.randrange(9)))
        right = tuple(generator.choices("abcd", k=generator.randrange(80)))
        assert common_places(left, right)[::-1] == rouge_scorer.lcs_ind(list(left), list(right))


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
