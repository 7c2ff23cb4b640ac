"""The shape of a study's report.json. Its ``systems`` and ``comparisons`` are those of a run's report, with more keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from medlms.report.shape import Difference, Knee, Measured, Model


class Row(TypedDict, total=False):
    """One row of the results. ``system`` is base, tuned or nearest of the group ``point``; ``seeds`` runs are behind it.

    With several seeds a value is their mean, and its interval the one over seeds. ``test`` numbers the sets of questions
    when there are several.
    """

    name: str
    title: str
    point: str
    system: str
    note: str
    seeds: int
    test: int
    metrics: Mapping[str, Measured]
    speed: Mapping[str, Measured]
    endings: Mapping[str, int]


class Group(TypedDict, total=False):
    """Finished points that differ in their seed alone. ``base`` and ``tuned`` name their rows.

    An item of ``epochs`` is {"epoch": number, metric name: Measured, ...}; ``training`` holds counts, and Measured for
    ``seconds``, ``tokens_per_second`` and ``peak_memory_bytes``. ``losses`` is the first seed's smoothed training loss,
    items {"step", "epoch", "loss"}.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    seeds: list[int]
    points: list[str]
    base: str
    tuned: str
    model: Model
    training: Mapping[str, Any] | None
    epochs: list[Mapping[str, Any]]
    losses: list[Mapping[str, Any]]
    knees: list[Knee]


class Growth(TypedDict, total=False):
    """A learning curve over training rows: ``title`` says what else is set; the rest is that of ``evaluate.more_rows``.

    An item of ``fitted`` is {"rows", "value", "low", "high"}; the last stands at twice the largest size.
    """

    title: str
    metric: str
    sizes: list[float]
    values: list[float]
    largest: float
    power: float
    change: float | None
    low: float | None
    high: float | None
    fitted: list[Mapping[str, float | None]]
    better: int
    n: int
    seeds: int
    scatter: bool


class PointState(TypedDict, total=False):
    """One point: ``state`` is finished, failed (with a ``reason``) or unfinished."""

    name: str
    title: str
    settings: Mapping[str, Any]
    state: str
    reason: str
    folder: str


class StudyReport(TypedDict, total=False):
    """The whole of a study's report.json; ``varied`` are the config keys in which points differ."""

    kind: str
    run: str
    date: str
    command: str
    version: str
    verdict: list[str]
    warnings: list[str]
    varied: list[str]
    config: Mapping[str, Any]
    systems: list[Row]
    comparisons: list[Difference]
    groups: list[Group]
    more_rows: list[Growth]
    points: list[PointState]
    machine: Mapping[str, Any]
