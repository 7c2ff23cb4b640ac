"""The floor: answers with the answer of the most similar training question (BM25), word for word. No model, no torch.

A system that was tuned on the same rows has learned something only if it beats this.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medlms.datasets import exchanges
from medlms.errors import AskedWrongly
from medlms.types import QA, Dialogue, Reply, Request

K1, B = 1.5, 0.75

_WORD = re.compile(r"\w+")


class NearestEngine:
    """An Engine over training rows. Equally similar questions go to the lowest id, whatever the order of the rows."""

    name = "nearest"

    def __init__(self, examples: Iterable[QA], *, k1: float = K1, b: float = B) -> None:
        """Index the questions of ``examples``; AskedWrongly when there are none."""
        self._examples = sorted((pair for example in examples for pair in _pairs(example)), key=lambda pair: pair.id)
        if not self._examples:
            raise AskedWrongly("nearest: there are no training rows to answer from.")
        self._postings = _postings([words(example.question) for example in self._examples], k1=k1, b=b)
        self.path = (
            f"Copies the answer of the most similar of {len(self._examples):,} training questions "
            f"(BM25, k1 {k1:g}, b {b:g}); no model."
        )

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield the copied answer for the last user message of each request. No tokens are generated, so none count."""
        begun = time.perf_counter()
        for request in requests:
            text = self.closest(_question(request)).answer
            seconds = time.perf_counter() - begun
            yield Reply(
                id=request.id,
                text=text,
                finish_reason="stop",
                prompt_tokens=0,
                new_tokens=0,
                seconds=seconds,
                first_token_seconds=seconds,
            )

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Always AskedWrongly: copying has no probabilities."""
        raise AskedWrongly(
            f"nearest: it copies answers and has no probabilities, so it can't score {len(requests)} references.",
            hint="Ask base or tuned for perplexity.",
        )

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Always AskedWrongly: copying has no probabilities."""
        raise AskedWrongly(
            f"nearest: it copies answers and has no probabilities, so it can't choose for {len(requests)} questions.",
            hint="Ask base or tuned.",
        )

    def closest(self, question: str) -> QA:
        """The training row whose question is most similar; the row with the lowest id when no word is shared."""
        return self._examples[int(np.argmax(self.similarities(question)))]

    def similarities(self, question: str) -> NDArray[np.float64]:
        """BM25 of ``question`` against every training question [rows], in the order of their ids."""
        scores = np.zeros(len(self._examples))
        for word, count in sorted(Counter(words(question)).items()):
            if word in self._postings:
                rows, weights = self._postings[word]
                scores[rows] += count * weights
        return scores


def _pairs(example: QA) -> Iterator[QA]:
    """The row; or, of a dialogue, each of its questions with the answer to it."""
    if not isinstance(example, Dialogue):
        yield example
        return
    for number, (question, answer) in enumerate(exchanges(example), 1):
        yield replace(example, id=f"{example.id}#{number:03}", question=question, answer=answer, between=())


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


def _question(request: Request) -> str:
    for message in reversed(request.messages):
        if message.role == "user":
            return message.text
    raise AskedWrongly(f"nearest: request {request.id!r} has no user message.")
