"""`medlms report`: writes a finished run's pages again from its report.json, or one report over several runs."""

from __future__ import annotations

import typer


def command(
    runs: list[str] = typer.Argument(..., metavar="RUN...", help="Folders or names of finished runs, or one study."),
    to: str = typer.Option(
        "report", "--to", metavar="NAME", help="Where a report over several runs goes, under runs/."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the paths as JSON."),
) -> None:
    """Write the pages of a finished run again, or one report over several runs."""
    from medlms.cli._show import out
    from medlms.road.again import again

    paths = again(runs, to=to)
    if as_json:
        out([str(path) for path in paths])
        return
    for path in paths[:2]:
        typer.echo(path)
