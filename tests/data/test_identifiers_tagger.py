"""The tagger of names and places: its file, its sums against slow ones, what it adds to the rules, and its training texts."""

from __future__ import annotations

import hashlib
import random
from importlib import resources

import numpy as np
import pytest
import tagger_texts
from tests.identifiers.reach_set import texts

from medlms.data.identifiers import features, lexicon, scan, tagger
from medlms.data.identifiers.scan import by_rules
from medlms.data.identifiers.view import view

FILE = resources.files("medlms.data.identifiers").joinpath(tagger.FILE)


def slow_shares(text: str) -> dict[int, tuple[float, float]]:
    """Shares of names and places without anything remembered: every row of the weights is looked up and added."""
    seen = view(text)
    these = features.tokens(seen, by_rules(seen))
    with FILE.open("rb") as stream, np.load(stream) as stored:
        first, weights = stored["first"].astype(np.float64) * float(stored["step"]), stored["second"].astype(np.float64)
    sums = {}
    for place in features.candidates(these):
        traits = [(trait,) for trait in features.own(these.said[place], these.cased)]
        traits += features.traits(features.Context(these), place)
        rows = [tagger.bucket(template, trait, len(first)) for template, trait in enumerate(traits)]
        sums[place] = tuple(np.clip(first[rows].sum(0), -tagger.SURE, tagger.SURE))
    shares = {}
    for place, looked in tagger.second(these, sums):
        raised = np.exp(weights @ np.array(looked))
        shares[place] = tuple(raised / (1 + raised.sum()))
    return shares


def test_the_weights_are_those_that_were_measured_and_say_where_they_are_from() -> None:
    content = FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == tagger.SHA256
    assert len(content) < 700_000
    with FILE.open("rb") as stream, np.load(stream) as stored:
        assert stored["first"].dtype == np.int8 and stored["second"].shape == (2, tagger.SECOND)
        assert "train_tagger.py" in str(stored["made"])


def test_the_number_of_traits_is_the_one_said() -> None:
    these = features.tokens(view("Seen by Vrabnik today."), [])
    assert len(features.own("Vrabnik", True)) == features.OWN
    assert len(features.traits(features.Context(these), 2)) == features.CONTEXT


@pytest.mark.parametrize("name", ["texts", "ward"])
def test_remembered_sums_equal_slow_ones(name: str) -> None:
    for row in [*texts(name)[:6], *texts(name)[:2]]:
        seen = view(row.text)
        fast = tagger.tagger().shares(features.tokens(seen, by_rules(seen)))
        slow = slow_shares(row.text)
        assert fast.keys() == slow.keys() and fast
        for place, pair in fast.items():
            assert pair == pytest.approx(slow[place], abs=1e-9)


def test_the_same_text_gives_the_same_findings_whatever_was_read_before() -> None:
    rows = [row.text for row in texts("ward")[:12]]
    first = [scan(text) for text in rows]
    tagger.tagger.cache_clear()
    assert [scan(text) for text in reversed(rows)] == first[::-1]


def test_swapped_texts_have_their_spans_where_the_names_are() -> None:
    chance = random.Random(4)
    names = tagger_texts.Names()
    text = "Mrs. Okonkwo of Tallow Creek saw Dr. Fabiola. Okonkwo has Parkinson's disease."
    spans = [(5, 12, "name"), (16, 28, "place"), (37, 44, "name"), (46, 53, "name")]
    row = tagger_texts.Marked(text, spans, "test/0", 1.0)
    other = tagger_texts.swapped(row, names, chance)
    said = [other.text[start:end] for start, end, _ in other.spans]
    assert said[0] == said[3] != "Okonkwo" and said[0][0].isupper()
    assert other.text.startswith(f"Mrs. {said[0]} of {said[1]} saw Dr. {said[2]}. ")
    wrapped = tagger_texts.styled(other, chance)
    assert len(wrapped.text) == len(other.text) and wrapped.spans == other.spans


def test_thinned_lists_are_whole_again_afterwards() -> None:
    before = len(lexicon.given_names())
    with tagger_texts.thinned(50, 1):
        assert len(lexicon.given_names()) < before * 0.6
    assert len(lexicon.given_names()) == before
