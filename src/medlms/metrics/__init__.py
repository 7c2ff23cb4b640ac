"""CATALOGUE: one file is one metric, and its file name is the metric's name. Files that start with _ are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medlms.types import Prediction


class Metric(Protocol):
    """What a metric's module (or a plug-in's object) offers.

    A metric is the ``value`` of a sum of ``row``s, so a weighted sum of rows is all that a resample needs. The value of
    one row alone is the metric of that item. Some flags may be left out: ``YES_NO`` (default False) says that every row
    is (0 or 1, 1), so that its interval is one for proportions; ``READS_ANSWER`` (default True) says that the metric
    depends on what the system said, so that unreadable answers count as its ``unread``. ``PARTS`` (default none) names further
    values of the same sums, such as the precision and recall behind an F-measure, read as ``NAME.PART``. ``BOUNDS`` are the
    least and the largest value it can have, beyond which no interval reaches (default: 0 where no item lies below, and no
    largest).
    """

    NAME: str
    TITLE: str
    HIGHER_IS_BETTER: bool | None

    def row(self, prediction: Prediction) -> tuple[float, ...] | None:
        """The k numbers of one item, or None where the metric does not apply to it."""
        ...

    def value(self, totals: NDArray[np.float64]) -> NDArray[np.float64]:
        """The metric [...] of sums of rows [..., k]; not a number where nothing was summed."""
        ...
