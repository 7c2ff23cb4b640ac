"""Log loss: the negative natural log of the probability that the right option got among the options, mean over questions.

Equal probabilities for k options give log k. Known as NLL or cross entropy too.
"""

from __future__ import annotations

from medlms.metrics._mean import ratio as value
from medlms.metrics._options import log_share
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "log_loss"
TITLE = "Log loss"
HIGHER_IS_BETTER = False
YES_NO = False
READS_ANSWER = False


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(the loss in nats, 1); None where the options have no probabilities."""
    found = log_share(prediction)
    return None if found is None else (-found, 1.0)
