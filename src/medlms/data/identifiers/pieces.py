"""Words of a text cut into the pieces of a vocabulary, by the greedy rule of WordPiece for lower-case vocabularies (BERT's)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

UNKNOWN = "[UNK]"
_INSIDE = "##"  # opens the pieces that continue a word
LONGEST = 100  # characters of a word; a longer one is one unknown piece
_REMEMBERED = 1 << 16  # words whose pieces are kept
_ASCII = re.compile(r"[0-9a-z]+|[!-/:-@\[-`{-~]")
_CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class Pieces(NamedTuple):
    """Pieces of a text, lists of one length: numbers in the vocabulary, places in the text (code points, end exclusive)."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


class Vocabulary:
    """Pieces by their number; what lies within a word begins with ``##``."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._unknown = self._numbers[UNKNOWN]
        self._words: dict[str, list[tuple[int, int, int]]] = {}

    def cut(self, text: str) -> Pieces:
        """The pieces of ``text``, without marks of beginning and end."""
        found = Pieces([], [], [])
        flat, places = _plain(text)
        for start, end in _words(flat):
            for number, first, last in self._of(flat[start:end]):
                found.ids.append(number)
                found.starts.append(places[start + first] if places else start + first)
                found.ends.append((places[start + last - 1] if places else start + last - 1) + 1)
        return found

    def _of(self, word: str) -> list[tuple[int, int, int]]:
        known = self._words.get(word)
        if known is None:
            if len(self._words) > _REMEMBERED:
                self._words.clear()
            known = self._greedy(word) or [(self._unknown, 0, len(word))]
            if len(word) <= LONGEST:
                self._words[word] = known
        return known

    def _greedy(self, word: str) -> list[tuple[int, int, int]]:
        """Number, start and end of each piece, the longest first; nothing where a rest is in no piece."""
        found: list[tuple[int, int, int]] = []
        start = 0
        while start < len(word) <= LONGEST:
            opened = _INSIDE if start else ""
            for end in range(len(word), start, -1):
                number = self._numbers.get(opened + word[start:end])
                if number is not None:
                    found.append((number, start, end))
                    start = end
                    break
            else:
                return []
        return found


def is_left_out(between: str) -> bool:
    """Whether nothing of ``between`` is seen: accents that stand by themselves, soft hyphens, blanks without width."""
    return not any(map(_changed, between))


def _plain(text: str) -> tuple[str, list[int]]:
    """``text`` in lower case without accents and control characters, and where each character was; no list where all stayed."""
    if text.isascii() and text.isprintable():
        return text.lower(), []
    marks: list[str] = []
    places: list[int] = []
    for place, mark in enumerate(text):
        new = _changed(mark)
        marks.append(new)
        places += [place] * len(new)
    return "".join(marks), places


@lru_cache(maxsize=1 << 14)
def _changed(mark: str) -> str:
    if mark in "\t\n\r":
        return " "
    kind = unicodedata.category(mark)
    if kind in ("Cc", "Cf", "Co", "Cs") or mark == "\ufffd":
        return ""
    if kind == "Zs":
        return " "
    return "".join(one.lower() for one in unicodedata.normalize("NFD", mark) if unicodedata.category(one) != "Mn")


def _words(flat: str) -> list[tuple[int, int]]:
    """Where words are: runs without blanks, of which each punctuation mark and each Chinese character is one by itself."""
    if flat.isascii():
        return [hit.span() for hit in _ASCII.finditer(flat)]
    found: list[tuple[int, int]] = []
    begun = -1
    for place, mark in enumerate(flat):
        kind = _kind(mark)
        if kind == "word":
            begun = place if begun < 0 else begun
            continue
        if begun >= 0:
            found.append((begun, place))
            begun = -1
        if kind == "alone":
            found.append((place, place + 1))
    if begun >= 0:
        found.append((begun, len(flat)))
    return found


@lru_cache(maxsize=1 << 14)
def _kind(mark: str) -> str:
    """``blank``, ``alone`` or ``word``; of ASCII all that is no letter and no digit counts as punctuation."""
    if mark.isspace():
        return "blank"
    code = ord(mark)
    ascii_mark = code < 128 and not mark.isalnum()
    chinese = any(first <= code <= last for first, last in _CHINESE)
    return "alone" if ascii_mark or chinese or unicodedata.category(mark).startswith("P") else "word"
