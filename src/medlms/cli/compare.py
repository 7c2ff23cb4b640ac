"""`medlms compare`: two or more runs, or systems of runs, item by item."""

from __future__ import annotations

import typer


def command(
    runs: list[str] = typer.Argument(
        ...,
        metavar="RUN[:SYSTEM]...",
        help="Finished runs, tuned models unless a system is named; one run: all its systems.",
    ),
    metric: str | None = typer.Option(None, "--metric", metavar="NAME", help="What rows and slices are ordered by."),
    shared: bool = typer.Option(False, "--shared", help="Compare different tests on the questions that all answered."),
    to: str = typer.Option("comparison", "--to", metavar="NAME", help="Where the page goes, under runs/."),
    as_json: bool = typer.Option(False, "--json", help="Print the comparison as JSON, and write no page."),
) -> None:
    """Compare runs, or systems of runs, item by item."""
    from medlms.cli._show import out
    from medlms.road.comparing import compare_runs, written

    found = compare_runs(runs, metric=metric, shared=shared)
    if as_json:
        out(found)
        return
    from rich.console import Console

    from medlms.report.sides import show

    show(found, Console(highlight=False))
    typer.echo(f"page: {written(found, to)[0]}")
