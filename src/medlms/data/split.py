"""Parts rows into training, development and evaluation so that related rows never stand on two sides.

Related rows form groups: connected components over document, topic, question and rare concept codes. Groups stand in an order
that a hash of their own name and the seed gives, and eval and dev take the first that fit. So an added group can push others
out of eval and dev, one each at most, but brings none in. With ``reserve`` the hash alone says which side a group may serve.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from medlms.config import Split
from medlms.datasets import before, exchanges, normalised
from medlms.errors import DataError
from medlms.types import QA

RARE = 5  # documents: a concept code found in more of them says too little to join rows
BOILERPLATE = 8  # words: a shorter answer may be equal by chance
# A source gives one in this many of its groups to eval, and to dev, before larger sources stand in for it.
HELD = 4
PASSED = "answer also stands in another group"
KEEP = 0.7  # share of the rows that training keeps at least when it is to have all that remain


@dataclass(frozen=True, slots=True)
class Parts:
    """The three sides in their final order. ``per_group`` is the most rows that one group gives to dev or eval.

    ``passed_over`` counts rows in the groups of dev and eval that were not eligible, by reason. ``pool`` holds all rows that
    training could be given, of which ``train`` is drawn.
    """

    train: list[QA]
    dev: list[QA]
    eval: list[QA]
    per_group: int
    passed_over: dict[str, int]
    pool: list[QA] = field(default_factory=list)


def grouped(examples: Sequence[QA]) -> list[QA]:
    """The same rows with ``group`` filled; rows that share a link, a topic or a question get the same group."""
    documents: defaultdict[str, set[str]] = defaultdict(set)
    for example in examples:
        own = {link for link in example.links if link.startswith("document:")} or {example.id}
        for link in example.links:
            if link.startswith("cui:"):
                documents[link] |= own
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    holder: dict[str, int] = {}
    for index, example in enumerate(examples):
        for key in _keys(example):
            if len(documents.get(key, ())) > RARE:
                continue
            first = holder.setdefault(key, index)
            a, b = root(first), root(index)
            if a != b:
                parent[max(a, b)] = min(a, b)
    labels: dict[int, str] = {}
    for index, example in enumerate(examples):
        top = root(index)
        # A topic names a group better than a question: it stays when questions are added.
        label = f"0{normalised(example.topic)}" if normalised(example.topic) else f"1{normalised(example.question)}"
        labels[top] = min(labels.get(top, label), label)
    return [
        replace(example, group=hashlib.sha256(labels[root(index)].encode()).hexdigest()[:16])
        for index, example in enumerate(examples)
    ]


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
    drawn = _parts(examples, split, weights, seed, unfit)
    if drawn is None:
        raise _too_small(examples, split, seed, unfit)
    return drawn


def _parts(
    examples: Sequence[QA], split: Split, weights: Mapping[str, float], seed: int, unfit: Collection[str]
) -> Parts | None:
    if len(examples) < (split.train or 1) + split.dev + split.eval:
        return None
    least = split.train or int(KEEP * (len(examples) - split.dev - split.eval))
    members: defaultdict[str, list[QA]] = defaultdict(list)
    for example in _shuffled(examples, seed):
        members[example.group].append(example)
    order = sorted(members, key=lambda group: _order(seed, "group", group))
    candidates = {
        group: rows for group in order if (rows := _distinct(row for row in members[group] if row.id not in unfit))
    }
    groups = Counter(source for rows in candidates.values() for source in {row.source for row in rows})
    room = {source: max(1, count // HELD) for source, count in sorted(groups.items())}
    best: Parts | None = None

    def serves(side: str) -> Callable[[str], bool]:
        return lambda group: not split.reserve or home(group, split.reserve, seed) == side

    most = min(max((len(rows) for rows in candidates.values()), default=0), max(split.eval, split.dev))
    for per_group in range(1, most + 1):
        held = _Draw(candidates, room, per_group)
        taken = held.draw(split.eval, weights, serves("eval"))
        dev = held.draw(split.dev, weights, serves("dev"))
        free = serves("train")
        left = [row for group in order if group not in held.used and free(group) for row in members[group]]
        # Without a size, training wants KEEP of the rows, and where that can't be had as many as there can be.
        enough = split.train or (len(best.train) + 1 if best else 1)
        if taken is None or dev is None or len(left) < enough:
            continue
        passed = sum(row.id in unfit for group in held.used for row in members[group])
        best = Parts(
            train=_sample(_shuffled(left, seed), split.train, weights),
            dev=_shuffled(dev, seed),
            eval=_shuffled(taken, seed),
            per_group=per_group,
            passed_over={PASSED: passed} if passed else {},
            pool=_shuffled(left, seed),
        )
        if len(left) >= least:
            break
    return best


def home(group: str, reserve: float, seed: int) -> str:
    """The side (eval, dev or train) that a group may serve when ``reserve`` of all groups are set aside, half for each.

    It hangs on the group's name and the seed alone, so no other row can change it.
    """
    place = int.from_bytes(_order(seed, "group", group)[:8], "big") / 2**64
    return "eval" if place < reserve / 2 else "dev" if place < reserve else "train"


def suggest(examples: Sequence[QA], *, seed: int = 13, unfit: Collection[str] | None = None) -> Split | None:
    """Sizes that these grouped rows allow, or None when there are too few; ``train`` is left to all that remain."""
    unfit = shared_answers(examples) if unfit is None else unfit
    for share in (10, 5, 4):
        size = min(100, len(examples) // share)
        for dev, held in ((min(50, size), size), (size // 2, size // 2), (1, 1)):
            if not dev or not held:
                continue
            drawn = _parts(examples, split := Split(train=None, dev=dev, eval=held), {}, seed, unfit)
            if drawn and len(drawn.train) > dev + held:
                return split
    return None


def shared_answers(examples: Iterable[QA]) -> set[str]:
    """Ids of rows whose normalised answer, of at least BOILERPLATE words, also stands in another group."""
    holders: defaultdict[str, list[QA]] = defaultdict(list)
    for example in examples:
        for folded in long_texts(answer for _, answer in exchanges(example)):
            holders[folded].append(example)
    return {row.id for rows in holders.values() if len({row.group for row in rows}) > 1 for row in rows}


def long_texts(texts: Iterable[str]) -> list[str]:
    """Those of the normalised texts that have at least BOILERPLATE words: two equal ones are no chance."""
    return [folded for folded in map(normalised, texts) if folded.count(" ") >= BOILERPLATE - 1]


def quotas(size: int, weights: Mapping[str, float], room: Mapping[str, int]) -> dict[str, int]:
    """Share ``size`` over sources by weight, none above its room; what one lacks goes to the others. Sums to ``size``
    as long as the room does.
    """
    got = dict.fromkeys(room, 0)
    open_ = {name for name in room if room[name] > 0}
    left = min(size, sum(room.values()))
    while left > 0 and open_:
        total = sum(weights.get(name, 1.0) for name in sorted(open_))
        exact = {name: left * weights.get(name, 1.0) / total for name in sorted(open_)}
        give = {name: min(int(exact[name]), room[name] - got[name]) for name in exact}
        spare = left - sum(int(value) for value in exact.values())
        for name in sorted(exact, key=lambda item: (int(exact[item]) - exact[item], item)):
            if spare > 0 and got[name] + give[name] < room[name]:
                give[name] += 1
                spare -= 1
        for name, count in give.items():
            got[name] += count
        left -= sum(give.values())
        open_ = {name for name in open_ if got[name] < room[name]}
    return got


def _keys(example: QA) -> Iterable[str]:
    yield f"row:{example.id}"
    yield from example.links
    if topic := normalised(example.topic):
        yield f"topic:{topic}"
    yield f"question:{normalised(example.question) or example.question}"
    # A later question of a dialogue joins rows only where it is long enough to stand for itself.
    yield from (f"question:{folded}" for folded in long_texts(before(example)[2::2]))


class _Draw:
    """Takes rows group by group; a group that gave a row is used up and gives to no other side."""

    def __init__(self, candidates: Mapping[str, list[QA]], room: Mapping[str, int], per_group: int) -> None:
        self.used: set[str] = set()
        self._candidates = candidates
        self._room = room
        self._per_group = per_group

    def draw(self, size: int, weights: Mapping[str, float], serves: Callable[[str], bool]) -> list[QA] | None:
        """``size`` rows by weight from groups that serve, or None when those that are left hold too few."""
        open_ = {group: rows for group, rows in self._candidates.items() if group not in self.used and serves(group)}
        taken: list[QA] = []
        rounds = -(-size // max(1, sum(self._room.values())))  # more than one when all sources are small
        self._walk(quotas(size, weights, {name: count * rounds for name, count in self._room.items()}), taken, open_)
        spent: set[str] = set()  # sources that have no more to give
        while len(taken) < size:
            free = (rows for group, rows in open_.items() if group not in self.used)
            sources = {row.source for rows in free for row in rows} - spent
            if not sources:
                return None
            quota = quotas(size - len(taken), weights, dict.fromkeys(sorted(sources), size))
            self._walk(quota, taken, open_)
            spent |= {name for name, left in quota.items() if left > 0}
        return taken

    def _walk(self, quota: dict[str, int], taken: list[QA], open_: Mapping[str, list[QA]]) -> None:
        whole = {name: count or 1 for name, count in quota.items()}
        for group, rows in open_.items():
            if group in self.used:
                continue
            rest = list(rows)
            for _ in range(self._per_group):
                fit = [row for row in rest if quota.get(row.source, 0) > 0]
                if not fit:
                    break
                # The source that is furthest behind its quota goes first.
                row = max(fit, key=lambda item: quota[item.source] / whole[item.source])
                rest.remove(row)
                quota[row.source] -= 1
                taken.append(row)
                self.used.add(group)
            if not any(quota.values()):
                return


def _distinct(rows: Iterable[QA]) -> list[QA]:
    """One row a question: its other answers are references, not items."""
    first: dict[tuple[str, ...], QA] = {}
    for row in rows:
        first.setdefault(tuple(map(normalised, before(row))), row)
    return list(first.values())


def _sample(rows: list[QA], size: int | None, weights: Mapping[str, float]) -> list[QA]:
    if size is None:
        return rows
    left = quotas(size, weights, Counter(row.source for row in rows))
    drawn = []
    for row in rows:
        if left[row.source] > 0:
            left[row.source] -= 1
            drawn.append(row)
    return drawn


def _shuffled(rows: Iterable[QA], seed: int) -> list[QA]:
    return sorted(rows, key=lambda item: _order(seed, "row", item.id))


def _order(seed: int, what: str, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{what}\0{name}".encode(), digest_size=16).digest()


def _too_small(examples: Sequence[QA], split: Split, seed: int, unfit: Collection[str]) -> DataError:
    sizes = Counter(example.group for example in examples)
    asked = f"train {split.train or 'all that remain'}, dev {split.dev}, eval {split.eval}"
    message = (
        f"The set is too small to split as asked ({asked}): {len(examples):,} usable rows in {len(sizes):,} groups "
        f"of related rows, the largest of {max(sizes.values(), default=0):,}; a group is never split apart."
    )
    fits = suggest(examples, seed=seed, unfit=unfit)
    if split.reserve:
        hint = "Only groups that split.reserve sets aside can serve dev and eval: raise it, or leave it empty."
    elif fits:
        hint = f"This would fit: split.train=null split.dev={fits.dev} split.eval={fits.eval}."
    elif len(sizes) < 3:
        hint = "At least three groups are needed; when `topic` is too coarse, name a finer column in the config."
    else:
        hint = "Add rows."
    return DataError(message, hint=hint)
