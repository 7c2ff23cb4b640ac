"""Two directives whose content is made from the code at build time: the config's keys and the commands' help."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

import medlms.cli
from medlms import config

SOURCES = Path(medlms.cli.__file__).parent.parent.parent


class ConfigReference(SphinxDirective):
    """A table for each part of the config: key, default, meaning."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(config_lines()), allow_section_headings=True)


class AliasReference(SphinxDirective):
    """The names of other tools and what they are read as."""

    def run(self) -> list[nodes.Node]:
        rows = [f"| `{alias}` | `{target}` |" for alias, target in config.ALIASES.items()]
        return self.parse_text_to_nodes("\n".join(["| other tools' name | read as |", "|---|---|", *rows]))


class CommandReference(SphinxDirective):
    """What ``--help`` says, for the program and for each of its commands."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(command_lines()), allow_section_headings=True)


def config_lines() -> Iterator[str]:
    """Markdown of the config's reference, one heading a part."""
    parts: dict[str, list[str]] = {}
    for key, default, description in config.reference():
        row = f"| `{key}` | {_default(default)} | {description.replace('|', chr(92) + '|')} |"
        parts.setdefault(key.rpartition(".")[0], []).append(row)
    for part, rows in parts.items():
        yield from (
            "",
            f"## {f'`{part}`' if part else 'Top level'}",
            "",
            "| key | default | meaning |",
            "|---|---|---|",
            *rows,
        )


def command_lines() -> Iterator[str]:
    """Markdown of the commands' help, one heading a command."""
    yield from ("", "## `medlms`", "", "```text", help_of(), "```")
    for name in sorted(module.name for module in pkgutil.iter_modules(medlms.cli.__path__)):
        if not name.startswith("_") and (text := help_of(name.replace("_", "-"))):
            yield from ("", f"## `medlms {name.replace('_', '-')}`", "", "```text", text, "```")


def help_of(*arguments: str) -> str:
    """The help text of a command; empty for a name that is none (exit code 2); ExtensionError when help fails."""
    done = subprocess.run(
        [sys.executable, "-m", "medlms", *arguments, "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCES), "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"},
    )
    if done.returncode == 2 and arguments:
        return ""
    if done.returncode:
        raise ExtensionError(f"medlms {' '.join(arguments)} --help failed: {done.stderr.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def _default(text: str) -> str:
    if text == "(required)":
        return "required"
    value = yaml.safe_load(text)
    return f"`{yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix('...' + chr(10)).strip()}`"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives with Sphinx."""
    app.add_directive("config-reference", ConfigReference)
    app.add_directive("alias-reference", AliasReference)
    app.add_directive("command-reference", CommandReference)
    return {"version": "1", "parallel_read_safe": True}
