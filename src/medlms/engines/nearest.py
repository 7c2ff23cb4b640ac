"""The floor: answers with the answer of the most similar training question (BM25), word for word. No model, no torch.

A system that was tuned on the same rows has learned something only if it beats this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medlms.datasets import exchanges
from medlms.engines._bm25 import K1, B, Index
from medlms.engines._copying import Copying
from medlms.errors import AskedWrongly
from medlms.types import QA, Dialogue, Request


class NearestEngine(Copying):
    """An Engine over training rows. Equally similar questions go to the lowest id, whatever the order of the rows."""

    name = "nearest"

    def __init__(self, examples: Iterable[QA], *, k1: float = K1, b: float = B) -> None:
        """Index the questions of ``examples``; AskedWrongly when there are none."""
        self._examples = sorted((pair for example in examples for pair in pairs(example)), key=lambda pair: pair.id)
        if not self._examples:
            raise AskedWrongly("nearest: there are no training rows to answer from.")
        self._index = Index([example.question for example in self._examples], k1=k1, b=b)
        self.path = (
            f"Copies the answer of the most similar of {len(self._examples):,} training questions "
            f"(BM25, k1 {k1:g}, b {b:g}); no model."
        )

    def copied(self, request: Request) -> str:
        """As ``Copying``."""
        return self.closest(asked(request)).answer

    def closest(self, question: str) -> QA:
        """The training row whose question is most similar; the row with the lowest id when no word is shared."""
        return self._examples[self._index.closest(question)]

    def similarities(self, question: str) -> NDArray[np.float64]:
        """BM25 of ``question`` against every training question [rows], in the order of their ids."""
        return self._index.similarities(question)


def pairs(example: QA) -> Iterator[QA]:
    """The row; or, of a dialogue, each of its questions with the answer to it."""
    if not isinstance(example, Dialogue):
        yield example
        return
    for number, (question, answer) in enumerate(exchanges(example), 1):
        yield replace(example, id=f"{example.id}#{number:03}", question=question, answer=answer, between=())


def asked(request: Request) -> str:
    """The last user message of a request."""
    for message in reversed(request.messages):
        if message.role == "user":
            return message.text
    raise AskedWrongly(f"{request.id!r}: the request has no user message.")
