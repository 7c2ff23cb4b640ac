"""What commands show: bars and sentences on stderr, data on stdout, errors as sentences."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from medlms.errors import ConfigError, MedLMsError
from medlms.run import home

EVERY = 20.0  # seconds between lines of progress where there is no terminal


class Terminal:
    """Sentences and bars for a person; plain lines now and then where stderr is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False)
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False, style="dim" if self.console.is_terminal else "", soft_wrap=True)

    @contextmanager
    def bar(self, title: str) -> Iterator[Any]:
        """A bar with the time that remains; a line every so often without a terminal."""
        if not self.console.is_terminal:
            yield self._lines(title)
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=None)
            yield lambda done, wanted: progress.update(task, completed=done, total=wanted or None)

    def _lines(self, title: str) -> Any:
        began = last = time.monotonic()
        first: int | None = None

        def advance(done: int, wanted: int) -> None:
            nonlocal last, first
            first = done if first is None else first
            now = time.monotonic()
            if now - last < EVERY or not wanted:
                return
            last = now
            made = done - first
            left = f", about {(now - began) / made * (wanted - done) / 60:.1f} min left" if made else ""
            self.console.print(f"{title}: {done} of {wanted}{left}", markup=False, soft_wrap=True)

        return advance


def out(value: Any) -> None:
    """JSON on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def split_words(words: list[str] | None) -> tuple[str | None, list[str]]:
    """The config's path and the key=value settings among a command's words."""
    given = list(words or [])
    # A folder may be named lr=2, so what is a file is not a setting.
    settings = [
        word for word in given if "=" in word and "/" not in word.partition("=")[0] and not Path(word).is_file()
    ]
    configs = [word for word in given if word not in settings]
    if len(configs) > 1:
        raise typer.BadParameter(
            f"one config only; {', '.join(configs[1:])} would be a second. Settings are written key=value."
        )
    return (configs[0] if configs else None), settings


def read_config(words: list[str] | None, talk: Any) -> Any:
    """The config that a command's words name, with what its reading has to say said."""
    from medlms.config import load

    path, settings = split_words(words)
    config, notes = load(path if path else {}, settings)
    for note in notes:
        talk.say(note)
    return config


def written(proof: Any, what: str, folder: Path, *, as_json: bool) -> None:
    """What a command that writes a model has proven, and where the model lies."""
    if as_json:
        out(proof)
        return
    from medlms.report.merged import agreement

    for line in [*agreement(proof), *(f"note: {note}" for note in proof["notes"]), f"{what}: {folder}"]:
        typer.echo(line)


def fail(error: MedLMsError) -> int:
    """Say what went wrong and what to do; returns the exit code."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    lines = str(error).splitlines() or [type(error).__name__]
    if isinstance(error, ConfigError) and len(error.faults) > 1:
        lines = [f"{len(lines)} faults", *(f"  {line}" for line in lines)]
    console.print(f"error: {lines[0]}", style="bold red", markup=False)
    for line in lines[1:]:
        console.print(line, markup=False)
    if error.hint:
        console.print(f"hint: {error.hint}", markup=False)
    return error.exit_code


def unexpected(error: BaseException) -> int:
    """Exit codes of click's own errors; anything else is a fault of ours, kept in a file rather than thrown at the user."""
    name = type(error).__name__
    if name == "Exit":
        return int(getattr(error, "exit_code", 0))
    if name == "Abort":
        sys.stderr.write("Stopped.\n")
        return 130
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # click's own errors, by what they can do
        error.show()
        if name == "NoSuchOption":
            _say_setting(str(getattr(error, "option_name", "")).lstrip("-"))
        return int(error.exit_code)
    if isinstance(error, MemoryError):
        sys.stderr.write(
            "error: This machine ran out of memory.\nhint: Lower train.micro_tokens or evaluate.batch, or use a smaller model.\n"
        )
        return 1
    if isinstance(error, OSError) and error.errno == 28:
        sys.stderr.write("error: The disk is full.\nhint: Free some space; a run goes on with medlms train --resume.\n")
        return 1
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.split(".")[0] != "medlms":
        sys.stderr.write(
            f"error: This command needs {error.name}, which is not installed.\nhint: pip install 'medlms[all]'\n"
        )
        return 1
    if os.environ.get("MEDLMS_DEBUG"):
        raise error
    place = home() / "last-error.txt"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        where = f"The details are in {place}"
    except OSError:
        where = "The details could not be written"
    sys.stderr.write(
        f"error: MedLMs itself has a fault here: {type(error).__name__}: {error}\n"
        f"hint: {where}; please report them (they may name your files).\n"
    )
    return 1


def _say_setting(option: str) -> None:
    from medlms.config import Config

    if option in Config.model_fields or "." in option:
        sys.stderr.write(f"hint: Settings are written without dashes: {option}=VALUE\n")
