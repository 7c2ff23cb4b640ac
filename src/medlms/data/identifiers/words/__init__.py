"""Lists of words that the rules look in: names, towns, eponyms, ordinary words. Read when first asked for.

given, family, common, eponyms, medical, towns: written for this project. faker_given, faker_family, geonames, english: made
by scripts/word_lists.py from packages; the first line of each says the source and its licence.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def words(*names: str) -> frozenset[str]:
    """The words of the lists ``names`` together, in lower case; an underscore in a list stands for a blank."""
    found: set[str] = set()
    for name in names:
        text = resources.files("medlms.data.identifiers.words").joinpath(f"{name}.txt").read_text(encoding="utf-8")
        found.update(
            word.replace("_", " ") for line in text.splitlines() if not line.startswith("#") for word in line.split()
        )
    return frozenset(found)
