"""How an answer ended, in one plain label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from medlms.types import Prediction

Ending = Literal["complete", "cut by length", "empty", "repeats itself"]

RUN, NEAR, TIMES, SENTENCE, SENTENCES_NEAR = 8, 120, 3, 4, 10

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"\w+")


def endings(prediction: Prediction) -> Ending:
    """The first of these that holds, so an answer that loops until the limit cuts it is one that repeats itself.

    ``empty``: nothing was said. ``repeats itself``: see ``repeats``. ``cut by length``: the limit ended it.
    ``complete``: the model ended it.
    """
    if not prediction.said.strip():
        return "empty"
    if repeats(prediction.said):
        return "repeats itself"
    return "cut by length" if prediction.finish_reason == "length" else "complete"


def repeats(text: str) -> bool:
    """Whether a text runs in circles. Case and punctuation are ignored. It does if either

    - a run of 8 words starts three times within 120 words (overlaps count, so a single word said ten times in a row
      does, and so does a loop of any length up to 60 words), or
    - a sentence or line of at least 4 words stands three times among ten in a row.

    Long lists whose entries open alike can meet this too: so do 1.1 % of the reference answers of MedQuAD.
    """
    words = _WORD.findall(text.casefold())
    runs = [tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)]
    sentences = [tuple(_WORD.findall(part.casefold())) for part in _SENTENCE_END.split(text)]
    sentences = [sentence for sentence in sentences if sentence]
    return _clustered(runs, NEAR) or _clustered(sentences, SENTENCES_NEAR, shortest=SENTENCE)


def _clustered(items: Sequence[tuple[str, ...]], near: int, *, shortest: int = 1) -> bool:
    """Whether some item of ``shortest`` words or more stands TIMES times within ``near`` neighbours."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, item in enumerate(items):
        if len(item) < shortest:
            continue
        seen = places.setdefault(item, [])
        seen.append(place)
        if len(seen) >= TIMES and place - seen[-TIMES] < near:
            return True
    return False
