"""The plain ways of doing what the data room does in arrays: dicts and lists of whole rows. Slow, and easy to believe."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace

from medlms.data import copies, near, split
from medlms.data.draw import HELD, quotas
from medlms.data.leaks import _KINDS
from medlms.datasets import before, normalised


def without_repetitions(rows):
    first, kept, dropped = {}, [], []
    for row in rows:
        key = tuple(normalised(text) for text in (*before(row), row.answer))
        if key in first:
            dropped.append((row.place, first[key]))
        else:
            first[key] = row.place
            kept.append(row)
    return kept, dropped


def grouped(rows):
    sets = [{index} for index in range(len(rows))]
    documents = defaultdict(set)
    for row in rows:
        for link in row.links:
            if link.startswith("cui:"):
                documents[link] |= {link for link in row.links if link.startswith("document:")} or {row.id}
    holder = {}
    for index, row in enumerate(rows):
        for key in split._keys(row):
            if len(documents.get(key, ())) > split.RARE:
                continue
            one, other = sets[holder.setdefault(key, index)], sets[index]
            if one is not other:
                one |= other
                for member in other:
                    sets[member] = one
    made = []
    for index, row in enumerate(rows):
        names = [
            f"0{normalised(rows[member].topic)}"
            if normalised(rows[member].topic)
            else f"1{normalised(rows[member].question)}"
            for member in sets[index]
        ]
        made.append(replace(row, group=hashlib.sha256(min(names).encode()).hexdigest()[:16]))
    return made


def clusters(rows):
    """As ``copies.find`` gives them: near answers, near questions, reworded questions."""
    found = []
    for kind, texts_of in (("answer", copies.answers), ("question", copies.questions)):
        texts = list(dict.fromkeys(text for row in rows for text in texts_of(row)))
        first = dict(zip(texts, near.clusters(texts).tolist(), strict=True))
        members = defaultdict(dict)
        for row in rows:
            for text in texts_of(row):
                members[first[text]][row.id] = None
        sizes = Counter(first.values())
        found += [(kind, tuple(ids), sizes[label]) for label, ids in members.items() if len(ids) > 1]
    asked = defaultdict(dict)
    for row in rows:
        if key := copies.wording(row):
            asked[key][row.id] = normalised(row.question)
    counted = ((tuple(texts), len(set(texts.values()))) for texts in asked.values())
    return found + [("question", ids, count) for ids, count in counted if count > 1]


def compared(sides):
    """How many values of each kind there are, and how many of them stand on two sides."""
    found = {}
    for kind, values in _KINDS.items():
        holders = defaultdict(set)
        for side, rows in sides.items():
            for row in rows:
                for value in values(row):
                    holders[value].add(side)
        found[kind] = (len(holders), sum(len(names) > 1 for names in holders.values()))
    return found


def parts(rows, asked, weights, seed, unfit):
    """Ids of train, dev and eval and the most rows that a group gave; None where they can't be had."""
    if len(rows) < (asked.train or 1) + asked.dev + asked.eval:
        return None
    least = asked.train or int(split.KEEP * (len(rows) - asked.dev - asked.eval))
    members = defaultdict(list)
    for row in shuffled(rows, seed):
        members[row.group].append(row)
    order = sorted(members, key=lambda group: hashed(seed, "group", group))
    candidates = {}
    for group in order:
        first = {}
        for row in members[group]:
            if row.id not in unfit:
                first.setdefault(tuple(map(normalised, before(row))), row)
        if first:
            candidates[group] = list(first.values())
    sources = Counter(name for found in candidates.values() for name in {row.source for row in found})
    room = {name: max(1, count // HELD) for name, count in sorted(sources.items())}
    most = max((len(found) for found in candidates.values()), default=0)
    best = None
    for per_group in range(1, min(most, max(asked.eval, asked.dev)) + 1):
        used = set()

        def serves(group, side):
            return not asked.reserve or split.home(group, asked.reserve, seed) == side

        held = [
            drawn(
                {group: found for group, found in candidates.items() if group not in used and serves(group, side)},
                used, size, weights, room, per_group,
            )
            for side, size in (("eval", asked.eval), ("dev", asked.dev))
        ]  # fmt: skip
        left = [row for group in order if group not in used and serves(group, "train") for row in members[group]]
        if None in held or len(left) < (asked.train or (len(best[0]) + 1 if best else 1)):
            continue
        pool = shuffled(left, seed)
        if asked.train:
            quota = quotas(asked.train, weights, Counter(row.source for row in pool))
            pool = [
                row for row in pool if quota[row.source] > 0 and not quota.update({row.source: quota[row.source] - 1})
            ]
        best = (
            *(tuple(row.id for row in side) for side in (pool, *(shuffled(side, seed) for side in held[::-1]))),
            per_group,
        )
        if len(left) >= least:
            break
    return best


def drawn(open_, used, size, weights, room, per_group):
    taken = []
    rounds = -(-size // max(1, sum(room.values())))
    walk(open_, used, quotas(size, weights, {name: count * rounds for name, count in room.items()}), taken, per_group)
    spent = set()
    while len(taken) < size:
        sources = {row.source for group, rows in open_.items() if group not in used for row in rows} - spent
        if not sources:
            return None
        quota = quotas(size - len(taken), weights, dict.fromkeys(sorted(sources), size))
        walk(open_, used, quota, taken, per_group)
        spent |= {name for name, count in quota.items() if count > 0}
    return taken


def walk(open_, used, quota, taken, per_group):
    whole = {name: count or 1 for name, count in quota.items()}
    for group, rows in open_.items():
        if group in used:
            continue
        rest = list(rows)
        for _ in range(per_group):
            fit = [row for row in rest if quota.get(row.source, 0) > 0]
            if not fit:
                break
            row = max(fit, key=lambda item: quota[item.source] / whole[item.source])
            rest.remove(row)
            quota[row.source] -= 1
            taken.append(row)
            used.add(group)
        if not any(quota.values()):
            return


def shuffled(rows, seed):
    return sorted(rows, key=lambda row: hashed(seed, "row", row.id))


def hashed(seed, what, name):
    return hashlib.blake2b(f"{seed}\0{what}\0{name}".encode(), digest_size=16).digest()
