"""`medlms train`: prepare, fine-tune, grade base and tuned, write the report."""

from __future__ import annotations

import typer


def command(
    config: list[str] = typer.Argument(
        None, metavar="CONFIG.yaml | key=value", help="A config, and settings that win over it."
    ),
    resume: str | None = typer.Option(None, "--resume", metavar="RUN", help="Go on with a stopped run."),
    keys: bool = typer.Option(False, "--keys", help="List every config key with its default, and stop."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Prepare the data, fine-tune, grade base and tuned, write the report."""
    from medlms.cli._show import Terminal, out, split_words

    if keys:
        from medlms.road.initial import keys as all_keys

        rows = all_keys()
        if as_json:
            out([{"key": key, "default": default, "meaning": meaning} for key, default, meaning in rows])
            return
        for key, default, meaning in rows:
            typer.echo(f"{key:<26} {default.replace(chr(10), ' '):<34} {meaning}")
        return
    path, settings = split_words(config)
    if path is None and resume is None and not settings:
        raise typer.BadParameter("give a config (medlms train configs/medquad.yaml), or --resume RUN.")
    from medlms.road.training import train

    talk = Terminal()
    result = train(path, settings, resume=resume, talk=talk)
    if as_json:
        out(result.report)
        return
    from rich.console import Console

    from medlms.report.terminal import show

    show(result.report, Console(highlight=False))  # type: ignore[arg-type]
    typer.echo(f"report: {result.run.folder / 'report.html'}")
    typer.echo(f'ask it: medlms ask "..." --model {result.run.folder}')
