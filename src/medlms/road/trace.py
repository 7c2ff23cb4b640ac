"""Traces rows through runs: where each came from, what became of it, and what was made with it.

A run tells by its lineage (``splits/lineage.jsonl.gz``), one that was made before there was any by its split rows alone. What
was tuned on a row: the adapter or model of a run that holds it in training, what was merged or exported from that, wherever it
lies among the folders looked at, and runs tuned on top of any of these.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medlms.catalogue import near
from medlms.data import exclude
from medlms.errors import AskedWrongly, DataError, UnknownName
from medlms.road import made_from, rows
from medlms.run import CONFIG, Run

Record = dict[str, Any]
PARTS = (*rows.PARTS, "not drawn", "dropped")


@dataclass
class Held:
    """A run and the records of the rows asked for that it read; ``copies`` say the same under another id."""

    run: Run
    records: list[Record] = field(default_factory=list)
    copies: list[Record] = field(default_factory=list)

    def count(self, part: str, *, copies: bool = False) -> int:
        """Rows in a part."""
        return sum(record["part"] == part for record in (*self.records, *(self.copies if copies else ())))


@dataclass
class Traced:
    """What was found. ``unknown`` are ids that no run has read, ``failed`` runs that could not be looked into, and why."""

    runs: list[Held]
    unknown: list[str]
    failed: dict[str, str]
    made: made_from.Made
    looked_at: int

    def ids(self) -> list[str]:
        """Ids of all rows that were found, copies aside."""
        return list(dict.fromkeys(record["id"] for held in self.runs for record in held.records if "id" in record))

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        return {
            "rows": self.ids(),
            "unknown": self.unknown,
            "runs": [
                {
                    "run": held.run.name,
                    "folder": str(held.run.folder),
                    "counts": {part: held.count(part) for part in PARTS},
                    "rows": held.records,
                    "same_text": held.copies,
                }
                for held in self.runs
            ],
            **self.made.as_json(),
            "runs_looked_at": self.looked_at,
            "could_not_look_into": self.failed,
        }


def by_id(names: Sequence[str]) -> Callable[[Record], bool]:
    """Picks rows by id or place (a place's leading folders may be left away)."""
    wanted = set(names)
    tails = {name.rpartition("/")[2] for name in wanted}

    def picks(record: Record) -> bool:
        place = record["place"]
        if record.get("id") in wanted or place in wanted:
            return True
        return place.rpartition("/")[2] in tails and any(place.endswith(f"/{name}") for name in wanted)

    return picks


def by_list(lists: exclude.Lists) -> Callable[[Record], bool]:
    """Picks what a list of rows names, as ``exclude`` would."""

    def picks(record: Record) -> bool:
        if record.get("id") in lists.ids or record.get("mark") in lists.marks:
            return True
        return any(link in lists.links for link in record.get("links", ()))

    return picks


def by_source(name: str) -> Callable[[Record], bool]:
    """Picks all rows of a source."""
    return lambda record: record["source"] == name


def by_file(path: str) -> Callable[[Record], bool]:
    """Picks all rows of a file, by its content where it is here, and by its name."""
    here = Path(path).expanduser()
    now = hashlib.sha256(here.read_bytes()).hexdigest() if here.is_file() else "none"

    def picks(record: Record) -> bool:
        if record.get("sha256") == now:
            return True
        place = record["place"]
        files = [place.rpartition(mark)[0] for mark in ":#"] + [place.partition("!")[0]]
        return any(file == path or file.endswith(f"/{path}") for file in files if file)

    return picks


def by_group(name: str) -> Callable[[Record], bool]:
    """Picks the rows of a patient, document or topic, or of a group by the name that splits/ give it."""

    def picks(record: Record) -> bool:
        if record.get("group") == name:
            return True
        return any(
            link == name or link.partition(":")[2] == name or link.partition(":")[2].partition("/")[2] == name
            for link in record.get("links", ())
        )

    return picks


def trace(
    picks: Callable[[Record], bool],
    folders: Sequence[str | Path] = ("runs",),
    *,
    names: Sequence[str] = (),
    copies_count: bool = True,
) -> Traced:
    """Look through all runs in ``folders`` (and their points, where they are studies). ``names`` are the ids asked for.

    Where ``copies_count``, rows of the same text under other ids make what was tuned on them need it too. Raises
    AskedWrongly when no folder holds a run.
    """
    runs = runs_in(folders)
    if not runs:
        where = ", ".join(map(str, folders))
        raise AskedWrongly(f"no run lies in {where}.", hint="Name the folder that holds them, or a run: --in FOLDER")
    held: dict[Path, Held] = {}
    failed: dict[str, str] = {}
    marks: set[str] = set()
    seen: set[str] = set()
    for run in runs:
        try:
            records = [record for record in records_of(run) if picks(record)]
        except DataError as error:
            failed[str(run.folder)] = str(error)
            continue
        held[run.folder] = Held(run, records)
        marks |= {record["mark"] for record in records if "mark" in record}
        seen |= {
            known
            for record in records
            for known in (record.get("id"), record["place"], *record.get("links", ()))
            if known
        }
    for item in held.values():
        own = {id_of(record) for record in item.records}
        item.copies = (
            [record for record in records_of(item.run) if record.get("mark") in marks and id_of(record) not in own]
            if marks
            else []
        )
    unknown = [name for name in names if name not in seen and not any(place.endswith(f"/{name}") for place in seen)]
    touched = [item for item in held.values() if item.records or item.copies]
    made = made_from.made(
        runs,
        trained={item.run.folder for item in touched if item.count("train", copies=copies_count)},
        chosen={item.run.folder for item in touched if item.count("dev", copies=copies_count)},
        graded={item.run.folder for item in touched if item.count("eval", copies=copies_count)},
        folders=[Path(folder).expanduser() for folder in folders],
    )
    return Traced(touched, unknown, failed, made, len(runs))


def id_of(record: Record) -> str:
    """The record's id, or its place where it has none."""
    return str(record.get("id") or record["place"])


def runs_in(folders: Sequence[str | Path]) -> list[Run]:
    """Runs that have split rows: the folders themselves, what lies in them, and the points of studies."""
    found: dict[Path, Run] = {}
    for folder in folders:
        root = Path(folder).expanduser()
        for pattern in ("", "*", "points/*", "*/points/*"):
            for path in sorted(root.glob(pattern)) if pattern else [root]:
                if (path / CONFIG).is_file() and (path / "splits").is_dir():
                    found.setdefault(path.resolve(), Run(path))
    return list(found.values())


def records_of(run: Run) -> Iterator[Record]:
    """The lineage of a run; without one what its split rows tell. DataError when it can't be read."""
    path = run.folder / rows.LINEAGE
    if not path.is_file():
        yield from _of_splits(run)
        return
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: can't be read: {error}.") from None


def _of_splits(run: Run) -> Iterator[Record]:
    from medlms.datasets import mark

    held = rows.read(run)
    for part in rows.PARTS:
        for row in getattr(held, part):
            yield {
                "id": row.id,
                "source": row.source,
                "licence": row.licence,
                "place": row.place,
                "links": list(row.links),
                "mark": mark(row),  # of the text as cleaned: found again where cleaning changed nothing
                "group": row.group,
                "part": part,
                "from_splits": True,
            }


def nothing(
    traced: Traced, what: str, folders: Sequence[str | Path], *, known: Callable[[Record], str | None]
) -> UnknownName:
    """The error for a selection that fits no row, with the nearest that would."""
    names: Counter[str] = Counter()
    for run in runs_in(folders):
        names.update(name for record in records_of(run) if (name := known(record)))
    return UnknownName(
        f"{what}: none of the {traced.looked_at:,} runs looked at has read such a row.",
        hint=near(what, list(names)) or "Other folders with runs are named by --in FOLDER.",
    )
