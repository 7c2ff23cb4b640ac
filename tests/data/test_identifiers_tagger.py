"""The tagger of names and places: its file, its sums against slow ones, what it adds to the rules, and its training texts."""

from __future__ import annotations

import hashlib
import random
from importlib import resources

import numpy as np
import pytest
from tests.identifiers.reach_set import texts

import tagger_texts
from medlms.data.identifiers import features, lexicon, scan, tagger, tokens
from medlms.data.identifiers.scan import by_rules
from medlms.data.identifiers.view import view

FILE = resources.files("medlms.data.identifiers").joinpath(tagger.FILE)


def slow_shares(text: str) -> dict[int, tuple[float, float]]:
    """Shares of names and places without anything remembered: every row of the weights is looked up and added."""
    seen = view(text)
    these = tokens.tokens(seen, by_rules(seen))
    with FILE.open("rb") as stream, np.load(stream) as stored:
        packed = tagger.unpacked(stored)
    first, weights = packed.first.astype(np.float64) * packed.step, packed.second.astype(np.float64)
    around = features.Context(seen, these)
    nearest = features.OWN + features.GLANCED
    sums = {}
    for place in tokens.candidates(these):
        traits = [(trait,) for trait in features.own(these.said[place], these.cased)]
        traits += [*features.glanced(around, place), *features.traits(around, place)]
        rows = [tagger.bucket(template, trait, len(first)) for template, trait in enumerate(traits)]
        if first[rows[:nearest]].sum(0).max() >= tagger.GLANCE:
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
    seen = view("Seen by Vrabnik today.")
    around = features.Context(seen, tokens.tokens(seen, []))
    assert len(features.own("Vrabnik", True)) == features.OWN
    assert len(features.glanced(around, 2)) == features.GLANCED
    assert len(features.traits(around, 2)) == features.CONTEXT


@pytest.mark.parametrize("name", ["texts", "ward"])
def test_remembered_sums_equal_slow_ones(name: str) -> None:
    for row in [*texts(name)[:6], *texts(name)[:2]]:
        seen = view(row.text)
        fast = tagger.tagger().shares(seen, tokens.tokens(seen, by_rules(seen)))
        slow = slow_shares(row.text)
        assert fast.keys() == slow.keys() and fast
        for place, pair in fast.items():
            assert pair == pytest.approx(slow[place], abs=1e-9)


def test_the_same_text_gives_the_same_findings_whatever_was_read_before() -> None:
    rows = [row.text for row in texts("ward")[:12]]
    first = [scan(text) for text in rows]
    tagger.tagger.cache_clear()
    assert [scan(text) for text in reversed(rows)] == first[::-1]


@pytest.mark.parametrize(
    ("text", "said", "kind"),
    [
        ("Spoke w Vrabnikova re drain, she is coming at 3.", "Vrabnikova", "name"),
        ("Up from Vrabnik Hollow this morning, 40 min drive. No chest pain.", "Vrabnik Hollow", "place"),
        ("Plan reviewed with patient. Weekend cover: Tolvanen / Achterby.", "Tolvanen", "name"),
    ],
)
def test_names_and_places_of_no_list_are_found_by_what_stands_around(text: str, said: str, kind: str) -> None:
    assert (said, kind) in {(text[item.start : item.end], item.kind) for item in scan(text)}


@pytest.mark.parametrize(
    "text",
    [
        "Addison disease, Foley catheter, Bell palsy. Start Eliquis and Lasix.",
        "Ober test negative, Thomas test positive. Kocher incision. Whipple in 2019.",
        "What are the treatments for Kallmann syndrome? Genes FGFR1 and PROKR2 are involved.",
    ],
)
def test_eponyms_drugs_and_genes_are_left_alone(text: str) -> None:
    assert not scan(text)


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
