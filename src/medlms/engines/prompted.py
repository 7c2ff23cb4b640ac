"""The base asked in other words: another instruction, and a frame around the question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from medlms.types import Engine, Message, Reply, Request

QUESTION = "{question}"


@dataclass(frozen=True, slots=True)
class Wording:
    """A way to put a question. ``question`` is a text with ``{question}`` in it; without ``instruction`` (None) that of the
    request is said, with an empty one none.
    """

    name: str
    question: str = QUESTION
    instruction: str | None = None

    def worded(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The messages with this instruction, and the last question in its frame."""
        turns = list(messages)
        if self.instruction is not None:
            turns = [turn for turn in turns if turn.role != "system"]
            turns = [*([Message("system", self.instruction)] if self.instruction.strip() else []), *turns]
        last = max(at for at, turn in enumerate(turns) if turn.role == "user")
        turns[last] = Message("user", self.question.replace(QUESTION, turns[last].text))
        return tuple(turns)


class PromptedEngine:
    """Asks another engine, each question in a wording of its own choice."""

    name = "best_prompt"

    def __init__(self, engine: Engine, wording: Wording) -> None:
        self._engine = engine
        self.wording = wording
        self.turns = wording.worded([Message("user", QUESTION)])
        """What an answer depends on beside the request."""
        self.path = f"{engine.path}, asked in the wording {wording.name!r}"

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield the engine's replies to the questions in this wording."""
        return self._engine.answer([self._worded(request) for request in requests])

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies with the log-probability of each reference behind the question in this wording."""
        return self._engine.score([self._worded(request) for request in requests])

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies with the log-probability of each option behind the question in this wording."""
        return self._engine.choose([self._worded(request) for request in requests])

    def _worded(self, request: Request) -> Request:
        return replace(request, messages=self.wording.worded(request.messages))
