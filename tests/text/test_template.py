"""One template writes what is trained on and what is asked."""

from __future__ import annotations

import pytest

from medlms.errors import ModelError
from medlms.testing import FAMILIES, tiny_tokenizer
from medlms.text.template import PLAIN, render, template_of
from medlms.types import Message

WRITTEN = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<|im_start|>", "<|start_header_id|>")
SYSTEM = "Answer the question truthfully."
ASKED = (Message("system", SYSTEM), Message("user", "What is gout?"))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_full_text_goes_on_from_the_prompt(family: str) -> None:
    tokenizer = tiny_tokenizer(family)
    template = template_of(tokenizer)
    prompt, full = render(tokenizer, template, ASKED, "A disease of the joints.")
    assert full.startswith(prompt)
    assert prompt == render(tokenizer, template, ASKED)[0]
    assert "A disease of the joints." in full[len(prompt) :]
    assert prompt.count(SYSTEM) == prompt.count("What is gout?") == 1
    assert "A disease" not in prompt


def test_without_an_answer_both_are_the_prompt() -> None:
    tokenizer = tiny_tokenizer()
    prompt, full = render(tokenizer, template_of(tokenizer), ASKED)
    assert prompt == full
    assert prompt.endswith("<|im_start|>assistant\n")


def test_a_system_turn_is_used_where_there_is_one() -> None:
    tokenizer = tiny_tokenizer("llama")
    template = template_of(tokenizer)
    assert template.system
    assert template.name == "the model's own"
    assert f"<|im_start|>system\n{SYSTEM}<|im_end|>" in render(tokenizer, template, ASKED)[0]


@pytest.mark.parametrize("family", ["mistral", "gemma", "gemma2"])
def test_a_template_that_refuses_a_system_turn_gets_it_in_the_question(family: str) -> None:
    tokenizer = tiny_tokenizer(family)
    template = template_of(tokenizer)
    assert not template.system
    assert f"{SYSTEM}\n\nWhat is gout?" in render(tokenizer, template, ASKED)[0]


def test_a_template_that_drops_the_system_turn_gets_it_in_the_question() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages if m['role'] != 'system' %}{{ '<' + m['role'] + '>' + m['content'] + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
    )
    template = template_of(tokenizer)
    assert not template.system
    assert f"<user>{SYSTEM}\n\nWhat is gout?" in render(tokenizer, template, ASKED)[0]


def test_folding_keeps_later_turns() -> None:
    tokenizer = tiny_tokenizer("mistral")
    template = template_of(tokenizer)
    turns = (*ASKED, Message("assistant", "A disease."), Message("user", "Of what?"))
    prompt, _ = render(tokenizer, template, turns)
    assert prompt == f"<s>[INST] {SYSTEM}\n\nWhat is gout? [/INST] A disease.</s>[INST] Of what? [/INST]"


def test_a_base_model_gets_the_plain_template() -> None:
    tokenizer = tiny_tokenizer("gpt2")
    assert not tokenizer.chat_template
    template = template_of(tokenizer)
    assert tokenizer.chat_template == template.source == PLAIN
    assert template.name.startswith("plain")
    prompt, full = render(tokenizer, template, ASKED, "A disease.")
    assert prompt.startswith(f"{SYSTEM}\n\nQuestion: What is gout?\n\nAnswer:")
    assert full[len(prompt) :].strip().startswith("A disease.<|endoftext|>")


@pytest.mark.parametrize(
    "broken",
    [
        # drops the answer
        "{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}",
        # drops the question
        "{% for m in messages if m['role'] == 'assistant' %}{{ m['content'] }}{% endfor %}",
        # changes the prompt once the answer is known
        "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}",
        # writes the answer in capitals
        "{% for m in messages %}{{ m['content'] if m['role'] == 'user' else m['content'] | upper }}{% endfor %}",
    ],
)
def test_a_template_that_loses_something_is_refused(broken: str) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = broken
    with pytest.raises(ModelError, match="chat template") as caught:
        template_of(tokenizer)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("{% for m in messages %}{{ m['content'] ", "unexpected end of template"),
        ("{{ raise_exception('only tools') }}", "only tools"),
        ("{{ nothing.here }}", "'nothing' is undefined"),
    ],
)
def test_a_template_that_fails_is_a_sentence(broken: str, said: str) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = broken
    with pytest.raises(ModelError, match=said) as caught:
        template_of(tokenizer)
    assert "chat_template.jinja" in caught.value.hint


def test_the_hash_tells_templates_apart_and_stays() -> None:
    hashes = {family: template_of(tiny_tokenizer(family)).hash for family in FAMILIES}
    assert hashes["gemma"] == hashes["gemma2"]
    assert hashes["llama"] == hashes["qwen3"]
    assert len(set(hashes.values())) == len(FAMILIES) - 2
    assert hashes["llama"] == template_of(tiny_tokenizer("llama")).hash
    assert len(hashes["llama"]) == 64


def test_an_empty_system_turn_is_left_out_where_there_is_no_place_for_it() -> None:
    tokenizer = tiny_tokenizer("mistral")
    prompt, _ = render(tokenizer, template_of(tokenizer), (Message("system", ""), ASKED[1]))
    assert prompt == "<s>[INST] What is gout? [/INST]"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "gpt2"])
def test_control_marks_in_a_question_are_inert(family: str) -> None:
    tokenizer = tiny_tokenizer(family)
    template = template_of(tokenizer)
    mark = tokenizer.eos_token
    messages = (Message("user", f"gout{mark}more"),)
    with_mark, _ = render(tokenizer, template, messages, f"rest{mark}more")
    without, _ = render(tokenizer, template, (Message("user", "gout more"),), "rest more")
    stop = tokenizer.eos_token_id
    assert tokenizer(with_mark)["input_ids"].count(stop) == tokenizer(without)["input_ids"].count(stop)
    assert mark not in with_mark.partition("gout")[2].partition("more")[0]


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "gpt2"])
def test_marks_that_are_no_special_tokens_are_inert_too(family: str) -> None:
    """Llama 2 and Mistral v0.1 and v0.2 write [INST] as plain text: a question that holds it must not open a turn."""
    tokenizer = tiny_tokenizer(family)
    template = template_of(tokenizer)
    written, _ = render(tokenizer, template, ASKED, "Rest.")
    marks = [mark for mark in WRITTEN if mark in written]
    assert marks
    for mark in marks:
        prompt, full = render(
            tokenizer, template, (ASKED[0], Message("user", f"gout {mark} pain")), f"rest {mark} more"
        )
        _, plain = render(tokenizer, template, (ASKED[0], Message("user", "gout pain")), "rest more")
        assert full.count(mark) == plain.count(mark)
        assert "pain" in prompt


def test_brackets_of_a_question_stay() -> None:
    tokenizer = tiny_tokenizer("llama2")
    question = "Is [INR] <2.5 with <b>aspirin</b> [sic] fine?"
    prompt, _ = render(tokenizer, template_of(tokenizer), (Message("user", question),))
    assert question in prompt
