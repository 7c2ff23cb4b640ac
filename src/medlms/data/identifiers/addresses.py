"""What stands around a town: the street before it, the post code beside it, towns behind a street."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import is_common
from medlms.data.identifiers.states import CODE, COUNTRIES, SHORT, STATES
from medlms.data.identifiers.towns import CODE_BEFORE, town_at
from medlms.data.identifiers.view import View

_SURE = 0.75
_LOOK = 84  # characters before a town in which its street is looked for
_STATE = rf"(?:(?:,|\^)? {{0,2}}(?:{SHORT}|{'|'.join(sorted(STATES | COUNTRIES, key=len, reverse=True))})\b\.?)?"
_CODE_BEHIND = re.compile(
    rf"{_STATE}(?:,|\^| -)? {{0,2}}({CODE})(?![\w%]|[.,/-][0-9]| ?(?:mg|ml|mcg|kg|g|y/?o|years?|days?|weeks?|hours|bpm)\b)"
)
_TYPES = re.compile(
    r"\b(?:street|st|avenue|ave|road|rd|drive|lane|ln|boulevard|blvd|court|close|way|grove|track|place|terrace|crescent|"
    r"gardens|hill|mews|row|walk)\b\.?$"
)
# What stands before an address, in text that has no case.
_ENDS = frozenset(
    "at to from in is was my his her their our address near lives lived live living and pickup claims post on home visit "
    "sent services client "
    "patient pt partner by of bill bills mail ship with for moved phone fax tel street: addr residence resides located "
    "location shipped "
    "mailed deliver delivery claim serv that or house: returned location: city: via dest back insurance".split()
)
_INSIDE = frozenset(
    "de del la las los el e y lgh bis ter km und der am an den dem im zur zum van von av av. of the no no. nr nr. n° # c/o "
    "s/n".split()
)
_GAP = re.compile(r"(?:[,;]|\^{1,2}| -)? {0,2}(?:,? )?")
_CODE_FIRST = re.compile(rf"({CODE})(?![\w%]|[.,/-][0-9]) {{1,2}}")
_PIECE = re.compile(r"\S+")


def around(seen: View, places: Iterable[Finding]) -> Iterator[Finding]:
    """Streets and post codes beside towns that were found."""
    for town in places:
        if (hit := _CODE_BEHIND.match(seen.low, town.end)) and (len(hit[1]) > 4 or hit.start(1) > town.end + 2):
            yield Finding(*hit.span(1), "place", "post code", 0.86)
        start = town.start
        if hit := CODE_BEFORE.search(seen.low, max(0, start - 14), start):
            yield Finding(*hit.span(1), "place", "post code", 0.86)
            start = hit.start(1)
        if (seen.cased or town.confidence > _SURE) and (found := _street_before(seen, start)):
            yield found


def _street_before(seen: View, end: int) -> Finding | None:
    """What stands before a town and a comma, back to the word that leads to it, if it has a number or a word for a street."""
    gap = seen.text[max(0, end - 3) : end]
    if not re.search(r"[,\n^] {0,2}$", gap):
        return None
    stop = len(seen.low[:end].rstrip(" ,\n^"))
    begin = max(0, stop - _LOOK)
    cut = max(seen.text.rfind(mark, begin, stop) for mark in ("\n\n", ": ", "; ", "|", "(", '"', "=", ">", "\t", "- "))
    begin = max(begin, cut + 1)
    first = stop
    for piece in reversed(list(_PIECE.finditer(seen.flat, begin, stop))):
        if not _belongs(seen, piece):
            break
        if "\n" in seen.text[piece.end() : first] and any(map(str.isdigit, seen.flat[first:stop])):
            break
        first = piece.start()
    first = _trimmed(seen, first, stop)
    said = seen.flat[first:stop]
    digit = any(map(str.isdigit, said))
    if not (3 < len(said) < _LOOK) or not any(map(str.isalpha, said)) or not (digit or _TYPES.search(said.lower())):
        return None
    words = len(re.findall(r"[^\W\d_]{2,}", said))
    return Finding(first, stop, "place", "before a town", 0.8) if words else None


_STARTS = re.compile(r"(?:lot|unit|flat|plot|shop|house|apt|no|h\.no|door|suite|block|số|c/o)\.?$|[0-9#]")
_MANY = 3  # words before a house from which they belong to something else


def _trimmed(seen: View, first: int, stop: int) -> int:
    """Where the house or flat begins, if more than a few words stand before it."""
    pieces = list(_PIECE.finditer(seen.low, first, stop))
    for place, piece in enumerate(pieces[:-1]):
        if (
            place >= 1
            and _STARTS.match(piece.group())
            and (place > _MANY or pieces[place - 1].group().endswith(",") or seen.flat[piece.start() - 2].isupper())
        ):
            return piece.start()
    return first


def _belongs(seen: View, piece: re.Match[str]) -> bool:
    """Whether a piece of text can be part of a street."""
    said, low = piece.group(), piece.group().lower().strip(",")
    if said.endswith((".", ":", ";", ")")) and len(said) > 5:
        return False
    if seen.cased:
        return said[0].isupper() or said[0].isdigit() or said[0] in "#'" or low in _INSIDE
    return low not in _ENDS or low == "no"


def behind(seen: View, place: int) -> Iterator[Finding]:
    """Districts, town and post code behind a street."""
    for more in range(4):
        gap = _GAP.match(seen.low, place)
        at = gap.end() if gap else place
        if at == place or "\n\n" in seen.text[place:at]:
            return
        code = _CODE_FIRST.match(seen.low, at)
        if code:
            at = code.end()
        end, known = town_at(seen, at)
        said = seen.low[at:end]
        if (
            not end
            or said in STATES
            or (seen.cased and not seen.flat[at].isupper())
            or (not known and (more or not _unknown_town(seen, at, end)))
        ):
            return
        if code:
            yield Finding(*code.span(1), "place", "post code", 0.86)
        if said not in COUNTRIES:
            yield Finding(at, end, "place", "behind a street", 0.8)
        if hit := _CODE_BEHIND.match(seen.low, end):
            yield Finding(*hit.span(1), "place", "post code", 0.86)
            return
        place = end


def _unknown_town(seen: View, start: int, end: int) -> bool:
    """Whether words that no list has can be a town behind a street: with a capital, no abbreviation."""
    said = seen.flat[start:end]
    return seen.cased and said[1:2].islower() and not said.endswith(".") and not is_common(said.lower().split()[0])
