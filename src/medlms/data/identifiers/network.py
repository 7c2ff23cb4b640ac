"""A small network that reads a text piece by piece: for each piece how likely it belongs to an identifier of each class.

Six layers of the BERT kind (384 wide, 12 heads), begun from MiniLM and fitted by scripts/train_reader.py. Beside a piece's
word and position it sees capitals, what stands before the piece, what the rules found there, and which lists hold its word.
Computed by numpy in float32: no torch, and no network of the other kind. The file holds matrices in bytes, words in half bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from medlms.data.identifiers.finding import KINDS, Finding
from medlms.data.identifiers.pieces import LONGEST, Pieces, Vocabulary, is_left_out
from medlms.data.identifiers.tokens import LOOKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "network.npz"
SHA256 = "dd2551d2583993c33b67d6fa1632fbda81a237532ace7f92c003741e80b3caa6"  # of the weights that were measured
WINDOW = 256  # pieces read at a time, marks of beginning and end among them
MARGIN = 32  # pieces at a window's edge that are read for what is beside them alone
CLASSES = 1 + len(KINDS)  # the first is none
CAPITALS, GAPS = 5, 5
LISTS = "0123cgftoelmsi"  # the marks of a word's lists (see tokens.Look)
HEADS = 12
_TINY = 1e-12  # keeps a variance from nothing


class Signs(NamedTuple):
    """What the network sees of each piece beside its word, one number a piece in each.

    ``lists`` has a bit for each of LISTS: what the lists say of the word that the piece is part of.
    """

    capitals: list[int]
    gaps: list[int]
    kinds: list[int]
    lists: list[int]


def signs(text: str, pieces: Pieces, found: Sequence[Finding]) -> Signs:
    """The signs of ``pieces`` of ``text`` with ``found``, in order and without overlaps."""
    seen = Signs([], [], [], _lists(text, pieces))
    last = number = 0
    for start, end in zip(pieces.starts, pieces.ends, strict=True):
        seen.capitals.append(_capitals(text[start:end]))
        seen.gaps.append(_gap(text[last:start]) if last else 3)
        last = end
        while number < len(found) and found[number].end <= start:
            number += 1
        inside = number < len(found) and found[number].start < end
        seen.kinds.append(1 + KINDS.index(found[number].kind) if inside else 0)
    return seen


def _lists(text: str, pieces: Pieces) -> list[int]:
    found: list[int] = []
    for first, last in units(text, pieces):
        found += [0] * (first - len(found))
        said = text[pieces.starts[first] : pieces.ends[last - 1]]
        marks = LOOKS[True][said].lists if len(said) <= LONGEST else "d"
        found += [0 if marks.startswith("d") else sum(1 << LISTS.index(mark) for mark in marks)] * (last - first)
    return found + [0] * (len(pieces.ids) - len(found))


def units(text: str, pieces: Pieces) -> Iterator[tuple[int, int]]:
    """Words and numbers: first and last (exclusive) of pieces with letters or digits that follow each other without a gap."""
    begin = -1
    for place, (start, end) in enumerate(zip(pieces.starts, pieces.ends, strict=True)):
        word = any(map(str.isalnum, text[start:end]))
        if begin >= 0 and not (word and is_left_out(text[pieces.ends[place - 1] : start])):
            yield begin, place
            begin = -1
        if word and begin < 0:
            begin = place
    if begin >= 0:
        yield begin, len(pieces.ids)


def _capitals(said: str) -> int:
    """0 no letters, 1 small, 2 opened by a capital, 3 capitals, 4 a single one."""
    if not any(map(str.isalpha, said)):
        return 0
    if said.isupper():
        return 3 if len(said) > 1 else 4
    return 2 if said[0].isupper() else 1


def _gap(between: str) -> int:
    """0 nothing, 1 a blank, 2 the end of a line, 3 an empty line, 4 several blanks or a tabulator."""
    if is_left_out(between):
        return 0
    breaks = between.count("\n")
    return min(1 + breaks, 3) if breaks else 1 if between == " " else 4


class Network:
    """Weights of the network by their names in the file, matrices [in, out] in float32."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], vocabulary: Sequence[str]) -> None:
        self.vocabulary = Vocabulary(vocabulary)
        self._begin, self._end = vocabulary.index("[CLS]"), vocabulary.index("[SEP]")
        self._weights = dict(weights)
        self._layers = sum(name.endswith(".inner.weight") for name in weights)

    def shares(self, text: str, found: Sequence[Finding]) -> tuple[Pieces, NDArray[np.float32]]:
        """The pieces of ``text``, and how likely each is of each class [pieces, CLASSES]: none first, then as in KINDS.

        ``found`` is what the rules found in ``text``, in order and without overlaps.
        """
        import numpy as np

        pieces = self.vocabulary.cut(text)
        seen = np.array([pieces.ids, *signs(text, pieces, found)], dtype=np.int64)
        result = np.empty((len(pieces.ids), CLASSES), dtype=np.float32)
        for begin, end, first, last in windows(len(pieces.ids)):
            result[first:last] = self.read(seen[:, begin:end])[first - begin : last - begin]
        return pieces, result

    def read(self, seen: NDArray[np.int64]) -> NDArray[np.float32]:
        """Shares [pieces, CLASSES] of one window: ``seen`` [5, pieces]: ids, then Signs."""
        import numpy as np

        ids, capitals, gaps, kinds, lists = np.pad(seen, ((0, 0), (1, 1)))
        ids[0], ids[-1] = self._begin, self._end
        of = self._weights
        x = (
            of["words"][ids]
            + of["positions"][: len(ids)]
            + of["capitals"][capitals]
            + of["gaps"][gaps]
            + of["kinds"][kinds]
        )
        x += (lists[:, None] >> np.arange(len(LISTS)) & 1).astype(np.float32) @ of["lists"]
        x = self._normed(x, "begin")
        for layer in range(self._layers):
            x = self._layer(x, f"{layer}")
        sums = self._times(x, "out")[1:-1]
        raised = np.exp(sums - sums.max(1, keepdims=True))
        shares: NDArray[np.float32] = raised / raised.sum(1, keepdims=True)
        return shares

    def _layer(self, x: NDArray[np.float32], layer: str) -> NDArray[np.float32]:
        import numpy as np

        size, width = x.shape
        query, key, value = (
            self._times(x, f"{layer}.attend").reshape(size, 3, HEADS, width // HEADS).transpose(1, 2, 0, 3)
        )
        near = np.matmul(query, key.transpose(0, 2, 1)) * np.float32(1 / math.sqrt(width // HEADS))
        near -= near.max(2, keepdims=True)
        np.exp(near, out=near)
        near /= near.sum(2, keepdims=True)
        heard = np.matmul(near, value).transpose(1, 0, 2).reshape(size, width)
        x = self._normed(x + self._times(heard, f"{layer}.heard"), f"{layer}.attended")
        return self._normed(x + self._times(_gelu(self._times(x, f"{layer}.inner")), f"{layer}.outer"), f"{layer}.done")

    def _times(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        product: NDArray[np.float32] = x @ self._weights[f"{name}.weight"]
        product += self._weights[f"{name}.bias"]
        return product

    def _normed(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        import numpy as np

        x = x - x.mean(1, keepdims=True)
        x /= np.sqrt(np.square(x).mean(1, keepdims=True) + np.float32(_TINY))
        x *= self._weights[f"{name}.scale"]
        x += self._weights[f"{name}.shift"]
        return x


def _gelu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaussian error linear units in their form with a hyperbolic tangent (Hendrycks and Gimpel 2016); overwrites ``x``."""
    import numpy as np

    inner = x * x
    inner *= np.float32(0.044715)
    inner += 1
    inner *= x
    inner *= np.float32(math.sqrt(2 / math.pi))
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= np.float32(0.5)
    return inner


def windows(size: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows over ``size`` pieces: begin and end of what is read, and of what is taken from it, which follow on each other."""
    room = WINDOW - 2
    if size <= room:
        if size:
            yield 0, size, 0, size
        return
    taken = 0
    while taken < size:
        begin = max(0, min(taken - MARGIN, size - room))
        end = min(size, begin + room)
        last = end if end == size else end - MARGIN
        yield begin, end, taken, last
        taken = last


@cache
def network() -> Network:
    """The network with the weights of the package."""
    import numpy as np

    with resources.files("medlms.data.identifiers").joinpath(FILE).open("rb") as stream, np.load(stream) as stored:
        return Network(*unpacked(stored))


def unpacked(stored: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Weights and vocabulary from a file: bytes with a step a column, words two values a byte with a step a row."""
    import numpy as np

    packed = stored["words.packed"]
    words = np.empty((len(packed), packed.shape[1] * 2), dtype=np.float32)
    words[:, ::2], words[:, 1::2] = packed & 15, packed >> 4
    words -= 8
    words *= stored["words.step"].astype(np.float32)[:, None]
    weights = {"words": words}
    for name, values in stored.items():
        if name.endswith(".whole"):
            weights[name.removesuffix(".whole")] = values.astype(np.float32) * stored[name.replace(".whole", ".step")]
        elif name.endswith(".plain"):
            weights[name.removesuffix(".plain")] = values.astype(np.float32)
    return weights, bytes(stored["vocabulary"]).decode("utf-8").split("\n")
