"""`medlms models`: which models are known, and fetching their weights."""

from __future__ import annotations

import typer

app = typer.Typer(help="List known models; fetch weights.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_models(as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """Known models, and whether their weights are here. Any hub id, folder or GGUF file works as well."""
    from dataclasses import asdict

    from medlms.cli._show import out
    from medlms.models.known import KNOWN
    from medlms.run import home

    rows = [{**asdict(spec), "here": (home() / "models" / name).is_dir()} for name, spec in KNOWN.items()]
    if as_json:
        out(rows)
        return
    for row in rows:
        where = f"package {row['package']}" if row["package"] else row["hub"]
        here = " (in the cache)" if row["here"] else ""
        typer.echo(f"{row['name']:<28} {row['parameters'] / 1e6:>6.0f} M  {row['licence']:<11} {where}{here}")
        if row["note"]:
            typer.echo(f"{'':<28} {row['note']}")


@app.command("get")
def get(
    name: str = typer.Argument(..., help="A known model or a hub id."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Fetch a model's weights into the cache, check and convert them, so that later commands need no network."""
    from medlms.cli._show import Terminal, out
    from medlms.models import fetch, load

    talk = Terminal()
    located = fetch.locate(name, say=talk.say)
    loaded = load.load(located, say=talk.say)
    found = {
        "name": located.name,
        "folder": str(located.folder),
        "parameters": loaded.parameters,
        "sha256": load.weights_hashes(loaded),
    }
    if as_json:
        out(found)
        return
    typer.echo(f"{found['name']}: {loaded.parameters:,} parameters, in {found['folder']}")
