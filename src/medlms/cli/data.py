"""`medlms data`: known sources, fetching them, checking a file, preparing a set, previewing its rows."""

from __future__ import annotations

import typer

from medlms.cli import _trace

app = typer.Typer(
    help="List, fetch, check, prepare, preview and trace data.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_data(as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """Known sources, their licences, and where they lie."""
    from dataclasses import asdict

    from medlms import datasets
    from medlms.cli._show import out

    rows = [{**asdict(datasets.source(name)), "here": datasets.where(name)} for name in datasets.names()]
    kinds = {"answers": "questions and answers", "exam": "exam, never trained on", "questions": "questions alone"}
    if as_json:
        out(rows)
        return
    for row in rows:
        typer.echo(
            f"{row['name']:<30} {row['licence']:<16} {row['here'] or 'not here: medlms data get ' + row['name']}"
        )
        typer.echo(f"{'':<30} {kinds[row['kind']]}: {row['title']}")
    typer.echo("Any JSONL, JSON, CSV, TSV, XLSX or Parquet file with questions and answers works as a source too,")
    typer.echo("also packed (.gz, .zst), a folder of them, a pattern, or a hub id (owner/name).")


@app.command("get")
def get(
    name: str = typer.Argument(..., help="A known source."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Fetch a source's original, or find it where MEDLMS_DATA says."""
    from medlms import datasets
    from medlms.cli._show import Terminal, out

    talk = Terminal()
    with talk.bar(f"fetching {name}") as advance:
        place = datasets.get(name, progress=lambda title, done, wanted: advance(done, wanted))
    out({"name": name, "here": place}) if as_json else typer.echo(f"{name}: {place}")


@app.command("check")
def check(
    file: str = typer.Argument(..., help="A file of questions and answers, a folder or a pattern."),
    columns: list[str] = typer.Option(
        [], "--column", metavar="WHAT=NAME", help="Name a column, such as question=Frage; may be given several times."
    ),
    faults: str | None = typer.Option(
        None,
        "--faults",
        metavar="FILE",
        help="Write all faults there; without it only where they are too many to show.",
    ),
    exams: bool = typer.Option(
        False, "--exams", help="Also look for the questions of all known exams that are on this machine."
    ),
    identifiers: bool = typer.Option(
        True,
        "--identifiers/--no-identifiers",
        help="Also look for identifiers of people (names, dates, numbers, places).",
    ),
    identifiers_to: str | None = typer.Option(
        None, "--identifiers-to", metavar="LIST.csv", help="Write all identifiers there, masked."
    ),
    write_deidentified: str | None = typer.Option(
        None,
        "--write-deidentified",
        metavar="COPY",
        help="Write a copy with invented values in the place of identifiers, and a list of them for a person to review.",
    ),
    quick: bool = typer.Option(
        False, "--quick", help="Look for identifiers without the network: some forty times faster, and misses more."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """List every faulty row of a file in one go, and the identifiers of people in it. Exit code 1 when rows are faulty."""
    from dataclasses import asdict

    from medlms import datasets
    from medlms.cli import _faults, _identifiers
    from medlms.cli._show import Terminal, out

    chosen, talk = _faults.chosen(file, columns), Terminal()
    if write_deidentified:
        copy = _identifiers.write(file, write_deidentified, chosen, talk, quick=quick)
        out(_identifiers.as_json(copy)) if as_json else _identifiers.say(copy)
        return
    loaded = datasets.check(file, chosen=chosen)
    found = _identifiers.look(loaded, talk, quick=quick) if identifiers else None
    overlaps = None
    if exams:
        from medlms.data import contamination

        overlaps = contamination.account(loaded.examples, contamination.at_hand())
    if as_json:
        out(
            {
                **({"exams": overlaps} if overlaps else {}),
                "file": file,
                "rows_in": loaded.rows_in,
                "usable": len(loaded.examples),
                "faults": [asdict(fault) for fault in loaded.faults],
                "notes": [asdict(remark) for remark in loaded.remarks],
                "said": loaded.said,
                "identifiers": None if found is None else [asdict(item) for item in found],
            }
        )
    else:
        _faults.show(loaded, file, faults)
        if found is not None:
            _identifiers.show(found, file, public=loaded.source.public, target=identifiers_to)
        if overlaps:
            for line in contamination.lines(overlaps):
                typer.echo(line)
    raise typer.Exit(1 if loaded.faults else 0)


@app.command("prepare")
def prepare(
    config: list[str] = typer.Argument(
        ..., metavar="CONFIG.yaml | key=value", help="A config, and settings that win over it."
    ),
    to: str = typer.Option("", "--to", metavar="DIR", help="Folder to write to; by default prepared/RUN."),
    tokens: bool = typer.Option(
        True, "--tokens/--words", help="Count lengths in the model's tokens where its tokenizer is here, or in words."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the data report as JSON."),
) -> None:
    """Clean, split and account for a config's data without training; write the rows and a report on them."""
    from medlms.cli import _prepared
    from medlms.cli._show import Terminal, out, read_config
    from medlms.road import accounts

    talk = Terminal()
    written = accounts.prepare(read_config(config, talk), to=to or None, tokens=tokens, talk=talk)
    out(written.report) if as_json else _prepared.show(written)


@app.command("preview")
def preview(
    config: list[str] = typer.Argument(
        ..., metavar="CONFIG.yaml | key=value", help="A config, and settings that win over it."
    ),
    rows: int = typer.Option(3, "--rows", "-n", help="How many training rows."),
    row: list[str] = typer.Option(
        [], "--row", metavar="ID", help="This row instead, from whichever part holds it; may be given several times."
    ),
    tokens: bool = typer.Option(False, "--tokens", help="Show where tokens end."),
    ids: bool = typer.Option(False, "--ids", help="Show the number of every token behind it."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Show rows as the model will read them, with what is learned and what is cut marked. No weights are loaded."""
    from medlms.cli._show import Terminal, out, read_config
    from medlms.road.preview import preview as made

    talk = Terminal()
    read = read_config(config, talk)
    found = made(read, count=rows, ids=row, talk=talk)
    for sentence in found.said:
        talk.say(sentence)
    if as_json:
        out(found.as_json(tokens=tokens or ids))
        return
    from rich.console import Console

    from medlms.cli._preview import draw

    draw(found, Console(highlight=False), tokens=tokens, ids=ids)


app.command("trace")(_trace.command)
