"""Macro F1: F1 of each option's place, averaged over the places that are ever right or chosen; as scikit-learn's ``macro``.

It says most where the options are the same in all questions (yes, no, maybe). An unreadable answer is a miss of the right
class and a false alarm of none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medlms.types import Prediction

NAME = "macro_f1"
TITLE = "Macro F1"
HIGHER_IS_BETTER = True
YES_NO = False
READS_ANSWER = True
CLASSES = 26


def row(prediction: Prediction) -> tuple[float, ...] | None:
    """For each of 26 classes (right and chosen, chosen, right), one behind the other; None where it is not of an exam."""
    if prediction.right is None:
        return None
    counts = [0.0] * (3 * CLASSES)
    counts[3 * prediction.right + 2] = 1.0
    if prediction.chosen is not None:
        counts[3 * prediction.chosen + 1] = 1.0
        counts[3 * prediction.right] = float(prediction.chosen == prediction.right)
    return tuple(counts)


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of rows [..., 78] to macro F1 [...]; not a number where nothing was summed."""
    totals = np.asarray(totals, dtype=np.float64)
    counts = totals.reshape(*totals.shape[:-1], CLASSES, 3)
    both, either = 2 * counts[..., 0], counts[..., 1] + counts[..., 2]
    f1 = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    used = (either > 0).sum(axis=-1)
    total = f1.sum(axis=-1)
    means: NDArray[np.float64] = np.divide(total, used, out=np.full(total.shape, np.nan), where=used > 0)
    return means
