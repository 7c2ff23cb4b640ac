"""What the tagger sees of a text: its tokens, which of them may belong to a name or a place, and the traits of each."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from medlms.data.identifiers import cues, frames, parts
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import LABEL_WORDS
from medlms.data.identifiers.lexicon import (
    BOTH,
    NAME,
    WORD,
    folded,
    is_common,
    is_eponym,
    is_family,
    is_given,
    is_town,
    rank,
    town_openings,
)
from medlms.data.identifiers.settling import lived_in
from medlms.data.identifiers.states import COUNTRIES, SHORT_STATES, STATES
from medlms.data.identifiers.view import View

_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_PARTICLES = frozenset(
    "de del della di da do dos das du la las los van von der den ter ten bin ibn al el y e st".split()
)
_MANY_BLANKS = re.compile(" {2,}")
_LANDS = STATES | COUNTRIES
_WRAPPED = 45  # characters of a line from which a break behind a word or a comma is taken for a wrapped line
_LINE_LABEL = 5  # tokens back up to which a label with a colon is looked for
_EDGE = "^"
_WINDOW = 4  # tokens to each side that are looked at


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


@lru_cache(maxsize=1 << 16)
def look(said: str, cased: bool) -> Look:
    """What ``said`` is; ``cased``: capitals say something in its text."""
    low = said.lower().removesuffix("'s")
    shape = _shape(said)
    if not said[0].isalpha() or any(map(str.isdigit, said)):
        key = "".join("9" if mark.isdigit() else "a" for mark in low)[:6]
        return Look(low, "d" + key, shape, key, 1 if shape[0] in "9A" else 0)
    kind = rank(low) if len(low) > 1 else WORD
    common = is_common(low)
    flags = "".join(
        mark
        for mark, holds in (
            ("c", common),
            ("g", is_given(low)),
            ("f", is_family(low)),
            ("t", is_town(low)),
            ("o", folded(low) in town_openings()),
            ("e", is_eponym(low)),
            ("l", low in parts.NEVER or low in cues.BREAKS or low in LABEL_WORDS),
            ("m", low in cues.TITLES),
            ("s", low in _LANDS or low in SHORT_STATES),
            ("i", len(low) == 1),
        )
        if holds
    )
    key = low if kind == WORD or (kind == BOTH and common) or "l" in flags or "m" in flags else f"<{kind}{flags}>"
    if cased:
        free = (2 if common and kind == WORD else 3) if said[0].isupper() else 2 if kind == NAME and len(low) > 2 else 0
        if low in _PARTICLES and not free:
            free = -1
    else:
        free = 3 if len(low) > 1 and (not common or kind != WORD) else 1
    return Look(low, f"{kind}{flags}", shape, key, free)


def _shape(said: str) -> str:
    """'Anna' Aa, 'ANNA' AA, 'A' A, 'McAdam' AaA, 'Ann-Lee' Aa-Aa, '12B' 9A: runs as one mark; of numbers the digits."""
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
    spans = [hit.span() for hit in _TOKEN.finditer(flat)]
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    said = [flat[start:end] for start, end in spans]
    looks = [look(word, cased) for word in said]
    between = [flat[last:start] for last, start in zip([0, *ends], [*starts, len(flat)], strict=True)]
    gaps = [gap if gap == " " else _gap(gap) for gap in between]
    if "\n" in seen.text:
        _break_lines(seen, starts, ends, gaps)
    if not flat[ends[-1] if ends else 0 :].strip():
        gaps[-1] = _EDGE
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
    for place in [place for place, seen in enumerate(looks) if seen.free or found[place]]:
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


def own(said: str, cased: bool) -> list[str]:
    """Traits of a token without its context."""
    seen = look(said, cased)
    low = folded(seen.low)
    length = str(min(len(low), 12))
    inner = re.split("['-]", low)
    return [
        f"w {low}",
        f"l {seen.lists}",
        f"s {seen.shape} {cased:d}",
        f"ls {seen.lists} {seen.shape} {cased:d}",
        f"n {length} {seen.lists[0]}",
        f"p2 {low[:2]} {seen.lists[0]}",
        f"p3 {low[:3]} {seen.lists[0]}",
        f"e1 {low[-1:]} {seen.lists[0]}",
        f"e2 {low[-2:]} {seen.lists[0]}",
        f"e3 {low[-3:]} {seen.lists[0]}",
        f"e4 {low[-4:]}",
        f"p4 {low[:4]}",
        f"i {len(inner)} {inner[0] if len(inner) > 1 else ''}",
        f"z {said.lower().endswith(chr(39) + 's'):d} {seen.lists}",
    ]


OWN = 14  # traits of a token without context


class Context:
    """Tokens with edges on both sides, and what is said of words in the whole text: found by rules, written small."""

    def __init__(self, seen: View, these: Tokens) -> None:
        edges, none = [_EDGE] * _WINDOW, [""] * _WINDOW
        looks, found = these.looks, these.found
        self.seen = seen
        self.these = these
        self.keys = [*edges, *[look.key for look in looks], *edges]
        self.looks = [*[_NO_LOOK] * _WINDOW, *looks, *[_NO_LOOK] * _WINDOW]
        self.found = [*none, *found, *none]
        self._names: set[str] = set()
        self._places: set[str] = set()
        for place, kind in enumerate(found):
            if kind == "name":
                self._names.add(looks[place].low)
            elif kind == "place":
                self._places.add(looks[place].low)
            elif kind:
                self.keys[place + _WINDOW] = f"[{kind}]"
        self._small = set(these.said) if these.cased else set()

    def said(self, low: str) -> str:
        """Which of the three hold for ``low``."""
        names, places = "n" if low in self._names else "", "p" if low in self._places else ""
        return names + places + ("s" if low in self._small else "")

    def verdicts(self, place: int) -> str:
        """What cues and frames say of a position: of a person behind, before, behind, of a place before, of a thing behind."""
        seen, start, end = self.seen, self.these.starts[place], self.these.ends[place]
        behind = cues.behind(seen.low, end, True)
        person = frames.led(seen, start)
        told = frames.followed(seen.low, end)
        lived = lived_in(seen.low, start)
        thing = cues.names_a_thing(seen.low, end)
        return f"{behind}{person:d}{told:d}{lived:d}{thing:d}"

    def label(self, place: int) -> str:
        """The word before the nearest colon or the like on the line, and how far it is."""
        gaps = self.these.gaps
        for back in range(place, max(-1, place - _LINE_LABEL), -1):
            gap = gaps[back]
            if gap == " ":
                continue
            if "\n" in gap or back == 0:
                return f"{_EDGE}{place - back}"
            if ":" in gap or "=" in gap or "|" in gap or ">" in gap:
                return f"{self.these.looks[back - 1].key}{place - back}"
        return ""


_NO_LOOK = Look("", _EDGE, _EDGE, _EDGE, 0)


def glanced(around: Context, place: int) -> tuple[tuple[str, ...], ...]:
    """Traits of a token's nearest context, one for each template; most tokens are told by them and their own alone."""
    here = place + _WINDOW
    k1, n1 = around.keys[here - 1], around.keys[here + 1]
    before, after = around.these.gaps[place], around.these.gaps[place + 1]
    look = around.looks[here]
    return (
        (k1, look.lists),
        (n1, look.lists),
        (before, k1),
        (after, n1),
        (around.looks[here - 1].shape, before, look.shape, after, around.looks[here + 1].shape),
        (around.found[here], around.these.rules[place], look.lists),
    )


GLANCED = 6  # traits of a token's nearest context


def traits(around: Context, place: int) -> tuple[tuple[str, ...], ...]:
    """Further traits of a token's context, one for each template, in a fixed order."""
    these, here = around.these, place + _WINDOW
    before, after = these.gaps[place], these.gaps[place + 1]
    k4, k3, k2, k1, _, n1, n2, n3, n4 = around.keys[here - _WINDOW : here + _WINDOW + 1]
    left2, left, own_look, right, right2 = around.looks[here - 2 : here + 3]
    f1, f0, g1 = around.found[here - 1 : here + 2]
    lists, shape = own_look.lists, own_look.shape
    kind = lists[0]
    cased = "c" if these.cased else "u"
    verdicts = around.verdicts(place)
    return (
        (k1,),
        (n1,),
        (k2,),
        (n2,),
        (k3,),
        (n3,),
        (k4,),
        (n4,),
        (before, lists, cased),
        (after, lists, cased),
        (k2, k1),
        (n1, n2),
        (left.lists, before, lists),
        (lists, after, right.lists),
        (left.lists[0], lists, right.lists[0], before, after),
        (k1, n1),
        (f1, f0, g1),
        (f0, lists, shape, cased),
        (f0, around.said(own_look.low), kind),
        (around.label(place), kind),
        (k3, k2, k1),
        (left2.shape, left.shape, shape, right.shape, right2.shape),
        (k2, before, kind),
        (f0, k1, before),
        (f0, n1, after),
        (k2, k1, before, kind),
        (n1, n2, after, kind),
        (before, shape, after, cased),
        (verdicts,),
        (verdicts, lists, cased),
        (verdicts[1], verdicts[3], kind, f0),
    )


CONTEXT = 31  # traits of a token's further context
WIDTH = OWN + GLANCED + CONTEXT  # traits of a token
