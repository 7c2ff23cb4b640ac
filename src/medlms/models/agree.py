"""Do two models say the same? Logits on stated prompts and five fixed greedy generations, and how far they lie apart.

The first model (the reference) writes five answers. The other reads the same texts, and writes its own five.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medlms.text.template import Template
from medlms.text.tokenise import prompt_ids
from medlms.types import Message

NEW_TOKENS = 32
NOISE = 1e-3  # what reading token by token may change against reading at once
QUESTIONS = (
    "What is anaemia?",
    "How is asthma treated?",
    "A child of 12.5 kg gets 15 mg/kg every 6 hours. What must be watched?",
    "Name the signs of a stroke:\n\n1. in the face\n2. in the arms\n3. in speech",
    "Who should not take aspirin?",
)


@dataclass(frozen=True)
class Tolerance:
    """What two models may differ by: the largest difference of two logits, and the mean divergence (nats a token)."""

    largest: float
    divergence: float


@dataclass(frozen=True)
class Said:
    """What a model said: its greedy answers (ids), how far apart the two likeliest tokens lay at each, and its logits
    [tokens, vocabulary] over each of the reference's texts.
    """

    answers: list[list[int]]
    gaps: list[list[float]]
    logits: list[Tensor]


@dataclass(frozen=True)
class Drift:
    """How far a model lies from the reference. ``largest`` and ``mean`` are differences of logits; ``divergence`` is the
    mean Kullback-Leibler divergence of the next token (nats); ``same_first`` the share of positions with the same likeliest
    token. For an answer that is another one, ``departures`` holds (answer, token, how far apart the reference's two
    likeliest tokens lay there).
    """

    tokens: int
    largest: float
    mean: float
    divergence: float
    same_first: float
    same_answers: int
    answers: int
    departures: list[tuple[int, int, float]]

    def faults(self, allowed: Tolerance) -> list[str]:
        """What lies beyond the tolerance, in sentences; empty is good."""
        found = []
        if not self.largest <= allowed.largest:
            found.append(f"logits differ by up to {self.largest:.3g}, allowed are {allowed.largest:.3g}")
        if not self.divergence <= allowed.divergence:
            found.append(
                f"next tokens diverge by {self.divergence:.3g} nats on average, allowed are {allowed.divergence:.3g}"
            )
        for answer, token, gap in self.departures:
            # Where two logits change places, they lay no further apart than both can have moved.
            if not gap <= 2 * self.largest + NOISE:
                found.append(f"answer {answer + 1} differs from token {token + 1} on, where the reference was sure")
        return found


def prompts(tokenizer: Any, template: Template, instruction: str) -> list[list[int]]:
    """The ids of the five stated questions, asked as the run was tuned."""
    lead = (Message("system", instruction),) if instruction.strip() else ()
    return [prompt_ids(tokenizer, template, (*lead, Message("user", question))) for question in QUESTIONS]


@torch.inference_mode()
def first_say(model: Any, asked: Sequence[Sequence[int]], stops: frozenset[int]) -> tuple[Said, list[list[int]]]:
    """What the reference says, and the texts (prompt and its answer) that the other has to read."""
    answers, gaps = _write(model, asked, stops)
    texts = [[*prompt, *answer] for prompt, answer in zip(asked, answers, strict=True)]
    return Said(answers, gaps, read(model, texts)), texts


@torch.inference_mode()
def say(model: Any, asked: Sequence[Sequence[int]], texts: Sequence[Sequence[int]], stops: frozenset[int]) -> Said:
    """What another model says to the same prompts, and its logits over the reference's texts."""
    answers, gaps = _write(model, asked, stops)
    return Said(answers, gaps, read(model, texts))


@torch.inference_mode()
def read(model: Any, texts: Sequence[Sequence[int]]) -> list[Tensor]:
    """Logits (fp32, on the CPU, [tokens, vocabulary]) of each text."""
    device = model.get_input_embeddings().weight.device
    return [model(input_ids=torch.tensor([list(ids)], device=device)).logits[0].float().cpu() for ids in texts]


def compare(reference: Said, other: Said) -> Drift:
    """How far ``other`` lies from ``reference``."""
    largest = mean = divergence = same = 0.0
    tokens = 0
    for ours, theirs in zip(reference.logits, other.logits, strict=True):
        apart = (ours - theirs).abs()
        largest = max(largest, float(apart.max())) if bool(torch.isfinite(apart).all()) else float("inf")
        mean += float(apart.mean(-1).sum())
        known, said = ours.log_softmax(-1), theirs.log_softmax(-1)
        divergence += float((known.exp() * (known - said)).sum())
        same += float((ours.argmax(-1) == theirs.argmax(-1)).sum())
        tokens += len(ours)
    parted = departures(reference.answers, other.answers, reference.gaps)
    return Drift(
        tokens=tokens,
        largest=largest,
        mean=mean / tokens,
        divergence=max(divergence / tokens, 0.0) if divergence == divergence else float("inf"),
        same_first=same / tokens,
        same_answers=len(reference.answers) - len(parted),
        answers=len(reference.answers),
        departures=parted,
    )


def departures(
    reference: Sequence[Sequence[int]], others: Sequence[Sequence[int]], gaps: Sequence[Sequence[float]]
) -> list[tuple[int, int, float]]:
    """(answer, first other token, how far apart the reference's two likeliest tokens lay there) of answers that differ."""
    found = []
    for number, (ours, theirs) in enumerate(zip(reference, others, strict=True)):
        if list(ours) != list(theirs):
            pairs = enumerate(zip(ours, theirs, strict=False))
            place = next((at for at, (a, b) in pairs if a != b), min(len(ours), len(theirs)))
            found.append((number, place, gaps[number][min(place, len(gaps[number]) - 1)]))
    return found


def _write(
    model: Any, asked: Sequence[Sequence[int]], stops: frozenset[int]
) -> tuple[list[list[int]], list[list[float]]]:
    """Greedy answers through transformers' own forward and cache, a stop token included, and the gaps on the way."""
    device = model.get_input_embeddings().weight.device
    answers, gaps = [], []
    for prompt in asked:
        ids, cache = torch.tensor([list(prompt)], device=device), None
        answer: list[int] = []
        apart: list[float] = []
        while len(answer) < NEW_TOKENS and not (answer and answer[-1] in stops):
            out = model(input_ids=ids, past_key_values=cache, use_cache=True)
            first, second = out.logits[0, -1].float().topk(2).values.tolist()
            answer.append(int(out.logits[0, -1].argmax()))
            apart.append(first - second)
            ids, cache = torch.tensor([answer[-1:]], device=device), out.past_key_values
        answers.append(answer)
        gaps.append(apart)
    return answers, gaps
