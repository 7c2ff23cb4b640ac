"""The learning rate as a function of the step."""

from __future__ import annotations

import math


def rate(step: int, steps: int, *, peak: float, warmup: float, shape: str) -> float:
    """Learning rate of ``step`` (from 1) of ``steps``: a linear rise over the ``warmup`` share, then ``shape`` down towards 0.

    The rate would be 0 one step behind the last: no step is spent on a rate of nothing.
    """
    if steps == 1:
        return peak  # nothing to rise from or fall to
    rise = math.ceil(warmup * steps)
    if step <= rise:
        return peak * step / rise
    done = (step - rise) / (steps - rise + 1)
    if shape == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    if shape == "linear":
        return peak * (1 - done)
    return peak
