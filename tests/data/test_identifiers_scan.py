"""Rules one by one, on examples of our own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlms.data.identifiers import KINDS, scan
from medlms.data.identifiers.checks import dea, iban, luhn, nhs, npi, vin


def found(text: str) -> dict[str, str]:
    return {text[item.start : item.end]: item.kind for item in scan(text)}


@pytest.mark.parametrize(
    ("text", "said", "kind"),
    [
        ("Write to ann.lee@example.org please.", "ann.lee@example.org", "email"),
        ("See https://example.org/a?b=1.", "https://example.org/a?b=1", "url"),
        ("Logged in from 192.0.2.17 today", "192.0.2.17", "ip"),
        ("Fax 212-555-0147", "212-555-0147", "fax"),
        ("Call (212) 555-0147", "(212) 555-0147", "phone"),
        ("SSN 123-45-6789", "123-45-6789", "ssn"),
        ("MRN: 4471203", "4471203", "mrn"),
        ("Policy number 77120345", "77120345", "plan"),
        ("Seen on March 3, 2019.", "March 3, 2019", "date"),
        ("Born 1950-02-11.", "1950-02-11", "date"),
        ("He is 93 years old.", "93", "date"),
        ("Mr. Okonkwo was seen.", "Okonkwo", "name"),
        ("Lives at 12 Maple Street.", "12 Maple Street", "place"),
    ],
)
def test_finds(text: str, said: str, kind: str) -> None:
    assert found(text).get(said) == kind, found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Blood pressure 120/80 and pain 7/10.",
        "A 45-year-old with Parkinson's disease.",
        "Foley catheter, size 14 Fr, version 12.4.2.1",
        "Take half a tablet twice a day for three weeks.",
        "Poison control: 1-800-222-1222.",
    ],
)
def test_leaves_alone(text: str) -> None:
    assert not found(text)


def test_check_digits() -> None:
    assert luhn("4111111111111111") and not luhn("4111111111111112")
    assert npi("1234567893") and not npi("1234567890")
    assert dea("AB1234563") and not dea("AB1234564")
    assert nhs("9434765919") and not nhs("9434765918")
    assert iban("GB82WEST12345698765432") and not iban("GB82WEST12345698765431")
    assert vin("1M8GDM9AXKP042788") and not vin("1M8GDM9A1KP042788")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_spans_lie_in_the_text_and_apart(text: str) -> None:
    end = 0
    for item in scan(text):
        assert end <= item.start < item.end <= len(text)
        assert item.kind in KINDS
        end = item.end
