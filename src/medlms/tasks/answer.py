"""The task of answering an open question: one QA example becomes a conversation, one reply becomes a Prediction.

Of a dialogue the last answer is asked for and graded, given all turns before it.
"""

from __future__ import annotations

from medlms.types import QA, Dialogue, Message, Prediction, Reply

METRICS = (
    "exact_match",
    "bleu",
    "rouge1",
    "rouge2",
    "rougeL",
    "rougeLsum",
    "token_f1",
    "chrf",
    "similarity",
    "length_words",
    "reading_grade",
    "repetition",
    "perplexity",
    "bits_per_byte",
    *(f"{rouge}.{part}" for rouge in ("rouge1", "rouge2", "rougeL", "rougeLsum") for part in ("precision", "recall")),
)
"""Names of the metrics that grade this task, in the order of the results table."""


def messages(example: QA, *, instruction: str) -> tuple[Message, ...]:
    """What the model is shown: the instruction as system message (left out when blank), then the question.

    A dialogue's earlier turns are shown too, the assistant's among them; tuning learns those as well.
    """
    said = (example.question, *(example.between if isinstance(example, Dialogue) else ()))
    turns = tuple(Message("assistant" if place % 2 else "user", text) for place, text in enumerate(said))
    return (Message("system", instruction), *turns) if instruction.strip() else turns


def question(example: QA) -> str:
    """What was asked, for people to read: the question, or a dialogue's turns up to the last question."""
    if not isinstance(example, Dialogue):
        return example.question
    names = {"user": "Question", "assistant": "Answer"}
    return "\n\n".join(f"{names[turn.role]}: {turn.text}" for turn in messages(example, instruction=""))


def answer(example: QA) -> str:
    """The text to learn and to grade with: the answer, of a dialogue the last one."""
    return example.answer


def read(example: QA, reply: Reply, *, references: tuple[str, ...], prompt: str) -> Prediction:
    """The reply beside its references (best first). A blank reply has the problem ``empty`` and scores nothing."""
    said = reply.text.strip()
    return Prediction(
        id=example.id,
        group=example.group,
        prompt=prompt,
        said=said,
        golds=references,
        problem="" if said else "empty",
        finish_reason=reply.finish_reason,
        tokens=reply.new_tokens,
        seconds=reply.seconds,
        first_token_seconds=reply.first_token_seconds,
        reference_logprob=reply.reference_logprob,
        reference_tokens=reply.reference_tokens,
        topic=example.topic,
        kind=example.kind,
        source=example.source,
    )
