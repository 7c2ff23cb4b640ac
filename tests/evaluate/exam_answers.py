"""Answers to exams with known truth, and small plain versions of what the metrics of exams compute."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from medlms.evaluate.sitting import Answered, orders
from medlms.types import Choice, Prediction, Reply, Request


def question(number: int, *, options: int = 4, right: int = 0, topic: str = "", text: str = "") -> Choice:
    return Choice(
        id=f"e/{number}",
        source="e",
        licence="",
        place=f"e.jsonl:{number}",
        question=text or f"What is thing {number}?",
        options=tuple(f"thing {number} {word}" for word in ("one", "two", "three", "four", "five", "six")[:options]),
        answer=right,
        topic=topic,
        group=f"g{number}",
    )


def drawn(count: int, seed: int, *, options: int = 4, knows: float = 1.0, groups: int = 0) -> list[Prediction]:
    """Predictions with log-probabilities drawn at random, the right option's raised by ``knows`` nats."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        right = int(draw.integers(options))
        values = draw.normal(-3, 2, options)
        values[right] += knows
        found.append(
            Prediction(
                id=f"p{number}",
                group=f"g{number % groups if groups else number}",
                prompt="",
                said="",
                golds=("x",),
                options=tuple(f"option {n}" for n in range(options)),
                option_logprobs=tuple(map(float, values)),
                option_bytes=tuple(int(n) for n in draw.integers(1, 30, options)),
                right=right,
                chosen=int(values.argmax()),
            )
        )
    return found


def softmax(values: Sequence[float]) -> list[float]:
    """Plain: e to each, over their sum."""
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def confidences(predictions: Sequence[Prediction]) -> list[tuple[float, int]]:
    """Of each prediction the probability of the option chosen, and whether it is right."""
    return [(softmax(p.option_logprobs)[p.chosen or 0], int(p.chosen == p.right)) for p in predictions]


class Scripted:
    """An engine that prefers what ``value(options of the prompt, index shown)`` says; and can be stopped."""

    name = "scripted"
    path = "scripted"

    def __init__(self, value, *, says=None, stop_after: int | None = None) -> None:
        self.value, self.says, self.stop_after = value, says, stop_after
        self.asked: list[str] = []

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in requests:
            self._count(request)
            logprobs = tuple(self.value(request, index) for index in range(len(request.options)))
            yield Reply(
                request.id, "", "scored", 5, 0, 0.1, 0.1,
                option_logprobs=logprobs, option_tokens=(1,) * len(logprobs), option_greedy=(False,) * len(logprobs),
            )  # fmt: skip

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in requests:
            self._count(request)
            yield Reply(request.id, self.says(request), "stop", 5, 3, 0.1, 0.1)

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        raise NotImplementedError

    def _count(self, request: Request) -> None:
        if self.stop_after is not None and len(self.asked) >= self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(request.id)


def at_places(choose, count: int = 60, turns: int = 4, seed: int = 1) -> list[Answered]:
    """Answers in ``turns`` orders of someone whose choice is ``choose(order, right, draw)``, an own index."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        right = int(draw.integers(4))
        shown = orders(4, turns)
        found.append(
            Answered(
                shown,
                tuple(
                    Prediction(
                        id=f"p{number}", group=f"g{number}", prompt="", said="", golds=("x",), options=("a", "b", "c", "d"),
                        right=right, chosen=choose(order, right, draw),
                    )
                    for order in shown
                ),
            )
        )  # fmt: skip
    return found
