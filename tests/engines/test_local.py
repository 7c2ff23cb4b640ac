"""The local engine says what transformers' own greedy generation says, alone or in company, tuned or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medlms.config import Lora
from medlms.engines.local import LocalEngine
from medlms.errors import AskedWrongly
from medlms.models import adapters, cache
from medlms.testing import CONTEXT, FAMILIES, tiny_rows
from medlms.text.template import template_of
from medlms.text.tokenise import conversation, prompt_ids
from medlms.types import Message, Reply, Request

LIMITS = (5, 30, 1, 17, 60, 30, 9)


def asked(count: int = 7, limits: tuple[int, ...] = LIMITS) -> list[Request]:
    """Questions of different lengths with different limits."""
    return [
        Request(
            f"r{number}",
            (Message("system", "Be truthful. " * (1 + number % 3)), Message("user", row.question * (1 + number % 4))),
            limits[number % len(limits)],
            row.answer,
        )
        for number, row in enumerate(tiny_rows(count))
    ]


def engine(loaded: Any, **options: Any) -> LocalEngine:
    return LocalEngine(loaded, template_of(loaded.tokenizer), **options)


def by_id(replies: Any) -> dict[str, Reply]:
    found = list(replies)
    assert len({reply.id for reply in found}) == len(found)
    return {reply.id: reply for reply in found}


def written(model: Any, loaded: Any, request: Request) -> tuple[int, list[int]]:
    """Length of the prompt, and the ids that transformers' generate adds to it."""
    prompt = prompt_ids(loaded.tokenizer, template_of(loaded.tokenizer), request.messages)
    ids = torch.tensor([prompt])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=request.max_new_tokens,
        eos_token_id=sorted(loaded.stops),
        pad_token_id=0,
    )
    return len(prompt), out[0, len(prompt) :].tolist()


def generated(model: Any, loaded: Any, request: Request) -> tuple[str, str, int, int]:
    """What transformers says: text, finish reason, prompt tokens, new tokens."""
    prompt, out = written(model, loaded, request)
    stopped = out[-1] in loaded.stops
    out = out[:-1] if stopped else out
    return (
        loaded.tokenizer.decode(out, skip_special_tokens=True).strip(),
        "stop" if stopped else "length",
        prompt,
        len(out),
    )


def seen(reply: Reply) -> tuple[str, str, int, int]:
    return reply.text, reply.finish_reason, reply.prompt_tokens, reply.new_tokens


def different(found: dict[str, Reply], wanted: dict[str, tuple[str, str, int, int]]) -> list[str]:
    """Ids whose replies differ. Names only: pytest takes minutes to show how random texts differ."""
    assert found.keys() == wanted.keys()
    return [name for name, reply in found.items() if seen(reply) != wanted[name]]


def theirs(folder: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def make_some_stop(model: Any, loaded: Any, requests: list[Request]) -> None:
    """Take a token that some answers hold in their middle for an end of turn, so that rows end early."""
    texts = [set(written(model, loaded, request)[1][2:]) for request in requests]
    shares = {token: sum(token in text for text in texts) for text in texts for token in text}
    loaded.stops = loaded.stops | {
        max((token for token in shares if shares[token] < len(texts) - 2), key=lambda t: (shares[t], t))
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_those_of_transformers_in_any_company(
    tiny: Any, tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    monkeypatch.setattr(cache, "STEP", 7)  # so that the cache must grow
    loaded = tiny(family)
    requests = asked()
    reference = theirs(tiny_folder(family))
    make_some_stop(reference, loaded, requests)
    wanted = {request.id: generated(reference, loaded, request) for request in requests}
    assert {reason for _, reason, _, _ in wanted.values()} == {"stop", "length"}, "both endings must occur"
    assert len({new for *_, new in wanted.values()}) > 3
    for batch in (1, 3, 7, 32):
        found = by_id(engine(loaded, batch=batch).answer(requests))
        assert different(found, wanted) == [], f"batch {batch}"


def test_the_texts_are_not_all_one(tiny: Any) -> None:
    # The miniature models must say different things, or the test above would see no mixing-up of rows.
    assert len({reply.text for reply in engine(tiny()).answer(asked(limits=(40,)))}) >= 6


def test_limits_and_counts(tiny: Any) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    found = by_id(engine(loaded).answer(asked()))
    for request in asked():
        reply = found[request.id]
        assert reply.new_tokens == request.max_new_tokens
        assert reply.finish_reason == "length"
        assert 0 < reply.first_token_seconds <= reply.seconds
        assert reply.reference_logprob is None


def test_every_stop_token_stops_and_is_not_said(tiny: Any, tiny_folder: Any) -> None:
    loaded = tiny()
    request = asked(1, (20,))
    first = written(theirs(tiny_folder()), loaded, request[0])[1][0]
    loaded.stops = loaded.stops | {first}
    (reply,) = engine(loaded).answer(request)
    assert (reply.text, reply.finish_reason, reply.new_tokens) == ("", "stop", 0)


def test_rows_that_end_first_come_first(tiny: Any) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    order = [reply.id for reply in engine(loaded, batch=7).answer(asked())]
    assert order[:3] == ["r2", "r0", "r6"]
    assert order[-1] == "r4"


def test_no_question_no_answer(tiny: Any) -> None:
    assert list(engine(tiny()).answer([])) == []
    assert list(engine(tiny()).score([])) == []


def test_a_question_longer_than_the_context(tiny: Any) -> None:
    loaded = tiny()
    long = Request("long", (Message("user", "gout " * CONTEXT),), 5, "Rest.")
    with pytest.raises(AskedWrongly, match=f"long: the question has .* reads {CONTEXT}") as caught:
        list(engine(loaded).answer([long]))
    assert caught.value.hint


@pytest.mark.parametrize(("question", "answer"), [("gout " * CONTEXT, "Rest."), ("gout", "Rest. " * CONTEXT)])
def test_a_reference_that_does_not_fit_is_not_scored_in_part(tiny: Any, question: str, answer: str) -> None:
    short = Request("short", (Message("user", "gout"),), 5, "Rest.")
    found = {
        reply.id: reply
        for reply in engine(tiny()).score([Request("long", (Message("user", question),), 5, answer), short])
    }
    assert found["long"].finish_reason == "too long"
    assert (found["long"].reference_logprob, found["long"].reference_tokens) == (None, 0)
    assert found["short"].reference_logprob is not None


def test_the_context_is_filled_to_the_brim_and_no_further(tiny: Any, tiny_folder: Any) -> None:
    loaded = tiny("gpt2")  # has no place beyond its last
    loaded.stops = frozenset()
    template = template_of(loaded.tokenizer)
    words = 1
    while len(prompt_ids(loaded.tokenizer, template, (Message("user", "gout " * words),))) < CONTEXT - 4:
        words += 1
    request = Request("full", (Message("user", "gout " * words),), 50, "")
    size = len(prompt_ids(loaded.tokenizer, template, request.messages))
    (reply,) = engine(loaded).answer([request])
    assert (reply.finish_reason, reply.new_tokens) == ("length", CONTEXT - size)


# Scores


def scored(model: Any, loaded: Any, request: Request) -> tuple[float, int]:
    ids, learn = conversation(
        loaded.tokenizer, template_of(loaded.tokenizer), request.messages, request.reference, stops=loaded.stops
    )
    with torch.no_grad():
        log = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double().log_softmax(-1)
    places = [place for place in range(1, len(ids)) if learn[place]]
    return sum(log[place - 1, ids[place]].item() for place in places), len(places)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_the_plain_sums(tiny: Any, tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    loaded = tiny(family)
    reference = theirs(tiny_folder(family))
    wanted = {request.id: scored(reference, loaded, request) for request in asked()}
    for limit in (1, 200, 2048):
        monkeypatch.setattr("medlms.engines.local.SCORE_TOKENS", limit)
        found = list(engine(loaded).score(asked()))
        assert [reply.id for reply in found] == [request.id for request in asked()]
        for reply in found:
            total, count = wanted[reply.id]
            assert reply.reference_tokens == count
            assert reply.reference_logprob == pytest.approx(total, rel=1e-5)
            assert (reply.finish_reason, reply.text, reply.new_tokens) == ("scored", "", 0)
            assert (
                reply.prompt_tokens
                == len(prompt_ids(loaded.tokenizer, template_of(loaded.tokenizer), asked()[int(reply.id[1:])].messages))
                or family == "mistral"
            )


def test_a_score_has_the_end_of_turn_in_it(tiny: Any) -> None:
    loaded = tiny()
    (reply,) = engine(loaded).score(asked(1))
    text = loaded.tokenizer(asked(1)[0].reference, add_special_tokens=False).input_ids
    assert reply.reference_tokens == len(text) + 1


# Adapters


def tuned(loaded: Any) -> Any:
    model = adapters.create(loaded, Lora(r=4, dropout=0.25), seed=1)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.add_(torch.randn(tensor.shape, generator=random) * 0.2)
    return model


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3"])
def test_a_tuned_model_answers_and_scores_as_peft_does(tiny: Any, tiny_folder: Any, tmp_path: Any, family: str) -> None:
    from peft import PeftModel

    loaded = tiny(family)
    untuned = by_id(engine(loaded).answer(asked()))
    model = tuned(loaded).train()  # the engine must turn dropout off itself
    adapters.save(model, loaded.tokenizer, tmp_path, extra={"base_model": "tiny"})
    reference = PeftModel.from_pretrained(theirs(tiny_folder(family)), tmp_path).eval()
    own = engine(loaded, model=model, name="tuned")
    found = by_id(own.answer(asked()))
    wanted = {request.id: generated(reference, loaded, request) for request in asked()}
    assert different(found, wanted) == []
    assert any(found[name].text != reply.text for name, reply in untuned.items())
    for reply in own.score(asked()):
        total, count = scored(reference, loaded, asked()[int(reply.id[1:])])
        assert reply.reference_logprob == pytest.approx(total, rel=1e-5)
        assert reply.reference_tokens == count
    assert "LoRA" in own.path
    assert "LoRA" not in engine(loaded).path


def test_an_answer_left_half_read_leaves_the_model_whole(tiny: Any) -> None:
    loaded = tiny()
    model = tuned(loaded)
    whole = by_id(engine(loaded, model=model).answer(asked()))
    half = engine(loaded, model=model).answer(asked())
    next(half)
    half.close()
    assert not any("forward" in layer.__dict__ for layer in model.modules())
    again = by_id(engine(loaded, model=model).answer(asked()))
    assert different(again, {name: seen(reply) for name, reply in whole.items()}) == []


def test_the_base_engine_stays_the_base(tiny: Any) -> None:
    loaded = tiny()
    base = engine(loaded)
    before = [reply.reference_logprob for reply in base.score(asked())]
    tuned(loaded)
    assert [reply.reference_logprob for reply in base.score(asked())] == pytest.approx(before)
