"""ROUGE with Porter stemming, equal to the rouge_score package: F-measure, precision and recall against the best reference.

Words come from that package's tokenizer with its stemmer behind a cache (stemming is where its time goes). The longest
common subsequence is found with one machine word's worth of table cells at a time, so long answers cost little.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medlms.metrics._mean import ratio
from medlms.types import Prediction

Words = tuple[str, ...]


Measures = tuple[float, float, float]
"""F-measure, precision and recall."""

Row = tuple[float, float, float, float]

NOTHING: Measures = (0.0, 0.0, 0.0)


def best(prediction: Prediction, measure: Callable[[str, str], Measures]) -> Row:
    """The row of a ROUGE: F-measure, precision and recall against the reference with the highest F, and 1; 0 without any."""
    found = max(
        (measure(gold, prediction.said) for gold in prediction.golds), key=lambda three: three[0], default=NOTHING
    )
    return (*found, 1.0)


def value(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean F-measure [...] of sums of rows [..., 4]."""
    return ratio(np.asarray(totals)[..., [0, 3]])


def precision(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean precision [...] of sums of rows [..., 4]: the share of what was said that the reference says too."""
    return ratio(np.asarray(totals)[..., [1, 3]])


def recall(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean recall [...] of sums of rows [..., 4]: the share of the reference that was said."""
    return ratio(np.asarray(totals)[..., [2, 3]])


PARTS = {"precision": precision, "recall": recall}


def of_ngrams(gold: str, said: str, n: int) -> Measures:
    """Shared runs of ``n`` words, counted with repetition."""
    left, right = _ngrams(stems(gold), n), _ngrams(stems(said), n)
    return measures((left & right).total(), right.total(), left.total())


def of_longest(gold: str, said: str) -> Measures:
    """The longest common subsequence of words."""
    left, right = stems(gold), stems(said)
    return measures(lcs_length(left, right), len(right), len(left))


def of_lines(gold: str, said: str) -> Measures:
    """The longest common subsequences line by line: a line of the reference counts the words that it shares, in order, with
    any line of the answer; no word counts more often than it stands on either side.
    """
    left, right = ([stems(line) for line in text.split("\n") if line] for text in (gold, said))
    spare = Counter(word for line in right for word in line)
    hits = 0
    for line in left:
        for place in sorted(set().union(*(common_places(line, other) for other in right))):
            if spare[line[place]] > 0:
                spare[line[place]] -= 1
                hits += 1
    return measures(hits, sum(map(len, right)), sum(map(len, left)))


def measures(shared: int, said: int, gold: int) -> Measures:
    """F-measure, precision (shared / said) and recall (shared / gold); 0 when nothing is shared."""
    if not shared:
        return NOTHING
    exact, whole = shared / said, shared / gold
    return 2 * exact * whole / (exact + whole), exact, whole


def lcs_length(left: Words, right: Words) -> int:
    """Length of the longest common subsequence.

    Row j of the usual table is kept as one integer: bit i is 0 where the row rises by one between columns i and i + 1.
    An addition then carries each match to the next free column, and the zeros at the end are the length.
    """
    return len(left) - _table(left, right)[-1].bit_count()


def common_places(left: Words, right: Words) -> list[int]:
    """Places in ``left`` of one longest common subsequence, the last first: of several, the one that rouge_score takes."""
    table = _table(left, right)

    def length(i: int, j: int) -> int:
        return i - (table[j] & (1 << i) - 1).bit_count()

    places, i, j = [], len(left), len(right)
    while i and j:
        if left[i - 1] == right[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif length(i, j - 1) > length(i - 1, j):
            j -= 1
        else:
            i -= 1
    return places


def _table(left: Words, right: Words) -> list[int]:
    """The table of lengths, a row as one integer (see ``lcs_length``), before each word of ``right`` and after the last."""
    places: dict[str, int] = {}
    for index, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(left)) - 1
    rows = [full]
    for word in right:
        flat = rows[-1]
        hits = flat & places.get(word, 0)
        rows.append((flat + hits | flat ^ hits) & full)
    return rows


@functools.lru_cache(maxsize=8192)
def stems(text: str) -> Words:
    """The stemmed words that rouge_score compares: ASCII letters and digits; up to three letters stay unstemmed."""
    from rouge_score import tokenize

    return tuple(tokenize.tokenize(text, _CachedStemmer()))


def _ngrams(words: Words, n: int) -> Counter[Words]:
    return Counter(words[start : start + n] for start in range(len(words) - n + 1))


class _CachedStemmer:
    """The Porter stemmer of nltk in the mode rouge_score uses, asked once a word."""

    def stem(self, word: str) -> str:
        return _stem(word)


@functools.lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    return str(_porter().stem(word))


@functools.cache
def _porter() -> Any:
    from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]

    return PorterStemmer()
