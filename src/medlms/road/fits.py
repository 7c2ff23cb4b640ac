"""Fits to what runs hold: the knee of their epochs, and the learning curve over sizes of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medlms.evaluate import knee as bent
from medlms.evaluate import more_rows
from medlms.evaluate.curves import LOSS, RESAMPLES, SEED, along
from medlms.evaluate.lines import read_predictions
from medlms.road.grading import losses_file
from medlms.run import Run
from medlms.types import Prediction

ROWS = "split.train"
KNEES = (LOSS, "token_f1", "rougeL")
GROWTH = ("token_f1", "rougeL", "bits_per_byte")


@dataclass(frozen=True, slots=True)
class Sized:
    """Runs on one number of training rows: ``rest`` says their other settings, ``test`` marks the questions."""

    rows: int
    rest: str
    test: str
    runs: Sequence[Sequence[Prediction]]


def knees(runs: Sequence[Run], *, resamples: int = RESAMPLES, seed: int = SEED) -> list[bent.Knee]:
    """The knee of each metric over the epochs of runs that differ in their seed alone.

    Nothing for fewer than four epochs, or where what each question scored was not kept (runs of older versions).
    """
    graded = [{record["epoch"] for record in run.rows("epochs.jsonl")} for run in runs]
    epochs = sorted(set.intersection(*graded)) if graded else []
    if len(epochs) < bent.LEAST or epochs[0] != 0:
        return []
    found = []
    for metric in KNEES:
        places = [[_said(run, metric, epoch) for run in runs] for epoch in epochs]
        if len({tuple(sorted(item.id for item in items)) for place in places for items in place}) > 1:
            continue  # the seeds drew other development rows
        curve = along(metric, places, joint=True, resamples=resamples, seed=seed) if places[0][0] else None
        if curve is not None:
            found.append(bent.knee(curve, epochs))
    return found


def _said(run: Run, metric: str, epoch: int) -> list[Prediction]:
    """What an epoch's development rows scored, or answered; nothing where it was not kept."""
    if metric == LOSS:
        return [Prediction(prompt="", said="", golds=(), **line) for line in run.rows(losses_file(epoch))]
    name = f"dev/epoch-{epoch}"
    return read_predictions(run, name) if (run.folder / "predictions" / f"{name}.jsonl").is_file() else []


def growth(
    sized: Sequence[Sized], *, resamples: int = RESAMPLES, seed: int = SEED
) -> list[tuple[str, more_rows.MoreRows]]:
    """A learning curve for each metric and each set of other settings that was tried at three sizes or more, on one test."""
    found = []
    for rest, test in dict.fromkeys((item.rest, item.test) for item in sized):
        same = {item.rows: item.runs for item in sized if (item.rest, item.test) == (rest, test)}
        sizes = sorted(same)
        if len(sizes) < more_rows.LEAST:
            continue
        for metric in GROWTH:
            curve = along(metric, [same[size] for size in sizes], joint=False, resamples=resamples, seed=seed)
            if curve is not None:
                found.append((rest, more_rows.more_rows(curve, sizes, seed=seed)))
    return found
