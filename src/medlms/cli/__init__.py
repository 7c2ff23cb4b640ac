"""The command line: one file a command, each of which reads its words, calls one room and prints.

stdout is data, stderr is talk. Exit codes: 0 fine, 1 could not do it, 2 asked wrongly, 130 interrupted. Nothing heavy is
imported before a command runs.
"""

from __future__ import annotations

import importlib
import io
import os
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup

ORDER = ("demo", "init", "train", "evaluate", "compare", "verify", "ask", "report", "merge", "export", "runs", "data",
         "models", "doctor")  # fmt: skip


class _InOrder(TyperGroup):
    """Lists commands in the order of use; left alone, groups of commands would stand last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(
            super().list_commands(ctx), key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)
        )


def application() -> typer.Typer:
    """The whole command tree."""
    app = typer.Typer(
        name="medlms",
        cls=_InOrder,
        help="A language model of your own for medicine: tuned, graded and served on your own machine. Not a medical device.",
        epilog="Start with `medlms demo`, or with your own questions and answers: `medlms init FILE`.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(
        version: bool = typer.Option(
            False, "--version", help="Print the version and stop.", is_eager=True, callback=_version
        ),
    ) -> None:
        """Nothing to do: the callback of --version does it."""

    found = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    for name in found:
        module = importlib.import_module(f"medlms.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(module.command)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and leave with its exit code; errors become sentences."""
    # No usage pings; and no bars but our own.
    for key in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "TQDM_DISABLE"):
        os.environ.setdefault(key, "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without a minus sign shows a question mark instead
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    from medlms.errors import MedLMsError

    try:
        code = typer.main.get_command(application()).main(words, prog_name="medlms", standalone_mode=False)
    except MedLMsError as error:
        from medlms.cli._show import fail

        return fail(error)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from medlms.cli._show import unexpected

        return unexpected(error)
    if code == 130:  # the command tree's own answer to Ctrl-C
        sys.stderr.write("Stopped.\n")
    return code if isinstance(code, int) else 0


def _version(wanted: bool) -> None:
    if wanted:
        from medlms import __version__

        typer.echo(f"medlms {__version__}")
        raise typer.Exit
