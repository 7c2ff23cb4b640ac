"""Curves with a known course: scores of questions that differ, answered with noise at every place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medlms.evaluate.curves import Curve
from medlms.evaluate.intervals import resampled_sums


def scripted(
    truth: Sequence[float] | np.ndarray, seed: int, *, questions: int = 60, noise: float = 0.1, luck: float = 0.0,
    better: int = 1, resamples: int = 300,
) -> Curve:  # fmt: skip
    """Each question has a level of its own, each answer ``noise``, and each place ``luck`` that all questions share."""
    draw = np.random.default_rng(seed)
    course = np.asarray(truth, dtype=np.float64)
    scores = course + draw.normal(0, 0.2, (questions, 1)) + draw.normal(0, noise, (questions, len(course)))
    scores += draw.normal(0, luck, len(course)) if luck else 0.0
    redrawn = resampled_sums(scores, resamples=resamples, seed=seed) / questions
    return Curve(
        "dev_loss" if better < 0 else "token_f1", scores.mean(axis=0), redrawn, better, questions, questions, 1
    )
