"""Looks for exam questions in training text: whole questions, and runs of 13 words or 50 characters that both hold.

Texts are compared normalised. A run that stands in more than COMMON questions is a phrase of the trade ("which of the
following is the most likely diagnosis") and counts for nothing. Hashes only point to places: every hit is then compared letter
by letter. Time grows with the length of the texts, memory with the exams'.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from medlms import catalogue, datasets
from medlms.data.exam_index import SHORT, Passage, Runs, Wholes
from medlms.datasets import Progress, exchanges, normalised
from medlms.errors import CouldNot
from medlms.types import QA, Choice

WORDS, CHARACTERS = 13, 50
COMMON = 5  # questions
KINDS = ("whole", "words", "characters")
LISTED = 1000  # hits that a report names; all are counted
SHOWN = 300  # characters of an overlap that are kept
_AT_ONCE = 2000  # rows
MEANING = (
    f"whole: the whole question (one of fewer than {SHORT} words only where it is all of a text); words: {WORDS} words in a row; "
    f"characters: {CHARACTERS} characters in a row; normalised. Runs in more than {COMMON} exam questions do not count."
)


@dataclass(frozen=True, slots=True)
class Hit:
    """What a training row (``part``: its question or answer) and an exam question (``field``) have in common.

    ``kinds`` are those of KINDS that hold, ``text`` is the longest common run, normalised, cut at SHOWN characters.
    """

    exam: str
    exam_id: str
    exam_place: str
    field: str
    row: str
    place: str
    part: str
    kinds: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Exams:
    """Exam questions, the index of their texts, and sentences on exams that could not be read."""

    questions: tuple[Choice | QA, ...]
    passages: tuple[Passage, ...]
    wholes: Wholes
    runs: tuple[Runs, ...]
    said: tuple[str, ...] = ()


def at_hand(*, progress: Progress | None = None) -> Exams | None:
    """The graded part of every known exam whose original lies on this machine; None where there is none.

    Nothing is fetched.
    """
    questions: list[Choice] = []
    said: list[str] = []
    for name in datasets.names():
        module = catalogue.find("datasets", name)
        if not hasattr(module, "choices") or not datasets.where(name):
            continue
        try:
            questions += module.choices(part=module.PARTS[0], offline=True, progress=progress).rows
        except CouldNot as error:
            said.append(f"{name} could not be compared with the training rows: {error}")
    return index(questions, said) if questions or said else None


def index(questions: Sequence[Choice], said: Sequence[str] = ()) -> Exams:
    """The index of these questions: their question, each option, and the text to be read with them."""
    passages = []
    for number, row in enumerate(questions):
        fields = [("question", row.question), *(("option", text) for text in row.options)]
        for field, text in (*fields, ("context", row.context)):
            if folded := normalised(text):
                passages.append(Passage(number, field, folded))
    runs = (Runs(passages, "words", WORDS, COMMON), Runs(passages, "characters", CHARACTERS, COMMON))
    return Exams(tuple(questions), tuple(passages), Wholes(passages), runs, tuple(said))


def hits(rows: Iterable[QA], exams: Exams) -> Iterator[Hit]:
    """Each overlap of a text of a row with a field of an exam question, once."""
    left = iter(rows)
    while batch := list(islice(left, _AT_ONCE)):
        texts = [(row, part, folded) for row in batch for part, text in _texts(row) if (folded := normalised(text))]
        yield from _batch(texts, exams)


def account(rows: Sequence[QA], exams: Exams | None) -> dict[str, Any]:
    """What a report says of the overlaps of ``rows`` with the exams, as a JSON-able dict.

    ``exams`` gives by exam its ``questions`` and how many of them were found, by kind and in ``any`` way; ``ids`` are those
    whose question or options were.
    """
    if exams is None:
        return {"compared": False, "said": ["No known exam lies on this machine, so none was compared."]}
    found = list(hits(rows, exams))
    by_kind: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for hit in found:
        for kind in (*hit.kinds, "any", *(["ids"] if hit.field != "context" else [])):
            by_kind[hit.exam][kind].add(hit.exam_id)
    counts = Counter(row.source for row in exams.questions)
    return {
        "compared": True,
        "meaning": MEANING,
        "said": list(exams.said),
        "rows": len(rows),
        "rows_hit": len({hit.row for hit in found}),
        "exams": {
            name: {"questions": count, **{kind: len(by_kind[name][kind]) for kind in (*KINDS, "any")}}
            for name, count in sorted(counts.items())
        },
        "ids": {name: sorted(by_kind[name]["ids"]) for name in sorted(counts) if by_kind[name]["ids"]},
        "hits_in_all": len(found),
        "hits": listed(found),
    }


def listed(found: Iterable[Hit]) -> list[dict[str, Any]]:
    """At most LISTED hits, the worst one of each exam question before the second ones, as JSON-able dicts."""
    firsts: list[Hit] = []
    others: list[Hit] = []
    seen: set[str] = set()
    for hit in sorted(found, key=_worst_first):
        (others if hit.exam_id in seen else firsts).append(hit)
        seen.add(hit.exam_id)
    return [asdict(hit) for hit in [*firsts, *others][:LISTED]]


def places(hits: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each hit: both places, what overlaps, and the common text."""
    return [
        f"{hit['place']} ({hit['part']}): {', '.join(hit['kinds'])}: the {hit['field']} of {hit['exam_id']}: {hit['text']!r}"
        for hit in hits
    ]


def said(found: Mapping[str, Any]) -> list[str]:
    """Sentences for the user on such an account; none where no exam was at hand."""
    if not found["compared"]:
        return []
    lines = list(found["said"])
    for name, counts in found["exams"].items():
        if counts["any"]:
            lines.append(
                f"{counts['any']:,} of the {counts['questions']:,} questions of {name} overlap with training rows "
                f"({counts['whole']:,} whole, {counts['words']:,} by {WORDS} words, {counts['characters']:,} by {CHARACTERS} "
                f"characters): grade it without them too"
            )
    return lines


def lines(found: Mapping[str, Any]) -> list[str]:
    """The whole account for a person, a line each: every exam, then every overlap with its two places."""
    if not found["compared"]:
        return list(found["said"])
    counts = [
        f"{name}: {item['any']:,} of {item['questions']:,} questions overlap" for name, item in found["exams"].items()
    ]
    shown = places(found["hits"])
    more = found["hits_in_all"] - len(shown)
    return [*found["said"], *counts, *shown, *([f"and {more:,} more"] if more else [])]


def _batch(texts: Sequence[tuple[QA, str, str]], exams: Exams) -> Iterator[Hit]:
    plain = [text for _, _, text in texts]
    found: defaultdict[tuple[int, int, str], dict[str, str]] = defaultdict(dict)
    for number, passage in exams.wholes.inside(plain):
        found[number, exams.passages[passage].item, "question"]["whole"] = exams.passages[passage].text
    for runs in exams.runs:
        for number, passage, common in runs.inside(plain):
            kinds = found[number, exams.passages[passage].item, exams.passages[passage].field]
            kinds[runs.kind] = max(kinds.get(runs.kind, ""), common, key=len)
    for (number, item, field), kinds in sorted(found.items()):
        row, part, _ = texts[number]
        exam = exams.questions[item]
        yield Hit(
            exam=exam.source,
            exam_id=exam.id,
            exam_place=exam.place,
            field=field,
            row=row.id,
            place=row.place,
            part=part,
            kinds=tuple(kind for kind in KINDS if kind in kinds),
            text=max(kinds.values(), key=len)[:SHOWN],
        )


def _texts(row: QA) -> Iterator[tuple[str, str]]:
    for question, answer in exchanges(row):
        yield "question", question
        yield "answer", answer


def _worst_first(hit: Hit) -> tuple[int, int, str, str]:
    return (KINDS.index(hit.kinds[0]), -len(hit.text), hit.place, hit.exam_id)
