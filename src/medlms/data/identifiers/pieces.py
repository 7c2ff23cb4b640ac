"""Words of a text cut into the pieces of a lower-case vocabulary, as BERT does, with the places of the pieces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

UNKNOWN = "[UNK]"
LONGEST = 100  # characters of a word; a longer one is one unknown piece
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Mn")  # categories of characters that are in no piece


class Pieces(NamedTuple):
    """Pieces of a text, lists of one length: numbers in the vocabulary, places in the text (code points, end exclusive)."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


class Vocabulary:
    """Pieces by their number; what lies within a word begins with ``##``."""

    def __init__(self, pieces: Sequence[str]) -> None:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        numbers = {piece: number for number, piece in enumerate(pieces)}
        self._cutter = Tokenizer(models.WordPiece(numbers, unk_token=UNKNOWN, max_input_chars_per_word=LONGEST))
        self._cutter.normalizer = normalizers.BertNormalizer(lowercase=True)
        self._cutter.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def cut(self, text: str) -> Pieces:
        """The pieces of ``text``, without marks of beginning and end."""
        found = self._cutter.encode(_SURROGATE.sub("\ufffd", text), add_special_tokens=False)
        return Pieces(found.ids, [start for start, _ in found.offsets], [end for _, end in found.offsets])


def is_left_out(between: str) -> bool:
    """Whether nothing of ``between`` is seen: accents that stand by themselves, soft hyphens, blanks without width."""
    return all(unicodedata.category(mark) in _UNSEEN and mark not in "\t\n\r" for mark in between)
