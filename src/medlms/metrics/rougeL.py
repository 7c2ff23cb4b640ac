"""ROUGE-L: F-measure of the longest common subsequence of words, stemmed, best reference. Equal to rouge_score."""

from __future__ import annotations

from medlms.metrics._rouge import PARTS, Row, best, of_longest, value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "PARTS", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "rougeL"
TITLE = "ROUGE-L"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True


def row(prediction: Prediction) -> Row:
    """(F-measure, precision, recall against the closest reference, 1)."""
    return best(prediction, of_longest)
