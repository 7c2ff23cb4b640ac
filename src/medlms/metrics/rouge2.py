"""ROUGE-2: F-measure of shared word pairs, stemmed, best reference, mean over items. Equal to rouge_score."""

from __future__ import annotations

from medlms.metrics._rouge import PARTS, Row, best, of_ngrams, value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "PARTS", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "rouge2"
TITLE = "ROUGE-2"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True


def row(prediction: Prediction) -> Row:
    """(F-measure, precision, recall against the closest reference, 1)."""
    return best(prediction, lambda gold, said: of_ngrams(gold, said, 2))
