"""Corpus BLEU as sacrebleu computes it (13a tokens, mixed case, exponential smoothing), as a share in 0..1."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medlms.types import Prediction

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

NAME = "bleu"
TITLE = "BLEU"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, ...] | None:
    """Ten counts: answer length, closest reference length, matched n-grams (n = 1..4), all n-grams (n = 1..4)."""
    if not prediction.golds:
        return None
    score = _sacrebleu().corpus_score([prediction.said], [[gold] for gold in prediction.golds])
    return tuple(float(count) for count in (score.sys_len, score.ref_len, *score.counts, *score.totals))


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of rows [..., 10] to BLEU [...]. The k-th order without a match counts as if it had 1 / 2^k matches."""
    totals = np.asarray(totals, dtype=np.float64)
    said, gold, matched, every = totals[..., 0], totals[..., 1], totals[..., 2:6], totals[..., 6:10]
    with np.errstate(divide="ignore", invalid="ignore"):
        brevity = np.where(said < gold, np.exp(1 - gold / said), 1.0)
        unmatched = (matched == 0) & (every > 0)
        halvings = np.cumsum(unmatched, axis=-1)
        precision = np.where(unmatched, 0.5**halvings / every, matched / every)
        score = brevity * np.exp(np.log(precision).mean(axis=-1))
    return np.where(matched.any(axis=-1) & (every > 0).all(axis=-1), score, 0.0)


def signature(predictions: Sequence[Prediction] = ()) -> str:
    """How BLEU was computed, as sacrebleu puts it; the predictions tell how many references there are (else 1)."""
    counts = {len(prediction.golds) for prediction in predictions} or {1}
    bleu = _sacrebleu()
    bleu.num_refs = counts.pop() if len(counts) == 1 else -1  # -1 is sacrebleu's "varies"
    return str(bleu.get_signature())


@functools.cache
def _sacrebleu() -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(force=True)  # force only silences a warning about text that looks tokenised
