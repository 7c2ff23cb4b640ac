"""What the tagger weighs of a token: traits of its own, of its nearest and of its further context."""

from __future__ import annotations

import re
from operator import itemgetter

from medlms.data.identifiers import cues, frames
from medlms.data.identifiers.lexicon import folded
from medlms.data.identifiers.settling import lived_in
from medlms.data.identifiers.tokens import EDGE, LOOKS, Look, Tokens
from medlms.data.identifiers.view import View

_LINE_LABEL = 5  # tokens back up to which a label with a colon is looked for
_WINDOW = 4  # tokens to each side that are looked at


def own(said: str, cased: bool) -> list[str]:
    """Traits of a token without its context."""
    seen = LOOKS[cased][said]
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
        edges, none = [EDGE] * _WINDOW, [""] * _WINDOW
        looks, found = these.looks, these.found
        self.seen = seen
        self.these = these
        self.keys = [*edges, *map(_KEY, looks), *edges]
        self.looks = [*[_NO_LOOK] * _WINDOW, *looks, *[_NO_LOOK] * _WINDOW]
        self.found = [*none, *found, *none]
        self._names: set[str] = set()
        self._places: set[str] = set()
        for place in [place for place, kind in enumerate(found) if kind]:
            kind = found[place]
            if kind == "name":
                self._names.add(looks[place].low)
            elif kind == "place":
                self._places.add(looks[place].low)
            else:
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
                return f"{EDGE}{place - back}"
            if ":" in gap or "=" in gap or "|" in gap or ">" in gap:
                return f"{self.these.looks[back - 1].key}{place - back}"
        return ""


_KEY = itemgetter(3)  # of a Look
_NO_LOOK = Look("", EDGE, EDGE, EDGE, 0)


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
