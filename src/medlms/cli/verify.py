"""`medlms verify`: does every number of a run's report follow from what the run holds?"""

from __future__ import annotations

import typer


def command(
    run: str = typer.Argument(..., metavar="RUN", help="A finished run's folder or name."),
    as_json: bool = typer.Option(False, "--json", help="Print what was checked and found as JSON."),
) -> None:
    """Recompute every number of a run's report, and name what does not follow."""
    from dataclasses import asdict

    from medlms.cli._show import out
    from medlms.verify import verify

    ledger = verify(run)
    if as_json:
        out({"checked": dict(ledger.checked), "faults": list(map(asdict, ledger.faults)), "notes": ledger.notes})
    else:
        for fault in ledger.faults:
            typer.echo(
                f"{fault.file}: {fault.key}\n  stated:     {_shown(fault.stated)}\n  recomputed: {_shown(fault.recomputed)}"
            )
        for note in ledger.notes:
            typer.echo(f"note: {note}", err=True)
        total = f"{sum(ledger.checked.values()):,} checked"
        parts = ", ".join(f"{count:,} {kind}" for kind, count in ledger.checked.items())
        faults = len(ledger.faults)
        words = f"{faults:,} {'does' if faults == 1 else 'do'} not follow" if faults else "all of them follow"
        typer.echo(f"{total} ({parts}): {words}.")
    if ledger.faults:
        raise typer.Exit(1)


def _shown(value: object) -> str:
    """A value on one line, shortened."""
    text = " ".join(str(value).split())
    return text if len(text) <= 160 else f"{text[:157]}..."
