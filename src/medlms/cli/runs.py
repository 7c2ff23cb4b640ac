"""`medlms runs`: what runs there are, one of them, and how to be rid of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

app = typer.Typer(help="List, show and erase runs.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_runs(
    folder: str = typer.Option("runs", "--in", help="The folder that holds the runs."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Runs, whether each is finished, and its verdict."""
    from medlms.cli._show import out

    rows = [_summary(path) for path in sorted(Path(folder).glob("*/config.yaml"))]
    if as_json:
        out(rows)
        return
    for row in rows:
        typer.echo(f"{row['run']:<28} {row['state']:<12} {row['verdict']}")
    if not rows:
        typer.echo(f"no runs in {folder}/", err=True)


@app.command("show")
def show(
    run: str = typer.Argument(..., help="A run's folder or name."),
    as_json: bool = typer.Option(False, "--json", help="Print its report as JSON."),
) -> None:
    """The verdict and the tables of a run."""
    from medlms.cli._show import out
    from medlms.run import REPORT, Run

    report = Run.open(run).read_json(REPORT)
    if as_json:
        out(report)
        return
    from rich.console import Console

    from medlms.report.terminal import show as print_report

    print_report(report, Console(highlight=False))


@app.command("erase")
def erase(
    run: str = typer.Argument(..., help="A run's folder or name."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Delete a run with its adapter, answers and copied rows. It can't be undone."""
    from medlms.cli._show import out
    from medlms.run import Run

    found = Run.open(run)
    if not yes:
        typer.confirm(f"Delete {found.folder} and all that is in it?", abort=True, err=True)
    found.erase()
    out({"erased": str(found.folder)}) if as_json else typer.echo(f"erased {found.folder}")


def _summary(path: Path) -> dict[str, Any]:
    import json

    from medlms.run import Run

    folder = path.parent
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        verdict = str((report.get("verdict") or [""])[0])
    except (OSError, ValueError, AttributeError):
        if (folder / "identifiers.csv").is_file() and not (folder / "splits").is_dir():
            said = f"identifiers of people were found: {folder / 'identifiers.csv'}"
            return {"run": folder.name, "state": "stopped", "verdict": said}
        hint = f"go on with: medlms {Run(folder).verb()} --resume {folder}"
        return {"run": folder.name, "state": "unfinished", "verdict": hint}
    return {"run": folder.name, "state": "finished", "verdict": verdict}
