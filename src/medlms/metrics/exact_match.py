"""Exact match: the share of answers that equal a reference under the SQuAD v1.1 text rules."""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.metrics._squad import words
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "exact_match"
TITLE = "Exact match"
HIGHER_IS_BETTER = True
YES_NO = True
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float]:
    """(1 when any reference is met, else 0; 1)."""
    said = words(prediction.said)
    return float(any(said == words(gold) for gold in prediction.golds)), 1.0
