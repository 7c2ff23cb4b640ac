"""Open questions asked by a prompting strategy: of several drafts that counts which is nearest to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from medlms.evaluate.strategies import Draft, Strategy
from medlms.evaluate.votes import likeness, nearest
from medlms.tasks import reasoning
from medlms.types import QA, Message, Prediction, Reply


@dataclass(frozen=True)
class OfAnswers:
    """Open questions as strategies ask them; ``shots`` are the turns shown before each question, by a strategy's key."""

    task: ModuleType
    instruction: str
    references: Mapping[str, tuple[str, ...]]
    shots: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)

    def stop(self, strategy: Strategy) -> tuple[str, ...]:
        """Nothing but the end of the model's turn."""
        return ()

    def messages(self, row: QA, strategy: Strategy, drafts: Sequence[Draft] = ()) -> tuple[Message, ...]:
        """The question as every system is asked; only chain_of_thought asks to reason, and the last turn holds ``drafts``."""
        *before, last = self.task.messages(row, instruction=self.instruction)
        text = last.text
        if drafts:
            text = reasoning.with_drafts(text, [draft.text for draft in drafts], reasoning.REFINE_OPEN)
        elif strategy.kind == "chain_of_thought":
            text = f"{text}\n\n{reasoning.OPEN}"
        leads = [turn for turn in before if turn.role == "system"]
        return (*leads, *self.shots.get(strategy.key, ()), *before[len(leads) :], Message("user", text))

    def read(self, row: QA, strategy: Strategy, reply: Reply, stage: str) -> Draft:
        """The answer as it stands; behind a chain of thought what follows its last "Answer:"."""
        said, problem = reply.text.strip(), ""
        if strategy.kind == "chain_of_thought":
            said, problem = reasoning.marked(reply.text, cut=reply.finish_reason == "length")
        problem = "too long" if reply.finish_reason == "too long" else problem or ("" if said else "empty")
        return Draft(stage, reply.text, said, None, problem, reply.finish_reason, reply.prompt_tokens, reply.new_tokens)

    def decide(self, row: QA, drafts: Sequence[Draft], prompt: str) -> tuple[Prediction, float]:
        """The draft with the highest mean token F1 to the others, which is their agreement."""
        texts = [draft.said for draft in drafts]
        place = nearest(texts)
        told = drafts[0 if place is None else place]
        found = Prediction(
            id=row.id,
            group=row.group,
            prompt=prompt,
            said=told.said,
            golds=self._golds(row),
            problem=told.problem,
            finish_reason=told.finish_reason,
            topic=row.topic,
            kind=row.kind,
            source=row.source,
        )
        return found, (0.0 if place is None else likeness(texts, place))

    def known(self, row: QA) -> list[Any]:
        """The references and the group."""
        return [list(self._golds(row)), row.group]

    def question(self, row: QA) -> str:
        """What was asked."""
        return str(self.task.question(row))

    def _golds(self, row: QA) -> tuple[str, ...]:
        return tuple(self.references.get(row.id) or (self.task.answer(row),))
