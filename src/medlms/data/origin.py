"""What is kept of every row that was read, whatever becomes of it, and of every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from medlms.types import Source


class Origin(NamedTuple):
    """A row as it was read, without its texts: ``mark`` is a hash of them, ``cleaned`` names the steps that changed it.

    ``links`` are those to documents and topics.
    """

    id: str
    source: str
    licence: str
    place: str
    mark: str
    links: tuple[str, ...]
    cleaned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a source gave. Of its ``rows_in`` rows ``usable`` could be read; ``unread`` numbers the ledger's entries of the rest.

    ``linked`` says whether any row had a topic or a link, ``changed`` how many rows each cleaning step changed, ``cleaning`` is
    the account of these steps. The other fields are those of ``datasets.Loaded``.
    """

    source: Source
    rows_in: int
    usable: int
    unread: range
    files: Mapping[str, str]
    said: Sequence[str]
    topics: tuple[str, ...]
    linked: bool
    changed: Mapping[str, int]
    cleaning: list[dict[str, Any]]
