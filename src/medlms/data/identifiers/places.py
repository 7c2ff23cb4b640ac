"""Places below a state: streets, towns, counties, districts and post codes."""

from __future__ import annotations

from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.postcodes import post_codes
from medlms.data.identifiers.streets import streets
from medlms.data.identifiers.towns import towns
from medlms.data.identifiers.view import View


def places(seen: View) -> Iterator[Finding]:
    """Places below a state; states and countries are no identifiers."""
    yield from streets(seen)
    if seen.digits:
        yield from post_codes(seen)
    yield from towns(seen)
