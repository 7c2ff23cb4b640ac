"""Token F1: overlap of answer and reference in words, under the SQuAD v1.1 rules, best reference, mean over items."""

from __future__ import annotations

from collections import Counter

from medlms.metrics._mean import ratio as value
from medlms.metrics._squad import words
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "token_f1"
TITLE = "Token F1"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float]:
    """(F1 against the closest reference, 1). Two empty texts give 0, as in the original."""
    said = Counter(words(prediction.said))
    return max((_f1(said, Counter(words(gold))) for gold in prediction.golds), default=0.0), 1.0


def _f1(said: Counter[str], gold: Counter[str]) -> float:
    shared = (said & gold).total()
    if not shared:
        return 0.0
    precision, recall = shared / said.total(), shared / gold.total()
    return 2 * precision * recall / (precision + recall)
