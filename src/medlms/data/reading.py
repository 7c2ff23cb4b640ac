"""Reads the sources of a config row by row, cleans each row as it comes, and keeps what is needed to account for it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from medlms import datasets
from medlms.config import Config, DataSource
from medlms.data import store
from medlms.data.clean import Cleaner
from medlms.data.ledger import KEPT, Ledger
from medlms.data.origin import Origin, Taken
from medlms.data.store import Store, Stored
from medlms.datasets import Progress, Rows, mark
from medlms.errors import ConfigError
from medlms.types import QA, Fault

LINKS = ("document:", "topic:")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of all that was read but the cleaned rows: the ``origins`` of all rows, and the ledger.

    ``taken`` says of each source what it gave, by its own name; ``entries`` are those of the config.
    """

    taken: Mapping[str, Taken]
    entries: Mapping[str, DataSource]
    origins: Stored[Origin]
    ledger: Ledger


def read(config: Config, *, offline: bool = False, progress: Progress | None = None) -> tuple[Sequence[QA], Gathered]:
    """The cleaned rows of all sources one after another, and what goes with them.

    Raises what ``datasets.stream`` raises, and ConfigError where a source is listed twice.
    """
    opened: list[Rows] = []
    try:
        for entry in config.data:
            opened.append(datasets.stream(entry, offline=offline, progress=progress))
            _refuse_twice(opened, entry)
        names = _names(opened)
        gatherer = _Gatherer(config)
        taken: dict[str, Taken] = {}
        for name, rows, entry in zip(names, opened, config.data, strict=True):
            taken[name] = gatherer.gather(name, rows, _licence(rows, entry))
            if progress:
                progress("cleaning", len(taken), len(opened))
    finally:
        for rows in opened:
            rows.close()
    return gatherer.gathered(taken, dict(zip(names, config.data, strict=True)))


class _Gatherer:
    """Takes in one source after another."""

    def __init__(self, config: Config) -> None:
        self._switches = config.clean
        self._rows = store.rows()
        self._origins: Store[Origin] = Store(tuple, Origin._make, lambda _: store.RECORD)
        self._ledger = Ledger()
        self._kept = array("q")

    def gathered(self, taken: Mapping[str, Taken], entries: Mapping[str, DataSource]) -> tuple[Sequence[QA], Gathered]:
        self._ledger.keep(self._kept)
        return Stored(self._rows), Gathered(taken, entries, Stored(self._origins), self._ledger)

    def gather(self, name: str, rows: Rows, licence: str) -> Taken:
        """Take in all rows of a source, which gets this name; they get its licence where the config names one."""
        cleaner = Cleaner(datasets.noise(name) if rows.source.public else (), self._switches)
        first, entry = len(self._origins), len(self._ledger.dropped)
        unclean = store.records()  # they are written down behind what could not be read
        linked = False
        for item in _named(rows, name):
            if isinstance(item, Fault):
                self._ledger.drop(name, item)
                continue
            linked = linked or bool(item.topic or item.links)
            if licence != rows.source.licence:
                item = replace(item, licence=licence)
            if fault := self._take(item, cleaner):
                unclean.add((len(self._origins) - 1, fault.place, fault.reason, fault.detail))
        unread = range(entry, len(self._ledger.dropped))
        for number, *fault_ in Stored(unclean):
            self._ledger.drop(name, Fault(*fault_), number=number)
        return Taken(
            source=replace(rows.source, name=name, licence=licence),
            rows_in=rows.rows_in,
            usable=len(self._origins) - first,
            unread=unread,
            files=dict(rows.files),
            said=list(rows.said),
            topics=rows.topics,
            linked=linked,
            changed=cleaner.changed(),
            cleaning=cleaner.account(),
        )

    def _take(self, row: QA, cleaner: Cleaner) -> Fault | None:
        made = cleaner.clean(row)
        links = tuple(link for link in row.links if link.startswith(LINKS))
        steps = cleaner.steps.pop(row.id, ())
        self._origins.add(Origin(row.id, row.source, row.licence, row.place, mark(row), links, steps))
        self._ledger.fate.append(KEPT)
        if not isinstance(made, QA):
            return made
        self._kept.append(len(self._origins) - 1)
        self._rows.add(made)
        return None


def _refuse_twice(opened: Sequence[Rows], entry: DataSource) -> None:
    *others, last = (item.source.address for item in opened)
    if last in others:
        raise ConfigError([f"data: {entry.source} is listed twice; give it once, with the weight you want."])


def _licence(rows: Rows, entry: DataSource) -> str:
    if entry.licence and rows.source.name in datasets.names() and rows.source.public:
        raise ConfigError(
            [f"data.licence: {rows.source.name} is a known set under {rows.source.licence}; leave the key away."]
        )
    return entry.licence or rows.source.licence


def _names(opened: Sequence[Rows]) -> list[str]:
    """Each source's own name.

    Two files of one name get -2, -3, and so on, in the order of their places: names stay when entries change places.
    """
    named: dict[str, str] = {}
    for item in sorted((item.source for item in opened), key=lambda source: source.address):
        name, number = item.name, 1
        while name in named or (number == 1 and not item.public and name in datasets.names()):
            number += 1
            name = f"{item.name}-{number}"
        named[name] = item.address
    names = {address: name for name, address in named.items()}
    return [names[item.source.address] for item in opened]


def _named(rows: Rows, name: str) -> Iterator[QA | Fault]:
    old = rows.source.name
    for item in datasets.counted(rows):
        yield item if name == old or isinstance(item, Fault) else _renamed(item, old, name)


def _renamed(row: QA, old: str, name: str) -> QA:
    id = f"{name}/{row.id.removeprefix(f'{old}/')}"
    return replace(row, id=id, source=name, links=_relinked(row.links, old, name))


def _relinked(links: tuple[str, ...], old: str, name: str) -> tuple[str, ...]:
    start = f"document:{old}/"
    return tuple(f"document:{name}/{link.removeprefix(start)}" if link.startswith(start) else link for link in links)
