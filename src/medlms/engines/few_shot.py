"""Few-shot prompting: a model that was not tuned, shown worked examples as earlier turns before every question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from medlms.types import Engine, Message, Reply, Request


class FewShotEngine:
    """Asks another engine, with the same turns between the instruction and each question."""

    name = "few_shot"

    def __init__(self, engine: Engine, turns: Sequence[Message], *, said: str) -> None:
        """``turns`` are users' and assistants' in order; ``said`` tells which examples they are."""
        self._engine = engine
        self.turns = tuple(turns)
        self.path = f"{engine.path}, {said}"

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield the engine's replies to the questions behind the examples."""
        return self._engine.answer([self._shown(request) for request in requests])

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies with the log-probability of each reference behind the examples."""
        return self._engine.score([self._shown(request) for request in requests])

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies with the log-probability of each option behind the examples."""
        return self._engine.choose([self._shown(request) for request in requests])

    def _shown(self, request: Request) -> Request:
        first = next((at for at, turn in enumerate(request.messages) if turn.role != "system"), len(request.messages))
        return replace(request, messages=(*request.messages[:first], *self.turns, *request.messages[first:]))
