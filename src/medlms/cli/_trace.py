"""`medlms data trace`: where a row came from, and what hangs on rows that are to be taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

SHOWN = 10


def command(
    row: str = typer.Argument("", metavar="[ID]", help="A row's id, or its place (file:line)."),
    source: str = typer.Option("", "--source", metavar="NAME", help="All rows of a source."),
    file: str = typer.Option("", "--file", metavar="PATH", help="All rows of a file."),
    group: str = typer.Option(
        "", "--group", metavar="ID", help="All rows of a patient, document or topic, or of a group of splits/."
    ),
    ids: Path | None = typer.Option(None, "--ids", metavar="FILE", help="All rows that a list names."),
    folders: list[str] = typer.Option(
        ["runs"], "--in", metavar="FOLDER", help="A folder with runs, or a run; may be given several times."
    ),
    write: Path | None = typer.Option(
        None, "--write", metavar="FILE", help="Write the rows as a list for the config's key exclude."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Trace a row to its file and to what was made with it; for many rows, list what must be retrained without them.

    Exit code for one row: 0 found, 2 no run has read it. For many: 0 nothing was tuned on them, 1 something was (or a run could
    not be looked into), 2 no run has read any of them.
    """
    from medlms.cli._show import out

    given = {"ID": row, "--source": source, "--file": file, "--group": group, "--ids": ids}
    chosen = [name for name, value in given.items() if value]
    if len(chosen) != 1:
        raise typer.BadParameter(
            f"give one of {', '.join(given)}" + (f", not {' and '.join(chosen)}." if chosen else ".")
        )
    traced = _traced(row, source, file, group, ids, folders)
    written = _write(write, traced) if write else 0
    if as_json:
        out({"asked": {chosen[0].strip("-").lower(): str(given[chosen[0]])}, **traced.as_json()})
    elif row:
        _show_row(traced)
    else:
        _show_rows(traced)
    if write:
        typer.echo(f"{written:,} rows written to {write}; leave them out with exclude: [{write}]", err=True)
    tuned = traced.made.retrain or traced.made.choose
    raise typer.Exit(1 if traced.failed or (tuned and not row) else 0)


def _traced(row: str, source: str, file: str, group: str, ids: Path | None, folders: list[str]) -> Any:
    from medlms.data import exclude
    from medlms.road import trace

    names = [row] if row else []
    known: Any = trace.id_of
    if ids:
        lists = exclude.read([ids])
        names = [*lists.ids, *lists.links]
        picks: Any = trace.by_list(lists)
    elif source:
        picks, known = trace.by_source(source), lambda record: record["source"]
    elif file:
        picks, known = trace.by_file(file), lambda record: record["place"].partition("!")[0].rpartition(":")[0]
    elif group:
        picks, known = trace.by_group(group), lambda record: record.get("group")
    else:
        picks = trace.by_id(names)
    traced = trace.trace(picks, folders, names=names, copies_count=not source)
    if not any(held.records for held in traced.runs) and not traced.failed:
        raise trace.nothing(traced, row or source or file or group or str(ids), folders, known=known)
    return traced


def _show_row(traced: Any) -> None:
    first = next((record for held in traced.runs for record in held.records), None)
    if first is None:
        typer.echo("no run that could be looked into has read it")
        _show_made(traced)
        return
    unsure = first.get("from_splits") or first["part"] == "dropped"
    typer.echo(first.get("id") or f"{first['place']} (it could not be read, so it has no id)")
    for label, value in (
        ("place", first["place"]),
        ("file", _file(first)),
        ("source", f"{first['source']}, licence: {first['licence']}"),
        ("kept with", ", ".join(first.get("links", ()))),
        ("group", first.get("group", "")),
        ("mended", "; ".join(first.get("cleaned", ())) or ("" if unsure else "nothing")),
    ):
        if value:
            typer.echo(f"    {label:<10} {value}")
    for held in traced.runs:
        for record in held.records:
            typer.echo(f"{held.run.folder}: {_part(record)}")
        for record in held.copies:
            typer.echo(f"{held.run.folder}: the same text as {record['id']} ({record['place']}), {_part(record)}")
    _show_made(traced)


def _file(record: dict[str, Any]) -> str:
    """The checksum of the file as it was, and whether it is still that file, where it is at hand."""
    import hashlib

    from medlms import datasets

    was = record.get("sha256", "")
    if not was:
        return ""
    paths = [Path(record["place"].rpartition(mark)[0]) for mark in ":#!"]
    if record["source"] in datasets.names():
        paths += [Path(path) for path in datasets.where(record["source"]).split(", ") if path]
    here = next((path for path in paths if path.name and path.is_file()), None)
    now = ""
    if here:
        same = hashlib.sha256(here.read_bytes()).hexdigest() == was
        now = " (still the same)" if same else " (changed since: the line may be another)"
    return f"sha256 {was}{now}"


def _part(record: dict[str, Any]) -> str:
    if record["part"] == "dropped":
        return f"dropped: {record.get('reason')}" + (f" ({record['detail']})" if record.get("detail") else "")
    often = f", read {record['times']} times an epoch" if record.get("times") else ""
    return f"in {record['part']}{often}" if record["part"] != "not drawn" else "usable, but not drawn"


def _show_rows(traced: Any) -> None:
    names = traced.ids()
    typer.echo(f"{len(names):,} rows, in {len(traced.runs):,} of {traced.looked_at:,} runs")
    for held in traced.runs:
        counts = {part: held.count(part) for part in ("train", "dev", "eval", "not drawn", "dropped")}
        said = ", ".join(f"{count:,} {part}" for part, count in counts.items() if count) or "none itself"
        more = f"; {len(held.copies):,} other rows say the same" if held.copies else ""
        typer.echo(f"    {held.run.folder}: {said}{more}")
    if traced.unknown:
        shown = ", ".join(traced.unknown[:SHOWN]) + (", ..." if len(traced.unknown) > SHOWN else "")
        typer.echo(f"read by no run: {shown}")
    _show_made(traced)


def _show_made(traced: Any) -> None:
    made = traced.made
    for title, things in (
        ("to be retrained without these rows:", made.retrain),
        ("did not learn from these rows, but they chose the epoch that was kept:", made.choose),
        ("to be graded again:", made.regrade),
    ):
        if things:
            typer.echo(title)
        for thing in things:
            typer.echo(f"    {thing.path} ({thing.why})")
    if not made.retrain:
        typer.echo("nothing that was looked at has learned from these rows")
    if made.texts:
        typer.echo(f"their text stands in {len(made.texts):,} files of these runs (all are named with --json)")
    for folder, reason in traced.failed.items():
        typer.echo(f"could not be looked into: {folder}: {reason}")


def _write(path: Path, traced: Any) -> int:
    from medlms.errors import AskedWrongly
    from medlms.run import write_whole

    if path.exists():
        raise AskedWrongly(f"{path} exists already, and nothing is written over.", hint="Give another name.")
    entries = {
        (record["id"], record.get("mark", "")): None
        for held in traced.runs
        for record in held.records
        if "id" in record
    }
    lines = [json.dumps({"id": name, **({"mark": mark} if mark else {})}, ensure_ascii=False) for name, mark in entries]
    write_whole(path, ("\n".join(lines) + "\n").encode())
    return len(entries)
