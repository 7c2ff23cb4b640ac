"""A learned second reader for names and places: what rules found and the words around, weighed by logistic regression.

The weights are made by scripts/train_tagger.py. A token's sums are first made of its own traits and its context's (see
features), then once more of these sums, its neighbours' and those of the same word elsewhere in the text.
"""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from medlms.data.identifiers.features import GLANCED, OWN, WIDTH, Context, glanced, own, traits
from medlms.data.identifiers.tokens import Tokens, candidates
from medlms.data.identifiers.view import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "tagger.npz"
SHA256 = "5d61927ef5cf7789f2896bb88156e11b851f6afd932ea475d780321221611955"  # of the weights that were measured
KINDS = ("name", "place")
SURE = 8.0  # sums are cut off at this
GLANCE = -3.0  # both sums of a glance below it: the token is looked at no further
ABSENT = -6.0  # stands for the sum of a token that cannot belong to a name or a place
SECOND = 18  # what the second look weighs
NEAR = frozenset((" ", "-", ". ", "'", "\n", "^", "."))  # between two words of one name
_NOT_COUNTED = ("", "url", "name", "place")
_MANY = 4  # tokens of numbers, dates and the like from which a text is full of identifiers
_REMEMBERED = 1 << 16  # sums of traits that are kept, for each template


Sums = tuple[float, float]  # for name and for place, against neither


def bucket(template: int, trait: Sequence[str], size: int) -> int:
    """Which row of the ``size`` (a power of two) weights a trait has."""
    return zlib.crc32("\x1f".join((str(template), *trait)).encode()) & (size - 1)


@dataclass(frozen=True)
class Weights:
    """``first`` [size, 2] in steps of ``step``; ``second`` [2, SECOND]: name and place against neither."""

    first: NDArray[np.int8]
    second: NDArray[np.float32]
    step: float


class _Sums(dict[tuple[str, ...], Sums]):
    """Sums of the traits of one template, looked up when they are first asked for."""

    def __init__(self, names: Sequence[float], places: Sequence[float], template: int) -> None:
        super().__init__()
        self._names, self._places = names, places
        self._begun = zlib.crc32(f"{template}\x1f".encode())

    def row(self, trait: tuple[str, ...]) -> Sums:
        """The sums of a trait, not remembered."""
        row = zlib.crc32("\x1f".join(trait).encode(), self._begun) & (len(self._names) - 1)
        return self._names[row], self._places[row]

    def __missing__(self, trait: tuple[str, ...]) -> Sums:
        if len(self) > _REMEMBERED:
            self.clear()
        sums = self[trait] = self.row(trait)
        return sums


class Tagger:
    """Weights with the sums of traits seen before."""

    def __init__(self, weights: Weights) -> None:
        self._second: list[list[float]] = weights.second.astype("float64").tolist()
        names, places = (array("d", (weights.first[:, kind] * weights.step).tobytes()) for kind in (0, 1))
        tables = [_Sums(names, places, template) for template in range(WIDTH)]
        self._own_tables = tables[:OWN]
        self._near_tables = tables[OWN : OWN + GLANCED]
        self._far_tables = tables[OWN + GLANCED :]
        self._own: dict[tuple[str, bool], Sums] = {}

    def _of_own(self, said: str, cased: bool) -> Sums:
        sums = self._own.get((said, cased))
        if sums is None:
            rows = [table.row((trait,)) for table, trait in zip(self._own_tables, own(said, cased), strict=True)]
            if len(self._own) > _REMEMBERED:
                self._own.clear()
            sums = self._own[said, cased] = (sum(row[0] for row in rows), sum(row[1] for row in rows))
        return sums

    def first(self, around: Context, place: int) -> Sums | None:
        """Sums of a token's traits; nothing where a glance shows that it belongs to neither."""
        name, town = self._of_own(around.these.said[place], around.these.cased)
        for table, trait in zip(self._near_tables, glanced(around, place), strict=True):
            sums = table[trait]
            name += sums[0]
            town += sums[1]
        if name < GLANCE and town < GLANCE:
            return None
        for table, trait in zip(self._far_tables, traits(around, place), strict=True):
            sums = table[trait]
            name += sums[0]
            town += sums[1]
        return max(-SURE, min(SURE, name)), max(-SURE, min(SURE, town))

    def shares(self, seen: View, these: Tokens) -> dict[int, tuple[float, float]]:
        """For every token that may belong to a name or a place how likely it does, in 0..1."""
        around = Context(seen, these)
        sums = {place: pair for place in candidates(these) if (pair := self.first(around, place))}
        shares: dict[int, tuple[float, float]] = {}
        name, town = self._second
        for place, looked in second(these, sums):
            one = math.exp(sum(map(float.__mul__, name, looked)))
            other = math.exp(sum(map(float.__mul__, town, looked)))
            shares[place] = (one / (1 + one + other), other / (1 + one + other))
        return shares


def second(these: Tokens, sums: dict[int, Sums]) -> Iterator[tuple[int, list[float]]]:
    """What the second look weighs: per candidate its sums, the neighbours', and the best of the same word elsewhere."""
    best = _best(these, sums)
    others = min(_MANY, len(these) - sum(map(these.found.count, _NOT_COUNTED))) / _MANY
    absent = (ABSENT, ABSENT)
    for place, (name, town) in sums.items():
        low = these.looks[place].low
        common = "c" in these.looks[place].lists or len(low) < 3
        elsewhere = [
            max((value for where, value in best[low][kind] if where != place), default=ABSENT) for kind in (0, 1)
        ]
        left, right = sums.get(place - 1, absent), sums.get(place + 1, absent)
        near_left, near_right = these.gaps[place] in NEAR, these.gaps[place + 1] in NEAR
        yield (
            place,
            [
                1.0, name, town,
                *(left if near_left else (0.0, 0.0)), *((0.0, 0.0) if near_left else left), float(near_left),
                *(right if near_right else (0.0, 0.0)), *((0.0, 0.0) if near_right else right), float(near_right),
                *((0.0, 0.0) if common else elsewhere), *(elsewhere if common else (0.0, 0.0)), others,
            ],
        )  # fmt: skip


def _best(these: Tokens, sums: dict[int, Sums]) -> dict[str, tuple[list[tuple[int, float]], list[tuple[int, float]]]]:
    """The two highest sums of each word, for name and place, and where they are."""
    best: dict[str, tuple[list[tuple[int, float]], list[tuple[int, float]]]] = {}
    for place, pair in sums.items():
        lists = best.setdefault(these.looks[place].low, ([], []))
        for kept, value in zip(lists, pair, strict=True):
            kept.append((place, value))
            if len(kept) > 2:
                kept.remove(min(kept, key=lambda item: item[1]))
    return best


@cache
def tagger() -> Tagger:
    """The tagger with the weights of the package."""
    import numpy as np

    with resources.files("medlms.data.identifiers").joinpath(FILE).open("rb") as stream, np.load(stream) as stored:
        return Tagger(unpacked(stored))


def unpacked(stored: Mapping[str, NDArray[Any]]) -> Weights:
    """Weights from a file, which holds the rows that are not nothing and how far each is behind the last."""
    import numpy as np

    first = np.zeros((int(stored["size"]), 2), dtype=np.int8)
    first[np.cumsum(stored["behind"], dtype=np.int64)] = stored["first"]
    return Weights(first, stored["second"], float(stored["step"]))
