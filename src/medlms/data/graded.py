"""Looks in training text for what the set's own graded rows hold: the same three tests as for exams.

The split keeps related rows and near copies apart, but rows of other groups may still share a sentence. Which ones do is
counted here, so that a report can give results with and without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from medlms.data import contamination
from medlms.data.contamination import CHARACTERS, KINDS, WORDS, Exams
from medlms.data.exam_index import SHORT, Passage, Runs, Wholes
from medlms.datasets import exchanges, normalised
from medlms.types import QA

COMMON = 100
"""Graded rows that may share a run. Frames of a source are learned too, so fewer would hide some; more would take long."""
MEANING = (
    f"whole: the whole question (one of fewer than {SHORT} words only where it is all of a text); words: {WORDS} words in a row; "
    f"characters: {CHARACTERS} characters in a row; normalised, of a graded row's question and of all answers that count as its "
    f"references. Standing phrases of a source count too, unless they stand in more than {COMMON} graded rows."
)


def account(train: Sequence[QA], items: Sequence[QA], references: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What training rows and graded rows have in common, as a JSON-able dict.

    ``ids`` are the graded rows that were hit in ``any`` way; by kind, and by question or answer, they are counted.
    """
    index = _index(items, references)
    found = list(contamination.hits(train, index))

    by: defaultdict[str, set[str]] = defaultdict(set)
    for hit in found:
        for key in (*hit.kinds, hit.field, "any"):
            by[key].add(hit.exam_id)
    return {
        "meaning": MEANING,
        "items": len(items),
        "rows": len(train),
        "rows_hit": len({hit.row for hit in found}),
        **{key: len(by[key]) for key in (*KINDS, "question", "answer", "any")},
        "ids": sorted(by["any"]),
        "hits_in_all": len(found),
        "hits": contamination.listed(found),
    }


def said(found: Mapping[str, Any]) -> list[str]:
    """A sentence for the user on such an account; none where nothing was found."""
    if not found["any"]:
        return []
    return [
        f"{found['any']:,} of the {found['items']:,} graded rows share a run of text with training rows ({found['whole']:,} the "
        f"whole question, {found['words']:,} {WORDS} words, {found['characters']:,} {CHARACTERS} characters): the report grades "
        f"without them too"
    ]


def _index(items: Sequence[QA], references: Mapping[str, Sequence[str]]) -> Exams:
    passages = []
    for number, row in enumerate(items):
        turns = exchanges(row)
        answers = dict.fromkeys([*(answer for _, answer in turns), *references.get(row.id, ())])
        # Only the first question of a dialogue counts as a whole: "and then?" is asked everywhere.
        fields = [("question", turns[0][0]), *(("turn", question) for question, _ in turns[1:])]
        fields += [("answer", text) for text in answers]
        passages += [Passage(number, field, folded) for field, text in fields if (folded := normalised(text))]
    runs = (Runs(passages, "words", WORDS, COMMON), Runs(passages, "characters", CHARACTERS, COMMON))
    return Exams(tuple(items), tuple(passages), Wholes(passages), runs)
