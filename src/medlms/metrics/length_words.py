"""Length of the answers in words (runs of non-space). No grade, but overlap scores depend on it."""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "length_words"
TITLE = "Words"
HIGHER_IS_BETTER = None
YES_NO = False
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float]:
    """(words in the answer, 1)."""
    return float(len(prediction.said.split())), 1.0
