"""Corpus chrF2 as sacrebleu computes it (character n-grams of 1 to 6, recall weighted double), as a share in 0..1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medlms.types import Prediction

NAME = "chrf"
TITLE = "chrF"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True

_ORDERS, _RECALL_WEIGHT = 6, 4.0


def row(prediction: Prediction) -> tuple[float, ...] | None:
    """Eighteen counts: n-grams of the answer, of the reference, shared; for n = 1..6; against the closest reference."""
    if not prediction.golds:
        return None
    said = _ngrams(prediction.said)
    rows = np.array([_counts(said, _ngrams(gold)) for gold in prediction.golds], dtype=np.float64)
    return tuple(rows[int(np.argmax(value(rows)))].tolist())


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of rows [..., 18] to chrF [...]: F of mean precision and mean recall over the orders both sides have."""
    totals = np.asarray(totals, dtype=np.float64)
    by_order = totals.reshape(*totals.shape[:-1], _ORDERS, 3)
    said, gold, shared = by_order[..., 0], by_order[..., 1], by_order[..., 2]
    used = (said > 0) & (gold > 0)
    orders = np.maximum(used.sum(axis=-1), 1)
    precision = np.divide(shared, said, out=np.zeros_like(shared), where=used).sum(axis=-1) / orders
    recall = np.divide(shared, gold, out=np.zeros_like(shared), where=used).sum(axis=-1) / orders
    below = _RECALL_WEIGHT * precision + recall
    above = (1 + _RECALL_WEIGHT) * precision * recall
    score: NDArray[np.float64] = np.divide(above, below, out=np.zeros_like(below), where=below > 0)
    return score


def signature(predictions: Sequence[Prediction] = ()) -> str:
    """How chrF was computed, as sacrebleu puts it; the predictions tell how many references there are (else 1)."""
    from sacrebleu.metrics.chrf import CHRF

    counts = {len(prediction.golds) for prediction in predictions} or {1}
    chrf = CHRF()
    chrf.num_refs = counts.pop() if len(counts) == 1 else -1  # -1 is sacrebleu's "varies"
    return str(chrf.get_signature())


def _ngrams(text: str) -> list[Counter[str]]:
    letters = "".join(text.split())
    return [Counter(letters[start : start + n] for start in range(len(letters) - n + 1)) for n in range(1, _ORDERS + 1)]


def _counts(said: list[Counter[str]], gold: list[Counter[str]]) -> list[float]:
    counts: list[float] = []
    for left, right in zip(said, gold, strict=True):
        # An order that the reference is too short for says nothing about the answer.
        counts += [left.total() if right else 0, right.total(), (left & right).total()]
    return counts
