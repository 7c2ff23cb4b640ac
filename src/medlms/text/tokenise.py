"""Conversations to token ids, with a mask of what is learned: the answer and its end of turn, nothing else.

The mask comes from character offsets of the rendered text, never from a search for ids. A row has one BOS at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from medlms.errors import ModelError
from medlms.text.template import Template, begins, inert, render
from medlms.types import Fault, Message, Tokens


@dataclass
class Tokenised:
    """Rows ready to learn from; what was cut (kept, shorter) and what was dropped (nothing left to learn)."""

    rows: list[Tokens] = field(default_factory=list)
    cut: list[Fault] = field(default_factory=list)
    dropped: list[Fault] = field(default_factory=list)

    @property
    def learned_tokens(self) -> int:
        """Tokens that the model learns to say."""
        return sum(sum(row.learn) for row in self.rows)

    @property
    def tokens(self) -> int:
        """All tokens read."""
        return sum(len(row.ids) for row in self.rows)


def tokenise(
    tokenizer: Any,
    template: Template,
    rows: Iterable[tuple[str, str, Sequence[Message], str]],
    *,
    max_length: int,
    stops: frozenset[int],
) -> Tokenised:
    """Tokens of (id, place, messages, answer) rows.

    A row over ``max_length`` loses the end of its answer and is then not taught to stop there. A prompt that leaves no
    room for an answer drops the row. Both are listed.
    """
    out = Tokenised()
    for name, place, messages, answer in rows:
        ids, learn = conversation(tokenizer, template, messages, answer, stops=stops)
        if len(ids) > max_length:
            kept = sum(learn[:max_length])
            if not kept:
                detail = f"the question alone has {len(ids) - sum(learn)} tokens, max_length is {max_length}"
                out.dropped.append(Fault(place, "question longer than max_length", detail))
                continue
            out.cut.append(Fault(place, "answer cut at max_length", f"{len(ids)} tokens, {max_length} kept"))
            ids, learn = ids[:max_length], learn[:max_length]
        out.rows.append(Tokens(name, tuple(ids), tuple(learn)))
    return out


def conversation(
    tokenizer: Any, template: Template, messages: Sequence[Message], answer: str, *, stops: frozenset[int]
) -> tuple[list[int], list[bool]]:
    """Ids and learn mask of one row; the last id is the end of turn, learned."""
    answer = inert(template, answer.strip())
    prompt, full = render(tokenizer, template, messages, answer)
    begin = full.find(answer, len(prompt))
    if not full.startswith(prompt) or begin < 0:
        raise ModelError("The chat template drops or changes the answer.", hint="Check the model's chat_template.")
    encoded = tokenizer(full, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = list(encoded["input_ids"])
    offsets: list[tuple[int, int]] = encoded["offset_mapping"]
    # All that follows the prompt is to be said, a space before the answer included.
    learn = [end > len(prompt) and start < end for start, end in offsets]
    finish = begin + len(answer)
    last = next((index for index, (start, _) in enumerate(offsets) if start >= finish and ids[index] in stops), None)
    if last is None:
        # The template ends a turn without a token that stops generation: the model must still learn to stop.
        last = next((index for index, (start, _) in enumerate(offsets) if start >= finish), len(ids))
        ids = [*ids[:last], tokenizer.eos_token_id]
        learn = [*learn[:last], True]
    ids, learn = ids[: last + 1], learn[: last + 1]
    lead = _bos(tokenizer, ids)
    return lead + ids, [False] * len(lead) + learn


def prompt_ids(tokenizer: Any, template: Template, messages: Sequence[Message]) -> list[int]:
    """Ids of a conversation up to where the answer starts."""
    prompt, _ = render(tokenizer, template, messages)
    ids: list[int] = list(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    return _bos(tokenizer, ids) + ids


def _bos(tokenizer: Any, ids: list[int]) -> list[int]:
    """The BOS that this tokenizer puts before a text, when the template has not written it already."""
    bos = tokenizer.bos_token_id
    return [bos] if begins(tokenizer) and ids[:1] != [bos] else []
