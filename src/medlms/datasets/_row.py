"""One row of a table, before anybody knows what its columns mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One row and where it stands."""

    place: str
    number: int
    values: dict[str, Any]
