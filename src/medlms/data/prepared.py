"""The way of the data, top to bottom: load, clean, drop repetitions, group, find copies, split, prove, account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medlms import datasets
from medlms.config import Config, DataSource
from medlms.data import (
    clean,
    contamination,
    copies,
    duplicates,
    exclude,
    graded,
    guard,
    leaks,
    lineage,
    mix,
    report,
    split,
    topics,
)
from medlms.data.found import Found
from medlms.datasets import Loaded, Progress, before, normalised
from medlms.errors import ConfigError
from medlms.types import QA, Fault


@dataclass(frozen=True, slots=True)
class Prepared:
    """A set that is ready for training and grading; ``group`` is filled in every row.

    ``references`` gives for each row of dev and eval all answers to its question, its own first. ``report`` is
    JSON-able and adds up; ``said`` are sentences for the user; ``files`` maps each file read to its sha256.
    ``times`` tells how often a training row is read in an epoch, by its id, where that is not once; ``lineage`` holds a
    record of every row that was read, kept or not. ``dropped``
    names every row that was left out, as ``report.dropped_rows`` gives them.
    ``found`` lists possible identifiers of people, masked, in sources that are not public; ``stops`` names the sources
    because of which nothing may be trained (``identifiers: stop``).
    """

    train: list[QA]
    dev: list[QA]
    eval: list[QA]
    report: dict[str, Any]
    said: list[str]
    files: dict[str, str]
    references: dict[str, tuple[str, ...]]
    times: dict[str, int] = field(default_factory=dict)
    lineage: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)


def prepare(config: Config, *, offline: bool = False, look: bool = True, progress: Progress | None = None) -> Prepared:
    """The prepared set of a config: the same for the same files, config and seed.

    Without ``look`` nobody looks for identifiers of people, which takes longer than all else; whoever trains looks.
    Raises DataError, FetchError, ConfigError and UnknownName.
    """
    loaded, entries = _load(config.data, offline=offline, progress=progress)
    weights = {name: entry.weight for name, entry in entries.items()}
    said = [sentence for item in loaded.values() for sentence in item.said]
    rows: list[QA] = []
    dropped: list[tuple[str, Fault]] = []
    changed: dict[str, dict[str, int]] = {}
    steps: dict[str, list[dict[str, Any]]] = {}
    mended: dict[str, tuple[str, ...]] = {}
    for name, item in loaded.items():
        cleaned = clean.clean(item.examples, datasets.noise(name) if item.source.public else (), config.clean)
        rows += cleaned.examples
        changed[name] = cleaned.changed
        steps[name] = cleaned.account
        mended |= cleaned.steps
        dropped += [(name, fault) for fault in (*item.faults, *cleaned.dropped)]
        if progress:
            progress("cleaning", len(changed), len(loaded))
    excluded = exclude.apply(config.exclude, rows, (row for item in loaded.values() for row in item.examples))
    rows = excluded.rows
    dropped += excluded.dropped
    rows, repeated = duplicates.drop(rows)
    dropped += repeated
    rows, named = topics.name(rows, [topic for item in loaded.values() for topic in item.topics])
    rows = split.grouped(rows)
    clusters = copies.find(rows)
    duplicated = copies.account(rows, clusters, config.near_duplicates)
    if config.near_duplicates == "drop":
        rows, repeated = copies.drop(rows, clusters)
        dropped += repeated
    unfit = copies.apart(rows, clusters) if config.near_duplicates != "report" else split.shared_answers(rows)
    wanted = mix.split_for(config, len(rows))
    parts = split.parts(rows, wanted, weights=weights, seed=config.split_seed, unfit=unfit)
    mixed = mix.mix(config, entries, parts)
    parts = mixed.parts
    sides = {"train": parts.train, "dev": parts.dev, "eval": parts.eval}
    compared = leaks.prove(sides, near_copies=config.near_duplicates != "report")
    origin = list(lineage.records(loaded, steps=mended, kept=rows, dropped=dropped, sides=sides, times=mixed.times))
    exclude.prove(excluded.lists, sides, {record["id"]: record["mark"] for record in origin if "id" in record})
    references = _references(rows, [*parts.dev, *parts.eval])
    guarded = (guard.guard if look else guard.unguarded)(
        sides,
        references,
        asked=config.identifiers,
        public={name: item.source.public for name, item in loaded.items()},
        progress=progress,
    )
    account = report.build(config, loaded, weights, dropped, changed, rows, parts, named, compared)
    account["identifiers"] = guarded.account
    account["cleaning"] = steps
    account["duplicates"] = {**duplicated, **_graded_copies(config, parts)}
    account["exams"] = contamination.account(parts.train, contamination.at_hand())
    account["graded"] = graded.account(parts.train, parts.eval, references)
    account["mixing"] = mixed.account
    account["mixture"] |= {
        "asked": {name: item["share_asked"] for name, item in mixed.account["sources"].items()},
        "train": {name: item["share"] for name, item in mixed.account["sources"].items()},
    }
    account["excluded"] = excluded.account
    said += [*exclude.said(excluded.account), *mix.said(mixed.account)]
    said += [*_said(config, account, loaded), *guarded.said]
    left_out = report.dropped_rows(dropped, loaded)
    if config.identifiers == "deidentify":
        report.without_quotes(account, left_out, [name for name, item in loaded.items() if not item.source.public])
    return Prepared(
        train=guarded.parts["train"],
        dev=guarded.parts["dev"],
        eval=guarded.parts["eval"],
        report=account,
        said=said,
        files={file: checksum for item in loaded.values() for file, checksum in item.files.items()}
        | excluded.lists.files,
        references=guarded.references,
        times=mixed.times,
        lineage=origin,
        dropped=left_out,
        found=guarded.found,
        stops=guarded.stops,
    )


def _load(
    entries: Sequence[DataSource], *, offline: bool, progress: Progress | None
) -> tuple[dict[str, Loaded], dict[str, DataSource]]:
    """Each entry's rows, and the entry, under its own name.

    Two files of one name get -2, -3, and so on, in the order of their places: names stay when entries change places.
    """
    items: list[Loaded] = []
    for entry in entries:
        item = datasets.load(entry, offline=offline, progress=progress)
        if item.source.address in {other.source.address for other in items}:
            raise ConfigError([f"data: {entry.source} is listed twice; give it once, with the weight you want."])
        items.append(item)
    named: dict[str, str] = {}
    for item in sorted(items, key=lambda one: one.source.address):
        name, number = item.source.name, 1
        while name in named or (number == 1 and not item.source.public and name in datasets.names()):
            number += 1
            name = f"{item.source.name}-{number}"
        named[name] = item.source.address
    names = {address: name for name, address in named.items()}
    loaded: dict[str, Loaded] = {}
    for item in items:
        name = names[item.source.address]
        loaded[name] = item if name == item.source.name else _renamed(item, name)
    return loaded, dict(zip(loaded, entries, strict=True))


def _renamed(item: Loaded, name: str) -> Loaded:
    old = item.source.name
    rows = [
        replace(row, id=f"{name}/{row.id.removeprefix(f'{old}/')}", source=name, links=_relinked(row.links, old, name))
        for row in item.examples
    ]
    return replace(item, examples=rows, source=replace(item.source, name=name))


def _relinked(links: tuple[str, ...], old: str, name: str) -> tuple[str, ...]:
    start = f"document:{old}/"
    return tuple(f"document:{name}/{link.removeprefix(start)}" if link.startswith(start) else link for link in links)


def _graded_copies(config: Config, parts: split.Parts) -> dict[str, int]:
    """Where near copies are not kept apart: how many graded rows have one in training."""
    if config.near_duplicates != "report":
        return {}
    return {
        "graded_rows_with_a_copy_in_training": len({row.id for _, row, _ in leaks.near_pairs(parts.eval, parts.train)})
    }


def _references(rows: Sequence[QA], items: Sequence[QA]) -> dict[str, tuple[str, ...]]:
    answers: defaultdict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for row in rows:
        answers[_asked(row)][row.answer] = None
    return {item.id: tuple(dict.fromkeys((item.answer, *answers[_asked(item)]))) for item in items}


def _asked(row: QA) -> tuple[str, ...]:
    return tuple(normalised(text) or text for text in before(row))


def _said(config: Config, account: Mapping[str, Any], loaded: Mapping[str, Loaded]) -> list[str]:
    totals, groups, mixture = account["totals"], account["groups"], account["mixture"]
    said = [
        f"{totals['rows_in']:,} rows in, {totals['dropped_rows']:,} dropped, {totals['kept']:,} kept in {groups['all']:,} "
        f"groups of related rows; {totals['train']:,} to train, {totals['dev']:,} to pick the best epoch, "
        f"{totals['eval']:,} to grade, {totals['not_drawn']:,} not drawn"
    ]
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
    for name, item in loaded.items():
        if item.source.public:
            continue
        if not any(row.topic or row.links for row in item.examples):
            said.append(
                f"{name}: no topic column, so only equal questions are kept together; related ones may stand on both sides "
                f"and grades may come out too well"
            )
    return said
