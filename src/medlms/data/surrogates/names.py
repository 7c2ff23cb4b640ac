"""Surrogates of people's names, word for word: 'Smith, John', 'Mr. Smith' and 'JOHN SMITH' stay one person."""

from __future__ import annotations

import re

from medlms.data.identifiers.words import words
from medlms.data.surrogates import fiction
from medlms.data.surrogates.group import Group, cased, folded

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+")
_KEPT = frozenset(
    "mr mrs ms miss dr prof md do rn np pa phd jr sr ii iii iv de del de la le van von der den bin ibn al el y e da dos di du "
    "and of the or".split()
)


def name(group: Group, original: str) -> str:
    """The name with another word in the place of each; titles, particles, initials' dots and commas stay."""
    found = list(_WORD.finditer(original))
    parts = [hit for hit in found if not _stays(hit.group(), len(found))]
    comma = original.find(",")
    made, end = [], 0
    for number, hit in enumerate(parts):
        made += [original[end : hit.start()], _word(group, hit.group(), _is_given(hit, number, len(parts), comma))]
        end = hit.end()
    return "".join(made) + original[end:]


def _stays(word: str, count: int) -> bool:
    return count > 1 and len(word) > 1 and folded(word) in _KEPT


def _is_given(hit: re.Match[str], number: int, count: int, comma: int) -> bool:
    if comma >= 0 and "^" not in hit.string:
        return hit.start() > comma
    if "^" in hit.string:
        return number > 0
    if count > 1:
        return number < count - 1
    plain = folded(hit.group())
    return plain in words("given") and plain not in words("family")


def _word(group: Group, word: str, is_given: bool) -> str:
    plain = folded(word)
    if word.isdigit():
        return "".join(str(group.stream("digit", f"{word}{at}").below(10)) for at in range(len(word)))
    if len(plain) == 1:
        letter = group.one("initial", plain, lambda draw: draw.of(tuple("ABCDEFGHJKLMNPRSTVW")))
        return cased(letter, word)
    # Whether a word is a given or a family name is settled where it stands first.
    return cased(group.one("name", plain, fiction.given if is_given else fiction.family), word)
