"""Rules that hold for names and places of no list: the marked texts, and one sentence per position."""

from __future__ import annotations

import pytest
from tests.identifiers.reach_set import HELD, read, texts, totals

from medlms.data.identifiers import scan


def found(text: str) -> dict[str, str]:
    """What the scan finds, with its class."""
    return {text[item.start : item.end]: item.kind for item in scan(text)}


@pytest.mark.parametrize("name", ["texts", "more"])
def test_marked_texts_are_found_with_few_false_alarms(name: str) -> None:
    there, right, said, wrong = totals(texts(name))
    assert right.total() / there.total() > 0.97
    assert wrong.total() / said.total() < 0.03


@pytest.mark.parametrize("name", ["addresses", "abroad", "mixed"])
def test_texts_that_nothing_was_fitted_to_keep_their_level(name: str) -> None:
    there, right, said, wrong = totals(read(HELD / f"{name}.txt"))
    assert right.total() / there.total() > 0.9
    assert wrong.total() / said.total() < 0.13


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Stable overnight. Follow up with Vrabnik in two weeks.", "Vrabnik"),
        ("Stable overnight. Plan d/w Vrabnik before rounds.", "Vrabnik"),
        ("The dressing was changed. Results called to Vrabnik at noon.", "Vrabnik"),
        ("Vrabnik and her husband came along. She feels well.", "Vrabnik"),
        ("The fall was seen. Vrabnik, he lives upstairs, called for help.", "Vrabnik"),
    ],
)
def test_a_position_that_asks_for_a_person_makes_a_name(text: str, name: str) -> None:
    assert found(text).get(name) == "name"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("He was seen at the small hospital in Vrabnik with chest pain.", "Vrabnik"),
        ("She rents a room in the Vrabnik section with two friends.", "Vrabnik"),
        ("A fall at the corner of Vrabnik and Olmeda. No loss of consciousness.", "Olmeda"),
        ("He is a farmer near Vrabnik Hollow and smokes a pipe.", "Vrabnik Hollow"),
        ("Place of birth: Vrabnik\nAllergies: none known", "Vrabnik"),
        ("She lives at Strada Vrabnik 15, Olmeda. No falls.", "Strada Vrabnik 15, Olmeda"),
    ],
)
def test_a_position_that_asks_for_a_place_makes_a_place(text: str, place: str) -> None:
    assert found(text).get(place) == "place"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The exposure was reported. Employee #4417 was sent home.", "4417"),
        ("Well today. Participant 0231 withdrew.", "0231"),
        ("Rijksregisternummer 85.01.01-123.45 was written down.", "85.01.01-123.45"),
    ],
)
def test_short_numbers_behind_a_label_are_found(text: str, code: str) -> None:
    assert found(text).get(code) == "other"


@pytest.mark.parametrize(
    "text",
    [
        "Follow up with Orthopedics and Nephrology. Admitted under Observation. Reviewed with Family.",
        "A study of 2300 patients. Sample size 250. Case series of 40. Order sets were updated in 2019.",
        "Moved to Step-Down. Transferred from Medicine to Surgery. Works in Human Resources.",
        "Born with Tetralogy of Fallot. The National Library of Medicine has a fact sheet.",
        "Address: unknown. Home: stable. City: n/a",
    ],
)
def test_wards_studies_and_empty_fields_are_none(text: str) -> None:
    assert found(text) == {}
