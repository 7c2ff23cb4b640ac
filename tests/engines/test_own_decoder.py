"""The own decoder behind the engine says what transformers' layers say, whoever shares the batch, the prompt or the pages."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from medlms.config import Lora
from medlms.engines import _branches, _writing
from medlms.engines.local import LocalEngine
from medlms.models import adapters, native
from medlms.testing import tiny_rows
from medlms.text.template import template_of
from medlms.text.tokenise import prompt_ids
from medlms.types import Message, Reply, Request

OWN = ["llama", "llama3", "mistral", "qwen2", "qwen3"]
SHOWN = (Message("system", "Be truthful."), Message("user", "What is gout?"), Message("assistant", "Uric acid. " * 6))

pytestmark = pytest.mark.skipif(native.built()[0] is None, reason="decoder.c is not built here")


def asked(count: int = 9) -> list[Request]:
    """Most behind the same worked example; one prompt twice; different limits; some drawn, some with options."""
    return [
        Request(
            f"r{number}",
            (*(SHOWN if number % 3 else ()), Message("user", row.question * (1 + number % 2))),
            (3, 25, 60, 1, 17)[number % 5],
            options=(" rest", " rest and fluids", " rest and a doctor", " A")[: 2 + number % 3],
            temperature=0.8 if number % 4 == 3 else 0.0,
            top_p=0.9,
        )
        for number, row in enumerate([*tiny_rows(count - 1), tiny_rows(2)[1]])
    ]


def engine(loaded: Any, **options: Any) -> LocalEngine:
    return LocalEngine(loaded, template_of(loaded.tokenizer), **options)


def by_id(replies: Any) -> dict[str, Reply]:
    found = list(replies)
    assert len({reply.id for reply in found}) == len(found)
    return {reply.id: reply for reply in found}


def answers(replies: Any) -> dict[str, tuple[str, str, int, int]]:
    return {
        name: (reply.text, reply.finish_reason, reply.prompt_tokens, reply.new_tokens)
        for name, reply in by_id(replies).items()
    }


@pytest.mark.parametrize("family", OWN)
def test_answers_in_any_company(tiny: Any, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny(family)
    wanted = answers(engine(loaded, own=False).answer(asked()))
    assert len(set(wanted.values())) >= 8
    for batch, tokens in ((1, 2048), (2, 2048), (4, 50), (32, 2048)):
        monkeypatch.setattr(_writing, "READ_TOKENS", tokens)
        found = engine(loaded, batch=batch)
        assert found.path.startswith("own decoder")
        for requests in (asked(), asked()[::-1]):
            assert answers(found.answer(requests)) == wanted, f"batch {batch}"


def test_a_row_that_ends_makes_room_for_the_next(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    sizes: list[int] = []
    step = _writing.Writer._step

    def counted(writer: Any, pages: Any) -> Any:
        sizes.append(len(writer._live))
        return step(writer, pages)

    monkeypatch.setattr(_writing.Writer, "_step", counted)
    monkeypatch.setattr(_writing, "FULL", 1.0)
    limits = [10, 2, 2, 2, 2, 2, 2, 2]
    requests = [Request(f"r{n}", (Message("user", "gout " * (n + 1)),), limit) for n, limit in enumerate(limits)]
    assert len(list(engine(loaded, batch=4).answer(requests))) == 8
    assert max(sizes) == 4
    assert len(sizes) == 9  # as many as the longest answer alone takes
    assert sizes.count(4) >= 2


def test_seconds_are_counted_from_when_a_row_comes_in(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    own = engine(loaded, batch=1)
    assert own._decoder is not None
    read = own._decoder.read

    def slow(reading: Any, pages: Any) -> Any:
        time.sleep(0.02)
        return read(reading, pages)

    monkeypatch.setattr(own._decoder, "read", slow)
    began = time.perf_counter()
    replies = list(own.answer([Request(f"r{n}", (Message("user", "gout"),), 4) for n in range(5)]))
    whole = time.perf_counter() - began
    assert sum(reply.seconds for reply in replies) <= whole
    assert all(0.02 <= reply.first_token_seconds < reply.seconds for reply in replies)


def test_prompts_that_grow_out_of_one_another_find_their_pages(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    monkeypatch.setattr(_writing, "available_memory", lambda: 1)
    words = "gout mumps measles asthma malaria scurvy tetanus eczema rickets cholera vertigo lupus shingles".split()
    requests = [
        Request(f"r{n}", (Message("plain", " ".join(words[:n] * 4)),), 12, options=(" rest", " rest and fluids"))
        for n in range(1, len(words))
    ]
    own, theirs = engine(loaded, batch=5), engine(loaded, own=False)
    assert answers(own.answer(requests)) == answers(theirs.answer(requests))
    wanted = by_id(theirs.choose(requests))
    for name, reply in by_id(own.choose(requests)).items():
        assert reply.option_logprobs == pytest.approx(wanted[name].option_logprobs, abs=1e-4)


def test_little_memory_makes_the_batch_smaller_and_nothing_else(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    wanted = answers(engine(loaded).answer(asked()))
    monkeypatch.setattr(_writing, "available_memory", lambda: 1)
    assert answers(engine(loaded).answer(asked())) == wanted


def test_what_prompts_share_is_read_once(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    own = engine(loaded)
    assert own._decoder is not None
    read = own._decoder.read
    counts: list[int] = []

    def counted(reading: Any, pages: Any) -> Any:
        counts.append(len(reading.ids))
        return read(reading, pages)

    monkeypatch.setattr(own._decoder, "read", counted)
    turns = (*SHOWN, Message("user", "What is measles?"))
    size = len(prompt_ids(loaded.tokenizer, own.template, turns))
    assert len(list(own.answer([Request(f"r{n}", turns, 1, temperature=1.0) for n in range(5)]))) == 5
    assert sum(counts) < size + 5 * 2 * _writing.READ_TOKENS // 100
    counts.clear()
    requests = [
        Request(f"r{n}", (*SHOWN, Message("user", row.question)), options=(" A", " B"))
        for n, row in enumerate(tiny_rows(6))
    ]
    list(own.choose(requests))
    whole = sum(len(prompt_ids(loaded.tokenizer, own.template, request.messages)) for request in requests)
    assert sum(counts) < 0.6 * whole


@pytest.mark.parametrize("family", OWN)
def test_options_in_any_company(tiny: Any, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny(family)
    wanted = by_id(engine(loaded, own=False).choose(asked()))
    for tokens in (1, 300, 2048):
        monkeypatch.setattr(_branches, "READ_TOKENS", tokens)
        for requests in (asked(), asked()[::-1]):
            found = by_id(engine(loaded).choose(requests))
            assert found.keys() == wanted.keys()
            for name, reply in found.items():
                assert reply.option_logprobs == pytest.approx(wanted[name].option_logprobs, abs=1e-4)
                assert reply.option_tokens == wanted[name].option_tokens
                assert reply.option_greedy == wanted[name].option_greedy


def tuned(loaded: Any) -> Any:
    model = adapters.create(loaded, Lora(r=4, dropout=0.25), seed=1)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.add_(torch.randn(tensor.shape, generator=random) * 0.2)
    return model


@pytest.mark.parametrize("merged", [False, True])
def test_adapters_as_transformers_layers_have_them(tiny: Any, merged: bool) -> None:
    loaded = tiny()
    base = engine(loaded)
    untuned = answers(base.answer(asked()))
    model = tuned(loaded)
    own = engine(loaded, model=model, merged=merged)
    assert ("adapters, merged" in own.path) == merged
    found = answers(own.answer(asked()))
    assert found == answers(engine(loaded, model=model, own=False).answer(asked()))
    assert found != untuned
    assert answers(base.answer(asked())) == untuned


def test_an_engine_notices_that_its_model_learned(tiny: Any) -> None:
    loaded = tiny()
    model = tuned(loaded)
    own = engine(loaded, model=model, merged=True)
    before = answers(own.answer(asked()))
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.mul_(0.5)
    after = answers(own.answer(asked()))
    assert after != before
    assert after == answers(engine(loaded, model=model, own=False).answer(asked()))


def test_the_path_says_what_runs(tiny: Any) -> None:
    assert "own decoder for LlamaForCausalLM, base weights" in engine(tiny()).path
    assert "8-bit" in engine(tiny(), kind="int8").path
    assert "no own decoder: switched off" in engine(tiny(), own=False).path
    assert "no own decoder: GPT2LMHeadModel is not Llama-shaped" in engine(tiny("gpt2")).path


def test_eight_bits_answer_and_choose(tiny: Any) -> None:
    loaded = tiny()
    own = engine(loaded, kind="int8")
    assert len(answers(own.answer(asked()))) == 9
    wanted = by_id(engine(loaded).choose(asked()))
    for name, reply in by_id(own.choose(asked())).items():
        assert reply.option_logprobs == pytest.approx(wanted[name].option_logprobs, abs=1.0)
