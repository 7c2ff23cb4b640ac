"""The learning rate as a function of the step."""

from __future__ import annotations

import math


def rate(step: int, steps: int, *, peak: float, warmup: float, shape: str) -> float:
    """Learning rate of ``step`` (from 1) of ``steps``: a linear rise over the ``warmup`` share, then ``shape`` down to 0."""
    if steps == 1:
        return peak  # nothing to rise from or fall to
    rise = math.ceil(warmup * steps)
    if step <= rise:
        return peak * step / rise
    done = (step - rise) / max(steps - rise, 1)
    if shape == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    if shape == "linear":
        return peak * (1 - min(done, 1.0))
    return peak
