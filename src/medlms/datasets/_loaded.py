"""What a source hands on: its usable rows, its faults, and what was read. It knows no source by name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from medlms.types import QA, Fault, Source

# Called with what is being done, how much of it is done, and how much there is (0: not known).
Progress = Callable[[str, int, int], None]

_MARKS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
_ASCII_RUNS = re.compile(r"[a-z0-9]+")
_ANY_RUNS = re.compile(r"[^\W_]+")
_SHORT = 200  # characters: questions and topics are folded often, and are worth remembering


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of one source.

    ``rows_in`` counts every row of the original, so ``rows_in == len(examples) + len(faults)``. ``files`` maps each file
    read to the sha256 of its bytes as they lie on disk; ``said`` holds sentences on what was used. ``topics`` are names
    that the original knows beside those of its rows, by which questions of other sources are told apart.
    ``remarks`` name rows that are used, but of which something is to be known (an id that stands twice).
    """

    examples: list[QA]
    faults: list[Fault]
    rows_in: int
    source: Source
    files: dict[str, str]
    said: list[str]
    topics: tuple[str, ...] = ()
    remarks: tuple[Fault, ...] = ()


class Rows(Protocol):
    """The rows of a source as they are read, once. What it says of itself is complete after the last row."""

    source: Source
    files: dict[str, str]
    rows_in: int
    said: list[str]
    topics: tuple[str, ...]
    remarks: list[Fault]

    def __iter__(self) -> Iterator[QA | Fault]:
        """Each row of the original: what can be used, and the faults of what can't."""
        ...

    def close(self) -> None:
        """Let go of the files; no more rows can be read."""
        ...


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Read(Generic[Row]):
    """The rows of an exam or of a set of bare questions; as ``Loaded``, but for what it holds.

    ``doubtful`` are rows that could be asked but not fairly scored, such as those with equal options. Each has its fault and
    is not among ``rows``; who compares with published numbers can add them.
    """

    rows: list[Row]
    faults: list[Fault]
    rows_in: int
    source: Source
    files: dict[str, str]
    said: list[str]
    doubtful: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Noise:
    """What spoils rows of one source: where ``pattern`` is found in ``field``, the row is dropped for ``reason``.

    With a ``replacement`` the row stays, and what was found is replaced by it. ``step`` is the cleaning step (a key of the
    config's ``clean``) that it belongs to. A text without any of ``needs`` (where there are some) can't hold the pattern:
    looking for these is many times quicker.
    """

    reason: str
    field: str
    pattern: re.Pattern[str]
    replacement: str | None = None
    step: str = "boilerplate"
    needs: tuple[str, ...] = ()

    def spoils(self, text: str) -> bool:
        """Whether the pattern is found in a text."""
        if self.needs and not any(need in text for need in self.needs):
            return False
        return bool(self.pattern.search(text))


def normalised(text: str) -> str:
    """Fold a text for comparison: NFKC, lower case, only runs of a-z and 0-9 kept, joined by one space.

    A text that is mostly written in another script keeps its own letters; else all its questions would look alike.
    """
    return _folded_short(text) if len(text) <= _SHORT else _folded(text)


@lru_cache(maxsize=2**16)
def _folded_short(text: str) -> str:
    return _folded(text)


def _folded(text: str) -> str:
    lowered = unicodedata.normalize("NFKC", text).lower()
    if lowered.isascii():
        return " ".join(lowered.translate(_MARKS).split())
    folded = " ".join(_ASCII_RUNS.findall(lowered))
    plain = len(folded) - folded.count(" ")
    if plain >= len(lowered) - len(lowered.encode("ascii", "ignore")):
        return folded
    return " ".join(_ANY_RUNS.findall(lowered))
