"""The split rows of a run, on disk: what training and grading used, so that a resumed or repeated grading uses the same."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medlms.data import Prepared
from medlms.datasets import dialogue
from medlms.errors import DataError
from medlms.run import Run, write_whole
from medlms.types import QA

PARTS = ("train", "dev", "eval")
LINEAGE = "splits/lineage.jsonl.gz"


@dataclass(frozen=True)
class Rows:
    """Training, development and evaluation rows, and all accepted answers of each evaluation row.

    ``times`` tells how often a training row is read in an epoch, by its id, where that is not once.
    """

    train: list[QA]
    dev: list[QA]
    eval: list[QA]
    references: Mapping[str, tuple[str, ...]]
    times: Mapping[str, int] = dataclasses.field(default_factory=dict)


def write(run: Run, prepared: Prepared) -> Rows:
    """Write splits/*.jsonl and the lineage of all rows; returns what ``read`` reads."""
    lineage = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in prepared.lineage)
    write_whole(run.path(*LINEAGE.split("/")), gzip.compress(lineage.encode(), 6, mtime=0))
    for part in PARTS:
        rows: Sequence[QA] = getattr(prepared, part)
        lines = []
        for row in rows:
            line = dataclasses.asdict(row)
            if part != "train":
                line["references"] = list(prepared.references.get(row.id, (row.answer,)))
            elif row.id in prepared.times:
                line["times"] = prepared.times[row.id]
            lines.append(line)
        run.keep_rows(f"splits/{part}.jsonl", lines)
    return read(run)


def there(run: Run) -> bool:
    """Whether all parts were written (the last one is written last)."""
    return (run.folder / "splits" / f"{PARTS[-1]}.jsonl").is_file()


def read(run: Run) -> Rows:
    """The rows of a run; DataError when they are missing or broken."""
    parts: dict[str, list[QA]] = {}
    references: dict[str, tuple[str, ...]] = {}
    times: dict[str, int] = {}
    names = {field.name for field in dataclasses.fields(QA)}
    for part in PARTS:
        parts[part] = []
        if not (run.folder / "splits" / f"{part}.jsonl").is_file():
            raise DataError(
                f"{run.folder}/splits/{part}.jsonl: missing.", hint="The run did not get as far as splitting its rows."
            )
        for number, line in enumerate(run.rows(f"splits/{part}.jsonl"), 1):
            try:
                values: dict[str, Any] = {key: value for key, value in line.items() if key in names}
                row = QA(**{**values, "links": tuple(values.get("links", ()))})
                row = dialogue(row, tuple(line.get("between", ())))
            except TypeError as error:
                raise DataError(f"{run.folder}/splits/{part}.jsonl:{number}: not a row of a split: {error}.") from None
            parts[part].append(row)
            if "references" in line:
                references[row.id] = tuple(line["references"])
            if "times" in line:
                times[row.id] = int(line["times"])
    return Rows(parts["train"], parts["dev"], parts["eval"], references, times)
