"""The knee of a curve over epochs: where two straight lines that meet fit it best, with an interval.

The first line begins at epoch 0, the model before training. The knee counts when the gain of an epoch beyond it is below
``SHARE`` of the gain of an epoch before it; a curve that turns has it at its turn. All is fitted anew to every redrawn
curve, so the interval holds what the curve holds: the choice of questions and, with several seeds, the luck of training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medlms.errors import AskedWrongly
from medlms.evaluate.curves import FEWEST, Curve
from medlms.evaluate.intervals import LEVEL, Floats, finite

SHARE = 0.25
LEAST = 4  # epochs, epoch 0 among them: two lines that meet have four numbers
STEP = 0.25  # of an epoch, between the places that are tried
_TAIL = (1 - LEVEL) / 2


@dataclass(frozen=True, slots=True)
class Knee:
    """What a curve over epochs says. ``state``: "knee", "none" (none that the data bears out), or "no gain" (nothing gained).

    ``epoch`` lies in ``low`` to ``high``, not a number where there is no knee. The gains count in the direction that is
    better: ``gain`` from epoch 0 to the knee (along one line over all epochs without one), ``after`` that of one epoch
    beyond it, each with its interval. ``last`` is the last epoch, ``n`` counts questions.
    """

    metric: str
    state: str
    epoch: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    after: float
    after_low: float
    after_high: float
    last: float
    n: int
    seeds: int


def knee(curve: Curve, epochs: Sequence[float] | Floats) -> Knee:
    """Fit the knee of a curve over ``epochs`` (rising, from 0). AskedWrongly for fewer than four epochs or another start."""
    at = np.asarray(epochs, dtype=np.float64)
    if len(at) < LEAST or at[0] != 0 or (np.diff(at) <= 0).any() or len(curve.values) != len(at):
        raise AskedWrongly(f"A knee needs at least {LEAST} epochs in rising order, the first of them 0.")
    values = curve.better * np.vstack([curve.values[None, :], curve.redrawn])
    values = values[np.isfinite(values).all(axis=1)]
    place, gain, after, bent = _fit(values, at)
    low, high = _interval(place[1:], bent[1:], curve.groups)
    sure = bool(bent[0]) and math.isfinite(high)
    gain = np.where(bent, gain, _risen(values, at)) if sure else _risen(values, at)
    gains, afters = curve.ends(gain[1:]), curve.ends(after[1:])
    state = "no gain" if not gains[0] > 0 else "knee" if sure else "none"
    return Knee(
        curve.metric, state, *((float(place[0]), low, high) if state == "knee" else (math.nan,) * 3),
        float(gain[0]), *gains, float(after[0]), *afters, float(at[-1]), curve.n, curve.seeds,
    )  # fmt: skip


def as_json(found: Knee) -> dict[str, Any]:
    """A Knee as a report's JSON holds it; what is not known is null."""
    return {key: finite(value) if isinstance(value, float) else value for key, value in asdict(found).items()}


def _risen(values: Floats, at: Floats) -> Floats:
    """The gain over all epochs along one straight line: curves [curves, epochs] to gains [curves]."""
    centred = at - at.mean()
    risen: Floats = values @ centred / (centred @ centred) * (at[-1] - at[0])
    return risen


def _fit(values: Floats, at: Floats) -> tuple[Floats, Floats, Floats, np.ndarray]:
    """Two meeting lines for each curve: knee, gain up to it, gain of an epoch beyond it, and whether it counts as one."""
    tried = np.arange(at[1], at[-2] + STEP / 2, STEP)
    bases = [np.column_stack([np.ones_like(at), np.minimum(at, k), np.maximum(at - k, 0)]) for k in tried]
    fitted = np.stack([values @ np.linalg.pinv(basis).T for basis in bases])  # [tried, curves, 3]
    errors = np.stack([((values - part @ basis.T) ** 2).sum(1) for part, basis in zip(fitted, bases, strict=True)])
    best = errors.argmin(axis=0)
    _, before, after = fitted[best, np.arange(len(values))].T
    place = tried[best]
    return place, before * place, after, (before > 0) & (after < SHARE * before)


def _interval(place: Floats, bent: np.ndarray, groups: int) -> tuple[float, float]:
    """Percentiles of the redrawn knees, not a number where there is nothing to redraw.

    A curve without a knee counts as one with a knee beyond the last epoch, which may make the upper end infinite.
    """
    if groups < FEWEST or not len(place):
        return math.nan, math.nan
    ordered = np.sort(np.where(bent, place, np.inf))
    last = len(ordered) - 1
    return float(ordered[math.floor(_TAIL * last)]), float(ordered[math.ceil((1 - _TAIL) * last)])
