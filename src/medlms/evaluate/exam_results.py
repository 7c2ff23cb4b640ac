"""The results of one system on one exam, asked in one way, as report.json holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from medlms.evaluate.calibration import equal_mass_error, reliability
from medlms.evaluate.chance import floor, outcome, verdict
from medlms.evaluate.places import places
from medlms.evaluate.score import as_json, score
from medlms.evaluate.selective import selective
from medlms.evaluate.sitting import Answered
from medlms.tasks import exam
from medlms.types import Prediction

MOST_TOPICS, LEAST = 40, 5
BY_BYTES = "options_bytes"


def ways(way: str, answered: Sequence[Answered]) -> dict[str, list[Answered]]:
    """The answers by the name of the way they are counted; full options count raw and, once more, by their bytes."""
    if way != "options":
        return {way: list(answered)}
    return {way: list(answered), BY_BYTES: [Answered(item.orders[:1], (by_bytes(item.first),)) for item in answered]}


def by_bytes(prediction: Prediction) -> Prediction:
    """The option with the highest log-probability a byte chosen. It has no probabilities: such scores add up to nothing."""
    if not prediction.option_logprobs:
        return prediction
    pairs = zip(prediction.option_logprobs, prediction.option_bytes, strict=True)
    chosen = exam.likeliest([value / size for value, size in pairs], range(len(prediction.options)))
    said = prediction.options[chosen]
    return replace(prediction, chosen=chosen, said=said, option_logprobs=(), option_bytes=())


def results(
    answered: Sequence[Answered], *, system: str, way: str, coverages: Sequence[float], resamples: int, seed: int
) -> dict[str, Any]:
    """Scores, floor and verdict, places, calibration, selective answering and topics. All numbers but ``places`` are of the
    set's own order of options.
    """
    predictions = [item.first for item in answered]
    scores = score(predictions, exam.METRICS, resamples=resamples, seed=seed)
    accuracy = next(item for item in scores if item.metric == "accuracy")
    unread = Counter(item.problem for item in predictions if item.problem)
    found: dict[str, Any] = {
        "system": system,
        "way": way,
        "metrics": {item.metric: {**as_json(item), "maximum": None} for item in scores},
        "unread": sum(unread.values()),
        "unread_why": dict(unread.most_common()),
        "outcome": outcome(accuracy, floor(predictions)),
        "verdict": verdict(accuracy, floor(predictions)),
        "places": places(answered, resamples=resamples, seed=seed) if way in ("letters", "generate") else None,
        "reliability": reliability(predictions),
        "ece_equal_mass": equal_mass_error(predictions),
        "selective": selective(predictions, coverages, resamples=resamples, seed=seed),
        "topics": topics(predictions, resamples=resamples, seed=seed),
    }
    return found


def topics(predictions: Sequence[Prediction], *, resamples: int, seed: int) -> dict[str, Any]:
    """Accuracy of each topic, where there are 2 to 40 with 5 questions each on average; rows without a topic have no entry."""
    by_topic: dict[str, list[Prediction]] = {}
    for item in predictions:
        if item.topic:
            by_topic.setdefault(item.topic, []).append(item)
    if not 2 <= len(by_topic) <= MOST_TOPICS or sum(map(len, by_topic.values())) < LEAST * len(by_topic):
        return {}
    return {
        topic: as_json(score(items, ["accuracy"], resamples=resamples, seed=seed)[0])
        for topic, items in sorted(by_topic.items())
    }
