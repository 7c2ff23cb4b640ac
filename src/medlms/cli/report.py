"""`medlms report`: writes a finished run's pages again from its report.json."""

from __future__ import annotations

import typer


def command(
    run: str = typer.Argument(..., help="A finished run's folder or name."),
    as_json: bool = typer.Option(False, "--json", help="Print the paths as JSON."),
) -> None:
    """Write report.md, report.html and plots of a finished run again."""
    from medlms.cli._show import out
    from medlms.report import write
    from medlms.run import REPORT, STEPS, Run

    found = Run.open(run)
    paths = write(found, found.read_json(REPORT), list(found.rows(STEPS)))
    if as_json:
        out([str(path) for path in paths])
        return
    for path in paths[:2]:
        typer.echo(path)
