"""One answer out of several: the option that most of them name, or the text that is nearest to the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from medlms.metrics import token_f1
from medlms.types import Prediction


def plurality(votes: Sequence[int | None]) -> int | None:
    """The place in ``votes`` of the first vote for the option with the most votes; None where nobody named one.

    Those who named none have no say. Of options with equally many votes that wins which was named first, in the order of the
    samples: that prefers no place in the list of options, and a tie is right as often as a single sample would be.
    """
    counts = Counter(vote for vote in votes if vote is not None)
    if not counts:
        return None
    most = max(counts.values())
    return next(place for place, vote in enumerate(votes) if vote is not None and counts[vote] == most)


def nearest(texts: Sequence[str]) -> int | None:
    """The place of the text with the highest mean token F1 to the others (minimum Bayes risk); None where all are blank.

    Of equally near ones the first. A blank text is not chosen, and says nothing about the others.
    """
    places = [place for place, text in enumerate(texts) if text.strip()]
    if not places:
        return None
    return max(places, key=lambda place: (likeness(texts, place), -place))


def likeness(texts: Sequence[str], place: int) -> float:
    """The mean token F1 of a text to the other texts that are not blank; 1 where there is none."""
    others = [text for other, text in enumerate(texts) if other != place and text.strip()]
    return sum(_f1(texts[place], other) for other in others) / len(others) if others else 1.0


def _f1(one: str, other: str) -> float:
    return float(token_f1.row(Prediction("", "", "", one, (other,)))[0])
