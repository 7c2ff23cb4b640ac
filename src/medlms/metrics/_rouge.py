"""ROUGE F-measures with Porter stemming, equal to the rouge_score package; the best reference by F counts.

Words come from that package's tokenizer with its stemmer behind a cache (stemming is where its time goes). The longest
common subsequence is found with one machine word's worth of table cells at a time, so long answers cost little.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

from medlms.types import Prediction

Words = tuple[str, ...]


def best(prediction: Prediction, measure: Callable[[Words, Words], float]) -> float:
    """The highest ``measure`` of the answer against any of its references; 0 without references."""
    said = stems(prediction.said)
    return max((measure(stems(gold), said) for gold in prediction.golds), default=0.0)


def ngram_f(gold: Words, said: Words, n: int) -> float:
    """F-measure of shared n-grams, counted with repetition."""
    left, right = _ngrams(gold, n), _ngrams(said, n)
    return f_measure((left & right).total(), right.total(), left.total())


def lcs_f(gold: Words, said: Words) -> float:
    """F-measure of the longest common subsequence."""
    return f_measure(lcs_length(gold, said), len(said), len(gold))


def f_measure(shared: int, said: int, gold: int) -> float:
    """Harmonic mean of shared/said and shared/gold; 0 when nothing is shared."""
    if not shared:
        return 0.0
    precision, recall = shared / said, shared / gold
    return 2 * precision * recall / (precision + recall)


def lcs_length(left: Words, right: Words) -> int:
    """Length of the longest common subsequence.

    Row j of the usual table is kept as one integer: bit i is 0 where the row rises by one between columns i and i + 1.
    An addition then carries each match to the next free column, and the zeros at the end are the length.
    """
    places: dict[str, int] = {}
    for index, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(left)) - 1
    flat = full
    for word in right:
        hits = flat & places.get(word, 0)
        flat = (flat + hits | flat ^ hits) & full
    return len(left) - flat.bit_count()


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
