"""Conversations to token ids, with a mask of what is learned: the assistant's turns and their ends, nothing else.

The mask comes from character offsets of the rendered text (``marks``), never from a search for ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from medlms.errors import ModelError
from medlms.text.marks import Marked, lead, marked
from medlms.text.template import Template, inert, unfinished
from medlms.types import Fault, Message, Tokens


@dataclass
class Tokenised:
    """Rows ready to learn from; what was cut (kept, shorter) and what was dropped (nothing left to learn).

    ``sizes`` are the tokens of every row given, before anything was cut.
    """

    rows: list[Tokens] = field(default_factory=list)
    cut: list[Fault] = field(default_factory=list)
    dropped: list[Fault] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

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
    """Tokens of (id, place, messages, answer) rows, in which every turn of the assistant is learned.

    What is longer than ``max_length`` is shortened or dropped as ``fitted`` says, and listed. ModelError, with the row's
    place, where the template does not allow for it.
    """
    out = Tokenised()
    for name, place, messages, answer in rows:
        try:
            row = marked(tokenizer, template, messages, answer, stops=stops, every=True)
        except ModelError as error:
            raise ModelError(f"{place}: {error}", hint=error.hint) from None
        kept, fault = fitted(row, max_length, place)
        out.sizes.append(len(row.ids))
        if fault is not None:
            (out.cut if kept else out.dropped).append(fault)
        if kept:
            out.rows.append(Tokens(name, tuple(row.ids[:kept]), tuple(row.learn[:kept])))
    return out


def fitted(row: Marked, max_length: int, place: str) -> tuple[int, Fault | None]:
    """How many tokens of a row are learned from, 0 for none; and what is cut or why it is dropped.

    A dialogue that is too long loses whole turns from its end, so that each answer that is left is whole. A first answer
    that does not fit loses its own end and is then not taught to stop there. A question that leaves no room for an
    answer drops the row.
    """
    size, answers = len(row.ids), len(row.ends)
    if size <= max_length:
        return size, None
    whole = [end for end in row.ends if end <= max_length]
    if whole:
        detail = f"{answers - len(whole)} of {answers} answers, {size} tokens, {whole[-1]} kept"
        return whole[-1], Fault(place, "last turns left out at max_length", detail)
    question = row.learn.index(True)
    if question >= max_length:
        detail = f"the question alone has {question} tokens, max_length is {max_length}"
        return 0, Fault(place, "question longer than max_length", detail)
    others = f", {answers - 1} later answers left out" if answers > 1 else ""
    return max_length, Fault(place, "answer cut at max_length", f"{size} tokens, {max_length} kept{others}")


def conversation(
    tokenizer: Any, template: Template, messages: Sequence[Message], answer: str, *, stops: frozenset[int]
) -> tuple[list[int], list[bool]]:
    """Ids and learn mask of ``answer`` alone, given all turns before it; the last id is the end of turn, learned."""
    row = marked(tokenizer, template, messages, answer, stops=stops)
    return row.ids, row.learn


def prompt_ids(tokenizer: Any, template: Template, messages: Sequence[Message]) -> list[int]:
    """Ids of a conversation up to where the answer starts, or goes on; or of a ``plain`` text."""
    return _ids(tokenizer, _before(tokenizer, template, messages))


def option_ids(
    tokenizer: Any, template: Template, messages: Sequence[Message], options: Sequence[str]
) -> tuple[int, list[list[int]]]:
    """How many ids the prompt has, and for each option the ids of prompt and option as one text.

    An option's own ids are those behind the prompt's number, as lm-evaluation-harness counts them: where the last letters
    of the prompt join with the option's first, the ids before that number are not the prompt's alone. ModelError for an
    option that adds no token.
    """
    text = _before(tokenizer, template, messages)
    plain = _is_plain(messages)
    size = len(_ids(tokenizer, text))
    whole = [_ids(tokenizer, text + (option if plain else inert(template, option))) for option in options]
    for option, ids in zip(options, whole, strict=True):
        if len(ids) <= size:
            raise ModelError(f"The option {option!r} adds no token to its prompt.", hint="Give it a text.")
    return size, whole


def _before(tokenizer: Any, template: Template, messages: Sequence[Message]) -> str:
    return messages[0].text if _is_plain(messages) else unfinished(tokenizer, template, messages)


def _is_plain(messages: Sequence[Message]) -> bool:
    return len(messages) == 1 and messages[0].role == "plain"


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return lead(tokenizer, ids) + ids
