"""Drawn tokens follow the model's shares and the request's seed; stop texts end an answer and are not part of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from medlms.engines._row import sampled
from medlms.engines.local import LocalEngine
from medlms.testing import tiny_rows
from medlms.text.template import template_of
from medlms.types import Message, Request


def engine(loaded: Any, **options: Any) -> LocalEngine:
    return LocalEngine(loaded, template_of(loaded.tokenizer), **options)


def asked(**settings: Any) -> list[Request]:
    return [
        Request(f"r{number}", (Message("user", row.question),), 12, **settings)
        for number, row in enumerate(tiny_rows(6))
    ]


def texts(replies: Any) -> dict[str, str]:
    return {reply.id: reply.text for reply in replies}


def drawn(logits: torch.Tensor, temperature: float, top_p: float, count: int = 4000) -> dict[int, float]:
    random = torch.Generator().manual_seed(1)
    found = Counter(sampled(logits, temperature, top_p, random) for _ in range(count))
    return {token: times / count for token, times in found.items()}


def test_tokens_are_drawn_by_their_shares() -> None:
    shares = torch.tensor([0.1, 0.5, 0.05, 0.35])
    found = drawn(shares.log() * 2, 2.0, 1.0)
    assert [found[token] for token in range(4)] == pytest.approx(shares.tolist(), abs=0.03)


@pytest.mark.parametrize(("top_p", "left"), [(0.01, {1}), (0.5, {1}), (0.51, {1, 3}), (0.86, {0, 1, 3})])
def test_the_unlikely_are_left_out(top_p: float, left: set[int]) -> None:
    shares = torch.tensor([0.1, 0.5, 0.05, 0.35])
    found = drawn(shares.log(), 1.0, top_p)
    assert set(found) == left
    kept = float(shares[list(left)].sum())
    assert all(found[token] == pytest.approx(float(shares[token]) / kept, abs=0.03) for token in left)


def test_the_same_seed_draws_the_same_in_any_company(tiny: Any) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    requests = asked(temperature=1.0, seed=3)
    alone = texts(engine(loaded, batch=1).answer(requests))
    assert alone == texts(engine(loaded, batch=4).answer(requests[::-1]))
    other = texts(engine(loaded).answer(asked(temperature=1.0, seed=4)))
    greedy = texts(engine(loaded).answer(asked()))
    assert sum(alone[name] != other[name] for name in alone) >= 5
    assert sum(alone[name] != greedy[name] for name in alone) >= 5


def test_a_temperature_near_zero_is_greedy(tiny: Any) -> None:
    loaded = tiny()
    assert texts(engine(loaded).answer(asked(temperature=1e-4))) == texts(engine(loaded).answer(asked()))


def test_a_stop_text_ends_an_answer(tiny: Any) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    (whole,) = engine(loaded).answer(asked()[:1])
    stop = whole.text[4:7]
    (cut,) = engine(loaded).answer(asked(stop=("never said", stop))[:1])
    assert cut.text == whole.text[: whole.text.find(stop)].strip()
    assert cut.finish_reason == "stop"
    assert cut.new_tokens < whole.new_tokens
