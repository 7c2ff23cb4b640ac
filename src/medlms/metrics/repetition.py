"""Repetition: the share of an answer's runs of four words that stood in it before, mean over items.

seq-rep-4 of Welleck et al., Neural Text Generation with Unlikelihood Training (2020), over words instead of tokens, so that
models with different tokenizers compare.
"""

from __future__ import annotations

import re

from medlms.metrics._mean import ratio as value
from medlms.types import Prediction

__all__ = ["HIGHER_IS_BETTER", "NAME", "READS_ANSWER", "TITLE", "YES_NO", "row", "value"]

NAME = "repetition"
TITLE = "Repetition"
HIGHER_IS_BETTER = False
YES_NO = False
BOUNDS = (0.0, 1.0)
READS_ANSWER = True

RUN = 4
_WORD = re.compile(r"\w+")


def row(prediction: Prediction) -> tuple[float, float] | None:
    """(1 - different runs / runs, 1), case and punctuation ignored; None for an answer shorter than one run."""
    words = _WORD.findall(prediction.said.casefold())
    runs = [tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)]
    return (1 - len(set(runs)) / len(runs), 1.0) if runs else None
