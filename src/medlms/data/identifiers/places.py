"""Places smaller than a state: streets, towns, counties, post codes."""

from __future__ import annotations

from collections.abc import Iterator

from medlms.data.identifiers.addresses import around
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.postcodes import post_codes
from medlms.data.identifiers.streets import streets
from medlms.data.identifiers.towns import counties, towns
from medlms.data.identifiers.view import View


def places(seen: View) -> Iterator[Finding]:
    """Every part of an address, each a finding of its own."""
    known = list(towns(seen))
    known += (found for found in streets(seen))
    yield from known
    yield from around(seen, [found for found in known if found.rule not in _STREETS])
    yield from post_codes(seen)
    yield from counties(seen)


_STREETS = frozenset(
    (
        "street",
        "road",
        "flat",
        "number behind a street",
        "post code",
        "house and name",
        "plot",
        "box",
        "abroad",
        "rue",
        "numbered",
        "numbered road",
    )
)
