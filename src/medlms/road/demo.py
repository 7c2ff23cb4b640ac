"""The whole road in minutes: the default model, the built-in starter data, and one question at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medlms.models.known import DEFAULT
from medlms.road.asking import Answer, ask
from medlms.road.talk import Silent, Talk
from medlms.road.training import Result, train

QUESTION = "How can I tell whether I am having a stroke?"

CONFIG: dict[str, Any] = {
    "model": DEFAULT,
    "data": "starter",
    "split": {"train": 220, "dev": 24, "eval": 60},
    "max_length": 512,
    "train": {"epochs": 1, "tokens_per_step": 1024, "learning_rate": 1.0e-3, "evaluate_rows": 12},
    "evaluate": {
        "systems": ["base", "tuned", "nearest", "sentence"],  # choosing a best prompt would cost minutes
        "max_new_tokens": 160,
        "latency_rows": 3,
    },
    "prompts": [QUESTION],
    "run": "demo",
}
"""Two cores, ten minutes with the installation: one epoch, and small steps at a high rate make the most of it."""


def demo(
    overrides: Sequence[str] = (), *, resume: str | None = None, talk: Talk | None = None
) -> tuple[Result, Answer]:
    """Run the demo and ask its last question."""
    talk = talk or Silent()
    result = train(resume=resume, talk=talk) if resume else train(CONFIG, overrides, talk=talk)
    with talk.bar("one question to the tuned model") as advance:
        advance(0, 1)
        answer = ask(QUESTION, model=result.run.folder, max_new_tokens=160, talk=talk)
        advance(1, 1)
    return result, answer
