"""Cleans questions and answers in named steps, each of which can be switched off, and accounts for what each one did.

Nothing is dropped unsaid. What the steps look for is written down in ``marks``; the order in which they run, here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medlms.config import Clean
from medlms.data import marks
from medlms.datasets import Noise, exchanges, normalised
from medlms.types import QA, Dialogue, Fault

EXAMPLES = 3  # shown of each step
_FIRST_QUESTION = re.compile(r"\s*([^?\n]{3,250}\?)\s*")
_SENTENCE_END = re.compile(r"[a-z]{3}[.!]\s")
# Words that say what is asked, not what it is asked about.
_ASKING = frozenset(
    "a an and are be by can cause caused causes condition diagnose diagnosed diagnosis disease do does for from genetic get"
    " have how i if in inherited is it long many might of on or outlook people person s should sign signs someone symptom"
    " symptoms term test tests that the there this to treat treated treatment treatments type types what when where which"
    " who why with you syndrome disorder".split()
)


@dataclass(frozen=True, slots=True)
class Step:
    """A change of texts: the switch that it belongs to, what it mends, where (question, answer, both), and how."""

    switch: str
    what: str
    where: str
    change: Callable[[str], str]


# Those that run before what spoils rows of one source is looked for, and those that run after it.
BEFORE = (
    Step("white_space", "carriage returns", "both", marks.line_ends),
    Step("escapes", "HTML entities", "both", marks.entities),
    Step("escapes", "percent escapes", "question", marks.escapes),
    Step("html", "HTML tags", "both", marks.tags),
)
AFTER = (
    Step("white_space", "white space", "answer", marks.white_space),
    Step("white_space", "white space", "question", marks.one_line),
    Step("question_marks", "quotation marks around the question", "question", marks.unquoted),
    Step("question_marks", "doubled question mark", "question", marks.one_mark),
    Step("question_marks", "space before the question mark", "question", marks.close_mark),
)
REPEATED = "question repeated in the answer"
# (switch, reason, what an answer is dropped for): whole answers are judged before the steps of AFTER.
UNFIT: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("links", "answer is nothing but links", marks.only_links),
    ("repeated_question", "answer is nothing but a question", marks.only_question),
)
CUT_OFF = "answer breaks off"
EMPTY = "question or answer empty, or nothing is left of it"


@dataclass(slots=True)
class Tally:
    """What one step did: rows changed, rows dropped, characters before and after in those, and the first few."""

    switch: str
    what: str
    changed: int = 0
    dropped: int = 0
    characters_before: int = 0
    characters_after: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def count(self, row: QA, before: str, after: str | None) -> None:
        """One row; ``after`` is None for one that is dropped."""
        self.changed += after is not None
        self.dropped += after is None
        self.characters_before += len(before)
        self.characters_after += len(after or "")
        if len(self.examples) < EXAMPLES:
            old, new = _difference(before, after)
            self.examples.append({"place": row.place, "before": old, "after": new})


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Rows that are left, rows dropped with the reason, how many rows each step changed, and the steps' account.

    ``steps`` names, by the row's id, what changed it, for rows that are left and were changed.
    """

    examples: list[QA]
    dropped: list[Fault]
    changed: dict[str, int]
    account: list[dict[str, Any]]
    steps: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Cleaner:
    """Cleans row by row and keeps count; ``noise`` holds what is known to spoil rows of their source."""

    def __init__(self, noise: Sequence[Noise] = (), switches: Clean | None = None) -> None:
        self.on = {name for name, value in (switches or Clean()).model_dump().items() if value}
        self._noise = [item for item in noise if item.step in self.on]
        self._before = [step for step in BEFORE if step.switch in self.on]
        self._after = [step for step in AFTER if step.switch in self.on]
        self._unfit = [item for item in UNFIT if item[0] in self.on]
        named = [
            *((step.switch, step.what) for step in BEFORE),
            *((item.step, item.reason) for item in noise),
            *((switch, what) for switch, what, _ in UNFIT),
            *((step.switch, step.what) for step in AFTER),
            ("repeated_question", REPEATED),
            ("cut_off", CUT_OFF),
            ("always", EMPTY),
        ]
        self._tallies = {what: Tally(switch, what) for switch, what in named}
        self._rows = 0
        self._now: dict[str, list[tuple[str, str]]] = {}  # what the steps have changed in the row in hand
        self.steps: dict[str, tuple[str, ...]] = {}

    def clean(self, row: QA) -> QA | Fault:
        """The row as the steps leave it, or why it is dropped. Of a dropped row only what dropped it is counted."""
        self._rows += 1
        self._now = {}
        made = self._dialogue(row) if isinstance(row, Dialogue) else self._row(row)
        if isinstance(made, QA) and self._now:
            self.steps[row.id] = tuple(self._now)
            for what, texts in self._now.items():
                old, new = ("\n".join(pair[side] for pair in texts) for side in (0, 1))
                self._tallies[what].count(row, old, new)
        return made

    def _row(self, row: QA) -> QA | Fault:
        made = self._apply(self._before, row)
        for item in self._noise:
            text = getattr(made, item.field)
            if not item.spoils(text):
                continue
            if item.replacement is None:
                return self._dropped(row, item.reason, getattr(row, item.field))
            made = self._with(made, item.reason, {item.field: item.pattern.sub(item.replacement, text)})
        for _, reason, unfit in self._unfit:
            if unfit(made.answer):
                return self._dropped(row, reason, row.answer)
        made = self._apply(self._after, made)
        if "repeated_question" in self.on:
            made = self._with(made, REPEATED, {"answer": without_repetition(made).answer})
        if not made.question.strip() or not made.answer.strip():
            empty = "answer" if made.question.strip() else "question"
            return self._dropped(row, EMPTY, getattr(row, empty), reason=f"empty {empty}")
        if "cut_off" in self.on and marks.breaks_off(made.answer):
            return self._dropped(row, CUT_OFF, made.answer, shown=made.answer[-110:])
        return made

    def account(self) -> list[dict[str, Any]]:
        """A record a step, in the order in which they run, with the rows before and after it."""
        rows, records = self._rows, []
        for tally in self._tallies.values():
            records.append(
                {
                    "switch": tally.switch,
                    "what": tally.what,
                    "on": tally.switch in self.on or tally.switch == "always",
                    "rows_before": rows,
                    "rows_after": rows - tally.dropped,
                    "changed": tally.changed,
                    "dropped": tally.dropped,
                    "characters_before": tally.characters_before,
                    "characters_after": tally.characters_after,
                    "examples": tally.examples,
                }
            )
            rows -= tally.dropped
        return records

    def changed(self) -> dict[str, int]:
        """Rows changed by step."""
        return {what: tally.changed for what, tally in self._tallies.items()}

    def _dropped(self, row: QA, what: str, text: str, *, reason: str = "", shown: str = "") -> Fault:
        self._tallies[what].count(row, shown or text, None)
        return Fault(row.place, reason or what, _short(shown or text))

    def _with(self, row: QA, what: str, values: dict[str, str]) -> QA:
        """The row with these texts; what differs is noted under ``what``."""
        pairs = [(getattr(row, part), after) for part, after in values.items() if after != getattr(row, part)]
        if not pairs:
            return row
        self._now.setdefault(what, []).extend(pairs)
        return replace(row, **values)  # type: ignore[arg-type]

    def _dialogue(self, example: Dialogue) -> QA | Fault:
        """A dialogue with every turn cleaned. There an answer may well be a question: what drops those is left out."""
        said: list[str] = []
        for question, answer in exchanges(example):
            row = self._apply([*self._before, *self._after], replace(example, question=question, answer=answer))
            said += [row.question, row.answer]
        if not all(text.strip() for text in said):
            return self._dropped(example, EMPTY, example.question, reason="empty turn")
        return replace(example, question=said[0], between=tuple(said[1:-1]), answer=said[-1])

    def _apply(self, steps: Sequence[Step], row: QA) -> QA:
        for step in steps:
            parts = ("question", "answer") if step.where == "both" else (step.where,)
            row = self._with(row, step.what, {part: step.change(getattr(row, part)) for part in parts})
        return row


def clean(examples: Iterable[QA], noise: Sequence[Noise] = (), switches: Clean | None = None) -> Cleaned:
    """Clean rows of one source; ``noise`` holds what is known to spoil rows of that source."""
    cleaner = Cleaner(noise, switches)
    kept: list[QA] = []
    dropped: list[Fault] = []
    for example in examples:
        made = cleaner.clean(example)
        (kept if isinstance(made, QA) else dropped).append(made)  # type: ignore[arg-type]
    return Cleaned(kept, dropped, cleaner.changed(), cleaner.account(), cleaner.steps)


def without_repetition(row: QA) -> QA:
    """The row without questions at the start of the answer that ask what the row's question asks."""
    answer = row.answer
    while match := _FIRST_QUESTION.match(answer):
        subject = set(normalised(row.question).split()) - _ASKING
        if _SENTENCE_END.search(match[1]) or not subject:
            break
        if 2 * len(subject & set(normalised(match[1]).split())) < len(subject):
            break
        answer = answer[match.end() :]
    return row if answer == row.answer else replace(row, answer=answer)


def _difference(before: str, after: str | None) -> tuple[str, str]:
    """Both texts, cut down to where they begin to differ when they are long."""
    if after is None:
        return _short(before), "(dropped)"
    at = next((index for index, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    start = max(0, (min(len(before), len(after)) if at is None else at) - 40)
    return tuple(("..." if start else "") + repr(text[start : start + 100])[1:-1] for text in (before, after))  # type: ignore[return-value]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:117] + "..."
