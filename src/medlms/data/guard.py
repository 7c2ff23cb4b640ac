"""Looks for identifiers of people in prepared rows and does what the config's ``identifiers`` says about them.

Sets of the catalogue that are marked public are only reported on. All else follows the policy: ``stop`` (whoever trains
raises, see ``Guarded.stops``), ``report``, or ``deidentify`` (surrogates in the place of what was found).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medlms.data import found as lists
from medlms.data import surrogates
from medlms.data.found import Found, in_order
from medlms.data.identifiers import Finding
from medlms.data.scans import Scans, ahead
from medlms.data.store import rewritten
from medlms.data.surrogates.replace import Replaced, learn
from medlms.datasets import Progress
from medlms.types import QA, Dialogue

OTHER = "other answers"
"""The field of answers to the same question that a row is graded against beside its own."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """Rows and references after the policy was carried out; ``account`` is for data_report.json.

    ``found`` lists what was found in sources that are not public, masked. ``stops`` names the sources for which the
    policy says stop and in which something was found.
    """

    parts: dict[str, Sequence[QA]]
    references: dict[str, tuple[str, ...]]
    account: dict[str, Any]
    found: list[Found]
    stops: list[str]
    said: list[str]


@dataclass(slots=True)
class _Tally:
    """What is counted of one source."""

    policy: str
    scan: str
    rows: int = 0
    rows_with: int = 0
    kinds: list[str] = field(default_factory=list)
    characters: int = 0
    characters_found: int = 0
    replaced: int = 0
    characters_replaced: int = 0
    left: int = 0

    def record(self) -> dict[str, Any]:
        said = {
            "policy": self.policy,
            "scan": self.scan,
            "rows": self.rows,
            "rows_with": self.rows_with,
            "found": len(self.kinds),
            "by_class": lists.counts(self.kinds),
            "characters": self.characters,
            "characters_found": self.characters_found,
        }
        if self.policy == "deidentify":
            said |= {"replaced": self.replaced, "characters_replaced": self.characters_replaced, "left": self.left}
        return said


def guard(
    parts: Mapping[str, Sequence[QA]],
    references: Mapping[str, tuple[str, ...]],
    *,
    asked: str,
    public: Mapping[str, bool],
    quick: bool = False,
    key: Callable[[], bytes] = surrogates.secret,
    progress: Progress | None = None,
) -> Guarded:
    """Scan the rows of all parts and act. ``public`` says of each source whether it is a public set; ``asked`` is the policy.

    ``quick``: sources that are not public are scanned quickly, too, without the network.
    ``key`` gives the secret of the surrogates; it is asked for only where something is replaced.
    """
    count = sum(map(len, parts.values()))
    tallies = {
        name: _Tally("report" if free else asked, "quick" if quick or free else "close")
        for name, free in public.items()
    }
    scans = Scans(quick=quick)
    own = (row for rows in parts.values() for row in rows if not public[row.source])
    said = (text for row in own for _, text in _texts(row, references))
    title = ahead(said, quick=quick, times=1 + (asked == "deidentify")) or "looking for identifiers"
    shown: list[Found] = []
    for number, row in enumerate((row for items in parts.values() for row in items), 1):
        tally, any_found = tallies[row.source], False
        for name, text in _texts(row, references):
            findings = scans.look(text, public=public[row.source])
            any_found = any_found or bool(findings)
            tally.kinds += [item.kind for item in findings]
            tally.characters += len(text)
            tally.characters_found += sum(item.end - item.start for item in findings)
            if findings and not public[row.source]:
                shown += lists.listed(text, findings, place=row.place, field=name)
        tally.rows += 1
        tally.rows_with += any_found
        if progress:
            progress(title, number, count)
    scans.keep()
    made = dict(parts)
    answers = dict(references)
    if any(tally.policy == "deidentify" and tally.kinds for tally in tallies.values()):
        made, answers = _replaced(parts, references, tallies, scans.look, key(), progress)
    records = {name: tally.record() for name, tally in tallies.items()}
    stops = [name for name, tally in tallies.items() if tally.policy == "stop" and tally.kinds]
    shown.sort(key=lambda item: in_order(item.place))
    return Guarded(made, answers, _account(asked, records), shown, stops, [*_said(records, public), *scans.said()])


def unguarded(
    parts: Mapping[str, Sequence[QA]],
    references: Mapping[str, tuple[str, ...]],
    *,
    asked: str,
    public: Mapping[str, bool],
    quick: bool = False,
    progress: Progress | None = None,
) -> Guarded:
    """As ``guard``, without looking; the account says so."""
    account = {"scanned": False, "asked": asked, "note": "Nobody looked for identifiers of people here."}
    return Guarded(dict(parts), dict(references), account, [], [], [])


def fields(row: QA) -> list[tuple[str, str]]:
    """The texts of a row with what they are: topic, question, turns, answer."""
    turns = row.between if isinstance(row, Dialogue) else ()
    topic = [("topic", row.topic)] if row.topic else []
    said = [(f"turn {number}", text) for number, text in enumerate(turns, 2)]
    return [*topic, ("question", row.question), *said, ("answer", row.answer)]


def group_of(row: QA) -> str:
    """Whose surrogates a row shares: its document's or patient's, or else those of its group of related rows."""
    return next((link for link in row.links if link.startswith("document:")), f"group:{row.group or row.id}")


def _texts(row: QA, references: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    others = [text for text in references.get(row.id, ()) if text != row.answer]
    return [*fields(row), *((OTHER, text) for text in others)]


def _replaced(
    parts: Mapping[str, Sequence[QA]],
    references: Mapping[str, tuple[str, ...]],
    tallies: Mapping[str, _Tally],
    look: Callable[[str], list[Finding]],
    key: bytes,
    progress: Progress | None,
) -> tuple[dict[str, Sequence[QA]], dict[str, tuple[str, ...]]]:
    groups: dict[str, surrogates.Group] = {}
    for row in (row for rows in parts.values() for row in rows if tallies[row.source].policy == "deidentify"):
        group = groups.setdefault(group_of(row), surrogates.Group(key, group_of(row)))
        for _, text in _texts(row, references):
            learn(text, group, scan=look)
    answers = dict(references)
    count, number = sum(map(len, parts.values())), itertools.count(1)

    def changed(row: QA) -> QA:
        if progress:
            progress("replacing identifiers", next(number), count)
        tally = tallies[row.source]
        if tally.policy != "deidentify":
            return row
        group = groups[group_of(row)]

        def swap(text: str) -> str:
            done: Replaced = surrogates.deidentify(
                text, group, scan=look, findings=look(text) if text not in group.texts else None
            )
            tally.replaced += len(done.changes)
            tally.characters_replaced += done.characters
            tally.left += len(done.left)
            return done.text

        made = _swapped(row, swap)
        if row.id in references:
            others = [swap(text) for text in references[row.id] if text != row.answer]
            answers[row.id] = tuple(dict.fromkeys((made.answer, *others)))
        return made

    return {side: rewritten(rows, map(changed, rows)) for side, rows in parts.items()}, answers


def _swapped(row: QA, swap: Callable[[str], str]) -> QA:
    topic = swap(row.topic) if row.topic else ""
    question = swap(row.question)
    between = tuple(swap(text) for text in row.between) if isinstance(row, Dialogue) else ()
    made = replace(row, topic=topic, question=question, answer=swap(row.answer))
    # Links are no longer needed behind the split, and may name patients.
    made = replace(made, links=())
    return replace(made, between=between) if isinstance(made, Dialogue) else made


def _account(asked: str, records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    kinds: defaultdict[str, int] = defaultdict(int)
    for record in records.values():
        for kind, count in record["by_class"].items():
            kinds[kind] += count
    by_class = {kind: kinds[kind] for kind in lists.TITLES if kinds[kind]}
    note = " ".join([*(_sentence(name, record) for name, record in records.items()), lists.NO_PROOF])
    return {"scanned": True, "asked": asked, "by_class": by_class, "by_source": dict(records), "note": note}


def _sentence(name: str, record: Mapping[str, Any]) -> str:
    if not record["found"]:
        return f"{name}: no identifier found in {record['rows']:,} rows."
    what = f"{record['found']:,} possible identifiers in {record['rows_with']:,} of {record['rows']:,} rows"
    if record["policy"] == "deidentify":
        share = 100 * record["characters_replaced"] / max(1, record["characters"])
        rest = f"; {record['left']:,} could not be" if record["left"] else ""
        return f"{name}: {what}, replaced by surrogates ({share:.1f} % of the characters){rest}."
    return f"{name}: {what}{', left as they are' if record['policy'] == 'report' else ''}."


def _said(records: Mapping[str, Mapping[str, Any]], public: Mapping[str, bool]) -> list[str]:
    said = []
    for name, record in records.items():
        if public[name]:
            continue
        classes = f" ({lists.in_words(record['by_class'])})" if record["found"] else ""
        said.append(f"identifiers of people: {_sentence(name, record).rstrip('.')}{classes}. {lists.NO_PROOF}")
    return said
