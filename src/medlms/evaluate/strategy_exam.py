"""Exams asked by a prompting strategy: each draft names an option, and the option that most of them name is the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medlms.evaluate.strategies import Draft, Strategy
from medlms.evaluate.votes import plurality
from medlms.tasks import exam, reasoning
from medlms.types import Choice, Message, Prediction, Reply

DIRECT = ("zero_shot", "few_shot")
"""Strategies that ask for the letter at once; the others reason first."""


@dataclass(frozen=True)
class OfExam:
    """An exam as strategies ask it; ``shots`` gives the solved examples of a question, for each strategy by its key."""

    style: exam.Style
    instruction: str = ""
    shots: Mapping[str, Callable[[Choice], Sequence[Choice]]] = field(default_factory=dict)

    def stop(self, strategy: Strategy) -> tuple[str, ...]:
        """A text without turns needs one: a base model goes on with a question of its own."""
        if self.style == "chat":
            return ()
        return exam.PLAIN_STOP if strategy.kind in DIRECT else reasoning.PLAIN_STOP

    def messages(self, row: Choice, strategy: Strategy, drafts: Sequence[Draft] = ()) -> tuple[Message, ...]:
        """The question with its options; to refine, with all ``drafts`` in their order."""
        if strategy.kind in DIRECT:
            shots = self.shots[strategy.key](row) if strategy.key in self.shots else ()
            return exam.messages(row, instruction=self.instruction, way="generate", style=self.style, shots=shots)
        asked = exam.asked(row)
        if drafts:
            text = reasoning.with_drafts(asked, [draft.text for draft in drafts], reasoning.REFINE_EXAM)
        else:
            text = f"{asked}\n\n{reasoning.EXAM}"
        if self.style == "plain":
            return (Message("plain", f"{text}\n"),)
        turn = Message("user", text)
        return (Message("system", self.instruction), turn) if self.instruction.strip() else (turn,)

    def read(self, row: Choice, strategy: Strategy, reply: Reply, stage: str) -> Draft:
        """Which option a reply names; of one that reasons, its conclusion."""
        text, problem = reply.text, ""
        if strategy.kind not in DIRECT:
            text, problem = reasoning.conclusion(reply.text, cut=reply.finish_reason == "length")
        found = exam.read(row, replace(reply, text=text), way="generate")
        return Draft(
            stage=stage,
            text=reply.text,
            said=text.strip(),
            chosen=found.chosen,
            problem=problem if problem and reply.text.strip() else found.problem,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens,
            new_tokens=reply.new_tokens,
        )

    def decide(self, row: Choice, drafts: Sequence[Draft], prompt: str) -> tuple[Prediction, float]:
        """The option with the most votes. Unread only where no draft can be read; then the most frequent reason is given.

        Agreement: the share of all drafts, unread ones among them, that name the option chosen.
        """
        votes = [draft.chosen for draft in drafts]
        place = plurality(votes)
        told = drafts[0 if place is None else place]
        problem = Counter(draft.problem for draft in drafts).most_common(1)[0][0] if place is None else ""
        found = Prediction(
            id=row.id,
            group=row.group,
            prompt=prompt,
            said=told.text.strip(),
            golds=(exam.answer(row),),
            problem=problem,
            finish_reason=told.finish_reason,
            topic=row.topic,
            kind=row.kind,
            source=row.source,
            options=row.options,
            right=row.answer,
            chosen=told.chosen,
        )
        return found, (0.0 if place is None else votes.count(told.chosen) / len(votes))

    def known(self, row: Choice) -> list[Any]:
        """Options, the right one and the group."""
        return [list(row.options), row.answer, row.group]

    def question(self, row: Choice) -> str:
        """Question and options."""
        return exam.question(row)
