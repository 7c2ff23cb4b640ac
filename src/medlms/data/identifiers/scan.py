"""The scan: every rule over a text, overlaps settled."""

from __future__ import annotations

from medlms.data.identifiers.contact import contacts
from medlms.data.identifiers.dates import dates
from medlms.data.identifiers.finding import Finding, settled
from medlms.data.identifiers.names import names
from medlms.data.identifiers.numbers import numbers
from medlms.data.identifiers.places import places
from medlms.data.identifiers.words import words


def scan(text: str) -> list[Finding]:
    """What in ``text`` looks like an identifier of a person, in order of place and without overlaps."""
    return settled([*contacts(text), *numbers(text), *dates(text), *places(text, words("towns")), *names(text)])
