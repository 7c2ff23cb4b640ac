"""Brier score: the squared distance of the options' probabilities from (1 for the right one, 0 for the others), summed.

0 is perfect, 2 the worst; equal probabilities for k options give (k - 1) / k. As in Brier 1950, over all options.
"""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.metrics._options import shares
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "brier"
TITLE = "Brier score"
HIGHER_IS_BETTER = False
YES_NO = False
READS_ANSWER = False


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(the summed squares, 1); None where the options have no probabilities."""
    found = shares(prediction)
    if found is None:
        return None
    return sum((share - (index == prediction.right)) ** 2 for index, share in enumerate(found)), 1.0
