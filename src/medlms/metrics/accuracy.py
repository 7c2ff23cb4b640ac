"""Accuracy: the share of questions whose chosen option is the right one. A question without a readable answer is wrong."""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "accuracy"
TITLE = "Accuracy"
HIGHER_IS_BETTER = True
YES_NO = True
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(1 when the right option was chosen, else 0; 1); None where the prediction is not of an exam."""
    return None if prediction.right is None else (float(prediction.chosen == prediction.right), 1.0)
