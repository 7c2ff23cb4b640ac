"""A text made ready for the rules: one long line without marks that vary, its lower case, its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# Each is one character wide, so that positions stay those of the text.
_SAME = str.maketrans(
    dict.fromkeys("\t\r\x0c\x0b\xa0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", " ")
    | dict.fromkeys("‐‑‒–—−", "-")
    | dict.fromkeys("‘’ʼ`´", "'")
    | dict.fromkeys("“”„", '"')
)
_BREAK = re.compile(r"(?<!\n)\n(?! *\n)")
_WORD = re.compile(r"[^\W\d_]+")
_TITLED = re.compile(r"[A-ZÀ-ÞĀ-ɏ][a-zß-ÿĀ-ɏ]")
_DIGIT = re.compile(r"[0-9]")
_ONE_IN = 60  # a text in which fewer words than one in so many begin with a capital is written without case


@dataclass(frozen=True, slots=True)
class View:
    """What the rules read. All texts have the same length; ``vocabulary`` holds the words of ``low``.

    ``cased``: capitals say something; ``prose``: few words have one.
    """

    text: str
    flat: str
    low: str
    vocabulary: frozenset[str]
    digits: bool
    cased: bool
    prose: bool


def view(text: str) -> View:
    """``text`` prepared for the rules. Single line breaks count as blanks; an empty line still parts what lies around it."""
    flat = _BREAK.sub(" ", text.translate(_SAME))
    low = flat.lower()
    if len(low) != len(flat):  # a few letters, such as the Turkish capital dotted I, have a longer lower case
        low = "".join(mark.lower() if len(mark.lower()) == 1 else mark for mark in flat)
    listed = _WORD.findall(low)
    titled = sum(pair[0].isupper() for pair in _TITLED.findall(flat))
    return View(
        text,
        flat,
        low,
        frozenset(listed),
        bool(_DIGIT.search(flat)),
        titled * _ONE_IN >= max(1, len(listed)),
        titled * 4 < len(listed),
    )


@lru_cache(maxsize=512)
def finder(listed: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds these words in lower case, each standing alone."""
    return re.compile(rf"(?:{'|'.join(re.escape(word) for word in listed)})(?![^\W\d_])")
