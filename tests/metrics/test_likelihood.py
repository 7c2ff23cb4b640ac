"""Perplexity and bits per byte from log-probabilities of the reference; length in words."""

import math

import numpy as np
import pytest
from metric_texts import prediction

from medlms.metrics import bits_per_byte, length_words, perplexity


def test_uniform_guessing_has_the_perplexity_of_its_choices():
    items = [prediction("", ["wéll"], n, reference_logprob=-n * math.log(32), reference_tokens=n) for n in (1, 5, 9)]
    total = np.sum([perplexity.row(item) for item in items], axis=0)
    assert float(perplexity.value(total)) == pytest.approx(32)


def test_bits_per_byte_counts_utf8_bytes():
    item = prediction("", ["é肺", "ignored"], reference_logprob=-10 * math.log(2), reference_tokens=3)
    assert bits_per_byte.row(item) == (pytest.approx(10), 5.0)
    assert float(bits_per_byte.value(np.array(bits_per_byte.row(item)))) == pytest.approx(2)


def test_unscored_items_have_no_row():
    item = prediction("x", ["y"])
    assert perplexity.row(item) is None
    assert bits_per_byte.row(item) is None
    assert bits_per_byte.row(prediction("", [""], reference_logprob=-1.0, reference_tokens=1)) is None


def test_hopeless_model_has_infinite_perplexity_and_no_warning():
    item = prediction("", ["y"], reference_logprob=-1e6, reference_tokens=1)
    assert float(perplexity.value(np.array(perplexity.row(item)))) == math.inf


def test_length():
    assert length_words.row(prediction("Two  words\nand-more", ["x"])) == (3.0, 1.0)
    assert length_words.row(prediction("", ["x"])) == (0.0, 1.0)
