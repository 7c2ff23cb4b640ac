"""A text made ready for the rules: one long line without marks that vary, its lower case, its words, its runs of capitals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from medlms.data.identifiers.lexicon import UNKNOWN, rank

# Each is one character wide, so that positions stay those of the text.
_SAME = str.maketrans(
    dict.fromkeys("\t\r\x0c\x0b\xa0\u2002\u2003\u2007\u2009\u200a\u202f\u3000", " ")
    | dict.fromkeys("‐‑‒–—−", "-")
    | dict.fromkeys("‘’ʼ`´", "'")
    | dict.fromkeys("“”„", '"')
)
_ODD = re.compile(r"[^\n -_a-~]")  # whether there is anything to translate
_BREAK = re.compile(r"(?<!\n)\n(?! *\n)")
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTERS = re.compile(r"[a-z]+")
_DIGIT = re.compile(r"[0-9]+")
_ROOM_BEFORE, _ROOM_BEHIND = 48, 40  # characters around digits in which rules for numbers look
_TITLED = re.compile(r"[A-ZÀ-ÞĀ-ɏ](?<![^\s(\"'].)[a-zß-ÿĀ-ɏ]{2}")
_SENTENCE_STARTS = re.compile(r"[.!?] {1,2}([^\W\d_])")
_ONE_IN = 40  # a text in which fewer words than one in so many begin with a capital is written without case
_CAPITAL = re.compile(r"[A-ZÀ-ÞĀ-ɏḀ-ỿ](?<![^\W_].)[^\W\d_]*(?:['-][^\W\d_]+)*")
_LED = re.compile(r"(?<![^\W_])(?:(?:al|el|an|ar|as|ben|bar|bin|abu)-|[dl]')$")  # 'al-Zahrani', "d'Estaing"
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_PARTICLE = (
    r"(?:de|del|de la|de las|de los|dela|la|las|los|da|do|dos|das|di|van|von|vom|zu|der|den|ter|ten|van der|van den|von "
    r"der|"
)
_PARTICLE += r"bin|bint|ibn|al|el|le|du|des|af|av|abu|ap|ab|della|degli|dello|y|e|st\.?|san|mac|nic|ni)"
_JOIN = re.compile(rf"\.? {{1,2}}(?:{_PARTICLE} )?\"?|\" |\^|-")  # between two words of one name
_AFTER_DOT = frozenset("st ste jr sr dr mr mrs ms mx prof rev fr sra srta drs hr fru mme mlle ma wm chas geo".split())


class Word(NamedTuple):
    """A word of a run: where it lies, its lower case, and its rank; initials count as unknown."""

    start: int
    end: int
    low: str
    rank: int

    @property
    def initial(self) -> bool:
        """Whether it is a single letter."""
        return self.end - self.start == 1


@dataclass(frozen=True)
class View:
    """What the rules read. ``text``, ``flat`` and ``low`` have the same length; ``vocabulary`` holds the words of ``low``.

    ``cased``: capitals say something.
    """

    text: str
    flat: str
    low: str
    vocabulary: frozenset[str]
    digits: bool
    cased: bool

    @cached_property
    def runs(self) -> list[list[Word]]:
        """Words with capitals that stand together, particles between them; all words in a text without case."""
        runs: list[list[Word]] = []
        for hit in (_CAPITAL if self.cased else _WORD).finditer(self.flat):
            start, end = hit.span()
            if start and self.flat[start - 1] in "-'" and (led := _LED.search(self.low, max(0, start - 4), start)):
                start = led.start()
            low = self.low[start:end]
            word = Word(start, end, low, rank(low) if end - start > 1 else UNKNOWN)
            if runs and self._joined(runs[-1][-1], start):
                runs[-1].append(word)
            else:
                runs.append([word])
        return runs

    @cached_property
    def _windows(self) -> list[tuple[int, int]]:
        """Where digits stand, with room on both sides, from blank to blank."""
        windows: list[tuple[int, int]] = []
        for hit in _DIGIT.finditer(self.low):
            start, end = hit.start() - _ROOM_BEFORE, hit.end() + _ROOM_BEHIND
            if windows and start <= windows[-1][1]:
                windows[-1] = (windows[-1][0], end)
            else:
                windows.append((start, end))
        return [self._to_blanks(start, end) for start, end in windows]

    def _to_blanks(self, start: int, end: int) -> tuple[int, int]:
        begin = max(self.low.rfind(" ", 0, start), 0) if start > 0 else 0
        stop = self.low.find(" ", end) if end < len(self.low) else -1
        return begin, stop if stop >= 0 else len(self.low)

    def near_digits(self, pattern: re.Pattern[str], text: str | None = None) -> Iterator[re.Match[str]]:
        """What ``pattern`` finds around digits; it must not look further than the room around them. ``text``: not ``low``."""
        last = 0
        for start, end in self._windows:
            for hit in pattern.finditer(self.low if text is None else text, max(start, last), end):
                last = hit.end()
                yield hit

    def _joined(self, last: Word, start: int) -> bool:
        gap = self.low[last.end : start]
        if gap == " ":
            return True
        if gap in (". ", "."):
            return last.initial or last.low in _AFTER_DOT
        if gap.startswith(".") and not last.initial:
            return False
        return len(gap) < 12 and bool(_JOIN.fullmatch(gap))


def view(text: str) -> View:
    """``text`` prepared for the rules. Single line breaks count as blanks; an empty line still parts what lies around it."""
    flat = text.translate(_SAME) if _ODD.search(text) else text
    if "\n" in flat:
        flat = _BREAK.sub(" ", flat)
    low = flat.lower()
    if len(low) != len(flat):  # a few letters, such as the Turkish capital dotted I, have a longer lower case
        low = "".join(mark.lower() if len(mark.lower()) == 1 else mark for mark in flat)
    listed = (_ASCII_LETTERS if low.isascii() else _LETTERS).findall(low)
    return View(text, flat, low, frozenset(listed), bool(_DIGIT.search(flat)), _is_cased(flat, len(listed)))


def _is_cased(flat: str, count: int) -> bool:
    """Whether capitals say something: most sentences begin with one, and some words have a capital and small letters."""
    starts = _SENTENCE_STARTS.findall(flat)
    if len(starts) > 1 and sum(map(str.isupper, starts)) * 2 < len(starts):
        return False
    needed = max(1, count) / (_ONE_IN if len(starts) < 2 else 3 * _ONE_IN)
    return any(place >= needed for place, _ in enumerate(_TITLED.finditer(flat), 1))


@lru_cache(maxsize=512)
def finder(listed: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds these words in lower case, each standing alone."""
    return re.compile(rf"(?:{'|'.join(re.escape(word) for word in listed)})(?![^\W\d_])")
