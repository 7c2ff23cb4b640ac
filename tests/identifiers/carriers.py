"""The carrier texts: read from files, choices taken, slots filled with identifiers, traps and clinical content."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from tests.identifiers import clinical, dates, numbers, people, places, second
from tests.identifiers.draw import HERE, Draw, Piece, lists

CHOICE = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
SLOT = re.compile(r"\{([^{}]+)\}")
Maker = Callable[[Draw, str, str], list[Piece]]


@dataclass(frozen=True)
class Carrier:
    """A text with slots; `styles` are the ways in which it may be spoilt (plain, lower, upper, wrapped, transcript)."""

    name: str
    genre: str
    styles: tuple[str, ...]
    text: str


@cache
def carriers(split: str) -> tuple[Carrier, ...]:
    """All carriers of a split: blocks of carriers-*.txt behind lines `=== name genre styles`."""
    found = []
    for path in sorted((HERE / split).glob("carriers-*.txt")):
        for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            head, _, text = block.partition("\n")
            name, genre, styles = head.split()
            found.append(Carrier(name, genre, tuple(styles.split(",")), text.strip("\n")))
    return tuple(found)


def filled(draw: Draw, carrier: Carrier) -> list[Piece]:
    """The carrier's text in pieces."""
    text = CHOICE.sub(lambda hit: draw.pick(hit[1].split("||")), carrier.text)
    pieces: list[Piece] = []
    end = 0
    for hit in SLOT.finditer(text):
        pieces.append(Piece(literal(text[end : hit.start()])))
        pieces.extend(slot(draw, hit[1]))
        end = hit.end()
    pieces.append(Piece(literal(text[end:])))
    return [piece for piece in pieces if piece.text]


def literal(text: str) -> str:
    """Carrier text, in which << and >> stand for braces."""
    return text.replace("<<", "{").replace(">>", "}")


def slot(draw: Draw, inside: str) -> list[Piece]:
    """{class.form@person} an identifier, {-kind} a trap, {-kind|text} this trap, {+kind} clinical content, {:key} plain words."""
    sign, rest = inside[0], inside[1:]
    kind, bar, words = rest.partition("|")
    if sign in "-+" and bar:
        return [Piece(words, "negative" if sign == "-" else "clinical", kind)]
    if sign == "-":
        return clinical.negative(draw, rest)
    if sign == "+":
        return clinical.content(draw, rest)
    if sign == ":":
        return [Piece(draw.pick(lists(draw.split, "labels")[rest]))]
    inside, _, key = inside.partition("@")
    kind, _, form = inside.partition(".")
    makers = MAKERS | second.MAKERS if draw.split == "second" else MAKERS
    if kind in makers:
        return makers[kind](draw, form, key)
    return numbers.number(draw, kind, form)


MAKERS: dict[str, Maker] = {
    "name": people.name,
    "place": places.place,
    "date": dates.date,
    "age": dates.age,
    "email": numbers.email,
    "url": numbers.url,
}
