"""The values that cross rooms: frozen records without behaviour. They know nothing of files, models or metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QA:
    """A question with one written answer.

    ``links`` names what this row must never be split from: rows that share a link share a ``group``, and a group
    lies on one side of a split. ``place`` leads back to the original (``file:line`` or ``archive!member``).
    """

    id: str
    source: str
    licence: str
    place: str
    question: str
    answer: str
    topic: str = ""
    kind: str = ""
    links: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Dialogue(QA):
    """A conversation of several turns: ``question`` opens it, ``answer`` ends it, ``between`` is what was said meanwhile.

    ``between`` holds the assistant's and the user's turns in their order, the assistant's first, the user's last, so it
    is even in number and never empty. All of the assistant's turns are learned; the last one is asked for and graded.
    """

    between: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with options of which one, ``answer`` (an index from 0), is right. ``context`` is a text to be read first.

    ``explanation`` is the set's own; it often names the answer, so it is nothing to show a model that is asked.
    """

    id: str
    source: str
    licence: str
    place: str
    question: str
    options: tuple[str, ...]
    answer: int
    topic: str = ""
    kind: str = ""
    links: tuple[str, ...] = ()
    group: str = ""
    context: str = ""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question without an answer."""

    id: str
    source: str
    licence: str
    place: str
    question: str


Example = QA | Dialogue | Choice | Question


@dataclass(frozen=True, slots=True)
class Fault:
    """A row, or a part of it, that was not used, and why. ``reason`` is a short stable key, ``detail`` is for people."""

    place: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; ``role`` is ``system``, ``user`` or ``assistant``.

    A last turn of the assistant is unfinished: the model goes on with it. A single turn of the role ``plain`` is a text as it
    is, with no template, only behind the tokenizer's own first token.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token ids of one conversation, and for each whether the model learns to say it."""

    id: str
    ids: tuple[int, ...]
    learn: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked: go on from ``messages``, score ``reference`` as the continuation, or choose of ``options``.

    ``options`` are continuations to score, each as it is to follow the prompt, its leading blank included. At ``temperature`` 0
    the likeliest token is taken; above, tokens are drawn from the smallest set of likely ones that hold ``top_p``, by ``seed``
    and ``id``. ``stop`` are texts at which an answer ends; they are not part of it.
    """

    id: str
    messages: tuple[Message, ...]
    max_new_tokens: int = 512
    reference: str = ""
    options: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What an engine said. ``finish_reason``: ``stop`` (the model ended), ``length`` (the limit cut it), ``scored``, or
    ``too long`` (a reference or an option that does not fit, unscored).

    Seconds are wall time from the start of the batch that held the request, or from when it came into a running one, so they
    are latencies only at batch 1.
    ``reference_logprob`` is the natural-log probability of the reference and its end of turn, summed. ``option_logprobs``
    are those of the request's options in their order, without an end of turn, ``option_tokens`` their lengths, and
    ``option_greedy`` tells whether the likeliest token at each place is the option's.
    """

    id: str
    text: str
    finish_reason: str
    prompt_tokens: int
    new_tokens: int
    seconds: float
    first_token_seconds: float
    reference_logprob: float | None = None
    reference_tokens: int = 0
    option_logprobs: tuple[float, ...] = ()
    option_tokens: tuple[int, ...] = ()
    option_greedy: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer beside what was wanted, in the form that metrics read.

    ``golds`` are the accepted references, best first. ``problem`` says why the answer could not be read (empty when it
    could). ``group`` is the split group of the example: intervals resample groups. ``similarity`` is the cosine of the
    embeddings of answer and closest reference, where an engine measured it.

    Of an exam: ``options`` in the example's own order, whatever order they were shown in, ``option_logprobs`` and
    ``option_bytes`` beside them (empty where nothing was scored), the index of the ``right`` one, and of the ``chosen`` one
    (None where the answer could not be read).
    """

    id: str
    group: str
    prompt: str
    said: str
    golds: tuple[str, ...]
    problem: str = ""
    finish_reason: str = ""
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float = 0.0
    reference_logprob: float | None = None
    reference_tokens: int = 0
    topic: str = ""
    kind: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    option_logprobs: tuple[float, ...] = ()
    option_bytes: tuple[int, ...] = ()
    right: int | None = None
    chosen: int | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value over ``n`` items with its 95 % interval; ``unread`` items could not be read.

    ``maximum`` is the best single item: no measure of a system, kept because published tables print it.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    unread: int = 0
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference ``a - b`` of two systems on the same items, with its 95 % interval and p-value."""

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    n: int


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step. ``loss`` is the mean over learned tokens (nats); seconds and bytes are measured.

    With fp16 weights, ``loss_scale`` is what the loss was multiplied by; where that overflowed the step was ``skipped``:
    nothing was learned from its rows, and it has no ``grad_norm``. ``micro_tokens`` are the tokens read at once where memory
    ran out for more.
    """

    step: int
    epoch: float
    loss: float
    tokens: int
    learned_tokens: int
    tokens_per_second: float
    learning_rate: float
    grad_norm: float | None
    seconds: float
    peak_memory_bytes: int
    loss_scale: float | None = None
    skipped: bool = False
    micro_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A catalogue record: where a data set comes from and on what terms. ``public`` sets are cleared for release.

    ``kind`` says what its rows are: ``answers`` (questions with answers: can be trained on), ``exam`` (questions with options:
    graded on, never trained on) or ``questions`` (no answers: asked, or compared with).
    """

    name: str
    title: str
    licence: str
    citation: str
    address: str
    public: bool = True
    files: Mapping[str, str] = field(default_factory=dict)
    kind: str = "answers"


class Engine(Protocol):
    """Anything that answers requests. ``path`` says in words which code does it, for reports."""

    name: str
    path: str

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield one Reply a request, in any order, as soon as it is known."""
        ...

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield one Reply a request with ``reference_logprob`` and ``reference_tokens`` filled."""
        ...

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield one Reply a request with ``option_logprobs``, ``option_tokens`` and ``option_greedy`` filled."""
        ...
