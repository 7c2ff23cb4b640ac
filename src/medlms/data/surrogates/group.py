"""What is shared by the texts of one document or patient: one surrogate an original, one shift of all dates."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable
from datetime import timedelta

TRIES = 40  # draws until a surrogate is one that the group has not got yet


class Stream:
    """Numbers that follow from a seed (HMAC-SHA256, counted up); nobody without the seed can tell the next or the one before."""

    def __init__(self, seed: bytes) -> None:
        self._seed, self._count = seed, 0

    def below(self, limit: int) -> int:
        """A number in 0 .. limit - 1."""
        self._count += 1
        drawn = hmac.digest(self._seed, self._count.to_bytes(8, "big"), "sha256")
        return int.from_bytes(drawn[:16], "big") % limit

    def of(self, items: tuple[str, ...]) -> str:
        """One of the items."""
        return items[self.below(len(items))]


class Group:
    """The surrogates of one group. ``shift`` is what its dates are moved by: 4 to 52 whole weeks, back or forth.

    Whole weeks keep weekdays true that stand beside a date; a year at most keeps seasons and bare years close.
    ``day_first`` and ``year`` are what its clear dates say about the unclear ones.
    """

    def __init__(self, key: bytes, name: str) -> None:
        self._seed = hmac.digest(key, name.encode("utf-8", "backslashreplace"), "sha256")
        draw = self.stream("shift", "")
        weeks = 4 + draw.below(49)
        self.shift = timedelta(weeks=weeks if draw.below(2) else -weeks)
        self.day_first: bool | None = None
        self.year: int | None = None
        self.texts: dict[str, object] = {}
        """What was made of a text before."""
        self._made: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def stream(self, what: str, original: str, attempt: int = 0) -> Stream:
        """The numbers that belong to an original."""
        return Stream(
            hmac.digest(self._seed, f"{what}\0{original}\0{attempt}".encode("utf-8", "backslashreplace"), "sha256")
        )

    def avoid(self, original: str) -> None:
        """Never use this original as the surrogate of another one."""
        self._taken.add(folded(original))

    def one(self, what: str, original: str, make: Callable[[Stream], str]) -> str:
        """The surrogate of an original, made by ``make`` when it is met for the first time."""
        if (what, original) not in self._made:
            found = ""
            for attempt in range(TRIES):  # the last one stands: ranges kept for fiction are small
                found = make(self.stream(what, original, attempt))
                if folded(found) not in self._taken:
                    break
            self._taken.add(folded(found))
            self._made[what, original] = found
        return self._made[what, original]


def folded(text: str) -> str:
    """Lower case, without marks and white space: how originals are compared."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in plain if not unicodedata.combining(mark) and not mark.isspace())


def cased(word: str, like: str) -> str:
    """The word in the case of another one."""
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word.lower() if like[:1].islower() else word[:1].upper() + word[1:]
