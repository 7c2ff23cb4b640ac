"""Which rows say what other rows say: equal or nearly equal longer answers, and questions in nearly the same words."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medlms.data import near
from medlms.data.keys import Keys, digest
from medlms.data.runs import I64, changes
from medlms.data.split import long_texts
from medlms.data.store import take
from medlms.datasets import before, exchanges, normalised
from medlms.types import QA, Dialogue, Fault

REASON = "answer nearly repeats that of another row"
SHOWN = 5  # clusters of each kind that a report shows
LENGTH = 200  # characters shown of a text
# Words that hold a question together and say neither what is asked nor about what.
_FILLING = frozenset(
    "a about an and any are as at be been by can could did do does for from give has have i in into is it its me my of on"
    " please tell that the there these this those to was we were what which will would you your".split()
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Rows, by id and in their order, of which texts of one ``kind`` (answer, question) are copies of one another.

    ``texts`` counts the different texts: one where all are equal, more where a chain of near copies joins them.
    """

    kind: str
    rows: tuple[str, ...]
    texts: int


def find(rows: Sequence[QA]) -> list[Cluster]:
    """All clusters of two rows or more; each longer text is normalised and looked at once."""
    return [*_clusters("answer", rows, answers), *_clusters("question", rows, questions), *_reworded(rows)]


def apart(rows: Iterable[QA], clusters: Iterable[Cluster]) -> set[str]:
    """Ids of the rows that have a copy in another group: they can't be graded on, since their copy may be trained on."""
    found = list(clusters)
    named = {id for cluster in found for id in cluster.rows}
    group = {row.id: row.group for row in rows if row.id in named} if named else {}
    there = ([id for id in cluster.rows if id in group] for cluster in found)
    return {id for ids in there if len({group[id] for id in ids}) > 1 for id in ids}


def drop(rows: Sequence[QA], clusters: Iterable[Cluster]) -> tuple[Sequence[QA], list[tuple[str, Fault]]]:
    """Keep of rows with equal or nearly equal answers the first, and name the others. Dialogues all stay."""
    found = [cluster for cluster in clusters if cluster.kind == "answer"]
    numbers = _numbers(rows, found)
    first: dict[int, str] = {}  # of a row that goes the place of the one that stays
    for cluster in found:
        held = np.array([numbers[id] for id in cluster.rows], dtype=np.int64)
        members = [
            (number, row.place, normalised(row.answer))
            for number, row in zip(held.tolist(), take(rows, held), strict=True)
            if not isinstance(row, Dialogue)
        ]
        for (number, _, _), lead in zip(members, near.leaders([text for _, _, text in members]), strict=True):
            if members[lead][0] != number:
                first[number] = members[lead][1]
    gone = np.array(sorted(first), dtype=np.int64)
    kept = np.ones(len(rows), dtype=bool)
    kept[gone] = False
    dropped = [
        (row.source, Fault(row.place, REASON, f"as in {first[number]}"))
        for number, row in zip(gone.tolist(), take(rows, gone), strict=True)
    ]
    return take(rows, np.flatnonzero(kept)), dropped


def account(rows: Sequence[QA], clusters: Sequence[Cluster], asked: str) -> dict[str, Any]:
    """Counts and examples for the report."""
    kinds: dict[str, list[Cluster]] = {}
    for name, kind, equal in (
        ("equal_answers", "answer", True),
        ("near_answers", "answer", False),
        ("near_questions", "question", False),
    ):
        kinds[name] = [cluster for cluster in clusters if cluster.kind == kind and (cluster.texts == 1) == equal]
        kinds[name].sort(key=lambda cluster: (-len(cluster.rows), cluster.rows))
    numbers = _numbers(rows, [cluster for found in kinds.values() for cluster in found[:SHOWN]])
    return {
        "asked": asked,
        **{
            name: {
                "clusters": len(found),
                "rows": len({id for cluster in found for id in cluster.rows}),
                "largest": max((len(cluster.rows) for cluster in found), default=0),
                "examples": [_example(cluster, rows, numbers) for cluster in found[:SHOWN]],
            }
            for name, found in kinds.items()
        },
        "rows_with_a_copy_in_another_group": len(apart(rows, clusters)),
        "meaning": f"Answers of 8 words or more are compared; nearly equal are texts of {near.SHORTEST} words or more that "
        f"share {near.SHARED}/{near.OF} of their runs of {near.WIDTH} words (Jaccard), and questions in the same words but "
        "for filling words and order.",
    }


def _numbers(rows: Iterable[QA], clusters: Iterable[Cluster]) -> dict[str, int]:
    """Where the rows of these clusters stand, by id."""
    named = {id for cluster in clusters for id in cluster.rows}
    return {row.id: number for number, row in enumerate(rows) if row.id in named} if named else {}


def answers(row: QA) -> list[str]:
    """The normalised longer answers of a row."""
    return long_texts(answer for _, answer in exchanges(row))


def questions(row: QA) -> list[str]:
    """The normalised questions of a row that are long enough for near copies."""
    folded = map(normalised, before(row)[::2])
    return [text for text in folded if text.count(" ") >= near.SHORTEST - 1]


def wording(row: QA) -> str:
    """What a row's first question asks in any order of words, filling words apart; empty where no word is left.

    Where numbers stand in it the order stays: a drug of 5 mg twice is not one of 2 mg five times.
    """
    words = normalised(row.question).split()
    telling = [word for word in words if word not in _FILLING]
    return " ".join(telling if any(word.isdigit() for word in telling) else sorted(telling))


def _clusters(kind: str, rows: Sequence[QA], texts_of: Callable[[QA], list[str]]) -> list[Cluster]:
    texts, holders = array("q"), array("q")  # each text of each row by its number, and the row's

    def distinct() -> Iterator[str]:
        numbers: dict[bytes, int] = {}
        for index, row in enumerate(rows):
            for text in texts_of(row):
                key = digest(text)
                if key not in numbers:
                    numbers[key] = len(numbers)
                    yield text
                texts.append(numbers[key])
                holders.append(index)

    first = near.clusters(distinct())
    held = np.asarray(texts, dtype=np.int64)
    return _gathered(kind, rows, first[held] if len(held) else held, np.asarray(holders, dtype=np.int64), held)


def _reworded(rows: Sequence[QA]) -> list[Cluster]:
    """Rows whose question is asked in the same words but for filling words and order."""
    wordings, asked, holders = Keys(), Keys(), array("q")
    for index, row in enumerate(rows):
        if key := wording(row):
            wordings.add(key)
            asked.add(normalised(row.question))
            holders.append(index)
    return _gathered("question", rows, wordings.firsts(), np.asarray(holders, dtype=np.int64), asked.firsts(), least=2)


def _gathered(kind: str, rows: Sequence[QA], label: I64, holders: I64, texts: I64, *, least: int = 1) -> list[Cluster]:
    """A cluster for each label that several rows and ``least`` different texts have, in the order of their first rows."""
    if not len(label):
        return []
    order = np.lexsort((texts, label))
    different = np.bincount(label[order][changes(label[order]) | changes(texts[order])])
    order = np.argsort(label, kind="stable")
    order = order[changes(label[order]) | changes(holders[order])]  # a row once
    starts = np.flatnonzero(changes(label[order]))
    ends = np.append(starts[1:], len(order))
    several = (ends - starts > 1) & (different[label[order[starts]]] >= least)
    starts, ends = starts[several], ends[several]
    found = []
    for cluster in np.argsort(order[starts]).tolist():
        members = order[starts[cluster] : ends[cluster]]
        ids = tuple(row.id for row in take(rows, holders[members]))
        found.append(Cluster(kind, ids, int(different[label[members[0]]])))
    return found


def _example(cluster: Cluster, rows: Sequence[QA], numbers: Mapping[str, int]) -> dict[str, Any]:
    """The first row of a cluster and the first one after it that says it otherwise (or again)."""

    def text(row: QA) -> str:
        return row.answer if cluster.kind == "answer" else row.question

    one = rows[numbers[cluster.rows[0]]]
    folded = normalised(text(one))
    others = (rows[numbers[id]] for id in cluster.rows[1:])
    other = next((row for row in others if normalised(text(row)) != folded), rows[numbers[cluster.rows[1]]])
    return {
        "rows": len(cluster.rows),
        "places": [one.place, other.place],
        "texts": [_short(text(one)), _short(text(other))],
        "jaccard": round(near.jaccard(folded, normalised(text(other))), 3),
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 3] + "..."
