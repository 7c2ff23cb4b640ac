"""What an exam gives to those who know nothing: guessing, and always the same answer; and whether a system beats that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from medlms.tasks._said import LETTERS
from medlms.types import Prediction, Score


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


def verdict(score: Score, floor: Floor) -> str:
    """Whether an accuracy is better than chance and than always the same answer, by its 95 % interval."""
    shown = f"{100 * score.value:.1f} % [{100 * score.low:.1f}, {100 * score.high:.1f}]"
    guess, always = f"chance ({100 * floor.chance:.1f} %)", f"always {floor.answer} ({100 * floor.majority:.1f} %)"
    if not score.low <= score.high:
        return f"{100 * score.value:.1f} %: too few questions for an interval."
    if score.low > max(floor.chance, floor.majority):
        return f"{shown}: better than {guess} and than {always}."
    if score.low > floor.chance:
        beaten = "worse than" if score.high < floor.majority else "no better than"
        return f"{shown}: better than {guess}, but {beaten} {always}."
    if score.high < floor.chance:
        return f"{shown}: worse than {guess}."
    return f"{shown}: no better than {guess}."
