"""The one renderer: training, evaluation and serving all make their text here, and its hash is saved with the adapter.

A model's own chat template is used when it has one; base models get the plain template below, which is saved with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from medlms.errors import ModelError
from medlms.types import Message

PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}"
    "{% elif message['role'] == 'user' %}{{ 'Question: ' + message['content'] + '\n\n' }}"
    "{% else %}{{ 'Answer: ' + message['content'] + eos_token + '\n\n' }}{% endif %}{% endfor %}"
    # no space at the end of the prompt: it belongs to the answer's first token
    "{% if add_generation_prompt %}{{ 'Answer:' }}{% endif %}"
)

_MEND = "Give the model's folder a chat_template.jinja that keeps question and answer."
_BRACKETED = re.compile(r"<<[^<>\s]+>>|<[^<>\s]+>|\[/?[A-Z_]+\]")


@dataclass(frozen=True)
class Template:
    """A tokenizer's way to write a conversation. ``system`` tells whether it has a place for a system message,
    ``marks`` are the texts of control tokens and of the template's own brackets, which no message may hold.
    """

    source: str
    name: str
    system: bool
    marks: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """sha256 of the template's source and of how it is used."""
        return hashlib.sha256(f"{self.source}\n{self.system}".encode()).hexdigest()


def template_of(tokenizer: Any) -> Template:
    """The template of a tokenizer, tried out once; the plain one is put in where there is none."""
    name = "the model's own"
    if not tokenizer.chat_template:
        # Other tools add no token to what a template wrote: where the tokenizer begins a text with BOS, the template has to.
        tokenizer.chat_template = f"{{{{ bos_token }}}}{PLAIN}" if begins(tokenizer) else PLAIN
        name = "plain (the model brings none)"
    source = tokenizer.chat_template
    probe = (Message("system", "s-y-s"), Message("user", "u-s-r"))
    try:
        system = "s-y-s" in _apply(tokenizer, probe, True)
    except ModelError:
        system = False
    template = Template(source=source, name=name, system=system)
    prompt, full = render(tokenizer, template, probe, "a-n-s")
    if "u-s-r" not in prompt or not full.startswith(prompt) or "a-n-s" not in full[len(prompt) :]:
        raise ModelError(
            "The chat template drops the question or the answer, or changes the prompt once the answer is known.",
            hint=_MEND,
        )
    return replace(template, marks=_marks(tokenizer, prompt + full))


def render(
    tokenizer: Any, template: Template, messages: Sequence[Message], answer: str | None = None
) -> tuple[str, str]:
    """The prompt up to where the answer starts, and the whole text with ``answer`` (equal to the prompt without one)."""
    messages = [Message(message.role, inert(template, message.text)) for message in messages]
    answer = None if answer is None else inert(template, answer)
    if not template.system:
        messages = _folded(messages)
    prompt = _apply(tokenizer, messages, True)
    if answer is None:
        return prompt, prompt
    return prompt, _apply(tokenizer, (*messages, Message("assistant", answer)), False)


def unfinished(tokenizer: Any, template: Template, messages: Sequence[Message]) -> str:
    """The text up to where the model goes on: behind the prompt, or behind a last turn of the assistant that is left open.

    ModelError where the template drops or changes that turn's words.
    """
    if not messages or messages[-1].role != "assistant":
        return render(tokenizer, template, messages)[0]
    said = inert(template, messages[-1].text)
    words = said.strip()
    if not words:
        return render(tokenizer, template, messages[:-1])[0]
    prompt, full = render(tokenizer, template, messages[:-1], said)
    at = full.find(words, len(prompt))
    if not full.startswith(prompt) or at < 0:
        raise ModelError("The chat template drops or changes an unfinished answer.", hint=_MEND)
    # Templates may cut blanks at a turn's end; here they lead on to what comes next.
    return full[: at + len(words)] + said[len(said.rstrip()) :]


def begins(tokenizer: Any) -> bool:
    """Whether a tokenizer puts a BOS before a text."""
    bos = tokenizer.bos_token_id
    natural = tokenizer("a")["input_ids"]
    return bos is not None and bool(natural) and natural[0] == bos


def _marks(tokenizer: Any, written: str) -> tuple[str, ...]:
    """Special tokens, and what the template writes in brackets: Llama 2's [INST] and <<SYS>> are plain text to its tokenizer."""
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    found = {mark for mark in (*tokenizer.all_special_tokens, *added, *_BRACKETED.findall(written)) if len(mark) > 1}
    return tuple(sorted(found, key=lambda mark: (-len(mark), mark)))


def inert(template: Template, text: str) -> str:
    """``text`` with the tokenizer's control marks broken by a space: a question must not end its own turn."""
    for mark in template.marks:
        if mark in text:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def _apply(tokenizer: Any, messages: Sequence[Message], generate: bool) -> str:
    turns = [{"role": message.role, "content": message.text} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=generate))
    except Exception as error:  # a template refuses in whatever way its author chose
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"The chat template does not take a question and its answer: {reason}", hint=_MEND) from None


def _folded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Templates without a system turn get its text at the head of the first question."""
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    rest = [message for message in messages if message.role != "system"]
    if not system or not rest:
        return tuple(rest)
    return (Message(rest[0].role, f"{system}\n\n{rest[0].text}"), *rest[1:])
