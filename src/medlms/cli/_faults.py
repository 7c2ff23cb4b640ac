"""Shows the faults of a data file: all of a few; of many the counts and the first of each kind, and all of them in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from medlms.config import DataSource
    from medlms.datasets import Loaded
    from medlms.types import Fault

SHOWN = 100  # faults; more are summed up
FIRST = 3  # of each reason where there are more


def chosen(file: str, columns: Sequence[str]) -> DataSource:
    """The source of a file with the columns that ``WHAT=NAME`` names. Raises ConfigError."""
    from pydantic import ValidationError

    from medlms.config import Columns, DataSource
    from medlms.errors import ConfigError

    named = dict(column.partition("=")[::2] for column in columns)
    try:
        return DataSource(source=file, columns=Columns.model_validate(named))
    except ValidationError as error:
        wrong = [f"--column {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ConfigError(wrong, hint=f"Columns hold: {', '.join(Columns.model_fields)}.") from None


def show(loaded: Loaded, file: str, target: str | None = None) -> None:
    """Print what is wrong. All faults go into ``target``, or, when they are too many to show, into a file named here.

    That file is JSON lines of place, reason, detail and used; it is written anew where it exists.
    """
    listed = [(fault, False) for fault in loaded.faults] + [(remark, True) for remark in loaded.remarks]
    for line in _lines(listed):
        typer.echo(line)
    path = Path(target) if target else Path(f"{_stem(file)}.faults.jsonl") if len(listed) > SHOWN else None
    if path and listed:
        _write(path, listed)
        typer.echo(f"all {len(listed):,} of them: {path}")
    for sentence in loaded.said:
        typer.echo(sentence)
    notes = f", {_counted(len(loaded.remarks), 'note')}" if loaded.remarks else ""
    typer.echo(
        f"{file}: {loaded.rows_in:,} rows, {len(loaded.examples):,} usable, {_counted(len(loaded.faults), 'fault')}{notes}"
    )


def _lines(listed: Sequence[tuple[Fault, bool]]) -> Iterator[str]:
    if len(listed) <= SHOWN:
        yield from (_sentence(fault, used) for fault, used in listed)
        return
    counts = Counter((fault.reason, used) for fault, used in listed)
    for (reason, used), count in counts.most_common():
        yield f"{count:,} {'notes' if used else 'rows'}: {reason}"
        first = [fault for fault, same in listed if fault.reason == reason and same is used][:FIRST]
        yield from (f"    {_sentence(fault, False)}" for fault in first)
        if count > len(first):
            yield f"    ... and {count - len(first):,} more"


def _sentence(fault: Fault, used: bool) -> str:
    detail = " ".join(fault.detail.split())
    return f"{fault.place}: {'note: ' if used else ''}{fault.reason}" + (f": {detail}" if detail else "")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _write(path: Path, listed: Sequence[tuple[Fault, bool]]) -> None:
    import json

    from medlms.run import write_whole

    rows = ({"place": f.place, "reason": f.reason, "detail": f.detail, "used": used} for f, used in listed)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def _stem(file: str) -> str:
    return Path(file).resolve().name.split(".")[0].strip("*?[] ") or "data"
