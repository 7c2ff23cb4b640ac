"""Names and places read again behind the rules: what the tagger adds to their findings, and what it takes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medlms.data.identifiers.finding import Finding, settled
from medlms.data.identifiers.states import COUNTRIES, SHORT_STATES, STATES
from medlms.data.identifiers.tagger import KINDS, NEAR, tagger
from medlms.data.identifiers.tokens import Tokens, tokens
from medlms.data.identifiers.view import View

_ENOUGH = 0.35  # share from which a token belongs to a name or a place
_ENOUGH_ALONE = 0.75  # the same for a number or a letter that stands alone
_DOUBTED = 0.3  # share below which what rules found is taken back
_MARKUP = ("<", "</")
_LANDS = STATES | COUNTRIES
_BESIDE = frozenset((" ", ", ", "-", ". ", "\n", ",", "/"))
_LEFT = frozenset(("initials", "initials of a typist"))  # rules whose findings are never taken back


def read_again(seen: View, found: list[Finding]) -> list[Finding]:
    """``found`` with the names and places that the tagger adds, and without those that it takes for none.

    What comes in and what comes back is settled: in order of place, without overlaps.
    """
    these = tokens(seen, found)
    shares = tagger().shares(seen, these)
    if not shares:
        return found
    kinds = {
        place: KINDS[pair[1] > pair[0]]
        for place, pair in shares.items()
        if sum(pair) >= _ENOUGH and not these.found[place] and not these.gaps[place].endswith(_MARKUP)
    }
    for place in [place for place in kinds if _is_small(these, place) and sum(shares[place]) < _ENOUGH_ALONE]:
        if not any(kinds.get(near, these.found[near]) == kinds[place] for near in _beside(these, place)):
            del kinds[place]
    for place in [place for place in kinds if _is_state(these, place)]:
        del kinds[place]
    added = [Finding(start, end, kind, "learned", 0.65) for start, end, kind in _joined(these, sorted(kinds.items()))]
    kept = list(_believed(these, shares, found))
    return settled([*kept, *added]) if added else kept


def _is_small(these: Tokens, place: int) -> bool:
    """Whether a token is a number or a single letter, which alone is seldom a place or a name."""
    return these.looks[place].lists[0] == "d" or len(these.said[place]) == 1


def _beside(these: Tokens, place: int) -> Iterator[int]:
    close = NEAR if these.said[place].isalpha() else _BESIDE
    if place and these.gaps[place] in close:
        yield place - 1
    if place + 1 < len(these) and these.gaps[place + 1] in close:
        yield place + 1


def _is_state(these: Tokens, place: int) -> bool:
    """Whether a token is a state or a country, or the first or second word of one."""
    words = [look.low for look in these.looks[max(0, place - 1) : place + 2]]
    here = min(place, 1)
    return (
        (words[here] in SHORT_STATES and these.said[place].isupper())
        or words[here] in _LANDS
        or " ".join(words[here : here + 2]) in _LANDS
        or (here == 1 and " ".join(words[:2]) in _LANDS)
    )


def _believed(these: Tokens, shares: dict[int, tuple[float, float]], found: Sequence[Finding]) -> Iterator[Finding]:
    """What rules found but for names and places whose likeliest word is none; numbers and initials are left to the rules."""
    likely: dict[int, float] = {}
    number = 0
    for place, pair in shares.items():
        if these.found[place]:
            while found[number].end <= these.starts[place]:
                number += 1
            sure = _is_small(these, place) or found[number].rule in _LEFT
            likely[number] = max(likely.get(number, 0.0), 1.0 if sure else sum(pair))
    for number, item in enumerate(found):
        if likely.get(number, 1.0) >= _DOUBTED:
            yield item


_BRIDGES = frozenset("of the and on de del da do la las los le du van von der den al el y e".split())


def _joined(these: Tokens, kinds: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Stretches of tokens of one kind with nothing but a blank, a dot or small words such as 'of the' between them."""
    held: tuple[int, int, str] | None = None  # first token, last token, kind
    for place, kind in kinds:
        if held and held[2] == kind and _bridged(these, held[1], place, kind):
            held = (held[0], place, kind)
            continue
        if held:
            yield _span(these, held)
        held = (place, place, kind)
    if held:
        yield _span(these, held)


def _bridged(these: Tokens, last: int, place: int, kind: str) -> bool:
    small = range(last + 1, place)
    return (
        place - last < 4
        and all(these.gaps[here] in (NEAR if not small else (" ",)) for here in range(last + 1, place + 1))
        and all(these.looks[here].low in _BRIDGES and not these.found[here] for here in small)
        and (kind == "place" or not any(these.looks[here].low in ("and", "of", "on", "the") for here in small))
    )


def _span(these: Tokens, held: tuple[int, int, str]) -> tuple[int, int, str]:
    end = these.ends[held[1]]
    if these.said[held[1]].lower().endswith("'s"):
        end -= 2
    return these.starts[held[0]], end, held[2]
