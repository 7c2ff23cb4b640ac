"""One answer while it is being written: which token is next, when it ends, and what it says."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from medlms.types import Reply, Request


class Row:
    """An answer under way. ``began`` is when its batch was begun (``time.perf_counter``), ``limit`` its most tokens."""

    def __init__(
        self,
        request: Request,
        prompt: Sequence[int],
        *,
        tokenizer: Any,
        stops: frozenset[int],
        limit: int,
        began: float,
    ) -> None:
        self.request = request
        self.prompt = prompt
        self.limit = limit
        self.tokens: list[int] = []
        self.finish = ""
        self._tokenizer = tokenizer
        self._stops = stops
        self._began = began
        self._first = 0.0
        self._random = _generator(request) if request.temperature > 0 else None

    def enter(self) -> None:
        """Count seconds from now: the row comes into a batch that others have begun."""
        self._began = time.perf_counter()

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn, not the likeliest ones."""
        return self._random is not None

    def drawn(self, logits: Tensor) -> int:
        """A token by chance, from logits [vocabulary]: the same for the same request whoever is answered beside it."""
        assert self._random is not None
        return sampled(logits, self.request.temperature, self.request.top_p, self._random)

    def add(self, token: int) -> bool:
        """Take the next token; True where the answer ends with it."""
        self._first = self._first or time.perf_counter() - self._began
        if token in self._stops:
            self.finish = "stop"
            return True
        self.tokens.append(token)
        if self.request.stop and self._stopped():
            self.finish = "stop"
        elif len(self.tokens) >= self.limit:
            self.finish = "length"
        return bool(self.finish)

    def reply(self) -> Reply:
        """The answer as it stands."""
        text = self._tokenizer.decode(self.tokens, skip_special_tokens=True)
        ends = [place for stop in self.request.stop if (place := text.find(stop)) >= 0]
        return Reply(
            id=self.request.id,
            text=text[: min(ends)].strip() if ends else text.strip(),
            finish_reason=self.finish,
            prompt_tokens=len(self.prompt),
            new_tokens=len(self.tokens),
            seconds=time.perf_counter() - self._began,
            first_token_seconds=self._first,
        )

    def _stopped(self) -> bool:
        # A token is a byte at least, so what the last one completed lies within as many tokens as the text has bytes.
        last = max(len(stop.encode()) for stop in self.request.stop) + 4
        text = self._tokenizer.decode(self.tokens[-last:], skip_special_tokens=True)
        return any(stop in text for stop in self.request.stop)


def sampled(logits: Tensor, temperature: float, top_p: float, random: torch.Generator) -> int:
    """A token from logits [vocabulary]: of the likeliest that together hold ``top_p``, by one number from ``random``."""
    shares, ids = (logits.float().cpu() / temperature).softmax(-1).sort(descending=True, stable=True)
    sums = shares.double().cumsum(-1)
    kept = int((sums - shares < top_p).sum()) if top_p < 1 else len(sums)
    point = float(torch.rand((), generator=random, dtype=torch.float64)) * float(sums[max(kept, 1) - 1])
    return int(ids[min(int(torch.searchsorted(sums, point, right=True)), max(kept, 1) - 1)])


def _generator(request: Request) -> torch.Generator:
    digest = hashlib.sha256(f"{request.seed}\n{request.id}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
