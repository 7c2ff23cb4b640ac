"""Licences by name: what they ask, and what follows for an adapter."""

from __future__ import annotations

import pytest

from medlms import datasets
from medlms.data import terms


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ("CC BY 4.0", "give credit"),
        ("cc-by-4.0", "give credit"),
        ("CC BY-SA", "give credit, pass on under the same licence"),
        ("cc-by-nc-sa-4.0", "give credit, pass on under the same licence, no commercial use"),
        ("CC BY-NC 3.0", "give credit, no commercial use"),
        ("CC BY-NC-ND 4.0", "give credit, no commercial use, no changed versions"),
        ("MIT", "give credit"),
        ("Apache-2.0", "give credit"),
        ("GPL-3.0", "give credit, pass on under the same licence"),
        ("CC0 1.0", "no conditions"),
        ("public domain", "no conditions"),
        ("", "not known"),
        ("not stated", "not known"),
        ("ask Dr Smith", "not known"),
        ("sand and mitten", "not known"),
    ],
)
def test_a_name_says_what_is_asked(licence: str, asks: str) -> None:
    assert terms.terms(licence).words == asks
    assert terms.of(licence)["words"] == asks


def test_every_known_source_has_known_terms() -> None:
    for name in datasets.names():
        assert terms.terms(datasets.source(name).licence).known, name


def test_what_follows_for_an_adapter() -> None:
    said = " ".join(terms.adapter({"CC BY-SA": ["wikidoc"], "CC BY 4.0": ["medquad"]}))
    assert "do so under CC BY-SA (wikidoc" in said
    assert "medquad (CC BY 4.0)" in said
    assert "commercial" not in said.replace(terms.UNSETTLED, "")
    said = " ".join(terms.adapter({"CC BY-NC-SA 4.0": ["a"], "CC BY-SA": ["b"], "": ["mine"]}))
    assert "No commercial use of the adapter: a" in said
    assert "may not go together" in said
    assert "Terms not known: mine" in said
    assert "Do not pass the adapter on" in " ".join(terms.adapter({"CC BY-ND 4.0": ["a"]}))
    assert terms.adapter({"CC0": ["a"]}) == ["No conditions come with the training data.", terms.UNSETTLED]
    assert terms.adapter({}) == []
