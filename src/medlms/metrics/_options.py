"""What the metrics of exams read: the probabilities that a system gave to the options of a question."""

from __future__ import annotations

import math

from medlms.types import Prediction


def shares(prediction: Prediction) -> tuple[float, ...] | None:
    """Probabilities of the options, made to add up to 1; None where none were scored or none was chosen by them."""
    values = prediction.option_logprobs
    if not values or prediction.chosen is None or prediction.right is None:
        return None
    top = max(values)
    weights = [math.exp(value - top) for value in values]
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def confidence(prediction: Prediction) -> float | None:
    """The probability of the chosen option; None where there is none."""
    found = shares(prediction)
    return None if found is None or prediction.chosen is None else found[prediction.chosen]


def log_share(prediction: Prediction) -> float | None:
    """The natural log of the right option's probability; None where there is none."""
    values = prediction.option_logprobs
    if not values or prediction.chosen is None or prediction.right is None:
        return None
    top = max(values)
    return values[prediction.right] - top - math.log(sum(math.exp(value - top) for value in values))
