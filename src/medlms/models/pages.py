"""Keys and values in pages of ``PAGE`` positions that texts may share: what two texts begin with alike is read and kept once.

A text is a list of pages, each with the position of its first key. A fork of it sees the same pages up to where it parts, and
goes on in a fresh one, so nothing is ever copied or written over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from medlms.models.decoder_passes import BLOCK, PAGE, Heads, Reading

WORTH = 16  # shared tokens that are worth a page of their own


@dataclass
class Text:
    """One text's pages, the position of each one's first key, and how many positions it has.

    ``own`` tells whether the last page is this text's to write on; that of a fork is another's.
    """

    pages: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    length: int = 0
    own: bool = False


class Pages:
    """Room for ``count`` pages in every layer, taken from the system when first written to.

    ``keys`` and ``values`` [layers, count, key heads, PAGE * size]; decoder.c says how a page lies.
    """

    def __init__(self, count: int, layers: int, heads: Heads, dtype: torch.dtype) -> None:
        shape = layers, count, heads.groups, PAGE * heads.size
        self.keys = torch.empty(shape, dtype=dtype)
        self.values = torch.empty(shape, dtype=dtype)
        self.layers = list(zip(self.keys.unbind(), self.values.unbind(), strict=True))
        self.count = count
        self._free = list(range(count - 1, -1, -1))
        self._held = [0] * count

    @property
    def free(self) -> int:
        """Pages that no text holds."""
        return len(self._free)

    def fork(self, text: Text, length: int) -> Text:
        """A text that begins as the first ``length`` positions of another, or as fewer where the last ones are not worth it."""
        whole = sum(base < length for base in text.bases)
        if whole and length - text.bases[whole - 1] < WORTH:
            whole -= 1
            length = text.bases[whole]
        return self._begun(text, whole, length if whole else 0)

    def branch(self, text: Text) -> Text:
        """A text that begins as another one ends now."""
        return self._begun(text, len(text.pages), text.length)

    def _begun(self, text: Text, whole: int, length: int) -> Text:
        for page in text.pages[:whole]:
            self._held[page] += 1
        return Text(text.pages[:whole], text.bases[:whole], length)

    def grow(self, text: Text, count: int) -> list[int]:
        """Slots (page * PAGE + place) for ``count`` more positions of a text."""
        slots: list[int] = []
        while count:
            place = text.length - text.bases[-1] if text.own else PAGE
            if place >= PAGE:
                page = self._free.pop()
                self._held[page] = 1
                text.pages.append(page)
                text.bases.append(text.length)
                place, text.own = 0, True
            more = min(PAGE - place, count)
            begin = text.pages[-1] * PAGE + place
            slots.extend(range(begin, begin + more))
            text.length += more
            count -= more
        return slots

    def drop(self, text: Text) -> None:
        """Let go of a text's pages; those that no other text holds are free again."""
        for page in text.pages:
            self._held[page] -= 1
            if not self._held[page]:
                self._free.append(page)
        text.pages, text.bases, text.length, text.own = [], [], 0, False


def needed(length: int) -> int:
    """Pages that a text of this length takes at most, with one begun anew behind a fork."""
    return -(-length // PAGE) + 1


def reading(parts: Sequence[tuple[Text, Sequence[int], Sequence[int]]]) -> Reading:
    """What a forward pass reads: the last tokens of texts (their ids and slots), which have grown by them already."""
    ids: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    blocks: list[int] = []
    pages: list[int] = []
    bases: list[int] = []
    for text, own, places in parts:
        first, position, table, entries = len(ids), text.length - len(own), len(pages), len(text.pages)
        for begin in range(0, len(own), BLOCK):
            blocks += (first + begin, min(BLOCK, len(own) - begin), position + begin, table, entries)
        ids += own
        slots += places
        positions += range(position, text.length)
        pages += text.pages
        bases += text.bases
    return Reading(
        torch.tensor(ids),
        torch.tensor(positions),
        torch.tensor(slots),
        torch.tensor(blocks).view(-1, 5),
        torch.tensor(pages, dtype=torch.int32),
        torch.tensor(bases, dtype=torch.int32),
    )


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two texts begin with alike."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
