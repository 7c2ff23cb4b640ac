"""A metric along a curve (over epochs, over sizes of the training set), and the same redrawn many times.

Two things make a curve uncertain: which questions were asked (groups of questions are drawn anew, for all its places
alike) and, where several runs differ in their seed, the luck of training (their scatter is added, with the heavy tails
that few seeds call for: Student's t as a normal draw over the square root of a chi-square one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medlms.errors import AskedWrongly
from medlms.evaluate.intervals import Floats, percentile, resampled_sums
from medlms.evaluate.rows import by_group, groups, rows
from medlms.types import Prediction

RESAMPLES, SEED = 2000, 13
FEWEST = 8
"""Groups of questions below which a fit gets no interval: redrawing fewer tells too little."""

LOSS = "dev_loss"
_SPREAD = 2  # a stream of random numbers beside those of the resampled questions


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric at the places of a curve. ``values`` [places], ``redrawn`` [resamples, places]; ``better`` is 1 or -1.

    ``n`` questions in ``groups`` groups and, at the place with fewest, ``seeds`` runs are behind each value.
    """

    metric: str
    values: Floats
    redrawn: Floats
    better: int
    n: int
    groups: int
    seeds: int

    def ends(self, values: Floats) -> tuple[float, float]:
        """The 95 % interval of what was fitted to each redrawn curve; not a number for fewer than eight groups."""
        return percentile(values, groups=self.groups if self.groups >= FEWEST else 0)


def along(
    metric: str,
    places: Sequence[Sequence[Sequence[Prediction]]],
    *,
    joint: bool,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Curve | None:
    """The curve of a metric over ``places``, each a list of runs (seeds) that answered the same questions.

    ``joint``: run number i is the same run at every place (epochs of one training), so its luck is drawn once for all of
    them. None where the metric applies to nothing. AskedWrongly when the questions differ. ``dev_loss`` is the
    logarithm of the perplexity.
    """
    flat = [list(items) for runs in places for items in runs]
    counts = [len(runs) for runs in places]
    if not flat or 0 in counts:
        raise AskedWrongly("A curve needs at least one run at each of its places.")
    lists = [_in_order(flat[0], items) for items in flat]
    tables = [rows("perplexity" if metric == LOSS else metric, items) for items in lists]
    applies = np.logical_and.reduce([table.applies for table in tables])
    if not applies.any():
        return None
    group = groups(lists[0])
    used = np.unique(group[applies])
    sums = [by_group(table.only(applies).values, group)[used] for table in tables]
    width, value = sums[0].shape[1], tables[0].metric.value
    drawn = resampled_sums(np.hstack(sums), resamples=resamples, seed=seed)
    values = _scale(metric, np.array([float(value(part.sum(axis=0))) for part in sums]))
    redrawn = _scale(metric, np.stack([value(drawn[:, at * width : (at + 1) * width]) for at in range(len(sums))], 1))
    luck = _luck(values, counts, joint=joint, resamples=resamples, seed=seed)
    return Curve(
        metric,
        _means(values[None, :], counts)[0],
        _means(redrawn, counts) + luck,
        -1 if tables[0].metric.HIGHER_IS_BETTER is False else 1,
        int(applies.sum()),
        len(used),
        min(counts),
    )


def _scale(metric: str, values: Floats) -> Floats:
    return np.log(values) if metric == LOSS else values


def _in_order(first: Sequence[Prediction], items: Sequence[Prediction]) -> list[Prediction]:
    known = {item.id: item for item in items}
    if len(known) != len(items) or set(known) != {item.id for item in first}:
        raise AskedWrongly("A curve needs the same questions at all of its places.")
    return [known[item.id] for item in first]


def _means(values: Floats, counts: Sequence[int]) -> Floats:
    """Means over the runs of each place: [draws, runs of all places] to [draws, places]."""
    ends = np.cumsum(counts)
    return np.stack([values[:, end - count : end].mean(axis=1) for end, count in zip(ends, counts, strict=True)], 1)


def _luck(values: Floats, counts: Sequence[int], *, joint: bool, resamples: int, seed: int) -> Floats:
    """Draws [resamples, places] of how far means over other seeds might lie from these; zeros where there is one seed."""
    generator = np.random.default_rng([seed, _SPREAD])
    parts = np.split(values, np.cumsum(counts)[:-1])
    if joint and len(set(counts)) == 1:
        return spread(np.stack(parts, 1), resamples, generator)
    return np.hstack([spread(part[:, None], resamples, generator) for part in parts])


def spread(runs: Floats, resamples: int, generator: np.random.Generator) -> Floats:
    """Draws [resamples, places] around the mean of ``runs`` [seeds, places]: multivariate t with their own covariance."""
    count, places = runs.shape
    if count < 2:
        return np.zeros((resamples, places))
    around = runs - runs.mean(axis=0)
    normal = generator.standard_normal((resamples, count)) @ around / np.sqrt(count * (count - 1))
    drawn: Floats = normal * heavy(resamples, count - 1, generator)[:, None]
    return drawn


def heavy(resamples: int, freedom: int, generator: np.random.Generator) -> Floats:
    """Factors [resamples] that turn normal draws into Student's t with ``freedom`` degrees of freedom."""
    factors: Floats = np.sqrt(freedom / generator.chisquare(freedom, resamples))
    return factors
