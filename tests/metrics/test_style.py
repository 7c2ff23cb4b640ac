"""Reading grade, repetition and similarity: by hand-made counts, and against slow twins over random and odd texts."""

import math

import numpy as np
import pytest
from metric_texts import prediction, varied

from medlms.metrics import reading_grade, repetition, similarity
from medlms.metrics._syllables import sentences, syllables, words

# Counted by hand.
SYLLABLES = {
    1: "the eye you your years pain heart called cause red three through breathe months young tongue rash whole tests",
    2: "fever doctor measles muscles needles shingles patches tablet people diet virus something yellow breathing patient",
    3: "infection medicine nausea apnea area serious calcium reaction several hospital pregnancy idea",
    4: "diarrhea anatomy temperature vaccination operation",
    5: "examination immunization",
    6: "osteoporosis",
}


@pytest.mark.parametrize(
    ("word", "wanted"), [(word, number) for number, line in SYLLABLES.items() for word in line.split()]
)
def test_syllables(word, wanted):
    assert syllables(word) == syllables(word.upper()) == wanted


def test_every_word_has_a_syllable():
    assert min(map(syllables, ["b", "tsk", "e", "mg", "y", "é", "ye", "hmm's"])) == 1


def test_sentences_and_words():
    text = 'Take 2.5 mg twice (e.g. at noon). "Rest!" Drink?\n\n- water\n- tea'
    assert words(text) == ["Take", "mg", "twice", "e", "g", "at", "noon", "Rest", "Drink", "water", "tea"]
    assert sentences("One. Two! Three?\nFour") == 4
    assert sentences("no end") == sentences("2.5 mg") == sentences("") == 1


def test_grade_is_the_published_formula():
    text = "The cat sat on the mat. It was a sunny day."  # 2 sentences, 11 words, 12 syllables
    assert reading_grade.row(prediction(text, ["x"])) == (2.0, 11.0, 12.0)
    grade = float(reading_grade.value(np.array([2.0, 11.0, 12.0])))
    assert grade == pytest.approx(0.39 * 11 / 2 + 11.8 * 12 / 11 - 15.59)
    together = float(reading_grade.value(np.array([3.0, 21.0, 30.0])))
    assert together == pytest.approx(0.39 * 7 + 11.8 * 30 / 21 - 15.59)
    assert reading_grade.row(prediction("肺が痛い。 12.", ["x"])) is None
    assert math.isnan(reading_grade.value(np.zeros(3)))


def plain_repetition(text):
    letters = "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text.casefold()).split()
    seen, again = [], 0
    for start in range(len(letters) - 3):
        run = letters[start : start + 4]
        again += run in seen
        seen.append(run)
    return again / len(seen) if seen else None


@pytest.mark.parametrize("item", varied(6, items=12, longest=120)[:-1], ids=lambda item: item.id)
def test_repetition_equals_its_definition(item):
    wanted = plain_repetition(item.said)
    assert repetition.row(item) == (None if wanted is None else (pytest.approx(wanted), 1.0))


def test_known_repetitions():
    assert repetition.row(prediction("rest and drink water", ["x"])) == (0.0, 1.0)
    assert repetition.row(prediction("no, no. NO no no no no no no no!", ["x"])) == (pytest.approx(6 / 7), 1.0)
    assert repetition.row(prediction("too short here", ["x"])) is None


def test_similarity_is_read_where_it_was_measured():
    assert similarity.row(prediction("a", ["b"])) is None
    assert similarity.row(prediction("a", ["b"], similarity=-0.1)) == (-0.1, 1.0)
