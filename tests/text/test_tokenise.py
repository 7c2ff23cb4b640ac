"""What is learned: the answer and its end of turn, each exactly; the prompt is the one that is asked with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlms.errors import ModelError
from medlms.testing import FAMILIES, tiny_rows, tiny_tokenizer
from medlms.text.template import Template, template_of
from medlms.text.tokenise import conversation, prompt_ids, tokenise
from medlms.types import Message

STOPS = {
    "llama": ("<|im_end|>",),
    "llama2": ("</s>",),
    "llama3": ("<|eot_id|>", "<|end_of_text|>"),
    "mistral": ("</s>",),
    "gpt2": ("<|endoftext|>",),
    **dict.fromkeys(("gemma", "gemma2", "gemma3"), ("<eos>", "<end_of_turn>")),
    **dict.fromkeys(("qwen2", "qwen3"), ("<|im_end|>", "<|endoftext|>")),
}
END = {
    **dict.fromkeys(("llama", "qwen2", "qwen3"), "<|im_end|>"),
    "llama2": " </s>",
    "llama3": "<|eot_id|>",
    "mistral": "</s>",
    "gpt2": "<|endoftext|>",
    **dict.fromkeys(("gemma", "gemma2", "gemma3"), "<end_of_turn>"),
}
ANSWERS = {
    "plain": "A disease of the joints.",
    "digits": "Take 500 mg, 2 times in 24 hours; call 112 above 39.5 °C.",
    "accents": "Ménière's disease: naïve β-blocker, µg, 体温が高い.",
    "emoji": "Rest 🛌🏽 and drink 💧. 👩‍⚕️",
    "lines": "First:\n\n- rest\n- water\n\n\nThen more.",
    "markup": "<b>bold</b> & [INST-like] {{ braces }} %}",
    "question again": "What is gout? What is gout? It is a disease.",
    "one letter": "a",
    "spaces around": "  \n Gout.  ",
    "empty": "",
}


def asked(question: str = "What is gout?", system: str = "Be truthful.") -> tuple[Message, ...]:
    return (Message("system", system), Message("user", question))


TOKENIZERS = {family: tiny_tokenizer(family) for family in FAMILIES}
TEMPLATES = {family: template_of(tokenizer) for family, tokenizer in TOKENIZERS.items()}


def ready(family: str) -> tuple[Any, Template, frozenset[int]]:
    tokenizer = TOKENIZERS[family]
    return tokenizer, TEMPLATES[family], frozenset(tokenizer.convert_tokens_to_ids(list(STOPS[family])))


def taught(tokenizer: Any, ids: list[int], learn: list[bool]) -> str:
    return tokenizer.decode(
        [one for one, learned in zip(ids, learn, strict=True) if learned], skip_special_tokens=False
    )


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_mask_is_the_answer_and_its_end_of_turn(family: str, answer: str) -> None:
    tokenizer, template, stops = ready(family)
    ids, learn = conversation(tokenizer, template, asked(), answer, stops=stops)
    said = taught(tokenizer, ids, learn)
    assert said.lstrip(" ") == (answer.strip() + END[family]).lstrip(" ")
    assert ids[-1] in stops
    assert learn == sorted(learn), "what is learned must be the end of the row, in one piece"
    # The rest is the question, whole.
    rest = tokenizer.decode(
        [one for one, learned in zip(ids, learn, strict=True) if not learned], skip_special_tokens=False
    )
    assert "What is gout?" in rest
    assert "Be truthful." in rest


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "gpt2"])
def test_the_prompt_trained_on_is_the_prompt_asked_with(family: str, answer: str) -> None:
    tokenizer, template, stops = ready(family)
    ids, _ = conversation(tokenizer, template, asked(), answer, stops=stops)
    prompt = prompt_ids(tokenizer, template, asked())
    assert ids[: len(prompt)] == prompt


@pytest.mark.parametrize("answer", ["a rest", "people often feel tired."])
def test_the_plain_prompt_trained_on_is_the_one_asked_with(answer: str) -> None:
    tokenizer, template, stops = ready("gpt2")
    ids, _ = conversation(tokenizer, template, asked(), answer, stops=stops)
    prompt = prompt_ids(tokenizer, template, asked())
    assert ids[: len(prompt)] == prompt


@pytest.mark.parametrize("answer", [answer for name, answer in ANSWERS.items() if name != "empty"])
@pytest.mark.parametrize(
    "family",
    [
        "llama",
        "gemma3",
        "mistral",
    ],
)
def test_all_that_must_be_said_after_the_prompt_is_learned(family: str, answer: str) -> None:
    tokenizer, template, stops = ready(family)
    ids, learn = conversation(tokenizer, template, asked(), answer, stops=stops)
    prompt = prompt_ids(tokenizer, template, asked())
    assert learn == [False] * len(prompt) + [True] * (len(ids) - len(prompt))


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="<"), max_size=60)


@settings(max_examples=40, deadline=None)
@given(question=TEXT, answer=TEXT, family=st.sampled_from(FAMILIES))
def test_any_text_is_learned_to_the_letter(question: str, answer: str, family: str) -> None:
    tokenizer, template, stops = ready(family)
    ids, learn = conversation(tokenizer, template, asked("Q" + question + "?"), answer, stops=stops)
    assert taught(tokenizer, ids, learn).lstrip() == (answer.strip() + END[family]).lstrip()


@pytest.mark.parametrize("family", FAMILIES)
def test_one_bos_at_most(family: str) -> None:
    tokenizer, template, stops = ready(family)
    ids, _ = conversation(tokenizer, template, asked(), "Rest.", stops=stops)
    prompt = prompt_ids(tokenizer, template, asked())
    if tokenizer.bos_token_id is None:
        assert family in ("qwen2", "qwen3")
    elif family in (
        "llama2",
        "llama3",
        "mistral",
        "gemma",
        "gemma2",
        "gemma3",
    ):  # template and tokenizer would both write one
        assert ids.count(tokenizer.bos_token_id) == prompt.count(tokenizer.bos_token_id) == 1
        assert ids[0] == prompt[0] == tokenizer.bos_token_id
    elif family == "gpt2":  # neither does; its BOS is also its end
        assert tokenizer.bos_token_id not in prompt
        assert ids.count(tokenizer.bos_token_id) == 1


def test_a_bos_that_only_the_tokenizer_writes_comes_first_and_is_not_learned() -> None:
    tokenizer = tiny_tokenizer("mistral")
    tokenizer.chat_template = tokenizer.chat_template.replace("{{ bos_token }}", "")
    template = template_of(tokenizer)
    stops = frozenset([tokenizer.eos_token_id])
    ids, learn = conversation(tokenizer, template, asked(), "Rest.", stops=stops)
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1
    assert not learn[0]
    prompt = prompt_ids(tokenizer, template, asked())
    assert ids[: len(prompt)] == prompt


def test_a_turn_that_ends_without_a_stop_token_is_taught_to_stop() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    template = template_of(tokenizer)
    ids, learn = conversation(tokenizer, template, asked(), "Rest well.", stops=frozenset([tokenizer.eos_token_id]))
    assert ids[-1] == tokenizer.eos_token_id
    assert learn[-1]
    assert taught(tokenizer, ids, learn).lstrip() == "Rest well.<|im_end|>"


def test_the_end_of_turn_is_learned_where_another_token_ends_a_text() -> None:
    tokenizer, template, _ = ready("gemma3")
    only_eos = frozenset([tokenizer.eos_token_id])
    ids, learn = conversation(tokenizer, template, asked(), "Rest.", stops=only_eos)
    assert ids[-1] == tokenizer.eos_token_id
    assert learn[-1]
    assert taught(tokenizer, ids, learn) == "Rest.<eos>"


def test_earlier_answers_of_a_conversation_are_not_learned() -> None:
    tokenizer, template, stops = ready("llama")
    turns = (*asked(), Message("assistant", "It hurts."), Message("user", "Where?"))
    ids, learn = conversation(tokenizer, template, turns, "It hurts.", stops=stops)
    assert taught(tokenizer, ids, learn) == "It hurts.<|im_end|>"
    assert not any(learn[: len(prompt_ids(tokenizer, template, turns))])


def test_a_template_that_drops_one_answer_is_refused() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] + m['content'].replace('cough', '') + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant' }}{% endif %}"
    )
    template = template_of(tokenizer)
    with pytest.raises(ModelError):
        conversation(tokenizer, template, asked(), "A cough.", stops=frozenset([tokenizer.eos_token_id]))


def records(n: int = 4) -> list[tuple[str, str, tuple[Message, ...], str]]:
    return [(row.id, row.place, asked(row.question), row.answer) for row in tiny_rows(n)]


def test_rows_that_fit_are_kept_whole() -> None:
    tokenizer, template, stops = ready("llama")
    made = tokenise(tokenizer, template, records(8), max_length=256, stops=stops)
    assert [row.id for row in made.rows] == [f"tiny/{number}" for number in range(8)]
    assert not made.cut
    assert not made.dropped
    assert made.tokens == sum(len(row.ids) for row in made.rows)
    assert made.learned_tokens == sum(sum(row.learn) for row in made.rows) > 0


def test_a_row_of_exactly_max_length_is_whole_and_one_more_is_cut() -> None:
    tokenizer, template, stops = ready("llama")
    record = records(1)
    ids, learn = conversation(tokenizer, template, record[0][2], record[0][3], stops=stops)
    whole = tokenise(tokenizer, template, record, max_length=len(ids), stops=stops)
    assert not whole.cut
    assert list(whole.rows[0].ids) == ids
    cut = tokenise(tokenizer, template, record, max_length=len(ids) - 1, stops=stops)
    assert list(cut.rows[0].ids) == ids[:-1]
    assert list(cut.rows[0].learn) == learn[:-1]
    assert [fault.place for fault in cut.cut] == ["tiny:1"]
    assert not any(one in stops for one, learned in zip(cut.rows[0].ids, cut.rows[0].learn, strict=True) if learned)


@pytest.mark.parametrize("limit", range(20, 90, 5))
def test_every_row_is_kept_cut_or_dropped_and_counted(limit: int) -> None:
    tokenizer, template, stops = ready("llama")
    rows = records(12)
    made = tokenise(tokenizer, template, rows, max_length=limit, stops=stops)
    assert len(made.rows) + len(made.dropped) == len(rows)
    kept = {row.id: row for row in made.rows}
    cut = {fault.place for fault in made.cut}
    assert all("cut" in fault.reason and fault.detail for fault in made.cut)
    for name, place, messages, answer in rows:
        ids, _ = conversation(tokenizer, template, messages, answer, stops=stops)
        prompt = prompt_ids(tokenizer, template, messages)
        if name not in kept:
            assert len(prompt) >= limit
            fault = next(fault for fault in made.dropped if fault.place == place)
            assert fault.reason == "question longer than max_length"
            assert f"{len(prompt)} tokens" in fault.detail
            assert str(limit) in fault.detail
            continue
        row = kept[name]
        assert list(row.ids) == ids[:limit]
        assert len(row.ids) == len(row.learn)
        assert any(row.learn)
        assert (place in cut) == (len(ids) > limit)
        assert (row.ids[-1] in stops) == (len(ids) <= limit)


def test_numbers_are_read_digit_by_digit_by_the_tokenizer_that_was_made_so() -> None:
    tokenizer, template, stops = ready("llama")
    ids, learn = conversation(tokenizer, template, asked(), "Dial 112.", stops=stops)
    said = [tokenizer.decode([one]) for one, learned in zip(ids, learn, strict=True) if learned]
    assert "".join(said) == "Dial 112.<|im_end|>"
    assert said.count("1") == 2
