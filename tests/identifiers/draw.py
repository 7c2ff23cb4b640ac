"""Random choices that are the same on every machine and Python, and the lists that they are made from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tests.identifiers.people import Person

T = TypeVar("T")
HERE = Path(__file__).parent
UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SYMBOLS = {
    "#": "0123456789",
    "%": "123456789",
    "^": "23456789",
    "@": UPPER,
    "&": "0123456789" + UPPER,
    "~": "0123456789abcdef",
}


@dataclass(frozen=True)
class Piece:
    """A stretch of text and what it is: role "" (carrier), "identifier", "negative" or "clinical"."""

    text: str
    role: str = ""
    kind: str = ""
    tag: str = ""
    culture: str = ""


@cache
def lists(split: str, name: str) -> dict[str, tuple[str, ...]]:
    """A list file: lines `key: item | item`; a key may come again and goes on, `#` begins a comment line."""
    found: dict[str, list[str]] = {}
    for line in (HERE / split / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, rest = line.partition(": ")
            found.setdefault(key.strip(), []).extend(item.strip() for item in rest.split(" | "))
    return {key: tuple(items) for key, items in found.items()}


@dataclass
class Draw:
    """The choices for one row. Only `random()` of the generator is used, whose values Python promises to keep."""

    split: str
    seed: str
    people: dict[str, Person] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        return int(self.random.random() * bound)

    def between(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, share: float) -> bool:
        """True in this share of the calls."""
        return self.random.random() < share

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def form(self, items: Sequence[T]) -> T:
        """One of the ways to write something; the development split never shows every third of them."""
        if self.split == "development" and len(items) > 2:
            items = [item for place, item in enumerate(items) if place % 3 != 2]
        return self.pick(items)

    def fresh(self, name: str, key: str) -> str:
        """An item of a list that this row has not used yet, as long as there is one."""
        items = lists(self.split, name)[key]
        left = [item for item in items if (key, item) not in self.used] or list(items)
        item = self.pick(left)
        self.used.add((key, item))
        return item

    def filled(self, pattern: str) -> str:
        """The pattern with #, %, ^ (digits), @ (letter), & (either), ~ (hexadecimal) replaced."""
        return "".join(self.pick(SYMBOLS[sign]) if sign in SYMBOLS else sign for sign in pattern)
