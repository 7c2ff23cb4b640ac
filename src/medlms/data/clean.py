"""Cleans questions and answers in named steps and counts the rows that each step changed. Nothing is dropped unsaid."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from medlms.datasets import Noise, exchanges, normalised
from medlms.types import QA, Dialogue, Fault

_UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
_BLANK_LINES = re.compile(r"\n{2,}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
# A percent sign behind a digit is a share, such as 5%20 of a text that lost a space.
_ESCAPES = re.compile(r"(?<![\d.])(?:%[0-9A-Fa-f]{2})+")
_DOUBLED = re.compile(r"\?(?:\s*\?)+")
_SPACED = re.compile(r"\s+\?")
_QUOTED = re.compile(r"""(["'“])([^"“”]+)(["'”])""")
_FIRST_QUESTION = re.compile(r"\s*([^?\n]{3,250}\?)\s*")
_ONLY_QUESTION = re.compile(r"\s*[^.!?\n]{3,250}\?\s*")
_SENTENCE_END = re.compile(r"[a-z]{3}[.!]\s")
# Words that say what is asked, not what it is asked about.
_ASKING = frozenset(
    "a an and are be by can cause caused causes condition diagnose diagnosed diagnosis disease do does for from genetic get"
    " have how i if in inherited is it long many might of on or outlook people person s should sign signs someone symptom"
    " symptoms term test tests that the there this to treat treated treatment treatments type types what when where which"
    " who why with you syndrome disorder".split()
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Rows that are left, rows dropped with the reason, and how many rows each step changed."""

    examples: list[QA]
    dropped: list[Fault]
    changed: dict[str, int]


def clean(examples: Iterable[QA], noise: Sequence[Noise] = ()) -> Cleaned:
    """Clean rows of one source; ``noise`` holds what is known to spoil rows of that source."""
    kept: list[QA] = []
    dropped: list[Fault] = []
    changed: Counter[str] = Counter({name: 0 for name, _, _ in STEPS})
    for example in examples:
        row = example
        steps: set[str] = set()
        if isinstance(example, Dialogue):
            talk, reason = _dialogue(example, steps)
            if reason:
                dropped.append(Fault(example.place, reason, _short(example.question)))
                continue
            changed.update(steps)
            kept.append(talk)
            continue
        reason = ""
        for name, field, step in STEPS[:UNFOLDED]:
            row = _apply(row, name, field, step, steps)
        for item in noise:
            text = getattr(row, item.field)
            if not item.pattern.search(text):
                continue
            if item.replacement is None:
                reason = item.reason
                break
            row = replace(row, **{item.field: item.pattern.sub(item.replacement, text)})  # type: ignore[arg-type]
            steps.add(item.reason)
        if not reason and _ONLY_QUESTION.fullmatch(row.answer):
            reason = "answer is nothing but a question"
        if not reason:
            for name, field, step in STEPS[UNFOLDED:]:
                row = _apply(row, name, field, step, steps)
            row = without_repetition(row, steps)
            reason = "" if row.question and row.answer else f"empty {'answer' if row.question else 'question'}"
        if reason:
            dropped.append(
                Fault(row.place, reason, _short(example.question if "question" in reason else example.answer))
            )
            continue
        changed.update(steps)
        kept.append(row)
    return Cleaned(kept, dropped, dict(changed))


def _dialogue(example: Dialogue, steps: set[str]) -> tuple[Dialogue, str]:
    """A dialogue with every turn cleaned, and why it can't be used, if so.

    In a dialogue an answer may well be a question, or begin with one: what drops or shortens those is left out.
    """
    said: list[str] = []
    for question, answer in exchanges(example):
        row: QA = replace(example, question=question, answer=answer)
        for name, field, step in STEPS:
            row = _apply(row, name, field, step, steps)
        said += [row.question, row.answer]
    reason = "" if all(said) else "empty turn"
    return replace(example, question=said[0], between=tuple(said[1:-1]), answer=said[-1]), reason


def without_repetition(row: QA, steps: set[str]) -> QA:
    """Take away a question at the start of the answer when it asks what the row's question asks."""
    match = _FIRST_QUESTION.match(row.answer)
    if not match or _SENTENCE_END.search(match[1]):
        return row
    subject = set(normalised(row.question).split()) - _ASKING
    if not subject or 2 * len(subject & set(normalised(match[1]).split())) < len(subject):
        return row
    steps.add("question repeated in the answer")
    return replace(row, answer=row.answer[match.end() :])


def _apply(row: QA, name: str, field: str, step: Callable[[str], str], steps: set[str]) -> QA:
    values = {}
    for part in ("question", "answer") if field == "both" else (field,):
        before = getattr(row, part)
        after = step(before)
        if after != before:
            values[part] = after
    if not values:
        return row
    steps.add(name)
    return replace(row, **values)  # type: ignore[arg-type]


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _entities(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _escapes(text: str) -> str:
    return _ESCAPES.sub(_unescaped, text) if "%" in text else text


def _unescaped(match: re.Match[str]) -> str:
    content = unquote_to_bytes(match[0])
    for encoding in ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text if text.isprintable() else match[0]
    return match[0]


def _white_space(text: str) -> str:
    """Single spaces inside lines, no outer ones; line ends stay, and one blank line at most parts paragraphs."""
    lines = [" ".join(line.split()) for line in _seen(text).split("\n")]
    return lines[0] if len(lines) == 1 else _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _one_line(text: str) -> str:
    return " ".join(_seen(text).split())


def _seen(text: str) -> str:
    return text if text.isascii() else _UNSEEN.sub("", text)


def _unquoted(text: str) -> str:
    match = _QUOTED.fullmatch(text.strip())
    return match[2].strip() if match else text


# (name, field, step) in the order in which they run; the source's own noise is looked for behind the first UNFOLDED.
STEPS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("carriage returns", "both", _line_ends),
    ("HTML entities", "both", _entities),
    ("percent escapes", "question", _escapes),
    ("white space", "answer", _white_space),
    ("white space", "question", _one_line),
    ("quotation marks around the question", "question", _unquoted),
    ("doubled question mark", "question", lambda text: _DOUBLED.sub("?", text)),
    ("space before the question mark", "question", lambda text: _SPACED.sub("?", text)),
)
UNFOLDED = 3


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:117] + "..."
