"""`medlms train`: prepare, fine-tune, grade base and tuned, write the report; for a study, at every point of it."""

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
    from medlms.road.points import is_study

    if (path and is_study(path)) or (resume and is_study(study_folder(resume))):
        _study(path, settings, resume, as_json)
        return
    from medlms.road import many
    from medlms.road.training import train

    with many.silent():
        result = train(path, settings, resume=resume, talk=Terminal())
    if not many.is_first():
        return
    if as_json:
        out(result.report)
        return
    from rich.console import Console

    from medlms.report.terminal import show

    show(result.report, Console(highlight=False))  # type: ignore[arg-type]
    typer.echo(f"report: {result.run.folder / 'report.html'}")
    typer.echo(f'ask it: medlms ask "..." --model {result.run.folder}')


def study_folder(name: str) -> str:
    """A run's folder, given by itself or by its name under runs/."""
    from pathlib import Path

    return name if Path(name).exists() else str(Path("runs") / name)


def _study(path: str | None, settings: list[str], resume: str | None, as_json: bool) -> None:
    from medlms.cli._show import Terminal, out
    from medlms.errors import CouldNot
    from medlms.road.study import study

    result = study(path, settings, resume=resume, talk=Terminal())
    if as_json:
        out(result.report)
    else:
        from rich.console import Console

        from medlms.report.terminal import show

        show(result.report, Console(highlight=False))  # type: ignore[arg-type]
        typer.echo(f"report: {result.run.folder / 'report.html'}")
    if result.failed:
        reasons = "\n".join(f"{title}: {reason}" for title, reason in result.failed.items())
        count = len(result.failed)
        raise CouldNot(
            f"{count} point{'' if count == 1 else 's'} failed.\n{reasons}",
            hint=f"The others are done. To try again: medlms train --resume {result.run.folder}",
        )
