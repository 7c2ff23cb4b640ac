"""Exact match and token F1 against the SQuAD v1.1 rules, written here a second time and differently."""

import string

import numpy as np
import pytest
from metric_texts import prediction, varied

from medlms.metrics import exact_match, token_f1
from medlms.metrics._squad import words


def plain_words(text):
    kept = "".join(" " if letter.isspace() else letter for letter in text.lower() if letter not in string.punctuation)
    tokens, word = [], ""
    for letter in kept + " ":
        if letter == " ":
            tokens.append(word)
            word = ""
        else:
            word += letter
    return [token for token in tokens if token and token not in ("a", "an", "the")]


def overlap(said, gold):
    left, right = plain_words(said), plain_words(gold)
    rest, shared = list(right), 0
    for word in left:
        if word in rest:
            rest.remove(word)
            shared += 1
    if shared == 0:
        return 0.0
    precision, recall = shared / len(left), shared / len(right)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("item", varied(2), ids=lambda item: item.id)
def test_equals_the_rules(item):
    assert token_f1.row(item) == (pytest.approx(max(overlap(item.said, gold) for gold in item.golds), abs=1e-12), 1.0)
    assert exact_match.row(item) == (float(any(plain_words(item.said) == plain_words(g) for g in item.golds)), 1.0)


def test_only_ascii_punctuation_goes():
    assert words("The dose: “a” pill, non-stop!") == ["dose", "“", "”", "pill", "nonstop"]


def test_known_values():
    assert exact_match.row(prediction("The flu!", ["flu"])) == (1.0, 1.0)
    assert exact_match.row(prediction("flus", ["flu", "cold"])) == (0.0, 1.0)
    assert token_f1.row(prediction("rest and water", ["rest in bed", "water"]))[0] == pytest.approx(0.5)
    assert token_f1.row(prediction("", [""])) == (0.0, 1.0)
    assert exact_match.row(prediction("", [""])) == (1.0, 1.0)
    assert token_f1.row(prediction("x", [])) == (0.0, 1.0)


def test_share_of_a_hundred_is_a_whole_per_cent():
    rows = np.array(
        [exact_match.row(prediction("yes", ["yes" if number < 7 else "no"], number)) for number in range(100)]
    )
    assert float(exact_match.value(rows.sum(axis=0))) == 0.07
