"""Hashes of what a row says: the part of an id that stays when rows are moved, added or taken away."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from medlms.datasets._dialogues import before
from medlms.types import QA


def digest(texts: Iterable[str], size: int) -> str:
    """2 x ``size`` hex digits over the texts, white space aside."""
    folded = "\x1f".join(" ".join(text.split()) for text in texts)
    return hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def mark(row: QA) -> str:
    """16 hex digits over all that is said in a row: the same for the same text, whatever its id and place."""
    return digest((*before(row), row.answer), 8)
