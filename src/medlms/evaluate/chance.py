"""What an exam gives to those who know nothing: guessing, and always the same answer; and whether a system beats that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from medlms.tasks._said import LETTERS
from medlms.types import Prediction, Score

OUTCOMES = {
    "better": "Better than chance and than always the same answer",
    "like one answer": "Better than chance, but no better than always the same answer",
    "below one answer": "Better than chance, but worse than always the same answer",
    "chance": "No better than chance",
    "worse": "Worse than chance",
    "unknown": "Too few questions to tell",
}
"""How a system can do against the floor, best first, in words."""


@dataclass(frozen=True, slots=True)
class Floor:
    """``chance``: the expected share right when guessing. ``majority``: that of always saying ``answer``, the best such one.

    Which answer that is was looked up in the exam itself, so it is a high floor.
    """

    chance: float
    majority: float
    answer: str


def floor(predictions: Sequence[Prediction]) -> Floor:
    """The floor of an exam. ``answer`` is an option's text where all questions have the same options, else a letter."""
    chance = sum(1 / len(item.options) for item in predictions) / len(predictions)
    place, count = Counter(item.right for item in predictions if item.right is not None).most_common(1)[0]
    same = len({item.options for item in predictions}) == 1 and len(predictions) > 1
    return Floor(chance, count / len(predictions), predictions[0].options[place] if same else LETTERS[place])


def outcome(score: Score, floor: Floor) -> str:
    """Where an accuracy lies by its 95 % interval: a key of ``OUTCOMES``."""
    if not score.low <= score.high:
        return "unknown"
    if score.low > max(floor.chance, floor.majority):
        return "better"
    if score.low > floor.chance:
        return "below one answer" if score.high < floor.majority else "like one answer"
    return "worse" if score.high < floor.chance else "chance"


def verdict(score: Score, floor: Floor) -> str:
    """``outcome`` as a sentence with its numbers."""
    shown = f"{100 * score.value:.1f} % [{100 * score.low:.1f}, {100 * score.high:.1f}]"
    guess, always = f"chance ({100 * floor.chance:.1f} %)", f"always {floor.answer} ({100 * floor.majority:.1f} %)"
    return {
        "unknown": f"{100 * score.value:.1f} %: too few questions for an interval.",
        "better": f"{shown}: better than {guess} and than {always}.",
        "like one answer": f"{shown}: better than {guess}, but no better than {always}.",
        "below one answer": f"{shown}: better than {guess}, but worse than {always}.",
        "chance": f"{shown}: no better than {guess}.",
        "worse": f"{shown}: worse than {guess}.",
    }[outcome(score, floor)]
