"""The extractive floor: the training sentence that matches a question best."""

import pytest

from medlms.engines.sentence import SentenceEngine, sentences
from medlms.errors import AskedWrongly
from medlms.types import QA, Dialogue, Message, Request

ROWS = [
    QA("b", "ours", "CC0", "here", "Asthma?", "Asthma narrows the airways of the lungs. An inhaler opens the airways."),
    QA(
        "a",
        "ours",
        "CC0",
        "here",
        "Stroke?",
        "What is a stroke in the brain?\nA stroke stops blood flow to the brain. Call.",
    ),
]


def request(text, key="r"):
    return Request(key, (Message("system", "Say what opens the airways."), Message("user", text)))


def said(rows, *questions):
    replies = SentenceEngine(rows).answer([request(text, f"r{n}") for n, text in enumerate(questions)])
    return [reply.text for reply in replies]


def test_answers_with_the_best_sentence_of_any_row():
    assert said(ROWS, "What opens narrow airways with an inhaler?", "What is a stroke in the brain?") == [
        "An inhaler opens the airways.",
        "A stroke stops blood flow to the brain.",  # and not the heading that repeats the question
    ]


def test_no_word_in_common_and_the_order_of_the_rows_change_nothing():
    first = "A stroke stops blood flow to the brain."  # of the row with the lowest id
    assert said(ROWS, "zebra", "") == said(ROWS[::-1], "zebra", "") == [first, first]


def test_all_answers_of_a_dialogue_are_text_of_the_training_rows():
    talk = Dialogue(
        "c", "ours", "CC0", "here", "Is it bad?", "Rest helps most people with flu.",
        between=("Gout is a swelling of a joint.", "And flu?"),
    )  # fmt: skip
    assert said([talk], "a swelling of which joint", "does rest help with flu") == [
        "Gout is a swelling of a joint.",
        "Rest helps most people with flu.",
    ]


def test_sentences():
    text = 'Take 2.5 mg at noon. "Drink some water too." then rest a bit\n\nWhy do it at all? Short one. It helps, e.g. at night!'
    assert sentences(text) == [
        "Take 2.5 mg at noon.",
        '"Drink some water too." then rest a bit',
        "It helps, e.g. at night!",
    ]
    assert sentences("") == sentences("Too short. Is this a question?") == []


def test_it_refuses_what_it_has_not_got():
    with pytest.raises(AskedWrongly, match="no sentence"):
        SentenceEngine([QA("a", "ours", "CC0", "here", "Why?", "Because.")])
    engine = SentenceEngine(ROWS)
    with pytest.raises(AskedWrongly, match="no probabilities"):
        engine.score([request("x")])
    with pytest.raises(AskedWrongly, match="no probabilities"):
        engine.choose([request("x")])
    with pytest.raises(AskedWrongly, match="no user message"):
        list(engine.answer([Request("r", (Message("system", "x"),))]))
