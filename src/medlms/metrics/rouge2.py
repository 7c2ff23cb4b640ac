"""ROUGE-2: F-measure of shared word pairs, stemmed, best reference, mean over items. Equal to rouge_score."""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.metrics._rouge import best, ngram_f
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "rouge2"
TITLE = "ROUGE-2"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float]:
    """(F-measure against the closest reference, 1)."""
    return best(prediction, lambda gold, said: ngram_f(gold, said, 2)), 1.0
