"""Bits per byte of the reference answers: like perplexity, but comparable between models with different tokenizers."""

from __future__ import annotations

import math

from medlms.metrics._mean import ratio as value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "bits_per_byte"
TITLE = "Bits per byte"
HIGHER_IS_BETTER = False
YES_NO = False
READS_ANSWER = False


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(negative log2-probability of the first reference, its UTF-8 bytes); None where no engine scored it."""
    size = len(prediction.golds[0].encode("utf-8", "surrogatepass")) if prediction.golds else 0
    if prediction.reference_logprob is None or not size:
        return None
    return -prediction.reference_logprob / math.log(2), float(size)
