"""Options are scored as the plain sums of transformers' logits; unfinished turns and plain texts go on where they stop."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medlms.engines._options import one_token_each
from medlms.engines.few_shot import FewShotEngine
from medlms.engines.local import LocalEngine
from medlms.engines.nearest import NearestEngine
from medlms.errors import AskedWrongly, ModelError
from medlms.testing import CONTEXT, FAMILIES, tiny_rows
from medlms.text.template import template_of
from medlms.text.tokenise import option_ids, prompt_ids
from medlms.types import Message, Request

OPTIONS = (" A", " B", " rest and fluids", " rest and a medicine taken 3 times a day", " A", " rest")


def asked(count: int = 5) -> list[Request]:
    kinds: list[Any] = [
        lambda text: (Message("user", text),),
        lambda text: (Message("system", "Be brief."), Message("user", text), Message("assistant", "Answer:")),
        lambda text: (Message("plain", f"Question: {text}\nAnswer:"),),
    ]
    return [
        Request(f"r{number}", kinds[number % 3](row.question * (1 + number % 4)), options=OPTIONS[: 2 + number % 5])
        for number, row in enumerate(tiny_rows(count))
    ]


def engine(loaded: Any, **options: Any) -> LocalEngine:
    return LocalEngine(loaded, template_of(loaded.tokenizer), **options)


def theirs(folder: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def summed(model: Any, loaded: Any, request: Request) -> tuple[list[float], list[int], list[bool]]:
    """The plain way: for each option, all logits of transformers' model over prompt and option."""
    size, whole = option_ids(loaded.tokenizer, template_of(loaded.tokenizer), request.messages, request.options)
    sums, greedy = [], []
    for ids in whole:
        with torch.no_grad():
            log = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].double().log_softmax(-1)
        sums.append(sum(log[place - 1, ids[place]].item() for place in range(size, len(ids))))
        greedy.append(all(int(log[place - 1].argmax()) == ids[place] for place in range(size, len(ids))))
    return sums, [len(ids) - size for ids in whole], greedy


@pytest.mark.parametrize("family", FAMILIES)
def test_options_are_the_plain_sums(tiny: Any, tiny_folder: Any, family: str) -> None:
    loaded = tiny(family)
    reference = theirs(tiny_folder(family))
    requests = asked(7)
    found = {reply.id: reply for reply in engine(loaded).choose(requests)}
    assert found.keys() == {request.id for request in requests}
    for request in requests:
        sums, counts, greedy = summed(reference, loaded, request)
        reply = found[request.id]
        assert reply.option_logprobs == pytest.approx(sums, abs=1e-4)
        assert (list(reply.option_tokens), list(reply.option_greedy)) == (counts, greedy)
        assert reply.finish_reason == "scored"
        assert reply.prompt_tokens == len(prompt_ids(loaded.tokenizer, template_of(loaded.tokenizer), request.messages))


@pytest.mark.parametrize("family", ["gemma3", "gpt2", "llama"])
def test_letters_are_read_off_one_reading_of_their_prompts(tiny: Any, tiny_folder: Any, family: str) -> None:
    loaded = tiny(family)
    reference = theirs(tiny_folder(family))
    requests = [
        Request(
            f"r{number}", (Message("plain", f"{row.question * (1 + number % 3)}\nAnswer:"),), options=(".", "?", ",")
        )
        for number, row in enumerate(tiny_rows(9))
    ]
    template = template_of(loaded.tokenizer)
    for request in requests:
        assert one_token_each(*option_ids(loaded.tokenizer, template, request.messages, request.options))
    found = {reply.id: reply for reply in engine(loaded, own=False).choose(requests)}
    assert found.keys() == {request.id for request in requests}
    for request in requests:
        sums, counts, greedy = summed(reference, loaded, request)
        assert found[request.id].option_logprobs == pytest.approx(sums, abs=1e-4)
        assert (list(found[request.id].option_tokens), list(found[request.id].option_greedy)) == (counts, greedy)


def test_what_greedy_decoding_writes_is_greedy(tiny: Any) -> None:
    loaded = tiny()
    loaded.stops = frozenset()
    prompt = (Message("plain", "What is gout?"),)
    (said,) = engine(loaded).answer([Request("a", prompt, 1)])
    other = " rest" if said.text != "rest" else " gout"
    (reply,) = engine(loaded).choose([Request("b", prompt, options=(said.text, other))])
    assert reply.option_greedy == (True, False)


def test_an_option_that_does_not_fit_is_not_scored_in_part(tiny: Any) -> None:
    long, short = ((Message("user", "gout " * count),) for count in (CONTEXT, 1))
    replies = list(
        engine(tiny()).choose(
            [
                Request("question", long, options=OPTIONS),
                Request("option", short, options=(" A", " rest" * CONTEXT)),
                Request("fits", short, options=OPTIONS),
            ]
        )
    )
    found = {reply.id: reply for reply in replies}
    for name in ("question", "option"):
        assert (found[name].finish_reason, found[name].option_logprobs) == ("too long", ())
    assert len(found["fits"].option_logprobs) == len(OPTIONS)


def test_no_question_and_no_option(tiny: Any) -> None:
    assert list(engine(tiny()).choose([])) == []
    (reply,) = engine(tiny()).choose([Request("a", (Message("user", "gout"),))])
    assert (reply.finish_reason, reply.option_logprobs) == ("scored", ())


def test_an_option_without_a_token_is_refused(tiny: Any) -> None:
    with pytest.raises(ModelError, match="adds no token"):
        list(engine(tiny()).choose([Request("a", (Message("user", "gout"),), options=("", "A"))]))


def test_other_engines_choose_or_say_why_not(tiny: Any) -> None:
    local = engine(tiny())
    request = asked(1)[0]
    turns = (Message("user", "What is gout?"), Message("assistant", "A condition."))
    (shown,) = FewShotEngine(local, turns, said="1 example").choose([request])
    (same,) = local.choose([Request("x", (*turns, *request.messages), options=request.options)])
    assert shown.option_logprobs == pytest.approx(same.option_logprobs)
    with pytest.raises(AskedWrongly, match="no probabilities"):
        list(NearestEngine(tiny_rows(3)).choose([request]))


# Where an answer goes on


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unfinished_turn_is_gone_on_with(tiny: Any, family: str) -> None:
    loaded = tiny(family)
    template = template_of(loaded.tokenizer)
    before = (Message("user", "What is gout?"),)
    text = loaded.tokenizer.decode(prompt_ids(loaded.tokenizer, template, before))
    for said in ("Answer:", "Let us see.\n\nAnswer: "):
        open_turn = prompt_ids(loaded.tokenizer, template, (*before, Message("assistant", said)))
        whole = loaded.tokenizer.decode(open_turn)
        assert whole.startswith(text)
        assert whole[len(text) :].lstrip(" ") == said
    empty = prompt_ids(loaded.tokenizer, template, (*before, Message("assistant", "")))
    assert loaded.tokenizer.decode(empty) == text


def test_control_marks_in_an_unfinished_turn_or_an_option_are_inert(tiny: Any) -> None:
    loaded = tiny()
    template = template_of(loaded.tokenizer)
    (end,) = loaded.tokenizer("<|im_end|>", add_special_tokens=False)["input_ids"]
    user = Message("user", "gout")
    plain = prompt_ids(loaded.tokenizer, template, (user,)).count(end)
    turns = (user, Message("assistant", "no <|im_end|> here"))
    assert prompt_ids(loaded.tokenizer, template, turns).count(end) == plain
    _, (ids,) = option_ids(loaded.tokenizer, template, (user,), (" a <|im_end|>",))
    assert ids.count(end) == plain


@pytest.mark.parametrize("family", FAMILIES)
def test_a_plain_text_is_as_the_tokenizer_reads_it(tiny: Any, family: str) -> None:
    loaded = tiny(family)
    ids = prompt_ids(loaded.tokenizer, template_of(loaded.tokenizer), (Message("plain", "Question: gout?\nAnswer:"),))
    assert ids == loaded.tokenizer("Question: gout?\nAnswer:")["input_ids"]
