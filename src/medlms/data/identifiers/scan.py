"""The scan: every rule over a text, overlaps settled, and the tagger's second reading."""

from __future__ import annotations

from medlms.data.identifiers.ages import ages
from medlms.data.identifiers.calendars import calendars
from medlms.data.identifiers.closely import read_closely
from medlms.data.identifiers.codes import codes
from medlms.data.identifiers.contact import addresses
from medlms.data.identifiers.dates import dates
from medlms.data.identifiers.finding import Finding, settled
from medlms.data.identifiers.forms import forms
from medlms.data.identifiers.hl7 import segments
from medlms.data.identifiers.initials import initials
from medlms.data.identifiers.names import names
from medlms.data.identifiers.phones import phones
from medlms.data.identifiers.places import places
from medlms.data.identifiers.plates import plates
from medlms.data.identifiers.rereading import read_again
from medlms.data.identifiers.spaced import spaced
from medlms.data.identifiers.tables import tables
from medlms.data.identifiers.view import View, view
from medlms.data.identifiers.x12 import elements

_RULES = (
    addresses,
    phones,
    forms,
    codes,
    spaced,
    plates,
    dates,
    calendars,
    ages,
    places,
    names,
    initials,
    tables,
    segments,
    elements,
)


def scan(text: str) -> list[Finding]:
    """What in ``text`` looks like an identifier of a person, in order of place and without overlaps."""
    seen = view(text)
    return read_again(seen, by_rules(seen))


def scan_closely(text: str) -> list[Finding]:
    """As ``scan``, with a network in the place of the tagger: it finds more, at some 10 KB a second."""
    seen = view(text)
    return read_closely(seen, by_rules(seen))


def by_rules(seen: View) -> list[Finding]:
    """What the rules find, in order of place and without overlaps."""
    return settled(found for rule in _RULES for found in rule(seen))
