"""Which rows say what other rows say: equal or nearly equal longer answers, and questions in nearly the same words."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medlms.data import near
from medlms.data.split import long_texts
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
    group = {row.id: row.group for row in rows}
    there = ([id for id in cluster.rows if id in group] for cluster in clusters)
    return {id for ids in there if len({group[id] for id in ids}) > 1 for id in ids}


def drop(rows: Sequence[QA], clusters: Iterable[Cluster]) -> tuple[list[QA], list[tuple[str, Fault]]]:
    """Keep of rows with equal or nearly equal answers the first, and name the others. Dialogues all stay."""
    known = {row.id: row for row in rows}
    gone: dict[str, str] = {}
    for cluster in clusters:
        members = [row for id in cluster.rows if not isinstance(row := known[id], Dialogue)]
        if cluster.kind != "answer" or len(members) < 2:
            continue
        first = near.leaders([normalised(row.answer) for row in members])
        gone |= {row.id: members[lead].place for row, lead in zip(members, first, strict=True) if members[lead] != row}
    kept = [row for row in rows if row.id not in gone]
    return kept, [(row.source, Fault(row.place, REASON, f"as in {gone[row.id]}")) for row in rows if row.id in gone]


def account(rows: Sequence[QA], clusters: Sequence[Cluster], asked: str) -> dict[str, Any]:
    """Counts and examples for the report."""
    known = {row.id: row for row in rows}
    kinds: dict[str, Any] = {}
    for name, kind, equal in (
        ("equal_answers", "answer", True),
        ("near_answers", "answer", False),
        ("near_questions", "question", False),
    ):
        found = [cluster for cluster in clusters if cluster.kind == kind and (cluster.texts == 1) == equal]
        found.sort(key=lambda cluster: (-len(cluster.rows), cluster.rows))
        kinds[name] = {
            "clusters": len(found),
            "rows": len({id for cluster in found for id in cluster.rows}),
            "largest": max((len(cluster.rows) for cluster in found), default=0),
            "examples": [_example(cluster, known) for cluster in found[:SHOWN]],
        }
    return {
        "asked": asked,
        **kinds,
        "rows_with_a_copy_in_another_group": len(apart(rows, clusters)),
        "meaning": f"Answers of 8 words or more are compared; nearly equal are texts of {near.SHORTEST} words or more that "
        f"share {near.SHARED}/{near.OF} of their runs of {near.WIDTH} words (Jaccard), and questions in the same words but "
        "for filling words and order.",
    }


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
    numbers: dict[bytes, int] = {}
    holders: list[tuple[int, int]] = []  # text, row

    def texts() -> Iterator[str]:
        for index, row in enumerate(rows):
            for text in texts_of(row):
                key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                if key not in numbers:
                    numbers[key] = len(numbers)
                    yield text
                holders.append((numbers[key], index))

    first = near.clusters(texts()).tolist()
    members: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for text, index in holders:
        members[first[text]][index] = None
    sizes = Counter(first)
    return [
        Cluster(kind, tuple(rows[index].id for index in found), sizes[label])
        for label, found in members.items()
        if len(found) > 1
    ]


def _reworded(rows: Sequence[QA]) -> list[Cluster]:
    """Rows whose question is asked in the same words but for filling words and order."""
    asked: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if key := wording(row):
            asked[key][row.id] = normalised(row.question)
    found = ((tuple(texts), len(set(texts.values()))) for texts in asked.values())
    return [Cluster("question", ids, count) for ids, count in found if count > 1]


def _example(cluster: Cluster, known: Mapping[str, QA]) -> dict[str, Any]:
    """The first row of a cluster and the first one after it that says it otherwise (or again)."""
    rows = [known[id] for id in cluster.rows]
    texts = [row.answer if cluster.kind == "answer" else row.question for row in rows]
    folded = [normalised(text) for text in texts]
    other = next((index for index, text in enumerate(folded) if text != folded[0]), 1)
    return {
        "rows": len(rows),
        "places": [rows[0].place, rows[other].place],
        "texts": [_short(texts[0]), _short(texts[other])],
        "jaccard": round(near.jaccard(folded[0], folded[other]), 3),
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 3] + "..."
