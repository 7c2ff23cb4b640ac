"""The task of an exam: one Choice example becomes a prompt, one reply becomes a Prediction that says which option was chosen.

Three ways to ask: ``letters`` (options are shown, the likeliest letter counts), ``options`` (options are not shown, the
likeliest option text counts) and ``generate`` (options are shown, an answer is written and read). ``order`` is the order in
which the options are shown, as indices of the example's own; a Prediction is always in the example's own order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from medlms.tasks._said import LETTERS, option_named
from medlms.types import Choice, Message, Prediction, Reply, Request

METRICS = ("accuracy", "macro_f1", "log_loss", "brier", "ece")
"""Names of the metrics that grade this task."""

Way = Literal["letters", "options", "generate"]
Style = Literal["chat", "plain"]
LEAD = "Answer:"
ASKED = "Answer with the letter of the right option."
PLAIN_STOP = ("\n\n",)
"""Where a written answer behind a plain text ends."""


def messages(
    example: Choice,
    *,
    instruction: str = "",
    way: Way = "letters",
    style: Style = "chat",
    order: Sequence[int] | None = None,
    shots: Sequence[Choice] = (),
) -> tuple[Message, ...]:
    """What the model is shown; ``shots`` are solved examples before it, their options in their own order.

    ``chat``: the instruction as system message, a turn of user and assistant a shot, the question, and but for
    ``generate`` the begun answer "Answer:". ``plain``: all of it as one text without instruction and template, shots set
    apart by an empty line, as lm-evaluation-harness writes them.
    """
    if style == "plain":
        solved = [f"{asked(shot, way)}\n{LEAD}{option_text(shot, shot.answer, way)}" for shot in shots]
        return (Message("plain", "\n\n".join([*solved, f"{asked(example, way, order)}\n{LEAD}"])),)
    ending = f"\n\n{ASKED}" if way == "generate" else ""
    turns = [
        turn
        for shot in shots
        for turn in (
            Message("user", asked(shot, way) + ending),
            Message("assistant", f"{LEAD}{option_text(shot, shot.answer, way)}"),
        )
    ]
    turns.append(Message("user", asked(example, way, order) + ending))
    if way != "generate":
        turns.append(Message("assistant", LEAD))
    return (Message("system", instruction), *turns) if instruction.strip() else tuple(turns)


def asked(example: Choice, way: Way = "letters", order: Sequence[int] | None = None) -> str:
    """Context, question and (but for ``options``) the lettered options."""
    lines = [f"Context: {example.context}"] if example.context else []
    lines.append(f"Question: {example.question}")
    if way != "options":
        places = range(len(example.options)) if order is None else order
        lines += [f"{LETTERS[place]}. {example.options[index]}" for place, index in enumerate(places)]
    return "\n".join(lines)


def option_text(example: Choice, index: int, way: Way, order: Sequence[int] | None = None) -> str:
    """What follows "Answer:" when option ``index`` is meant, its leading blank included."""
    if way == "options":
        return f" {example.options[index]}"
    return f" {LETTERS[index if order is None else list(order).index(index)]}"


def request(
    example: Choice,
    *,
    id: str,
    instruction: str,
    way: Way,
    style: Style,
    order: Sequence[int],
    shots: Sequence[Choice],
    max_new_tokens: int,
) -> Request:
    """What the engine is asked: to choose among the options (in the example's own order), or to write an answer."""
    shown = messages(example, instruction=instruction, way=way, style=style, order=order, shots=shots)
    if way == "generate":
        return Request(id, shown, max_new_tokens=max_new_tokens, stop=PLAIN_STOP if style == "plain" else ())
    texts = tuple(option_text(example, index, way, order) for index in range(len(example.options)))
    return Request(id, shown, max_new_tokens=0, options=texts)


def question(example: Choice) -> str:
    """What was asked, for people to read."""
    return asked(example)


def answer(example: Choice) -> str:
    """The right option's text."""
    return example.options[example.answer]


def read(
    example: Choice,
    reply: Reply,
    *,
    references: tuple[str, ...] = (),
    prompt: str = "",
    way: Way = "letters",
    order: Sequence[int] | None = None,
) -> Prediction:
    """Which option a reply chooses. Of equal log-probabilities the first option shown wins, as in other harnesses.

    Problems: ``too long`` where the prompt did not fit, ``not a number`` where the model gave none, and for a written
    answer those of ``_said``. With a problem nothing is chosen.
    """
    places = tuple(range(len(example.options)) if order is None else order)
    chosen, problem, said = _by_text(example, reply, places) if way == "generate" else _by_score(reply, places)
    if chosen is not None and way != "generate":
        said = example.options[chosen]
    scored = tuple(float(value) for value in reply.option_logprobs) if not problem else ()
    texts = [option_text(example, index, way, places) for index in range(len(example.options))]
    return Prediction(
        id=example.id,
        group=example.group,
        prompt=prompt,
        said=said,
        golds=references or (answer(example),),
        problem=problem,
        finish_reason=reply.finish_reason,
        tokens=reply.new_tokens,
        seconds=reply.seconds,
        first_token_seconds=reply.first_token_seconds,
        topic=example.topic,
        kind=example.kind,
        source=example.source,
        options=example.options,
        option_logprobs=scored,
        option_bytes=tuple(len(text.strip().encode()) for text in texts) if scored else (),
        right=example.answer,
        chosen=chosen,
    )


def likeliest(values: Sequence[float], order: Sequence[int]) -> int:
    """The index of the highest value; of equal ones that which ``order`` shows first."""
    return max(order, key=lambda index: (values[index], -list(order).index(index)))


def _by_score(reply: Reply, order: Sequence[int]) -> tuple[int | None, str, str]:
    values = reply.option_logprobs
    if reply.finish_reason == "too long" or len(values) != len(order):
        return None, "too long" if reply.finish_reason == "too long" else "not scored", ""
    if not all(math.isfinite(value) for value in values):
        return None, "not a number", ""
    return likeliest(values, order), "", ""


def _by_text(example: Choice, reply: Reply, order: Sequence[int]) -> tuple[int | None, str, str]:
    said = reply.text.strip()
    if reply.finish_reason == "too long":
        return None, "too long", said
    place, problem = option_named(said, [example.options[index] for index in order])
    return None if place is None else order[place], problem, said
