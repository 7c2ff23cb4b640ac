"""One conversation as text and tokens, with what is learned marked: the assistant's turns and their ends.

The marks come from character offsets: a turn begins where the prompt that asks for it ends. So the template must write a
prompt alike whatever follows it, and a turn alike whether it is the last or not; that is checked for every row. A row
has one BOS at most beside those that the template itself writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medlms.errors import ModelError
from medlms.text.template import Template, begins, inert, render
from medlms.types import Message


@dataclass(frozen=True, slots=True)
class Marked:
    """``spans`` [tokens] are each token's characters in ``text``, ``learn`` [tokens] whether the model learns to say it.

    ``ends`` [learned turns] counts the tokens up to the end of each learned turn, which is learned too. The row ends with
    the last of them.
    """

    text: str
    ids: list[int]
    learn: list[bool]
    spans: list[tuple[int, int]]
    ends: list[int]


@dataclass(frozen=True, slots=True)
class _Turn:
    """Characters of a turn to learn: where its prompt ends, where its words end, and where the turn ends at the latest."""

    prompt: int
    words: int
    end: int


def marked(
    tokenizer: Any,
    template: Template,
    messages: Sequence[Message],
    answer: str,
    *,
    stops: frozenset[int],
    every: bool = False,
) -> Marked:
    """Mark ``answer``, given the turns before it; with ``every``, the assistant's turns among those as well.

    ModelError where the template drops, changes or does not end a turn that is to be learned.
    """
    said = (*messages, Message("assistant", answer))
    said = tuple(_clean(template, message) for message in said)
    full, turns = _turns(tokenizer, template, said, every)
    encoded = tokenizer(full, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = list(encoded["input_ids"])
    spans: list[tuple[int, int]] = [(start, end) for start, end in encoded["offset_mapping"]]
    learn = [False] * len(ids)
    ends: list[int] = []
    for turn in turns:
        begin = ends[-1] if ends else 0
        stop = _stop(ids, spans, begin, turn, stops)
        if stop is None:
            if turn is not turns[-1]:
                raise _endless(template)
            full, stop = _ended(tokenizer, full, ids, spans, learn, turn)
        # All that follows the prompt is to be said, a space before the answer included.
        for index in range(begin, stop + 1):
            learn[index] = spans[index][1] > turn.prompt and spans[index][0] < spans[index][1]
        ends.append(stop + 1)
    first = lead(tokenizer, ids)
    begins = tokenizer.bos_token if first else ""
    size = ends[-1]
    return Marked(
        text=begins + full[: spans[size - 1][1]],
        ids=first + ids[:size],
        learn=[False] * len(first) + learn[:size],
        spans=[(0, len(begins))] * len(first)
        + [(start + len(begins), end + len(begins)) for start, end in spans[:size]],
        ends=[len(first) + end for end in ends],
    )


def lead(tokenizer: Any, ids: list[int]) -> list[int]:
    """The BOS that this tokenizer puts before a text, when the template has not written it already."""
    bos = tokenizer.bos_token_id
    return [bos] if begins(tokenizer) and ids[:1] != [bos] else []


def _clean(template: Template, message: Message) -> Message:
    text = message.text.strip() if message.role == "assistant" else message.text
    return Message(message.role, inert(template, text))


def _turns(tokenizer: Any, template: Template, said: Sequence[Message], every: bool) -> tuple[str, list[_Turn]]:
    """The whole text, and the turns in it that are to be learned."""
    last = len(said) - 1
    places = [place for place, message in enumerate(said) if message.role == "assistant" and (every or place == last)]
    whole = render(tokenizer, template, said[:last], said[last].text)
    full = whole[1]
    turns = []
    for place in places:
        words = said[place].text
        prompt, text = whole if place == last else render(tokenizer, template, said[:place], words)
        begin = text.find(words, len(prompt))
        if not text.startswith(prompt) or begin < 0:
            raise ModelError("The chat template drops or changes the answer.", hint="Check the model's chat_template.")
        if not full.startswith(text):
            raise _differs(template, text, full)
        turns.append(_Turn(len(prompt), begin + len(words), len(text)))
    return full, turns


def _stop(
    ids: Sequence[int], spans: Sequence[tuple[int, int]], begin: int, turn: _Turn, stops: frozenset[int]
) -> int | None:
    """The token that ends a turn; None where the template writes none that stops generation."""
    for index in range(begin, len(ids)):
        start, end = spans[index]
        if start >= turn.words and end <= turn.end and ids[index] in stops:
            return index
    return None


def _ended(
    tokenizer: Any, full: str, ids: list[int], spans: list[tuple[int, int]], learn: list[bool], turn: _Turn
) -> tuple[str, int]:
    """Put the tokenizer's EOS where the last turn's words end: the model must still learn to stop."""
    last = next((index for index, (start, _) in enumerate(spans) if start >= turn.words), len(ids))
    at = spans[last - 1][1] if last else 0
    ids[last:] = [tokenizer.eos_token_id]
    spans[last:] = [(at, at + len(tokenizer.eos_token))]
    learn[last:] = [True]
    return full[:at] + tokenizer.eos_token, last


def _differs(template: Template, alone: str, full: str) -> ModelError:
    same = next((place for place, (a, b) in enumerate(zip(alone, full, strict=False)) if a != b), len(full))
    return ModelError(
        f"The chat template ({template.name}) writes an earlier turn of a dialogue in another way than the last one: "
        f"{full[same : same + 40]!r} where {alone[same : same + 40]!r} stood. So one text can't teach all answers.",
        hint="Give the model's folder a chat_template.jinja that writes all turns alike, or train on single questions.",
    )


def _endless(template: Template) -> ModelError:
    return ModelError(
        f"The chat template ({template.name}) ends an earlier answer of a dialogue with no token that stops generation, "
        "so stopping can't be learned there.",
        hint="Give the model's folder a chat_template.jinja that ends every answer with the EOS token.",
    )
