"""Reading grade (Flesch-Kincaid): the school years, as US grades count them, that the answers ask of a reader of English.

0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid et al., Derivation of New Readability Formulas, 1975), over
all answers together: one answer without a full stop would weigh too much in a mean of grades. Syllables are estimated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medlms.metrics._syllables import sentences, syllables, words
from medlms.types import Prediction

NAME = "reading_grade"
TITLE = "Reading grade"
HIGHER_IS_BETTER = None
YES_NO = False
READS_ANSWER = True


def row(prediction: Prediction) -> tuple[float, float, float] | None:
    """(sentences, words, syllables) of the answer; None where it holds no word in Latin letters."""
    found = words(prediction.said)
    if not found:
        return None
    return float(sentences(prediction.said)), float(len(found)), float(sum(map(syllables, found)))


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of rows [..., 3] to the grade [...]; not a number where there are no words."""
    totals = np.asarray(totals, dtype=np.float64)
    said, read, spoken = totals[..., 0], totals[..., 1], totals[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        grade = 0.39 * read / said + 11.8 * spoken / read - 15.59
    return np.where(read > 0, grade, np.nan)
