"""Perplexity of the reference answers: e to the mean negative log-probability a token, the end of turn included."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medlms.metrics._mean import ratio
from medlms.types import Prediction

NAME = "perplexity"
TITLE = "Perplexity"
HIGHER_IS_BETTER = False
YES_NO = False
READS_ANSWER = False


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(negative log-probability of the first reference in nats, its tokens); None where no engine scored it."""
    if prediction.reference_logprob is None or not prediction.reference_tokens:
        return None
    return -prediction.reference_logprob, float(prediction.reference_tokens)


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of rows [..., 2] to perplexity [...]; long references weigh more, as every token counts once."""
    with np.errstate(over="ignore"):
        return np.exp(ratio(totals))
