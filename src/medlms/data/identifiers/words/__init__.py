"""Lists of words that the rules look in: names, towns, eponyms, ordinary words. Read when first asked for."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def words(name: str) -> frozenset[str]:
    """The words of the list ``name``, in lower case."""
    text = resources.files("medlms.data.identifiers.words").joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())
