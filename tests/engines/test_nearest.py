"""The floor: BM25 over training questions, the same answer every time."""

import math
import re
from collections import Counter

import pytest

from medlms.engines._bm25 import words
from medlms.engines.nearest import NearestEngine
from medlms.errors import AskedWrongly
from medlms.types import QA, Dialogue, Message, Request

QUESTIONS = (
    "What is asthma?",
    "What are the symptoms of asthma?",
    "How is asthma treated in children?",
    "What causes a stroke?",
    "What are the symptoms of a stroke? What are the first signs?",
    "Who is at risk for glaucoma?",
    "naïve ＡＳＴＨＭＡ question",
)


def example(number, question, answer=None):
    return QA(f"t{number:03d}", "ours", "CC0", "here", question, answer or f"Answer {number}.")


def engine(questions=QUESTIONS):
    return NearestEngine([example(number, question) for number, question in enumerate(questions)])


def request(question, key="r"):
    return Request(key, (Message("system", "Be truthful about asthma."), Message("user", question)))


def okapi(query, questions, k1=1.5, b=0.75):
    """BM25 by its formula, one question at a time."""
    documents = [re.findall(r"\w+", question.lower()) for question in questions]
    average = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for word in re.findall(r"\w+", query.lower()):
            holding = sum(word in other for other in documents)
            rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
            below = counts[word] + k1 * (1 - b + b * len(document) / average)
            score += rarity * counts[word] * (k1 + 1) / below
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", ["symptoms of stroke", "What what WHAT is asthma", "risk", "zebra", ""])
def test_equals_the_formula(query):
    questions = QUESTIONS[:-1]
    assert engine(questions).similarities(query) == pytest.approx(okapi(query, questions), abs=1e-12)


def test_answers_with_the_closest_question():
    replies = list(engine().answer([request("Which symptoms does asthma have?", "x"), request("glaucoma risk", "y")]))
    assert [(reply.id, reply.text) for reply in replies] == [("x", "Answer 1."), ("y", "Answer 5.")]
    assert all(reply.finish_reason == "stop" and reply.seconds > 0 and reply.new_tokens == 0 for reply in replies)
    assert replies[0].seconds <= replies[1].seconds


def test_only_the_question_counts_not_the_instruction():
    reply = next(engine().answer([request("Who gets glaucoma?")]))
    assert reply.text == "Answer 5."


def test_ties_go_to_the_lowest_id_in_any_order():
    rows = [example(number, "What is a sprain?", f"Answer {number}.") for number in range(5)]
    for order in (rows, rows[::-1], rows[2:] + rows[:2]):
        assert NearestEngine(order).closest("sprain").id == "t000"
        assert NearestEngine(order).closest("nothing in common").id == "t000"


def test_words_are_normalised():
    assert words("Naïve ＡＳＴＨＭＡ, ﬁbre-rich: Straße") == ["naïve", "asthma", "fibre", "rich", "strasse"]


def test_has_no_probabilities_and_needs_rows():
    with pytest.raises(AskedWrongly, match="no probabilities"):
        engine().score([request("x")])
    with pytest.raises(AskedWrongly, match="no training rows"):
        NearestEngine([])
    with pytest.raises(AskedWrongly, match="no user message"):
        list(engine().answer([Request("x", (Message("system", "hello"),))]))


def test_says_what_it_does():
    assert "7 training questions" in engine().path
    assert engine().name == "nearest"


def test_each_answer_of_a_dialogue_can_be_copied():
    talk = Dialogue(
        "t9", "ours", "CC0", "here", "What is gout?", "Mostly men.", between=("A disease of joints.", "Who gets it?")
    )
    found = NearestEngine([example(1, "What is asthma?"), talk])
    assert found.closest("What is gout?").answer == "A disease of joints."
    assert found.closest("Who gets it?").answer == "Mostly men."
    assert "3 training questions" in found.path
    asked = Request(
        "r", (Message("user", "What is asthma?"), Message("assistant", "x"), Message("user", "Who gets it?"))
    )
    (reply,) = found.answer([asked])
    assert reply.text == "Mostly men."
