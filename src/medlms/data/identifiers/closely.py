"""A close reading behind the rules: what the network adds to their findings, what it takes back, and what it calls otherwise."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from medlms.data.identifiers.finding import KINDS, Finding, settled
from medlms.data.identifiers.network import network, units
from medlms.data.identifiers.view import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medlms.data.identifiers.pieces import Pieces

# Shares of the network, chosen on texts that nothing was fitted to (tests/identifiers/held; docs/log.md says when).
ENOUGH = 0.35  # from which a word belongs to an identifier
ENOUGH_NUMBER = 0.5  # the same for what has digits
ENOUGH_ALONE = 0.75  # the same for a single letter, and in a text of few words
BESIDE = 0.05  # the same for what is joined to such a word by a hyphen, a dot or the like
DOUBTED = 0.2  # below which what the rules found is taken back
FIRM = 0.95  # confidence of a rule from which nothing is taken back
SURE = 0.6  # from which the network's class stands in the place of the rules'
FEW = 8  # words; in a shorter text little tells a name from a term

_RULE, _TRUST = "read closely", 0.65  # name and confidence of what is added
_DIGITS_OF_A_DATE, _YEAR = 8, 4
_CARRIED = ("Mn", "Mc", "Cf")  # categories of marks that belong to the letter before them
_TYING = frozenset("-./:@_#+&'’")  # between two parts of one identifier, without blanks
_BRIDGES = frozenset((" ", ". ", ", ", "-", " - ", "'", "’", ".", "/", " (", ") ", ")", "+", " +"))


class Unit(NamedTuple):
    """Letters and digits without a gap: place in the text, its shares of each class, how likely it belongs to any."""

    start: int
    end: int
    shares: NDArray[np.float32]
    any: float


def read_closely(seen: View, found: Sequence[Finding]) -> list[Finding]:
    """``found`` by rules, settled, with what the network adds, and without what it holds for none.

    What comes back is in order of place and without overlaps.
    """
    pieces, shares = network().shares(seen.text, found)
    words = [_unit(pieces, shares, first, last) for first, last in units(seen.text, pieces)]
    chosen = _chosen(seen.text, words)
    added = [_finding(seen.text, words[first : last + 1]) for first, last in _joined(seen.text, words, chosen)]
    kept = _believed(seen.text, words, found)
    return [_trimmed(seen.text, item) if item.rule == _RULE else item for item in settled([*kept, *added])]


def _unit(pieces: Pieces, shares: NDArray[np.float32], begin: int, end: int) -> Unit:
    some = shares[begin:end]
    return Unit(pieces.starts[begin], pieces.ends[end - 1], some.mean(0), 1 - float(some[:, 0].min()))


def _chosen(text: str, units: Sequence[Unit]) -> set[int]:
    """Units that belong to an identifier by their own share, or by that and a neighbour's."""
    few = len(units) < FEW
    chosen = {place for place, unit in enumerate(units) if unit.any >= _enough(text, unit, few=few)}
    for step in (1, -1):
        for place in range(len(units))[::step]:
            near = place - step
            if place in chosen or near not in chosen or units[place].any < BESIDE:
                continue
            first, last = units[min(place, near)], units[max(place, near)]
            if (gap := text[first.end : last.start]) and _TYING.issuperset(gap):
                chosen.add(place)
    return chosen


def _enough(text: str, unit: Unit, *, few: bool) -> float:
    said = text[unit.start : unit.end]
    if few or len(said) == 1:
        return ENOUGH_ALONE
    return ENOUGH_NUMBER if any(map(str.isdigit, said)) else ENOUGH


def _kind(shares: NDArray[np.float32], said: str) -> str:
    """The likeliest class that ``said`` can be of: no name has digits, and no date more than a day, a month and a year."""
    digits = sum(map(str.isdigit, said))
    ranked = sorted(zip(shares[1:].tolist(), KINDS, strict=True), key=lambda pair: -pair[0])
    return next(
        kind
        for _, kind in ranked
        if not (kind == "name" and digits) and not (kind == "date" and digits > _DIGITS_OF_A_DATE)
    )


def _trimmed(text: str, item: Finding) -> Finding:
    """Without blanks and marks at its ends, which are left where another finding took the rest; with accents behind it."""
    start, end = item.start, item.end
    while start < end - 1 and not text[start].isalnum():
        start += 1
    while end - 1 > start and not text[end - 1].isalnum():
        end -= 1
    while end < len(text) and unicodedata.category(text[end]) in _CARRIED:
        end += 1
    return replace(item, start=start, end=end)


def _joined(text: str, units: Sequence[Unit], chosen: set[int]) -> Iterator[tuple[int, int]]:
    """First and last unit of stretches of one class with nothing but a blank or a small mark between them."""
    held: tuple[int, int] | None = None
    for place in sorted(chosen):
        if held and place == held[1] + 1 and _belongs(text, units, held, place):
            held = (held[0], place)
            continue
        if held:
            yield held
        held = (place, place)
    if held:
        yield held


def _belongs(text: str, units: Sequence[Unit], held: tuple[int, int], place: int) -> bool:
    """Whether a unit goes on with the stretch before it; of two dates the second one doesn't."""
    kinds = {_kind_of(text, units[held[1]]), _kind_of(text, units[place])}
    if kinds == {"date"}:
        digits = sum(map(str.isdigit, text[units[held[0]].start : units[place].end]))
        has_year = any(unit.end - unit.start == _YEAR for unit in units[held[0] : place])
        if has_year and digits > _DIGITS_OF_A_DATE:
            return False
    gap = text[units[held[1]].end : units[place].start]
    return _TYING.issuperset(gap) or (gap in _BRIDGES and len(kinds) == 1)


def _kind_of(text: str, unit: Unit) -> str:
    return _kind(unit.shares, text[unit.start : unit.end])


def _finding(text: str, units: Sequence[Unit]) -> Finding:
    start, end = units[0].start, units[-1].end
    return Finding(start, end, _kind(_shares(units), text[start:end]), _RULE, _TRUST)


def _shares(units: Sequence[Unit]) -> NDArray[np.float32]:
    """Shares of several units, by their lengths."""
    total: NDArray[np.float32] = sum(unit.shares * (unit.end - unit.start) for unit in units)  # type: ignore[assignment]
    total /= sum(unit.end - unit.start for unit in units)
    return total


def _believed(text: str, units: Sequence[Unit], found: Sequence[Finding]) -> Iterator[Finding]:
    """What rules found but for that in which the network holds nothing for likely; of the class that it is sure of."""
    first = 0
    for item in found:
        while first < len(units) and units[first].end <= item.start:
            first += 1
        last = first
        while last < len(units) and units[last].start < item.end:
            last += 1
        some = units[first:last]
        if not some:
            yield item
            continue
        if item.confidence < FIRM and max(unit.any for unit in some) < DOUBTED:
            continue
        shares = _shares(some)
        kind = _kind(shares, text[item.start : item.end])
        sure = float(shares[1 + KINDS.index(kind)]) >= SURE
        yield replace(item, kind=kind) if sure and kind != item.kind else item
