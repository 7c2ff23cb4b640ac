"""The way of the data, top to bottom: load, clean, drop repetitions, group, split, prove, account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medlms import datasets
from medlms.config import Config, DataSource
from medlms.data import clean, duplicates, guard, leaks, report, split, topics
from medlms.data.found import Found
from medlms.datasets import Loaded, Progress, before, normalised
from medlms.errors import ConfigError
from medlms.types import QA, Fault


@dataclass(frozen=True, slots=True)
class Prepared:
    """A set that is ready for training and grading; ``group`` is filled in every row.

    ``references`` gives for each row of dev and eval all answers to its question, its own first. ``report`` is
    JSON-able and adds up; ``said`` are sentences for the user; ``files`` maps each file read to its sha256.
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
    found: list[Found] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)


def prepare(config: Config, *, offline: bool = False, look: bool = True, progress: Progress | None = None) -> Prepared:
    """The prepared set of a config: the same for the same files, config and seed.

    Without ``look`` nobody looks for identifiers of people, which takes longer than all else; whoever trains looks.
    Raises DataError, FetchError, ConfigError and UnknownName.
    """
    loaded, weights = _load(config.data, offline=offline, progress=progress)
    said = [sentence for item in loaded.values() for sentence in item.said]
    rows: list[QA] = []
    dropped: list[tuple[str, Fault]] = []
    changed: dict[str, dict[str, int]] = {}
    steps: dict[str, list[dict[str, Any]]] = {}
    for name, item in loaded.items():
        cleaned = clean.clean(item.examples, datasets.noise(name) if item.source.public else (), config.clean)
        rows += cleaned.examples
        changed[name] = cleaned.changed
        steps[name] = cleaned.account
        dropped += [(name, fault) for fault in (*item.faults, *cleaned.dropped)]
        if progress:
            progress("cleaning", len(changed), len(loaded))
    rows, repeated = duplicates.drop(rows)
    dropped += repeated
    rows, named = topics.name(rows, [topic for item in loaded.values() for topic in item.topics])
    rows = split.grouped(rows)
    parts = split.parts(rows, config.split, weights=weights, seed=config.split_seed)
    compared = leaks.prove({"train": parts.train, "dev": parts.dev, "eval": parts.eval})
    guarded = (guard.guard if look else guard.unguarded)(
        {"train": parts.train, "dev": parts.dev, "eval": parts.eval},
        _references(rows, [*parts.dev, *parts.eval]),
        asked=config.identifiers,
        public={name: item.source.public for name, item in loaded.items()},
        progress=progress,
    )
    account = report.build(config, loaded, weights, dropped, changed, rows, parts, named, compared)
    account["identifiers"] = guarded.account
    account["cleaning"] = steps
    said += [*_said(config, account, loaded), *guarded.said]
    return Prepared(
        train=guarded.parts["train"],
        dev=guarded.parts["dev"],
        eval=guarded.parts["eval"],
        report=account,
        said=said,
        files={file: checksum for item in loaded.values() for file, checksum in item.files.items()},
        references=guarded.references,
        found=guarded.found,
        stops=guarded.stops,
    )


def _load(
    entries: Sequence[DataSource], *, offline: bool, progress: Progress | None
) -> tuple[dict[str, Loaded], dict[str, float]]:
    """Each entry's rows and weight under its own name; two files of one name get -2, -3, and so on."""
    loaded: dict[str, Loaded] = {}
    weights: dict[str, float] = {}
    addresses: set[str] = set()
    for entry in entries:
        item = datasets.load(entry, offline=offline, progress=progress)
        if item.source.address in addresses:
            raise ConfigError([f"data: {entry.source} is listed twice; give it once, with the weight you want."])
        addresses.add(item.source.address)
        name, number = item.source.name, 1
        while name in loaded or (number == 1 and not item.source.public and name in datasets.names()):
            number += 1
            name = f"{item.source.name}-{number}"
        loaded[name] = item if number == 1 else _renamed(item, name)
        weights[name] = entry.weight
    return loaded, weights


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
