"""Tokens of a text for the tagger: what each is by the lists and its shape, and which may belong to a name or a place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from medlms.data.identifiers import cues, parts
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import LABEL_WORDS
from medlms.data.identifiers.lexicon import (
    BOTH,
    NAME,
    WORD,
    family_names,
    folded,
    given_names,
    is_common,
    is_eponym,
    is_family,
    is_given,
    is_town,
    rank,
    town_openings,
    towns,
)
from medlms.data.identifiers.states import COUNTRIES, SHORT_STATES, STATES
from medlms.data.identifiers.view import View
from medlms.data.identifiers.words import words

_TOKEN = re.compile(r"([^\W_]+(?:['-][^\W_]+)*)")
_PARTICLES = frozenset(
    "de del della di da do dos das du la las los van von der den ter ten bin ibn al el y e st".split()
)
_MANY_BLANKS = re.compile(" {2,}")
_WRAPPED = 45  # characters of a line from which a break behind a word or a comma is taken for a wrapped line
EDGE = "^"
_REMEMBERED = 1 << 16  # tokens of which it is remembered what they are


class Look(NamedTuple):
    """What a token is without its context: lower case, class by the lists, shape, name in the context of others, freedom.

    ``free``: 0 never part of a name or a place, -1 before one, 1 beside one, 2 where it stands within a sentence, 3 anywhere.
    """

    low: str
    lists: str
    shape: str
    key: str
    free: int


@dataclass(frozen=True)
class Tokens:
    """Tokens of a text, lists of one length: places, looks, what stands before each, what rules found there and by which."""

    starts: list[int]
    ends: list[int]
    said: list[str]
    looks: list[Look]
    gaps: list[str]
    found: list[str]
    rules: list[str]
    cased: bool

    def __len__(self) -> int:
        return len(self.starts)


def look(said: str, cased: bool) -> Look:
    """What ``said`` is; ``cased``: capitals say something in its text."""
    low = said.lower().removesuffix("'s")
    shape = _shape(said)
    if not said[0].isalpha() or (not said.isalpha() and any(map(str.isdigit, said))):
        key = "".join("9" if mark.isdigit() else "a" for mark in low)[:6]
        return Look(low, "d" + key, shape, key, 1 if shape[0] in "9A" else 0)
    kind = rank(low) if len(low) > 1 else WORD
    common = is_common(low)
    flags = ("c" if common else "") + _listed(low) + ("i" if len(low) == 1 else "")
    key = low if kind == WORD or (kind == BOTH and common) or "l" in flags or "m" in flags else f"<{kind}{flags}>"
    if cased:
        free = (2 if common and kind == WORD else 3) if said[0].isupper() else 2 if kind == NAME and len(low) > 2 else 0
        if low in _PARTICLES and not free:
            free = -1
    else:
        free = 3 if len(low) > 1 and (not common or kind != WORD) else 1
    return Look(low, f"{kind}{flags}", shape, key, free)


def _listed(low: str) -> str:
    """Marks of the lists that hold a word: given and family names, towns, eponyms, labels, titles, states."""
    plain = folded(low)
    other = plain.isalpha() and plain not in _named() and plain.removesuffix("s") not in _named()
    if other and low not in _SAID:
        return ""
    held = (
        ("g", is_given(low)),
        ("f", is_family(low)),
        ("t", is_town(low)),
        ("o", plain in town_openings()),
        ("e", is_eponym(low)),
        ("l", low in _LABELS),
        ("m", low in cues.TITLES),
        ("s", low in _STATES),
    )
    return "".join(mark for mark, holds in held if holds)


_LABELS = parts.NEVER | cues.BREAKS | frozenset(LABEL_WORDS)
_STATES = STATES | COUNTRIES | SHORT_STATES
_SAID = _LABELS | cues.TITLES | _STATES


@cache
def _named() -> frozenset[str]:
    """Every word of the lists of names, towns and eponyms: most words are none of them."""
    return given_names() | family_names() | towns() | town_openings() | words("eponyms")


class _Looks(dict[str, Look]):
    """What tokens are, worked out when they are first met."""

    def __init__(self, cased: bool) -> None:
        super().__init__()
        self._cased = cased

    def __missing__(self, said: str) -> Look:
        if len(self) > _REMEMBERED:
            self.clear()
        seen = self[said] = look(said, self._cased)
        return seen


_FREE = itemgetter(4)  # of a Look
LOOKS = (_Looks(False), _Looks(True))


def forget() -> None:
    """Drops what is remembered of tokens: the lists of words have changed."""
    for looks in LOOKS:
        looks.clear()
    _named.cache_clear()


def _shape(said: str) -> str:
    """'Anna' Aa, 'ANNA' AA, 'A' A, 'McAdam' AaA, 'Ann-Lee' Aa-Aa, '12B' 9A: runs as one mark; of numbers the digits."""
    if said.isalpha() and (said.islower() or said.istitle()):
        return "a" if said.islower() else "Aa" if len(said) > 1 else "A"
    marks = "".join(
        "9" if mark.isdigit() else "A" if mark.isupper() else "a" if mark.isalpha() else mark for mark in said
    )
    if "9" in marks:
        return marks[:8]
    return re.sub(r"(A)A+", r"AA", re.sub(r"a+", "a", marks))[:8]


@lru_cache(maxsize=1 << 14)
def _gap(between: str) -> str:
    """What stands between two tokens, short: blanks as one, at most the first and the last two marks."""
    flat = _MANY_BLANKS.sub("  ", between)
    if "\n" in flat:
        flat = "\n\n" if flat.count("\n") > 1 else re.sub(" *\n *", "\n", flat)
    return flat if len(flat) < 5 else flat[:2] + flat[-2:]


def tokens(seen: View, found: Sequence[Finding]) -> Tokens:
    """Tokens of a text with what the rules found (``found``, without overlaps, in order)."""
    flat, cased = seen.flat, seen.cased
    pieces = _TOKEN.split(flat)  # gap, token, gap, ..., gap
    places = list(accumulate(map(len, pieces)))
    starts, ends = places[:-1:2], places[1::2]
    said = pieces[1::2]
    looks = list(map(LOOKS[cased].__getitem__, said))
    gaps = [gap if gap == " " else _gap(gap) for gap in pieces[::2]]
    if "\n" in seen.text:
        _break_lines(seen, starts, ends, gaps)
    if not flat[ends[-1] if ends else 0 :].strip():
        gaps[-1] = EDGE
    return Tokens(starts, ends, said, looks, gaps, *_marked(starts, ends, found), cased)


def _break_lines(seen: View, starts: list[int], ends: list[int], gaps: list[str]) -> None:
    """Marks the ends of lines in ``gaps``; a long line that ends behind a word or a comma is a wrapped one."""
    text, line = seen.text, 0
    here = text.find("\n")
    while here >= 0:
        place = bisect_right(starts, here)
        last = ends[place - 1] if place else 0
        stop = starts[place] if place < len(starts) else len(text)
        raw = text[last:stop]
        wraps = raw.count("\n") == 1 and last - line > _WRAPPED and raw[0] in "\n, "
        gaps[place] = (", " if "," in raw else " ") if wraps else _gap(raw)
        line = text.rfind("\n", last, stop) + 1
        here = text.find("\n", max(stop, here + 1))


def _marked(starts: list[int], ends: list[int], found: Sequence[Finding]) -> tuple[list[str], list[str]]:
    """Per token the kind that the rules found there and the rule that did, or nothing."""
    marked, rules = [""] * len(starts), [""] * len(starts)
    place = 0
    for item in found:
        while place < len(starts) and ends[place] <= item.start:
            place += 1
        here = place
        while here < len(starts) and starts[here] < item.end:
            marked[here], rules[here] = item.kind, item.rule
            here += 1
    return marked, rules


_SENTENCE_END = (".", "!", "?", ":", "\n")


def candidates(these: Tokens) -> list[int]:
    """Tokens that may belong to a name or a place: those found as such, and words by their freedom and their neighbours'."""
    looks, gaps, found = these.looks, these.gaps, these.found
    chosen: list[int] = []
    near = -9  # the last one that was chosen by itself
    waiting: list[int] = []  # tokens that are chosen if one stands behind them
    for place in [place for place, free in enumerate(map(_FREE, looks)) if free or found[place]]:
        kind = found[place]
        if kind and kind not in ("name", "place"):
            waiting.clear()
            continue
        free = looks[place].free
        alone = bool(kind) or free == 3
        if free == 2 and not alone:
            gap = gaps[place]
            alone = gap == " " or (place > 0 and not any(mark in gap for mark in _SENTENCE_END))
        if alone:
            chosen += [other for other in waiting if other >= place - 2]
            waiting.clear()
            chosen.append(place)
            near = place
        elif free > 0 and place - near == 1 and "\n" not in gaps[place]:
            chosen.append(place)
        else:
            waiting.append(place)
    return chosen
