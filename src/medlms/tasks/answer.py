"""The task of answering an open question: one QA example becomes a conversation, one reply becomes a Prediction."""

from __future__ import annotations

from medlms.types import QA, Message, Prediction, Reply

METRICS = (
    "exact_match",
    "bleu",
    "rouge1",
    "rouge2",
    "rougeL",
    "token_f1",
    "chrf",
    "length_words",
    "perplexity",
    "bits_per_byte",
)
"""Names of the metrics that grade this task, in the order of the results table."""


def messages(example: QA, *, instruction: str) -> tuple[Message, ...]:
    """What the model is shown: the instruction as system message (left out when blank), then the question."""
    user = Message("user", example.question)
    return (Message("system", instruction), user) if instruction.strip() else (user,)


def answer(example: QA) -> str:
    """The text to learn."""
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
