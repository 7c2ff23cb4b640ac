"""Positions in a sentence where English has a place: 'a guesthouse in X', 'corner of X and Y', 'the X area'."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import UNKNOWN, WORD, is_common, is_eponym, is_town, rank
from medlms.data.identifiers.states import COUNTRIES, STATES
from medlms.data.identifiers.view import View

_LOOK = 72  # characters before a place
_BACK = 6  # words before a preposition among which a word of living is looked for
_PREPOSITIONS = frozenset(
    "in from to near outside at of via around off on into through between towards toward beyond past above "
    "leaving".split()
)
# Verbs and things that tell where somebody lives, goes, works or comes from.
_LIVING = frozenset(
    "live lives living lived born raised grew grown reared moved move moves moving relocated relocating settled "
    "stay stays staying "
    "stayed reside resides residing resided resident residents native home hometown house houses apartment flat "
    "room cottage cabin "
    "trailer farm ranch farms farming barn shelter motel hotel hostel guesthouse lodge camp dorm halls village "
    "villages town towns "
    "city hamlet suburb suburbs neighborhood neighbourhood parish school schools college church mosque temple "
    "market store shop "
    "pharmacy factory mill mine quarry prison jail site office offices practice practices clinic hospital rehab "
    "nursing hospice "
    "visit visits visiting visited travel travels travelled traveled travelling traveling trip flew fly drove "
    "drive drives driving "
    "commutes arrived arrive arrives came comes come back returned returning return came hails originally "
    "emigrated immigrated "
    "migrated fled deported evacuated parents family relatives cousins mother father sister brother son daughter "
    "aunt uncle wife "
    "husband kids children grandmother grandparents buried burial funeral wedding vacation holiday holidays work "
    "works worked working "
    "teaches taught retired driver pilot farmer teacher fisherman student volunteers volunteered served "
    "stationed based employed "
    "down up over out here there we're they're she's he's transferred transported taken airlifted picked pick "
    "dispatched crash "
    "accident collision mvc mva scene incident plant building site pub bar restaurant bank post gym "
    "yard garden beach lake corner intersection junction mile miles minutes north south east west half road "
    "street cousin friends "
    "friend property land place places cemetery warehouse depot harbour harbor dock docks station stop bridge "
    "branch".split()
)
_OF = frozenset(
    "resident residents formerly late originally native village town city parish hamlet suburb citizen north "
    "south east west outside out miles outskirts "
    "borough township community".split()
)
_ENDS = frozenset(
    "falls hollow farm farms creek heights grove springs valley city glen ranch meadows crossing landing "
    "junction prairie ferry "
    "mills bluff bluffs harbor harbour bay beach lake lakes island islands hills ridge cove shores estates "
    "gardens manor village "
    "township park hill moor common woods forest rapids pines oaks canyon mesa fork forks gap corners bridge "
    "town".split()
)
_AREA = re.compile(
    r" (?:area|section|neighbou?rhood|side of (?:town|the city)|quarter|suburbs?|region|site|campus|reservation|"
    r"estate|projects|"
    r"precinct|exit|off-ramp|county line|metro area|community)\b"
)
_TITLE = r"[A-ZÀ-ÞĀ-ɏḀ-ỿ][a-zß-ÿĀ-ɏḀ-ỿʻ'-]+"
_RUN = rf"{_TITLE}(?:[ -]{_TITLE}){{0,2}}"
_NAMED_AREA = re.compile(rf"\b[Tt]he ({_RUN})(?= [a-z])")
_NAMED_END = re.compile(rf"(?<=[a-z(,;:0-9] )({_TITLE} (?:{_TITLE} )?{_TITLE})(?![\w-])")
_CORNER = re.compile(rf"\b(?:[Cc]orner of|[Ii]ntersection of|[Bb]etween|[Jj]unction of) ({_RUN}) (?:and|&) ({_RUN})")
_POST_LINE = re.compile(rf"\n((?:[A-Z]{{1,2}}-)?[0-9]{{4,6}} (?:St\. )?{_RUN})[ ,]*(?=\n|$)")
_ROAD_LINE = re.compile(rf"\n({_RUN},? [0-9]{{1,4}} ?[a-zA-Z]?)$")
_CALLED = re.compile(
    rf"\b(?:farm|village|town|house|place|hamlet|street|estate|ranch|cottage) (?:called|named) ({_RUN})"
)


def lived_in(low: str, start: int) -> bool:
    """Whether a preposition of place stands before ``start`` and a word of living a few words before that."""
    words = low[max(0, start - _LOOK) : start].split()
    if low[start - 1 : start] == "(":
        return len(words) > 1 and words[-2] in ("towns", "villages", "cities", "suburbs", "counties")
    if words and words[-1] == "the":
        words.pop()
    if not words:
        return False
    if words[-1] == "born":
        return True
    if words[-1] not in _PREPOSITIONS:
        return False
    if words[-1] == "of":
        return len(words) > 1 and (words[-2].endswith(",") or words[-2] in _OF)
    for word in reversed(words[-1 - _BACK : -1]):
        if word.endswith((".", ";", "!", "?", ":")):
            return False
        if word.strip("(,\"'") in _LIVING:
            return True
    return False


def settlings(seen: View) -> Iterator[Finding]:
    """Places that a word behind or before them makes places: 'Kettle Falls', 'the Tremont section', 'a farm called Hafod'."""
    if not seen.cased:
        return
    if "\n" in seen.text and seen.digits:
        yield from _lines(seen.text)
    for hit in _NAMED_AREA.finditer(seen.flat):
        if _AREA.match(seen.low, hit.end()) and _proper(hit[1]):
            yield Finding(*hit.span(1), "place", "area", 0.7)
    for hit in _NAMED_END.finditer(seen.flat):
        low = hit[1].lower()
        if low.rpartition(" ")[2] in _ENDS and _is_settlement(seen, hit.start(1), low):
            yield Finding(*hit.span(1), "place", "ends as places do", 0.7)
    for pattern in (_CORNER, _CALLED):
        for hit in pattern.finditer(seen.flat):
            for group in range(1, (hit.lastindex or 0) + 1):
                if pattern is _CALLED or _proper(hit[group]):
                    yield Finding(*hit.span(group), "place", "corner" if pattern is _CORNER else "called", 0.7)


def _lines(text: str) -> Iterator[Finding]:
    """A line of post code and town, and the street above it, as on envelopes."""
    for hit in _POST_LINE.finditer(text):
        yield Finding(*hit.span(1), "place", "post line", 0.76)
        if road := _ROAD_LINE.search(text, max(0, hit.start() - 60), hit.start()):
            yield Finding(*road.span(1), "place", "post line", 0.76)


def _is_settlement(seen: View, start: int, low: str) -> bool:
    """Behind a word of living, or behind 'in', 'near' and the like with a first word that is no word of notes."""
    before = seen.low[max(0, start - 10) : start].split()
    if low in STATES or low in COUNTRIES or not before or before[-1] not in _PREPOSITIONS:
        return False
    return lived_in(seen.low, start) or not is_common(low.split()[0])


def _proper(said: str) -> bool:
    """Whether words can be the name of a place: a town of the lists, or a word of no list, no eponym, no country."""
    words = said.lower().replace("-", " ").split()
    low = said.lower()
    if low in STATES or low in COUNTRIES or any(is_eponym(word) for word in words):
        return False
    own = [word for word in words if not is_common(word) and rank(word) != WORD]
    return is_town(low) or (len(words) > 1 and bool(own)) or (len(words) == 1 and rank(low) == UNKNOWN)
