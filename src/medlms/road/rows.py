"""The split rows of a run, on disk: what training and grading used, so that a resumed or repeated grading uses the same."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medlms.data import Prepared
from medlms.datasets import dialogue
from medlms.errors import DataError
from medlms.run import Run, json_lines, write_whole
from medlms.types import QA

PARTS = ("train", "dev", "eval")
LINEAGE = "splits/lineage.jsonl.gz"


@dataclass(frozen=True)
class Rows:
    """Training, development and evaluation rows, and all accepted answers of each evaluation row.

    ``times`` tells how often a training row is read in an epoch, by its id, where that is not once.
    """

    train: Sequence[QA]
    dev: Sequence[QA]
    eval: Sequence[QA]
    references: Mapping[str, tuple[str, ...]]
    times: Mapping[str, int] = dataclasses.field(default_factory=dict)


NONE = Rows((), (), (), {})


def write(run: Run, prepared: Prepared) -> Rows:
    """Write the rows as ``keep`` does; returns what ``read`` reads."""
    keep(run, prepared)
    return read(run)


def keep(run: Run, prepared: Prepared) -> None:
    """Write splits/*.jsonl and the lineage of all rows, row by row."""
    write_whole(run.path(*LINEAGE.split("/")), _packed(json_lines(prepared.lineage)))
    for part in PARTS:
        run.keep_rows(f"splits/{part}.jsonl", _lines(prepared, part))


def _lines(prepared: Prepared, part: str) -> Iterator[dict[str, Any]]:
    for row in getattr(prepared, part):
        line = dataclasses.asdict(row)
        if part != "train":
            line["references"] = list(prepared.references.get(row.id, (row.answer,)))
        elif row.id in prepared.times:
            line["times"] = prepared.times[row.id]
        yield line


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The gzip file of these pieces; the same for the same pieces, so without a time."""
    packer = zlib.compressobj(6, wbits=31)
    for piece in pieces:
        if made := packer.compress(piece):
            yield made
    yield packer.flush()


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
