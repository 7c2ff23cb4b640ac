"""`medlms demo`: the whole road on the built-in data, in minutes on two cores."""

from __future__ import annotations

import typer


def command(
    settings: list[str] = typer.Argument(None, metavar="key=value", help="Settings that win over the demo's own."),
    resume: str | None = typer.Option(None, "--resume", metavar="RUN", help="Go on with a stopped demo."),
    as_json: bool = typer.Option(False, "--json", help="Print the report and the answer as JSON."),
) -> None:
    """Tune and grade the default model on the built-in questions, then ask it one: minutes on two cores."""
    from dataclasses import asdict

    from medlms.cli._show import Terminal, out, split_words
    from medlms.road.demo import QUESTION, demo

    path, pairs = split_words(settings)
    if path is not None:
        raise typer.BadParameter(f"the demo takes key=value settings only, not {path!r}.")
    talk = Terminal()
    result, answer = demo(pairs, resume=resume, talk=talk)
    if as_json:
        out({"report": result.report, "answer": asdict(answer)})
        return
    from rich.console import Console

    from medlms.report.terminal import show

    show(result.report, Console(highlight=False))  # type: ignore[arg-type]
    typer.echo(f"\nQuestion: {QUESTION}\nTuned model: {answer.text}\n{answer.notice}\n")
    typer.echo(f"report: {result.run.folder / 'report.html'}")
    typer.echo(f'ask it: medlms ask "..." --model {result.run.folder}')
    typer.echo("your own data: medlms init my-questions.csv")
