"""How many more examples do I need? A learning curve through scores at several sizes of the training set.

The score is taken to go as ``a + b * shape(rows)`` with a power law for the shape: (rows^p - 1) / p, which is the logarithm
for p = 0 (every doubling brings the same) and flattens for p below. Least squares; p is fitted where there are at least five
sizes, else it is 0. The interval holds the choice of questions, and the luck of training: between seeds where there are several
at every size, else what the scores scatter about the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medlms.errors import AskedWrongly
from medlms.evaluate.curves import SEED, Curve, heavy
from medlms.evaluate.intervals import Floats, finite

LEAST = 3
FREE = 5  # sizes from which on the shape is fitted too
FURTHEST = 2.0  # times the largest size: nothing is said about more
POWERS = np.round(np.arange(-2.0, 0.5 + 0.0625, 0.125), 3)
DRAWN = 25
"""Places at which the fitted curve is kept for drawing."""
_SCATTER = 3  # a stream of random numbers of its own


@dataclass(frozen=True, slots=True)
class MoreRows:
    """What twice the ``largest`` number of rows would be expected to change in the metric: ``change``, from ``low`` to ``high``.

    ``power`` is the shape's p, ``fitted`` the curve as (rows, value, low, high). ``better`` is 1 or -1, ``scatter`` whether
    the luck of training was read off the scatter about the curve.
    """

    metric: str
    sizes: tuple[float, ...]
    values: tuple[float, ...]
    largest: float
    power: float
    change: float
    low: float
    high: float
    fitted: tuple[tuple[float, float, float, float], ...]
    better: int
    n: int
    seeds: int
    scatter: bool

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def more_rows(curve: Curve, sizes: Sequence[float] | Floats, *, seed: int = SEED) -> MoreRows:
    """Fit a learning curve over ``sizes`` (training rows, rising). AskedWrongly for fewer than three or not rising ones."""
    rows = np.asarray(sizes, dtype=np.float64)
    if len(rows) < LEAST or rows[0] <= 0 or (np.diff(rows) <= 0).any() or len(curve.values) != len(rows):
        raise AskedWrongly(f"A learning curve needs at least {LEAST} sizes of the training set in rising order.")
    places = np.geomspace(rows[0], FURTHEST * rows[-1], DRAWN)
    places = np.unique(np.concatenate([places, rows[-1:], FURTHEST * rows[-1:]]))
    powers = POWERS if len(rows) >= FREE else np.zeros(1)
    redrawn = curve.redrawn[np.isfinite(curve.redrawn).all(axis=1)]
    scatter = curve.seeds < 2
    if scatter:
        redrawn = redrawn + _scatter(curve.values, rows, powers, len(redrawn), seed)
    lines, power = _fit(np.vstack([curve.values[None, :], redrawn]), rows, powers, places)
    now = int(np.flatnonzero(places == rows[-1])[0])
    change = lines[:, -1] - lines[:, now]
    low, high = curve.ends(change[1:])
    band = [curve.ends(column) for column in lines[1:].T]
    fitted = tuple((float(x), float(y), *ends) for x, y, ends in zip(places, lines[0], band, strict=True))
    return MoreRows(
        curve.metric, tuple(map(float, rows)), tuple(map(float, curve.values)), float(rows[-1]), float(power[0]),
        float(change[0]), low, high, fitted, curve.better, curve.n, curve.seeds, scatter,
    )  # fmt: skip


def expected(found: MoreRows, rows: float) -> tuple[float, float, float]:
    """The score expected at ``rows``, with its interval. AskedWrongly beyond twice the largest size, or below the smallest."""
    places, *lines = np.array(found.fitted).T
    if not places[0] <= rows <= places[-1]:
        raise AskedWrongly(
            f"{rows:,.0f} training rows: the curve was measured at {places[0]:,.0f} to {found.largest:,.0f} rows and says "
            f"nothing beyond {places[-1]:,.0f}.",
            hint="Train with more rows to see further.",
        )
    value, low, high = (float(np.interp(np.log(rows), np.log(places), line)) for line in lines)
    return value, low, high


def as_json(found: MoreRows) -> dict[str, Any]:
    """A MoreRows as a report's JSON holds it; an end that is not known is null."""
    fitted = [dict(zip(("rows", "value", "low", "high"), map(finite, place), strict=True)) for place in found.fitted]
    ends = {key: finite(getattr(found, key)) for key in ("change", "low", "high")}
    return {**asdict(found), **ends, "sizes": list(found.sizes), "values": list(found.values), "fitted": fitted}


def _fit(values: Floats, rows: Floats, powers: Floats, places: Floats) -> tuple[Floats, Floats]:
    """Least squares for each curve [curves, sizes]: its fitted line at ``places`` [curves, places], and its power."""
    errors, lines = [], []
    for power in powers:
        basis = np.column_stack([np.ones_like(rows), _shape(rows, rows[-1], power)])
        found = values @ np.linalg.pinv(basis).T
        errors.append(((values - found @ basis.T) ** 2).sum(axis=1))
        lines.append(found[:, :1] + found[:, 1:] * _shape(places, rows[-1], power)[None, :])
    best = np.stack(errors).argmin(axis=0)
    return np.stack(lines)[best, np.arange(len(values))], powers[best]


def _shape(rows: Floats, unit: float, power: float) -> Floats:
    relative: Floats = rows / unit
    return np.log(relative) if power == 0 else (relative**power - 1) / power


def _scatter(values: Floats, rows: Floats, powers: Floats, resamples: int, seed: int) -> Floats:
    """Draws [resamples, sizes] of the luck of single runs, as large as the scatter about the curve and heavy-tailed."""
    line, _ = _fit(values[None, :], rows, powers, rows)
    freedom = max(1, len(rows) - 2 - (len(powers) > 1))
    spread = float(np.sqrt(((values - line[0]) ** 2).sum() / freedom))
    generator = np.random.default_rng([seed, _SCATTER])
    return spread * generator.standard_normal((resamples, len(rows))) * heavy(resamples, freedom, generator)[:, None]
