"""`medlms evaluate`: grades a model, or a finished run again, without training."""

from __future__ import annotations

import typer


def command(
    target: list[str] = typer.Argument(
        None, metavar="CONFIG.yaml | RUN | key=value", help="A config or a run's folder, and settings."
    ),
    resume: str | None = typer.Option(None, "--resume", metavar="RUN", help="Go on with a stopped evaluation."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Grade a model, or a finished run again, without training."""
    from medlms.cli._show import Terminal, out, split_words

    path, settings = split_words(target)
    if path is None and resume is None:
        raise typer.BadParameter("give a config or a run's folder, or --resume RUN.")
    from medlms.road.evaluating import evaluate

    result = evaluate(path, settings, resume=resume, talk=Terminal())
    if as_json:
        out(result.report)
        return
    from rich.console import Console

    from medlms.report.terminal import show

    show(result.report, Console(highlight=False))  # type: ignore[arg-type]
    typer.echo(f"report: {result.run.folder / 'report.html'}")
