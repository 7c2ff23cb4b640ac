import re

import pytest

from medlms.data import clean
from medlms.datasets import Noise


@pytest.mark.parametrize(
    ("question", "folded", "step"),
    [
        ("What is a fever ?", "What is a fever?", "space before the question mark"),
        ("Who is at risk for fever? ?", "Who is at risk for fever?", "doubled question mark"),
        ("What  is\n a fever?", "What is a fever?", "white space"),
        ("What is Crohn%27s disease?", "What is Crohn's disease?", "percent escapes"),
        ("What is M%C3%A9ni%C3%A8re%27s disease?", "What is Ménière's disease?", "percent escapes"),
        ("What is Beh%E7et disease?", "What is Behçet disease?", "percent escapes"),
        ("Is A &amp; B &lt; C?", "Is A & B < C?", "HTML entities"),
        ('"What is a fever?"', "What is a fever?", "quotation marks around the question"),
        ("What is\u200b a fever?", "What is a fever?", "white space"),
    ],
)
def test_questions(qa, question: str, folded: str, step: str) -> None:
    cleaned = clean.clean([qa("1", question, "An answer.")])
    assert cleaned.examples[0].question == folded
    assert {name for name, count in cleaned.changed.items() if count} == {step}


@pytest.mark.parametrize(
    "question", ["Do 5%20 of people have it?", "Is 10%ab right?", "Is AT&T; a word?", 'Is "it" so?']
)
def test_questions_that_stay(qa, question: str) -> None:
    assert clean.clean([qa("1", question, "An answer.")]).examples[0].question == question


@pytest.mark.parametrize(
    ("answer", "folded"),
    [
        ("One  line\twith\u00a0gaps. ", "One line with gaps."),
        ("First.\r\nSecond.\rThird.", "First.\nSecond.\nThird."),
        ("First paragraph.\n   \n\n \nSecond  paragraph.", "First paragraph.\n\nSecond paragraph."),
        ("- item\n    - item", "- item\n- item"),
    ],
)
def test_answers_keep_their_paragraphs(qa, answer: str, folded: str) -> None:
    assert clean.clean([qa("1", "What is it?", answer)]).examples[0].answer == folded


@pytest.mark.parametrize(
    ("question", "answer", "left"),
    [
        ("What causes hiccups ?", "What causes hiccups? A tug of the diaphragm.", "A tug of the diaphragm."),
        ("What are the treatments for Hiccups ?", "How might hiccups be treated? Most stop alone.", "Most stop alone."),
        ("Is St. Vitus dance inherited ?", "Is St. Vitus dance inherited? No.", "No."),
    ],
)
def test_the_question_again_is_cut(qa, question: str, answer: str, left: str) -> None:
    cleaned = clean.clean([qa("1", question, answer)])
    assert cleaned.examples[0].answer == left
    assert cleaned.changed["question repeated in the answer"] == 1


@pytest.mark.parametrize(
    "answer", ["Do you have a cold? Then rest.", "Hiccups pass. What causes hiccups? A tug.", "A tug. Really?"]
)
def test_other_questions_stay(qa, answer: str) -> None:
    assert clean.clean([qa("1", "What causes hiccups?", answer)]).examples[0].answer == answer


def test_reasons_have_places_and_rows_add_up(qa) -> None:
    noise = (
        Noise("only a link", "answer", re.compile(r"\Ahttps?://\S+\Z")),
        Noise("marks", "answer", re.compile(r"\s*Template:\w+"), ""),
    )
    rows = [
        qa("1", "What is it?", "How is it inherited?"),
        qa("2", "What is it?", "http://example.org"),
        qa("3", "What is it?", "Template:Stub"),
        qa("4", "What is it?", "A thing. Template:Stub"),
        qa("5", "\u200b ", "A thing."),
    ]
    cleaned = clean.clean(rows, noise)
    assert [(fault.place, fault.reason) for fault in cleaned.dropped] == [
        ("set.jsonl:1", "answer is nothing but a question"),
        ("set.jsonl:2", "only a link"),
        ("set.jsonl:3", "empty answer"),
        ("set.jsonl:5", "empty question"),
    ]
    assert [row.answer for row in cleaned.examples] == ["A thing."]
    assert cleaned.changed["marks"] == 1


def test_cleaning_twice_changes_nothing_more(qa) -> None:
    rows = [
        qa("1", ' "What is\r\n Crohn%27s  disease ? ?" ', "What is Crohn's disease? It is &amp; was.\r\n\r\n\r\nEnd. ")
    ]
    once = clean.clean(rows).examples
    twice = clean.clean(once)
    assert twice.examples == once
    assert not any(twice.changed.values())
