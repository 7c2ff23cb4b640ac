"""The metrics of exams once more, question by question in plain Python. Nothing here is shared with ``medlms.metrics``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from medlms.types import Prediction

BINS = 15


def values(items: Sequence[Prediction]) -> dict[str, float]:
    """Macro F1, and of options that were scored log loss, Brier score and calibration error."""
    found = {"macro_f1": macro_f1([item.right for item in items], [item.chosen for item in items])}
    scored = [item for item in items if item.option_logprobs and item.chosen is not None and item.right is not None]
    if not scored:
        return found
    shares = [_softmax(item.option_logprobs) for item in scored]
    count = len(scored)
    loss = [-math.log(share[item.right or 0]) for item, share in zip(scored, shares, strict=True)]
    squares = [
        (value - (1.0 if place == item.right else 0.0)) ** 2
        for item, share in zip(scored, shares, strict=True)
        for place, value in enumerate(share)
    ]
    sure = [(share[item.chosen or 0], item.chosen == item.right) for item, share in zip(scored, shares, strict=True)]
    return found | {
        "log_loss": math.fsum(loss) / count,
        "brier": math.fsum(squares) / count,
        "ece": calibration_error(sure),
    }


def macro_f1(right: Sequence[int | None], chosen: Sequence[int | None]) -> float:
    """Mean over the places that were ever right or chosen of 2 hits / (times right + times chosen)."""
    places = {place for place in (*right, *chosen) if place is not None}
    each = [
        2
        * sum(a == b == place for a, b in zip(right, chosen, strict=True))
        / (right.count(place) + chosen.count(place))
        for place in places
    ]
    return math.fsum(each) / len(each)


def calibration_error(sure: Sequence[tuple[float, bool]]) -> float:
    """Over bins (b/15, (b+1)/15] of confidence: |mean confidence - share right|, weighed by questions."""
    total = 0.0
    for number in range(BINS):
        inside = [
            pair for pair in sure if number < pair[0] * BINS <= number + 1 or (number == 0 and pair[0] * BINS <= 0)
        ]
        if inside:
            confidence = math.fsum(share for share, _ in inside) / len(inside)
            total += len(inside) * abs(confidence - sum(is_right for _, is_right in inside) / len(inside))
    return total / len(sure)


def _softmax(values: Sequence[float]) -> list[float]:
    top = max(values)
    weights = [math.exp(value - top) for value in values]
    return [weight / math.fsum(weights) for weight in weights]
