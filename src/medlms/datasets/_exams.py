"""Builds the questions of an exam from what a row says, and names each row that can't be scored fairly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medlms.datasets._loaded import Read, normalised
from medlms.errors import DataError
from medlms.types import Choice, Fault, Source

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Sheet:
    """The questions of one exam as they come in: ``rows``, ``faults``, and ``doubtful`` rows, which have a fault too."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rows: list[Choice] = []
        self.faults: list[Fault] = []
        self.doubtful: list[Choice] = []
        self._ids: set[str] = set()

    def add(
        self,
        place: str,
        id: str,
        question: Any,
        options: Sequence[Any],
        answer: int | Fault,
        *,
        topic: str = "",
        context: str = "",
        explanation: str = "",
        links: Sequence[str] = (),
    ) -> None:
        """One row; ``answer`` is the index of the right option, or the fault for which there is none."""
        if problem := _problem(place, question, options, answer):
            self.faults.append(problem)
            return
        assert isinstance(answer, int)
        name = f"{self.source.name}/{id}"
        if name in self._ids:
            name = f"{name}#{len(self._ids) + 1}"
        self._ids.add(name)
        row = Choice(
            id=name,
            source=self.source.name,
            licence=self.source.licence,
            place=place,
            question=question.strip(),
            options=tuple(" ".join(str(option).split()) for option in options),
            answer=answer,
            topic=topic,
            kind="exam",
            links=(*([f"topic:{normalised(topic)}"] if normalised(topic) else []), *links),
            context=context,
            explanation=explanation,
        )
        if equal := _equal(row.options):
            self.faults.append(Fault(place, "equal options", equal))
            self.doubtful.append(row)
            return
        self.rows.append(row)

    def read(self, files: Mapping[str, str], said: Sequence[str] = ()) -> Read[Choice]:
        """All of it. Raises DataError where no row can be asked."""
        name = self.source.name
        if not self.rows:
            first = f"; the first fault: {self.faults[0].place}: {self.faults[0].reason}" if self.faults else ""
            raise DataError(f"{', '.join(Path(file).name for file in files)}: no row can be asked{first}.")
        count = len(self.rows) + len(self.faults)
        lines = [*said, f"{name}: {len(self.rows):,} of {count:,} questions can be asked and scored"]
        if self.doubtful:
            lines.append(f"{name}: {len(self.doubtful):,} have equal options and are set aside")
        return Read(self.rows, self.faults, count, self.source, dict(files), lines, tuple(self.doubtful))


def by_letter(
    place: str, letter: Any, keys: Sequence[str], text: Any = None, options: Sequence[Any] = ()
) -> int | Fault:
    """The index of an answer's letter; with ``text``, the answer in words, it must be that option's."""
    said = str(letter).strip() if isinstance(letter, str) else ""
    if not said:
        return Fault(place, "no answer", "the row does not say which option is right")
    if said not in keys:
        return Fault(place, "answer outside the options", f"{said[:40]!r}; the options are {', '.join(keys)}")
    index = list(keys).index(said)
    if isinstance(text, str) and index < len(options) and normalised(text) != normalised(str(options[index])):
        return Fault(place, "answer and letter disagree", f"{said} is {_short(options[index])}, not {_short(text)}")
    return index


def by_number(place: str, number: Any, first: int, count: int) -> int | Fault:
    """The index of an answer's number where counting begins at ``first``."""
    text = str(number).strip()
    if number is None or isinstance(number, bool) or text in ("", "-1"):
        return Fault(place, "no answer", "the row does not say which option is right")
    if not text.removeprefix("-").isdigit() or not first <= int(text) < first + count:
        return Fault(
            place, "answer outside the options", f"{text[:40]}; the options are {first} to {first + count - 1}"
        )
    return int(text) - first


def counted_from(numbers: Sequence[Any], count: int) -> int | None:
    """Whether answers count from 0 or from 1, by the lowest and highest that occur; None where these tell nothing."""
    seen = {int(text) for number in numbers if (text := str(number).strip()).isdigit()}
    if 0 in seen and count not in seen:
        return 0
    return 1 if count in seen and 0 not in seen else None


def _problem(place: str, question: Any, options: Sequence[Any], answer: int | Fault) -> Fault | None:
    if not isinstance(question, str):
        return Fault(place, "wrong type", f"the question is {type(question).__name__}, text is needed")
    if not question.strip():
        return Fault(place, "empty question")
    for number, option in enumerate(options):
        if not isinstance(option, str | int | float) or isinstance(option, bool):
            return Fault(
                place, "wrong type", f"option {LETTERS[number % 26]} is {type(option).__name__}, text is needed"
            )
        if not str(option).strip():
            return Fault(place, "empty option", f"option {LETTERS[number % 26]}")
    if len(options) < 2:
        return Fault(place, "fewer than two options", f"{len(options)} found")
    if len(options) > len(LETTERS):
        return Fault(place, "too many options", f"{len(options)} found, at most {len(LETTERS)} have a letter")
    return answer if isinstance(answer, Fault) else None


def _equal(options: Sequence[str]) -> str:
    """Which options are the same but for white space and case, in words; empty where none are."""
    first: dict[str, int] = {}
    for number, option in enumerate(options):
        before = first.setdefault(option.casefold(), number)
        if before != number:
            return f"{LETTERS[before]} and {LETTERS[number]} are both {_short(option)}"
    return ""


def _short(text: Any) -> str:
    line = " ".join(str(text).split())
    return repr(line if len(line) <= 60 else line[:57] + "...")
