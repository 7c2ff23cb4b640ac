"""How many training rows each source gives, and how often each of them is read in an epoch.

Dev and eval are drawn before, and nothing here touches them. A source's share goes by its weight, with a temperature T by
weight x rows^(1 / T) (as in arXiv:1910.10683, section 3.5.2); a count (``rows``) stands for itself. ``repeats: N`` reads each of
its rows N times, on top of what was drawn; ``repeats: auto`` meets the share or the count by reading rows again.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medlms.config import Config, DataSource, Mix, Split
from medlms.data.draw import quotas
from medlms.data.split import KEEP, Parts
from medlms.data.store import take
from medlms.errors import DataError
from medlms.types import QA, Tokens


@dataclass(frozen=True, slots=True)
class Portion:
    """A source's part in training: ``rows`` different ones, read ``reads`` times in all in an epoch; ``asked`` of reads."""

    rows: int
    reads: int
    asked: float


@dataclass(frozen=True, slots=True)
class Mixed:
    """The parts with the training rows that were chosen, how often a row is read (by id, where it is not once), the account."""

    parts: Parts
    times: dict[str, int]
    account: dict[str, Any]


def split_for(config: Config, rows: int) -> Split:
    """The split to draw: without a size where rows are to be repeated because there are fewer than that size asks."""
    split = config.split
    most = int(KEEP * (rows - split.dev - split.eval))
    if split.train and split.train > most and any(entry.repeats == "auto" for entry in config.data):
        return split.model_copy(update={"train": None})
    return split


def mix(config: Config, sources: Mapping[str, DataSource], parts: Parts) -> Mixed:
    """Choose from all rows that training could be given. Raises DataError when a count asks for more than there is."""
    room = Counter(dict.fromkeys(sources, 0))
    room.update(row.source for row in parts.pool)
    portions = plan(sources, room, train=config.split.train, how=config.mix)
    left = {name: portion.rows for name, portion in portions.items()}
    numbers = array("q")
    for number, row in enumerate(parts.pool):  # in its order, so that what is drawn does not hang on what others give
        if left[row.source] > 0:
            left[row.source] -= 1
            numbers.append(number)
    chosen = take(parts.pool, np.asarray(numbers, dtype=np.int64))
    times = _times(chosen, portions)
    return Mixed(replace(parts, train=chosen), times, _account(config, sources, room, portions))


def plan(
    sources: Mapping[str, DataSource], room: Mapping[str, int], *, train: int | None, how: Mix
) -> dict[str, Portion]:
    """Each source's portion; ``room`` counts the rows that it could give, ``train`` is the size asked for, if any.

    DataError when a source is asked for more rows than it has (with ``repeats: auto``: than ``most_repeats`` times as many).
    """
    rates = {name: entry.weight * _scaled(room[name], how.temperature) for name, entry in sources.items()}
    most = {name: room[name] * (how.most_repeats if entry.repeats == "auto" else 1) for name, entry in sources.items()}
    for name, entry in sources.items():
        if entry.rows and entry.rows > most[name]:
            raise _too_many(name, entry, room[name], how)
    given = {name: entry.rows for name, entry in sources.items() if entry.rows}
    free = [name for name in sources if name not in given]
    if train:
        wanted = dict(given)
        part = {name: rates[name] for name in free if most[name]}
        wanted |= quotas(train - sum(given.values()), part, {name: most[name] for name in free})
        if (got := sum(wanted.values())) < train:
            raise DataError(
                f"split.train is {train:,}, but the sources give {got:,} rows to read ({_listed(room)}).",
                hint=f"Set split.train to {got}, or raise mix.most_repeats.",
            )
        total = sum(part.values())
        ideal = {name: (train - sum(given.values())) * rates[name] / total if total else 0.0 for name in free}
    else:
        wanted, ideal = _all(sources, given, free, room, rates, most)
    portions: dict[str, Portion] = {}
    asked = {name: (given.get(name) or ideal[name]) * _factor(sources[name]) for name in sources}
    for name, entry in sources.items():
        rows = min(wanted[name], room[name])
        reads = wanted[name] if entry.repeats == "auto" else rows * entry.repeats
        portions[name] = Portion(rows, reads, asked[name] / (sum(asked.values()) or 1))
    return portions


def _all(
    sources: Mapping[str, DataSource],
    given: Mapping[str, int],
    free: Sequence[str],
    room: Mapping[str, int],
    rates: Mapping[str, float],
    most: Mapping[str, int],
) -> tuple[dict[str, int], dict[str, float]]:
    """Without a size all rows are used; those to be repeated are so until their source has its share beside the others."""
    auto = [name for name in free if sources[name].repeats == "auto"]
    fixed = {name: given.get(name) or room[name] for name in sources if name not in auto}
    reads = {name: count * _factor(sources[name]) for name, count in fixed.items()}
    if not auto and not given and all(entry.repeats == 1 for entry in sources.values()):
        return fixed, {name: float(rates[name]) for name in sources}  # the shares that the weights would have asked for
    rate = sum(rates[name] for name in fixed)
    scale = (
        sum(reads.values()) / rate
        if rate
        else max((room[name] / rates[name] for name in auto if room[name]), default=0)
    )
    ideal = {name: scale * rates[name] for name in auto if room[name]}
    wanted = {name: min(most[name], max(room[name], round(ideal.get(name, 0)))) for name in auto}
    return fixed | wanted, {name: float(fixed.get(name, 0)) for name in sources} | ideal


def repeated(rows: Sequence[Tokens], times: Mapping[str, int]) -> list[Tokens]:
    """The rows as often as they are read in an epoch, each beside its own copies."""
    return [row for row in rows for _ in range(times.get(row.id, 1))] if times else list(rows)


def with_tokens(
    account: Mapping[str, Any], rows: Sequence[Tokens], sources: Mapping[str, str], times: Mapping[str, int]
) -> dict[str, Any]:
    """The account with the tokens that an epoch reads of each source (``sources``: by the row's id), and their shares."""
    read: Counter[str] = Counter()
    learned: Counter[str] = Counter()
    for row in rows:
        read[sources[row.id]] += len(row.ids) * times.get(row.id, 1)
        learned[sources[row.id]] += sum(row.learn) * times.get(row.id, 1)
    total = sum(read.values())
    items = {
        name: {
            **item,
            "tokens": read[name],
            "learned_tokens": learned[name],
            "share_of_tokens": round(read[name] / total, 4) if total else 0.0,
        }
        for name, item in account["sources"].items()
    }
    return {**account, "sources": items, "tokens": total, "learned_tokens": sum(learned.values())}


def said(account: Mapping[str, Any]) -> list[str]:
    """Which rows are read more than once, and which source does not get its share, in sentences."""
    lines = []
    for name, item in account["sources"].items():
        if item["reads"] > item["rows"]:
            low, high = item["reads"] // item["rows"], -(-item["reads"] // item["rows"])
            often = f"{low}" if low == high else f"{low} or {high}"
            lines.append(
                f"{name}: each of its {item['rows']:,} training rows is read {often} times an epoch ({item['reads']:,} reads)"
            )
    return lines


def _scaled(rows: int, temperature: float | None) -> float:
    return math.exp(math.log(rows) / temperature) if temperature and rows else float(not temperature)


def _factor(entry: DataSource) -> int:
    return 1 if entry.repeats == "auto" else entry.repeats


def _times(chosen: Sequence[QA], portions: Mapping[str, Portion]) -> dict[str, int]:
    seen: Counter[str] = Counter()
    times: dict[str, int] = {}
    if all(portion.reads == portion.rows for portion in portions.values()):
        return times
    for row in chosen:
        portion = portions[row.source]
        often = portion.reads // portion.rows + (seen[row.source] < portion.reads % portion.rows)
        seen[row.source] += 1
        if often != 1:
            times[row.id] = often
    return times


def _account(
    config: Config, sources: Mapping[str, DataSource], room: Mapping[str, int], portions: Mapping[str, Portion]
) -> dict[str, Any]:
    reads = sum(portion.reads for portion in portions.values())
    items = {
        name: {
            "weight": sources[name].weight,
            "rows_asked": sources[name].rows,
            "repeats_asked": sources[name].repeats,
            "there": room[name],
            "rows": portion.rows,
            "reads": portion.reads,
            "repeats": round(portion.reads / portion.rows, 4) if portion.rows else 0.0,
            "share_asked": round(portion.asked, 4),
            "share": round(portion.reads / reads, 4) if reads else 0.0,
        }
        for name, portion in portions.items()
    }
    rows = sum(portion.rows for portion in portions.values())
    return {"temperature": config.mix.temperature, "rows": rows, "reads": reads, "sources": items}


def _too_many(name: str, entry: DataSource, room: int, how: Mix) -> DataError:
    behind = f"{room:,} are there behind cleaning and what dev and eval hold"
    if entry.repeats == "auto":
        needed = -(-(entry.rows or 0) // room) if room else 0
        hint = f"Set mix.most_repeats to {needed}, or rows to {room * how.most_repeats}." if room else "Leave it out."
        return DataError(
            f"data: {name}: rows is {entry.rows:,}, but {behind}, each read {how.most_repeats} times at most "
            "(mix.most_repeats).",
            hint=hint,
        )
    hint = f"Set rows to {room}, or repeats to auto to read rows again." if room else "Leave it out."
    return DataError(f"data: {name}: rows is {entry.rows:,}, but {behind}.", hint=hint)


def _listed(room: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in room.items())
