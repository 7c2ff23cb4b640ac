"""BM25: which of many short texts is most similar to a query, by the rare words that they share. No model, no torch."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1, B = 1.5, 0.75

_WORD = re.compile(r"\w+")


class Index:
    """Texts by their words (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009)."""

    def __init__(self, texts: Sequence[str], *, k1: float = K1, b: float = B) -> None:
        self.size = len(texts)
        self._postings = _postings([words(text) for text in texts], k1=k1, b=b)

    def similarities(self, query: str) -> NDArray[np.float64]:
        """BM25 of ``query`` against every text [texts]."""
        scores = np.zeros(self.size)
        for word, count in sorted(Counter(words(query)).items()):
            if word in self._postings:
                rows, weights = self._postings[word]
                scores[rows] += count * weights
        return scores

    def closest(self, query: str) -> int:
        """The most similar text; of equally similar ones the first, which is text 0 where no word is shared."""
        return int(np.argmax(self.similarities(query)))


def words(text: str) -> list[str]:
    """Normalised words: compatibility forms unified (NFKC), case folded, runs of letters and digits."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _postings(
    texts: Sequence[Sequence[str]], *, k1: float, b: float
) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Word -> (rows that hold it, what one occurrence in a query adds to each row's score)."""
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    damping = k1 * (1 - b + b * lengths / max(lengths.mean(), 1.0))
    found: dict[str, list[tuple[int, int]]] = {}
    for row, text in enumerate(texts):
        for word, count in Counter(text).items():
            found.setdefault(word, []).append((row, count))
    postings = {}
    for word, pairs in found.items():
        rows = np.array([row for row, _ in pairs], dtype=np.int64)
        counts = np.array([count for _, count in pairs], dtype=np.float64)
        rarity = np.log1p((len(texts) - len(pairs) + 0.5) / (len(pairs) + 0.5))
        postings[word] = rows, rarity * counts * (k1 + 1) / (counts + damping[rows])
    return postings
