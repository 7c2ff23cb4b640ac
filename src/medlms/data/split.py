"""Parts rows into training, development and evaluation so that related rows never stand on two sides.

Related rows form groups: connected components over document, topic, question and rare concept codes. Groups stand in an order
that a hash of their own name and the seed gives, and eval and dev take the first that fit. So an added group can push others
out of eval and dev, one each at most, but brings none in. With ``reserve`` the hash alone says which side a group may serve.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medlms.config import Split
from medlms.data.draw import Draw, Table, order, quotas
from medlms.data.keys import Keys
from medlms.data.runs import I64
from medlms.data.store import rewritten, take
from medlms.datasets import before, exchanges, normalised
from medlms.errors import DataError
from medlms.types import QA

RARE = 5  # documents: a concept code found in more of them says too little to join rows
BOILERPLATE = 8  # words: a shorter answer may be equal by chance
PASSED = "answer also stands in another group"
KEEP = 0.7  # share of the rows that training keeps at least when it is to have all that remain


@dataclass(frozen=True, slots=True)
class Parts:
    """The three sides in their final order. ``per_group`` is the most rows that one group gives to dev or eval.

    ``passed_over`` counts rows in the groups of dev and eval that were not eligible, by reason. ``pool`` holds all rows that
    training could be given, of which ``train`` is drawn.
    """

    train: Sequence[QA]
    dev: Sequence[QA]
    eval: Sequence[QA]
    per_group: int
    passed_over: dict[str, int]
    pool: Sequence[QA] = ()


def grouped(examples: Sequence[QA]) -> Sequence[QA]:
    """The same rows with ``group`` filled; rows that share a link, a topic or a question get the same group."""
    return rewritten(examples, map(_with_group, examples, _groups(examples)))


def _with_group(example: QA, group: int) -> QA:
    return replace(example, group=f"{group:016x}")


def _groups(examples: Sequence[QA]) -> Iterator[int]:
    """Of each row the number that names its group: 64 bits of a hash of the group's own name."""
    top = _components(examples)
    left = np.bincount(top, minlength=len(top)).tolist()
    names = np.zeros(len(top), dtype=np.uint64)
    labels: dict[int, str] = {}  # of the groups of which more rows are to come
    for example, root in zip(examples, top.tolist(), strict=True):
        # A topic names a group better than a question: it stays when questions are added.
        label = f"0{normalised(example.topic)}" if normalised(example.topic) else f"1{normalised(example.question)}"
        labels[root] = min(labels.get(root, label), label)
        left[root] -= 1
        if not left[root]:
            names[root] = int.from_bytes(hashlib.sha256(labels.pop(root).encode()).digest()[:8], "big")
    for start in range(0, len(top), 2**16):
        yield from names[top[start : start + 2**16]].tolist()


def _components(examples: Sequence[QA]) -> I64:
    """Of each row the first row that a chain of shared keys leads to."""
    common = _common_codes(examples)
    keys, holders = Keys(), array("q")
    for index, example in enumerate(examples):
        for key in dict.fromkeys(_keys(example)):
            if key not in common:
                keys.add(key)
                holders.append(index)
    rows = np.asarray(holders, dtype=np.int64)
    firsts = rows[keys.firsts()] if len(rows) else rows
    other = firsts != rows
    parent = array("q", range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, row in zip(firsts[other].tolist(), rows[other].tolist(), strict=True):
        a, b = root(first), root(row)
        if a != b:
            parent[max(a, b)] = min(a, b)
    top = np.asarray(parent, dtype=np.int64)
    while not np.array_equal(top, top[top]):
        top = top[top]
    return top


def _common_codes(examples: Iterable[QA]) -> set[str]:
    """Concept codes that are found in more than RARE documents."""
    documents: defaultdict[str, set[str]] = defaultdict(set)
    for example in examples:
        codes = [link for link in example.links if link.startswith("cui:") and len(documents[link]) <= RARE]
        if codes:
            own = {link for link in example.links if link.startswith("document:")} or {example.id}
            for code in codes:
                documents[code] |= own
    return {code for code, found in documents.items() if len(found) > RARE}


def parts(
    examples: Sequence[QA],
    split: Split,
    *,
    weights: Mapping[str, float],
    seed: int,
    unfit: Collection[str] | None = None,
) -> Parts:
    """Draw exactly the sizes asked for from grouped rows, by source weights as far as the sources reach.

    Dev and eval take as few rows from one group as leaves enough for training: one where there are groups enough. Rows whose
    ids are ``unfit`` (``shared_answers`` unless said) are in neither. Raises DataError when the sizes can't be had.
    """
    unfit = shared_answers(examples) if unfit is None else unfit
    table = Table(examples, seed, unfit)
    drawn = _parts(examples, table, split, weights, seed)
    if drawn is None:
        raise _too_small(examples, table, split, seed)
    return drawn


def _parts(examples: Sequence[QA], table: Table, split: Split, weights: Mapping[str, float], seed: int) -> Parts | None:
    if len(examples) < (split.train or 1) + split.dev + split.eval:
        return None
    least = split.train or int(KEEP * (len(examples) - split.dev - split.eval))
    best: Parts | None = None
    most = min(table.most, max(split.eval, split.dev))
    serves = _serving(table, split, seed)
    for per_group in range(1, most + 1):
        held = Draw(table, per_group)
        taken = held.draw(split.eval, weights, serves["eval"])
        dev = held.draw(split.dev, weights, serves["dev"])
        left = np.flatnonzero((~held.used & serves["train"])[table.group])
        # Without a size, training wants KEEP of the rows, and where that can't be had as many as there can be.
        enough = split.train or (len(best.train) + 1 if best else 1)
        if taken is None or dev is None or len(left) < enough:
            continue
        passed = int(np.count_nonzero(table.unfit & held.used[table.group]))
        pool = table.shuffled(left)
        best = Parts(
            train=table.rows(examples, _sample(table, pool, split.train, weights)),
            dev=table.rows(examples, table.shuffled(np.asarray(dev, dtype=np.int64))),
            eval=table.rows(examples, table.shuffled(np.asarray(taken, dtype=np.int64))),
            per_group=per_group,
            passed_over={PASSED: passed} if passed else {},
            pool=table.rows(examples, pool),
        )
        if len(left) >= least:
            break
    return best


def _serving(table: Table, split: Split, seed: int) -> dict[str, NDArray[np.bool_]]:
    """Of each side which groups may serve it."""
    if not split.reserve:
        return dict.fromkeys(("eval", "dev", "train"), np.ones(table.groups, dtype=bool))
    homes = np.array([_home(int(place), split.reserve) for place in table.places], dtype="U5")
    return {side: homes == side for side in ("eval", "dev", "train")}


def home(group: str, reserve: float, seed: int) -> str:
    """The side (eval, dev or train) that a group may serve when ``reserve`` of all groups are set aside, half for each.

    It hangs on the group's name and the seed alone, so no other row can change it.
    """
    return _home(int.from_bytes(order(seed, "group", group)[:8], "big"), reserve)


def _home(place: int, reserve: float) -> str:
    share = place / 2**64
    return "eval" if share < reserve / 2 else "dev" if share < reserve else "train"


def suggest(examples: Sequence[QA], *, seed: int = 13, unfit: Collection[str] | None = None) -> Split | None:
    """Sizes that these grouped rows allow, or None when there are too few; ``train`` is left to all that remain."""
    return _suggested(examples, Table(examples, seed, shared_answers(examples) if unfit is None else unfit), seed)


def _suggested(examples: Sequence[QA], table: Table, seed: int) -> Split | None:
    for share in (10, 5, 4):
        size = min(100, len(examples) // share)
        for dev, held in ((min(50, size), size), (size // 2, size // 2), (1, 1)):
            if not dev or not held:
                continue
            drawn = _parts(examples, table, split := Split(train=None, dev=dev, eval=held), {}, seed)
            if drawn and len(drawn.train) > dev + held:
                return split
    return None


def shared_answers(examples: Sequence[QA]) -> set[str]:
    """Ids of rows whose normalised answer, of at least BOILERPLATE words, also stands in another group."""
    groups, texts, holders = Keys(), Keys(), array("q")
    for index, example in enumerate(examples):
        groups.add(example.group)
        for folded in long_texts(answer for _, answer in exchanges(example)):
            texts.add(folded)
            holders.append(index)
    rows = np.asarray(holders, dtype=np.int64)
    label, group = texts.firsts(), groups.firsts()[rows]
    several = np.bincount(np.unique(label * len(groups) + group) // max(len(groups), 1), minlength=len(label)) > 1
    return {row.id for row in take(examples, np.unique(rows[several[label]]))}


def long_texts(texts: Iterable[str]) -> list[str]:
    """Those of the normalised texts that have at least BOILERPLATE words: two equal ones are no chance."""
    return [folded for folded in map(normalised, texts) if folded.count(" ") >= BOILERPLATE - 1]


def _keys(example: QA) -> Iterable[str]:
    yield f"row:{example.id}"
    yield from example.links
    if topic := normalised(example.topic):
        yield f"topic:{topic}"
    yield f"question:{normalised(example.question) or example.question}"
    # A later question of a dialogue joins rows only where it is long enough to stand for itself.
    yield from (f"question:{folded}" for folded in long_texts(before(example)[2::2]))


def _sample(table: Table, pool: I64, size: int | None, weights: Mapping[str, float]) -> I64:
    """Of a shuffled pool the first rows of each source, as many as its weight gives it."""
    if size is None:
        return pool
    source = table.source[pool]
    counts = np.bincount(source, minlength=len(table.sources)).tolist()
    left = quotas(size, weights, {name: count for name, count in zip(table.sources, counts, strict=True) if count})
    drawn = [np.flatnonzero(source == number)[: left.get(name, 0)] for number, name in enumerate(table.sources)]
    return pool[np.sort(np.concatenate(drawn))]


def _too_small(examples: Sequence[QA], table: Table, split: Split, seed: int) -> DataError:
    asked = f"train {split.train or 'all that remain'}, dev {split.dev}, eval {split.eval}"
    message = (
        f"The set is too small to split as asked ({asked}): {len(examples):,} usable rows in {table.groups:,} groups "
        f"of related rows, the largest of {table.largest:,}; a group is never split apart."
    )
    fits = _suggested(examples, table, seed)
    if split.reserve:
        hint = "Only groups that split.reserve sets aside can serve dev and eval: raise it, or leave it empty."
    elif fits:
        hint = f"This would fit: split.train=null split.dev={fits.dev} split.eval={fits.eval}."
    elif table.groups < 3:
        hint = "At least three groups are needed; when `topic` is too coarse, name a finer column in the config."
    else:
        hint = "Add rows."
    return DataError(message, hint=hint)
