"""The extractive floor: answers with the one sentence of the training answers that matches the question best (BM25).

It says what is written, word for word, and nothing else: no model, no torch. A tuned model that does not beat it has learned
less than a search over its own training text finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from medlms.engines._bm25 import K1, B, Index
from medlms.engines._copying import Copying
from medlms.engines.nearest import asked, pairs
from medlms.errors import AskedWrongly
from medlms.types import QA, Request

SHORTEST = 4
"""Words that a sentence has at least: shorter ones are headings and left-overs."""

_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W\d_a-z])|\s*\n\s*")


class SentenceEngine(Copying):
    """An Engine over the sentences of training answers. Equal matches go to the row with the lowest id, its first sentence."""

    name = "sentence"

    def __init__(self, examples: Iterable[QA]) -> None:
        """Index the sentences of ``examples``; AskedWrongly when there are none."""
        rows = sorted((pair for example in examples for pair in pairs(example)), key=lambda pair: pair.id)
        self._sentences = list(dict.fromkeys(sentence for row in rows for sentence in sentences(row.answer)))
        if not self._sentences:
            raise AskedWrongly("sentence: the training answers hold no sentence to answer with.")
        self._index = Index(self._sentences)
        self.path = (
            f"Copies the best-matching of {len(self._sentences):,} different sentences of the training answers "
            f"(BM25, k1 {K1:g}, b {B:g}); no model."
        )

    def copied(self, request: Request) -> str:
        """As ``Copying``."""
        return self._sentences[self._index.closest(asked(request))]


def sentences(text: str) -> list[str]:
    """The sentences of a text in its order, without questions (headings that repeat a question would always match best)."""
    found = (part.strip() for part in _END.split(text))
    return [part for part in found if len(part.split()) >= SHORTEST and not part.endswith("?")]
