"""Embedding similarity: the cosine between answer and closest reference to a sentence model, as an engine measured it."""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "similarity"
TITLE = "Similarity"
HIGHER_IS_BETTER = True
YES_NO = False
BOUNDS = (-1.0, 1.0)
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(cosine with the closest reference, 1); None where no engine measured it."""
    return None if prediction.similarity is None else (prediction.similarity, 1.0)
