"""Puts surrogates in the place of findings and leaves every other character as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from medlms.data.identifiers import Finding, scan_closely
from medlms.data.surrogates import codes, contact, dates, names, places
from medlms.data.surrogates.group import Group

ROUNDS = 4  # of looking again: a replaced word may let a rule see what it did not see before
_AFTER = 24  # characters behind a finding that tell an age
_MAKERS: dict[str, Callable[[Group, str], str]] = {
    "name": names.name,
    "place": places.place,
    "phone": contact.phone,
    "fax": contact.phone,
    "email": contact.email,
    "url": contact.url,
    "ip": contact.ip,
    "ssn": codes.ssn,
}

Scan = Callable[[str], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Change:
    """One replacement: where it stood in the original text, and where its surrogate stands in the new one."""

    start: int
    end: int
    kind: str
    original: str
    surrogate: str
    at: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """A text with surrogates. ``left`` are findings of a last scan outside the surrogates (none, as a rule).

    ``characters`` counts those of the original that were replaced: the most clinical content that can have been lost.
    """

    text: str
    changes: tuple[Change, ...]
    left: tuple[Finding, ...]

    @property
    def characters(self) -> int:
        """Characters of the original that a surrogate stands for now."""
        return sum(change.end - change.start for change in self.changes)


def learn(text: str, group: Group, *, scan: Scan = scan_closely) -> None:
    """What a text says about its group: the form of its dates, and names that no surrogate may have."""
    for found in scan(text):
        original = text[found.start : found.end]
        if found.kind == "date":
            dates.learn(group, original)
        else:
            for word in (original, *original.split()):
                group.avoid(word.strip(".,;:'\"()"))


def deidentify(
    text: str, group: Group, *, scan: Scan = scan_closely, findings: Sequence[Finding] | None = None
) -> Replaced:
    """The text with a surrogate for each finding; equal texts of a group get equal results.

    ``findings`` are those of a first scan where it was done before. Overlapping ones are replaced as one.
    """
    if findings is None and text in group.texts:
        return cast(Replaced, group.texts[text])
    spans = _joined(
        [], [(f.start, f.end, f.kind) for f in _by_trust(scan(text) if findings is None else findings)], len(text)
    )
    changes = _changes(text, spans, group)
    new = _with(text, changes)
    left: list[Finding] = []
    for _ in range(ROUNDS):
        left = [found for found in scan(new) if not _inside(found, changes)] if changes else []
        if not left:
            break
        spans = _joined(spans, [_back(found, changes) for found in left], len(text))
        changes = _changes(text, spans, group)
        new = _with(text, changes)
    else:
        left = [found for found in scan(new) if not _inside(found, changes)]
    done = Replaced(new, tuple(changes), tuple(left))
    group.texts[text] = done
    return done


def _by_trust(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda found: (-found.confidence, found.start))


Span = tuple[int, int, str]


def _joined(spans: Sequence[Span], more: Sequence[Span], size: int) -> list[Span]:
    """Spans in order, those that overlap as one; its class is that of the one that came first."""
    ranked = [(start, end, kind, rank) for rank, (start, end, kind) in enumerate([*spans, *more])]
    joined: list[tuple[int, int, str, int]] = []
    for start, end, kind, rank in sorted(ranked):
        start, end = max(0, start), min(end, size)
        if start >= end:
            continue
        if joined and start < joined[-1][1]:
            first, last, old, before = joined[-1]
            joined[-1] = (first, max(last, end), *((old, before) if before < rank else (kind, rank)))
        else:
            joined.append((start, end, kind, rank))
    return [(start, end, kind) for start, end, kind, _ in joined]


def _changes(text: str, spans: Sequence[Span], group: Group) -> list[Change]:
    changes, grown = [], 0
    for start, end, kind in spans:
        original = text[start:end]
        surrogate = _surrogate(group, kind, original, text[end : end + _AFTER])
        changes.append(Change(start, end, kind, original, surrogate, start + grown))
        grown += len(surrogate) - len(original)
    return changes


def _surrogate(group: Group, kind: str, original: str, after: str) -> str:
    if kind == "date":
        return dates.moved(group, original, after)
    made = _MAKERS.get(kind, codes.code)(group, original)
    # A finding without a letter or digit that could be changed, or that draws itself, is hidden.
    return made if made != original else f"[{kind}]"


def _with(text: str, changes: Sequence[Change]) -> str:
    made, end = [], 0
    for change in changes:
        made += [text[end : change.start], change.surrogate]
        end = change.end
    return "".join(made) + text[end:]


def _inside(found: Finding, changes: Sequence[Change]) -> bool:
    """Whether surrogates, and what is no letter or digit between them, are all that a finding covers."""
    return any(change.at <= found.start and found.end <= change.at + len(change.surrogate) for change in changes)


def _back(found: Finding, changes: Sequence[Change]) -> Span:
    """The span of the original text that a finding in the new one stands for, with the whole of each replacement in it."""
    start, end, grown = found.start, found.end, 0
    first = last = None
    for change in changes:
        stop = change.at + len(change.surrogate)
        if change.at < found.end and found.start < stop:
            first = min(change.start, first if first is not None else change.start)
            last = change.end
        if stop <= found.start:
            start = found.start - (stop - change.end)
        if stop <= found.end:
            grown = stop - change.end
    end = found.end - grown
    return min(start, first if first is not None else start), max(end, last if last is not None else end), found.kind


def lost(replaced: Sequence[Replaced], texts: Sequence[str]) -> float:
    """The share of characters that were replaced: 0 where nothing was, 1 where nothing is left."""
    total = sum(map(len, texts))
    return sum(item.characters for item in replaced) / total if total else 0.0
