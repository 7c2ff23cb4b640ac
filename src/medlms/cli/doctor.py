"""`medlms doctor`: what this machine has, what will run on it, what to fix."""

from __future__ import annotations

import typer


def command(as_json: bool = typer.Option(False, "--json", help="Print as JSON.")) -> None:
    """Say what this machine has, what will run on it, and what to fix."""
    from medlms.cli._show import out
    from medlms.road.health import examine

    found = examine()
    if as_json:
        out(found)
        return
    for name, value in {**found["machine"], **found["libraries"]}.items():
        shown = f"{value / 1e9:.1f} GB" if name.endswith("_bytes") and value else value
        typer.echo(f"{name.removesuffix('_bytes'):<16} {shown}")
    for sentence in found["will_run"]:
        typer.echo(f"+ {sentence}")
    for sentence in found["to_fix"]:
        typer.echo(f"! {sentence}")
    raise typer.Exit(1 if found["to_fix"] else 0)
