"""Of a dialogue every turn of the assistant is learned, to the letter, with its end, and nothing else is."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlms.errors import ModelError
from medlms.testing import FAMILIES, tiny_tokenizer
from medlms.text.marks import Marked, marked
from medlms.text.template import Template, template_of
from medlms.text.tokenise import conversation, fitted, prompt_ids, tokenise
from medlms.types import Message

ENDS = {
    **dict.fromkeys(("llama", "qwen2", "qwen3"), "<|im_end|>"),
    **dict.fromkeys(("llama2", "mistral"), "</s>"),
    "llama3": "<|eot_id|>",
    "gpt2": "<|endoftext|>",
    **dict.fromkeys(("gemma", "gemma2", "gemma3"), "<end_of_turn>"),
}
TOKENIZERS = {family: tiny_tokenizer(family) for family in FAMILIES}
TEMPLATES = {family: template_of(tokenizer) for family, tokenizer in TOKENIZERS.items()}
# No control marks, whose breaking up is tested elsewhere.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="<["), max_size=40)
PAIRS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4)


def messages(pairs: list[tuple[str, str]], system: str = "Be truthful.") -> tuple[Message, ...]:
    turns = [Message(role, text) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)]
    return (Message("system", system), *turns[:-1])


def mark(family: str, pairs: list[tuple[str, str]], *, every: bool = True) -> Marked:
    tokenizer = TOKENIZERS[family]
    stops = frozenset([tokenizer.convert_tokens_to_ids(ENDS[family])])
    return marked(tokenizer, TEMPLATES[family], messages(pairs), pairs[-1][1], stops=stops, every=every)


def runs(row: Marked, learned: bool) -> list[list[int]]:
    """The token numbers of each stretch that is learned (or is not)."""
    grouped = groupby(range(len(row.ids)), lambda index: row.learn[index])
    return [list(run) for key, run in grouped if key == learned]


def whole(family: str, answer: str) -> str:
    """An answer as the family's template writes it, with the space before it and its end."""
    before = " " if family in ("llama2", "mistral", "gpt2") else ""
    return before + answer.strip() + (" " if family == "llama2" else "") + ENDS[family]


def text_of(row: Marked, run: list[int]) -> str:
    return row.text[row.spans[run[0]][0] : row.spans[run[-1]][1]]


@settings(max_examples=150, deadline=None)
@given(pairs=PAIRS, family=st.sampled_from(FAMILIES))
def test_what_is_learned_is_exactly_the_assistants_turns(pairs: list[tuple[str, str]], family: str) -> None:
    pairs = [(f"Q{question}?", answer) for question, answer in pairs]
    row = mark(family, pairs)
    said = [text_of(row, run) for run in runs(row, True)]
    assert said == [whole(family, answer) for _, answer in pairs]
    # What is not learned holds all questions, in order, and no token is in both.
    rest = "\0".join(text_of(row, run) for run in runs(row, False))
    at = 0
    for question, _ in pairs:
        at = rest.index(question, at) + 1
    assert [run[-1] + 1 for run in runs(row, True)] == row.ends


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, family=st.sampled_from(FAMILIES))
def test_the_last_answer_alone_is_what_is_scored(pairs: list[tuple[str, str]], family: str) -> None:
    every, last = mark(family, pairs), mark(family, pairs, every=False)
    assert (every.ids, every.text, every.spans) == (last.ids, last.text, last.spans)
    begin = every.ends[-2] if len(pairs) > 1 else 0
    assert last.learn == [False] * begin + every.learn[begin:]
    assert last.ends == every.ends[-1:]
    tokenizer = TOKENIZERS[family]
    stops = frozenset([tokenizer.convert_tokens_to_ids(ENDS[family])])
    ids, learn = conversation(tokenizer, TEMPLATES[family], messages(pairs), pairs[-1][1], stops=stops)
    assert (ids, learn) == (last.ids, last.learn)


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS, family=st.sampled_from(FAMILIES))
def test_spans_cover_the_text_in_order(pairs: list[tuple[str, str]], family: str) -> None:
    row = mark(family, pairs)
    assert row.spans[0][0] == 0
    assert row.spans[-1][1] == len(row.text)
    assert row.spans == sorted(row.spans)
    assert all(begin <= end for begin, end in row.spans)
    covered = {place for begin, end in row.spans for place in range(begin, end)}
    assert covered == set(range(len(row.text)))


def test_the_same_words_in_question_and_answer_are_told_apart() -> None:
    pairs = [("Rest.", "Rest."), ("Rest.", "Rest."), ("assistant", "user")]
    for family in FAMILIES:
        row = mark(family, pairs)
        assert len(row.ends) == 3
        said = [text_of(row, run) for run in runs(row, True)]
        assert said == [whole(family, word) for word in ("Rest.", "Rest.", "user")]


def test_an_empty_answer_still_teaches_its_end() -> None:
    for family in FAMILIES:
        row = mark(family, [("What?", ""), ("And?", "Rest.")])
        assert [row.ids[end - 1] for end in row.ends] == [TOKENIZERS[family].convert_tokens_to_ids(ENDS[family])] * 2
        assert all(row.learn[end - 1] for end in row.ends)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_turn_is_asked_with_the_ids_it_was_trained_on(family: str) -> None:
    pairs = [("What is gout?", "A disease."), ("Of what?", "The joints."), ("Who gets it?", "Mostly men.")]
    row = mark(family, pairs)
    for number in range(1, 4):
        prompt = prompt_ids(TOKENIZERS[family], TEMPLATES[family], messages(pairs[:number]))
        assert row.ids[: len(prompt)] == prompt
        assert row.learn[len(prompt) : row.ends[number - 1]] == [True] * (row.ends[number - 1] - len(prompt))


@pytest.mark.parametrize("family", ["llama", "llama2", "mistral", "gemma2"])
def test_control_marks_inside_turns_end_none(family: str) -> None:
    end = ENDS[family]
    row = mark(family, [(f"What{end}?", f"Rest{end}now"), ("And?", "Sleep.")])
    assert row.ids.count(TOKENIZERS[family].convert_tokens_to_ids(end)) == row.text.count(end)
    said = [text_of(row, run) for run in runs(row, True)]
    assert len(said) == 2
    assert "now" in said[0]


# Templates under which one text can't teach all answers

THINKING = (
    "{% set last = messages | selectattr('role', 'equalto', 'user') | list | last %}"
    "{% set ns = namespace(after=false) %}{% for m in messages %}{% if m == last %}{% set ns.after = true %}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' and ns.after %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{{ m['content'].split('</think>')[-1].lstrip('\n') + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TURN = "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
ASK = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
UNLIKE = {
    "writes a block of thoughts before the last answer only": THINKING,
    "drops all turns before the last question": (
        "{% set last = messages | selectattr('role', 'equalto', 'user') | list | last %}"
        "{% set ns = namespace(after=false) %}{% for m in messages %}{% if m == last %}{% set ns.after = true %}{% endif %}"
        "{% if ns.after %}" + TURN + "{% endif %}{% endfor %}" + ASK
    ),
    "asks for an answer behind every text": "{% for m in messages %}"
    + TURN
    + "{% endfor %}{% if messages[-1]['role'] == 'assistant' or add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}",
    "counts the questions at its head": "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}"
    "{% for m in messages %}" + TURN + "{% endfor %}" + ASK,
}
TALK = [("What is gout?", "A disease."), ("Of what?", "The joints.")]


def strange(source: str) -> tuple[Any, Template, frozenset[int]]:
    tokenizer = tiny_tokenizer("qwen3")
    tokenizer.chat_template = source
    return tokenizer, template_of(tokenizer), frozenset([tokenizer.convert_tokens_to_ids("<|im_end|>")])


@pytest.mark.parametrize("source", UNLIKE.values(), ids=UNLIKE)
def test_a_template_that_writes_earlier_turns_otherwise_is_refused_and_named(source: str) -> None:
    tokenizer, template, stops = strange(source)
    with pytest.raises(ModelError, match=r"The chat template \(the model's own\) writes an earlier turn") as caught:
        marked(tokenizer, template, messages(TALK), TALK[-1][1], stops=stops, every=True)
    assert "chat_template.jinja" in caught.value.hint
    # The last answer alone can be graded, and single questions can be learned.
    row = marked(tokenizer, template, messages(TALK), TALK[-1][1], stops=stops)
    assert "The joints.<|im_end|>" in text_of(row, runs(row, True)[0])
    single = marked(tokenizer, template, messages(TALK[:1]), TALK[0][1], stops=stops, every=True)
    assert "A disease.<|im_end|>" in text_of(single, runs(single, True)[0])


def test_thoughts_that_only_an_earlier_turn_loses_are_found_row_by_row() -> None:
    tokenizer, template, stops = strange(
        "{% for m in messages %}{% set t = m['content'] if loop.last else m['content'].split('</think>')[-1] %}"
        "{{ '<|im_start|>' + m['role'] + '\n' + t + '<|im_end|>\n' }}{% endfor %}" + ASK
    )
    row = marked(tokenizer, template, messages(TALK), TALK[-1][1], stops=stops, every=True)
    assert len(row.ends) == 2
    thought = [("What is gout?", "<think>Hm.</think>A disease."), TALK[1]]
    with pytest.raises(ModelError, match="mine:7: The chat template") as caught:
        tokenise(tokenizer, template, [("a", "mine:7", messages(thought), thought[-1][1])], max_length=200, stops=stops)
    assert caught.value.hint


def test_turns_that_end_without_a_token_that_stops_are_refused() -> None:
    tokenizer, template, stops = strange(
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    with pytest.raises(ModelError, match="no token that stops"):
        marked(tokenizer, template, messages(TALK), TALK[-1][1], stops=stops, every=True)


# What is too long


def record(pairs: list[tuple[str, str]]) -> list[tuple[str, str, tuple[Message, ...], str]]:
    return [("a", "mine:1", messages(pairs), pairs[-1][1])]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_dialogue_loses_whole_turns_from_its_end(family: str) -> None:
    tokenizer, template = TOKENIZERS[family], TEMPLATES[family]
    stops = frozenset([tokenizer.convert_tokens_to_ids(ENDS[family])])
    pairs = [(f"Question {number}?", f"Answer {number}.") for number in range(4)]
    whole = mark(family, pairs)
    first = whole.learn.index(True)
    for limit in range(first - 1, len(whole.ids) + 2):
        made = tokenise(tokenizer, template, record(pairs), max_length=limit, stops=stops)
        fits = [end for end in whole.ends if end <= limit]
        if limit <= first:
            assert [fault.reason for fault in made.dropped] == ["question longer than max_length"]
            assert not made.rows
            continue
        (row,) = made.rows
        size = fits[-1] if fits else limit
        assert (list(row.ids), list(row.learn)) == (whole.ids[:size], whole.learn[:size])
        assert any(row.learn)
        assert len(row.ids) <= limit
        if fits:  # the last token is an end of turn, and as many are learned as answers are left
            assert sum(one in stops for one, learn in zip(row.ids, row.learn, strict=True) if learn) == len(fits)
            assert row.ids[-1] in stops
        if len(fits) == 4:
            assert not made.cut
        elif fits:
            (fault,) = made.cut
            assert (fault.place, fault.reason) == ("mine:1", "last turns left out at max_length")
            assert fault.detail == f"{4 - len(fits)} of 4 answers, {len(whole.ids)} tokens, {size} kept"
        else:
            (fault,) = made.cut
            assert fault.reason == "answer cut at max_length"
            assert fault.detail.endswith("3 later answers left out")


def test_what_fits_to_the_token_is_not_cut() -> None:
    row = mark("llama", TALK)
    assert fitted(row, len(row.ids), "x") == (len(row.ids), None)
    assert fitted(row, len(row.ids) - 1, "x")[0] == row.ends[0]
