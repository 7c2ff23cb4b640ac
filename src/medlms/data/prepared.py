"""The way of the data, top to bottom: load, clean, drop repetitions, group, find copies, split, prove, account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from typing import Any

import numpy as np

from medlms.aside import Aside
from medlms.config import Config, DataSource
from medlms.data import (
    contamination,
    copies,
    duplicates,
    exclude,
    graded,
    guard,
    leaks,
    lineage,
    mix,
    reading,
    report,
    split,
    topics,
)
from medlms.data.found import Found
from medlms.data.ledger import Ledger
from medlms.data.origin import Taken
from medlms.data.reading import Gathered
from medlms.data.store import Stored, filled, numbers, records
from medlms.datasets import Progress, before, normalised
from medlms.errors import ConfigError
from medlms.types import QA

Told = tuple[dict[str, Any], list[str]]
"""The account of a prepared set and the sentences on it."""


@dataclass(frozen=True)
class Prepared:
    """A set that is ready for training and grading; ``group`` is filled in every row.

    ``references`` gives for each row of dev and eval all answers to its question, its own first. ``files`` maps each file
    read to its sha256. ``times`` tells how often a training row is read in an epoch, by its id, where that is not once;
    ``lineage`` holds a record of every row that was read, kept or not. ``dropped`` names every row that was left out, as
    ``Ledger.dropped`` gives them.
    ``identifiers`` is the account of identifiers of people, ``found`` lists them, masked, in sources that are not public;
    ``stops`` names the sources because of which nothing may be trained (``identifiers: stop``).
    """

    train: Sequence[QA]
    dev: Sequence[QA]
    eval: Sequence[QA]
    files: dict[str, str]
    references: dict[str, tuple[str, ...]]
    told: Callable[[], Told] = field(compare=False)
    """Waits for what ``report`` and ``said`` hold; raises DataError where the split leaks."""
    times: dict[str, int] = field(default_factory=dict)
    lineage: Sequence[dict[str, Any]] = ()
    dropped: Sequence[dict[str, Any]] = ()
    identifiers: dict[str, Any] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)

    @property
    def report(self) -> dict[str, Any]:
        """The account of all rows: JSON-able, and it adds up. Waits where the rows are still being compared."""
        return self.told()[0]

    @property
    def said(self) -> list[str]:
        """Sentences for the user. Waits as ``report`` does."""
        return self.told()[1]


def prepare(config: Config, *, offline: bool = False, look: bool = True, progress: Progress | None = None) -> Prepared:
    """The prepared set of a config: the same for the same files, config and seed.

    Without ``look`` nobody looks for identifiers of people, which takes longer than all else; whoever trains looks.
    Memory does not grow with the texts: rows stand in a temporary file where they are many (see ``data.store``).
    The split is proved, and rows are counted and compared with exams, beside what the caller does next (see ``Prepared.told``).
    Raises DataError, FetchError, ConfigError, UnknownName, and ResourceError where that file can't be written.
    """
    if not config.data:
        raise ConfigError(
            ["data: must hold at least 1 (found []): exams alone need none, but there is nothing to prepare."]
        )
    rows, read = reading.read(config, offline=offline, progress=progress)
    listed = _without_listed(config, rows, read)
    rows = _without_repetitions(listed.rows, read.ledger)
    looking = Aside(partial(copies.find, rows))
    known = (topic for item in read.taken.values() for topic in item.topics)
    rows, named = topics.name(rows, chain(known, listed.lists.topics()))
    excluded = exclude.linked_since(listed, rows)
    read.ledger.leave(rows, excluded.rows, excluded.dropped)
    rows = split.grouped(excluded.rows)
    clusters = copies.find(rows) if excluded.dropped else looking.result()
    rows, unfit, duplicated = _without_copies(config, rows, clusters, read.ledger)
    mixed = _mixed(config, read.entries, rows, unfit)
    sides = {"train": mixed.parts.train, "dev": mixed.parts.dev, "eval": mixed.parts.eval}
    if config.identifiers == "deidentify":
        read.ledger.without_details(_private(read))
    references = _references(rows, [*mixed.parts.dev, *mixed.parts.eval])
    counted = Aside(lambda: _account(config, read, rows, mixed, named, duplicated, references))
    origin = _lineage(read, rows, sides, mixed.times)
    exclude.prove(excluded.lists, sides, _marks(excluded.lists, origin))
    guarded = (guard.guard if look else guard.unguarded)(
        sides,
        references,
        asked=config.identifiers,
        public={name: item.source.public for name, item in read.taken.items()},
        quick=config.identifier_scan == "quick",
        progress=progress,
    )
    return Prepared(
        train=guarded.parts["train"],
        dev=guarded.parts["dev"],
        eval=guarded.parts["eval"],
        told=cache(lambda: _told(config, read, counted.result(), guarded, excluded.account)),
        files={file: checksum for item in read.taken.values() for file, checksum in item.files.items()}
        | excluded.lists.files,
        references=guarded.references,
        times=mixed.times,
        lineage=origin,
        dropped=read.ledger.dropped,
        identifiers=guarded.account,
        found=guarded.found,
        stops=guarded.stops,
    )


def _without_listed(config: Config, rows: Sequence[QA], read: Gathered) -> exclude.Excluded:
    left = exclude.apply(config.exclude, rows, read.origins)
    read.ledger.leave(rows, left.rows, left.dropped)
    return left


def _without_repetitions(rows: Sequence[QA], ledger: Ledger) -> Sequence[QA]:
    left, repeated = duplicates.drop(rows)
    ledger.leave(rows, left, repeated)
    return left


def _without_copies(
    config: Config, rows: Sequence[QA], clusters: list[copies.Cluster], ledger: Ledger
) -> tuple[Sequence[QA], set[str], dict[str, Any]]:
    """The rows that are left, ids of those that can't be graded on, and the account of copies."""
    account = copies.account(rows, clusters, config.near_duplicates)
    if config.near_duplicates == "report":
        return rows, split.shared_answers(rows), account
    if config.near_duplicates == "drop":
        left, repeated = copies.drop(rows, clusters)
        ledger.leave(rows, left, repeated)
        rows = left
    return rows, copies.apart(rows, clusters), account


def _mixed(config: Config, entries: Mapping[str, DataSource], rows: Sequence[QA], unfit: set[str]) -> mix.Mixed:
    weights = {name: entry.weight for name, entry in entries.items()}
    wanted = mix.split_for(config, len(rows))
    parts = split.parts(rows, wanted, weights=weights, seed=config.split_seed, unfit=unfit)
    return mix.mix(config, entries, parts)


def _private(read: Gathered) -> list[str]:
    return [name for name, item in read.taken.items() if not item.source.public]


def _lineage(
    read: Gathered, rows: Sequence[QA], sides: Mapping[str, Sequence[QA]], times: Mapping[str, int]
) -> Stored[dict[str, Any]]:
    at = numbers(rows)
    names = [lineage.NOT_DRAWN, *sides]
    part = np.zeros(int(at.max(initial=-1)) + 1, dtype=np.int8)
    for number, side in enumerate(sides.values(), 1):
        part[numbers(side)] = number
    made = lineage.records(
        read.taken,
        read.origins,
        kept=rows,
        fate=read.ledger.fate,
        dropped=read.ledger.dropped,
        part_of=lambda number: names[part[at[number]]],
        times=times,
    )
    return filled(records(), made)


def _marks(lists: exclude.Lists, origin: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The marks that a list names, by the ids of the rows that have them."""
    if not lists.marks:
        return {}
    return {record["id"]: record["mark"] for record in origin if record.get("mark") in lists.marks}


def _account(
    config: Config,
    read: Gathered,
    rows: Sequence[QA],
    mixed: mix.Mixed,
    named: int,
    duplicated: Mapping[str, Any],
    references: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Prove the split, and count and compare: all of the account but identifiers and lists of rows to leave out."""
    parts = mixed.parts
    sides = {"train": parts.train, "dev": parts.dev, "eval": parts.eval}
    compared = leaks.prove(sides, near_copies=config.near_duplicates != "report")
    weights = {name: entry.weight for name, entry in read.entries.items()}
    account = report.build(config, read.taken, weights, read.ledger.dropped, rows, parts, named, compared)
    account["mixture"] |= {
        "asked": {name: item["share_asked"] for name, item in mixed.account["sources"].items()},
        "train": {name: item["share"] for name, item in mixed.account["sources"].items()},
    }
    return account | {
        "cleaning": {name: item.cleaning for name, item in read.taken.items()},
        "duplicates": {**duplicated, **_graded_copies(config, parts)},
        "exams": contamination.account(parts.train, contamination.at_hand()),
        "graded": graded.account(parts.train, parts.eval, references),
        "mixing": mixed.account,
    }


def _told(
    config: Config, read: Gathered, counted: Mapping[str, Any], guarded: guard.Guarded, excluded: dict[str, Any]
) -> Told:
    account = {**counted, "identifiers": guarded.account, "excluded": excluded}
    if config.identifiers == "deidentify":
        report.without_quotes(account, _private(read))
    return account, [*_said(config, account, read.taken), *guarded.said]


def _graded_copies(config: Config, parts: split.Parts) -> dict[str, int]:
    """Where near copies are not kept apart: how many graded rows have one in training."""
    if config.near_duplicates != "report":
        return {}
    return {
        "graded_rows_with_a_copy_in_training": len({row.id for _, row, _ in leaks.near_pairs(parts.eval, parts.train)})
    }


def _references(rows: Iterable[QA], items: Sequence[QA]) -> dict[str, tuple[str, ...]]:
    answers: dict[tuple[str, ...], dict[str, None]] = {_asked(item): {} for item in items}
    for row in rows:
        if (held := answers.get(_asked(row))) is not None:
            held[row.answer] = None
    return {item.id: tuple(dict.fromkeys((item.answer, *answers[_asked(item)]))) for item in items}


def _asked(row: QA) -> tuple[str, ...]:
    return tuple(normalised(text) or text for text in before(row))


def _said(config: Config, account: Mapping[str, Any], taken: Mapping[str, Taken]) -> list[str]:
    said = [sentence for item in taken.values() for sentence in item.said]
    said += [*exclude.said(account["excluded"]), *mix.said(account["mixing"])]
    totals, groups, mixture = account["totals"], account["groups"], account["mixture"]
    said.append(
        f"{totals['rows_in']:,} rows in, {totals['dropped_rows']:,} dropped, {totals['kept']:,} kept in {groups['all']:,} "
        f"groups of related rows; {totals['train']:,} to train, {totals['dev']:,} to pick the best epoch, "
        f"{totals['eval']:,} to grade, {totals['not_drawn']:,} not drawn"
    )
    if groups["rows_per_group_in_eval_at_most"] > 1:
        said.append(
            f"there are too few topics for one question each: up to {groups['rows_per_group_in_eval_at_most']} questions "
            f"of one topic stand in dev and eval (never in train too), and intervals count topics"
        )
    if count := account["duplicates"].get("graded_rows_with_a_copy_in_training"):
        said.append(
            f"{count:,} of the {totals['eval']:,} graded rows have a near copy in training, and grades come out too well; "
            f"near_duplicates: apart keeps such rows out of grading"
        )
    said += [*contamination.said(account["exams"]), *graded.said(account["graded"])]
    if any(abs(mixture["train"][name] - share) > 0.01 for name, share in mixture["asked"].items()):
        real = ", ".join(f"{name} {100 * share:.0f} %" for name, share in mixture["train"].items())
        asked = ", ".join(f"{name} {100 * share:.0f} %" for name, share in mixture["asked"].items())
        why = (
            "a source has too few rows" if config.split.train else "all remaining rows are used (split.train is empty)"
        )
        said.append(f"training rows come from {real}; asked were {asked}: {why}")
    said += [
        f"{name}: no topic column, so only equal questions are kept together; related ones may stand on both sides "
        f"and grades may come out too well"
        for name, item in taken.items()
        if not item.source.public and not item.linked
    ]
    return said
