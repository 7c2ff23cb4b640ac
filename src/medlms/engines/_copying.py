"""What engines share that answer by copying a known text: no model, no probabilities."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from medlms.errors import AskedWrongly
from medlms.types import Reply, Request


class Copying(ABC):
    """Replies to a request with a copied text."""

    name: str

    @abstractmethod
    def copied(self, request: Request) -> str:
        """The text for the last user message of the request."""

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield the copied text of each request. No tokens are generated, so none count."""
        begun = time.perf_counter()
        for request in requests:
            text = self.copied(request)
            seconds = time.perf_counter() - begun
            yield Reply(request.id, text, "stop", 0, 0, seconds, seconds)

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Always AskedWrongly: copying has no probabilities."""
        raise AskedWrongly(
            f"{self.name}: it copies text and has no probabilities, so it can't score {len(requests)} references.",
            hint="Ask base or tuned for perplexity.",
        )

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Always AskedWrongly: copying has no probabilities."""
        raise AskedWrongly(
            f"{self.name}: it copies text and has no probabilities, so it can't choose for {len(requests)} questions.",
            hint="Ask base or tuned.",
        )
