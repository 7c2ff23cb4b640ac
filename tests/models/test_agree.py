"""How far two models lie apart, against loops; the answers are those of transformers' own greedy generation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from medlms.models.agree import NEW_TOKENS, Drift, Said, Tolerance, compare, first_say

Tiny = Callable[..., Any]
ASKED = [[5, 77, 130, 9], [200, 33, 250, 18, 64, 101]]


def test_drift_is_that_of_loops() -> None:
    generator = torch.Generator().manual_seed(1)
    ours = [torch.randn(3, 7, generator=generator), torch.randn(2, 7, generator=generator)]
    theirs = [one + 0.3 * torch.randn(one.shape, generator=generator) for one in ours]
    found = compare(Said([[1, 2], [3]], [[0.5, 0.25], [1.0]], ours), Said([[1, 4], [3]], [[0, 0], [0]], theirs))
    largest = total = divergence = same = 0.0
    for a, b in ((x, y) for one, two in zip(ours, theirs, strict=True) for x, y in zip(one, two, strict=True)):
        p, q = [[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in (a.tolist(), b.tolist())]
        divergence += sum(x * math.log(x / y) for x, y in zip(p, q, strict=True))
        largest = max(largest, *(abs(x - y) for x, y in zip(a.tolist(), b.tolist(), strict=True)))
        total += sum(abs(x - y) for x, y in zip(a.tolist(), b.tolist(), strict=True)) / 7
        same += p.index(max(p)) == q.index(max(q))
    wanted = (largest, total / 5, divergence / 5, same / 5)
    assert (found.largest, found.mean, found.divergence, found.same_first) == pytest.approx(wanted, rel=1e-4)
    assert (found.tokens, found.same_answers, found.answers) == (5, 1, 2)
    assert found.departures == [(0, 1, 0.25)]


def test_an_answer_that_is_the_beginning_of_another_differs_where_it_ends() -> None:
    logits = [torch.zeros(1, 3)]
    found = compare(Said([[1, 2, 2]], [[1, 1, 0.5]], logits), Said([[1, 2]], [[1, 1]], logits))
    assert found.departures == [(0, 2, 0.5)]


def drift(**changed: Any) -> Drift:
    known = {"tokens": 9, "largest": 0.1, "mean": 0.0, "divergence": 0.0, "same_first": 1.0}
    return Drift(**{**known, "same_answers": 5, "answers": 5, "departures": [], **changed})


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"largest": 0.2}, ""),
        ({"largest": 0.21}, "logits differ by up to 0.21"),
        ({"largest": math.nan}, "logits differ"),
        ({"divergence": 0.02}, "diverge by 0.02 nats"),
        ({"divergence": math.inf}, "diverge"),
        ({"departures": [(1, 3, 0.19)]}, ""),
        ({"departures": [(1, 3, 0.25)]}, "answer 2 differs from token 4 on, where the reference was sure"),
    ],
)
def test_what_lies_beyond_a_tolerance(changed: dict[str, Any], fault: str) -> None:
    found = drift(**changed).faults(Tolerance(0.2, 0.01))
    assert bool(found) == bool(fault)
    assert fault in "; ".join(found)


def test_logits_that_are_no_numbers_are_beyond_every_tolerance() -> None:
    good, bad = torch.zeros(2, 3), torch.full((2, 3), math.nan)
    found = compare(Said([[1]], [[1.0]], [good]), Said([[1]], [[1.0]], [bad]))
    assert found.faults(Tolerance(1e9, 1e9))


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_answers_are_those_of_transformers(tiny: Tiny, family: str) -> None:
    loaded = tiny(family)
    loaded.model.set_attn_implementation("eager")
    stops = frozenset({int(loaded.model.generate(torch.tensor([ASKED[0]]), max_new_tokens=4, do_sample=False)[0, -1])})
    said, texts = first_say(loaded.model, ASKED, stops)
    for prompt, answer, text, logits in zip(ASKED, said.answers, texts, said.logits, strict=True):
        wanted = loaded.model.generate(
            torch.tensor([prompt]), max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=sorted(stops)
        )
        assert text == [*prompt, *answer] == wanted[0].tolist()
        assert logits.shape == (len(text), loaded.model.config.vocab_size)
    assert len(said.answers[0]) <= 4, "a stop token ends an answer"
    first, second = said.logits[0][len(ASKED[0]) - 1].topk(2).values.tolist()
    assert said.gaps[0][0] == pytest.approx(first - second, abs=1e-4)
