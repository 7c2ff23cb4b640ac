"""BLEU and chrF equal sacrebleu over a corpus with a varying number of references, and by item."""

import numpy as np
import pytest
from metric_texts import PAIRS, prediction, varied

from medlms.metrics import bleu, chrf

sacrebleu = pytest.importorskip("sacrebleu")


def streams(items):
    """References as sacrebleu takes them: one list for each rank, None where an item has fewer."""
    most = max(len(item.golds) for item in items)
    return [[item.golds[rank] if rank < len(item.golds) else None for item in items] for rank in range(most)]


def totals(metric, items):
    return np.sum([metric.row(item) for item in items], axis=0)


@pytest.mark.parametrize(("metric", "oracle"), [(bleu, sacrebleu.BLEU), (chrf, sacrebleu.CHRF)], ids=["bleu", "chrf"])
@pytest.mark.parametrize("seed", range(3))
def test_corpus(metric, oracle, seed):
    items = varied(seed, items=25)
    expected = oracle().corpus_score([item.said for item in items], streams(items))
    assert float(metric.value(totals(metric, items))) == pytest.approx(expected.score / 100, abs=1e-12)


@pytest.mark.parametrize(("metric", "oracle"), [(bleu, sacrebleu.BLEU), (chrf, sacrebleu.CHRF)], ids=["bleu", "chrf"])
@pytest.mark.parametrize("item", varied(5, items=15), ids=lambda item: item.id)
def test_one_item(metric, oracle, item):
    expected = oracle().corpus_score([item.said], [[gold] for gold in item.golds])
    assert float(metric.value(np.array(metric.row(item)))) == pytest.approx(expected.score / 100, abs=1e-12)


@pytest.mark.parametrize(("metric", "oracle"), [(bleu, sacrebleu.BLEU), (chrf, sacrebleu.CHRF)], ids=["bleu", "chrf"])
def test_redrawn_corpus(metric, oracle):
    items = varied(7, items=20, longest=40)
    drawn = np.random.default_rng(1).integers(0, len(items), size=(5, len(items)))
    weights = np.array([np.bincount(row, minlength=len(items)) for row in drawn])
    values = metric.value(weights @ np.array([metric.row(item) for item in items]))
    for row, value in zip(drawn, values, strict=True):
        again = [items[index] for index in row]
        expected = oracle().corpus_score([item.said for item in again], streams(again)).score / 100
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("metric", "oracle"), [(bleu, sacrebleu.BLEU), (chrf, sacrebleu.CHRF)], ids=["bleu", "chrf"])
def test_signature(metric, oracle):
    one = [prediction("a b", ["a c"], 1), prediction("a d", ["a e"], 2)]
    for items in (one, [*one, prediction("x", ["y", "z"], 3)]):
        judge = oracle()
        judge.corpus_score([item.said for item in items], streams(items))
        assert metric.signature(items) == str(judge.get_signature())
    assert metric.signature() == metric.signature(one)
    assert "nrefs:1" in metric.signature()


def test_no_reference_is_no_row():
    assert bleu.row(prediction("x", [])) is None
    assert chrf.row(prediction("x", [])) is None


def test_identical_texts_have_the_whole_score():
    item = prediction(PAIRS[0][1][0], PAIRS[0][1])
    assert float(bleu.value(np.array(bleu.row(item)))) == pytest.approx(1)
    assert float(chrf.value(np.array(chrf.row(item)))) == pytest.approx(1)
