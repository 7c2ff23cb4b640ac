"""Finds things by file name: a catalogue is a package in which one module is one thing, and its name is its registration.

Plug-ins add to a catalogue through an entry point in the group ``medlms.<catalogue>``. Nothing here knows what the things are.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from medlms.errors import UnknownName


def names(catalogue: str) -> list[str]:
    """Names in a catalogue such as ``datasets`` or ``metrics``, sorted; built-in files and entry points alike."""
    return sorted({*_files(catalogue), *_plugins(catalogue)})


def find(catalogue: str, name: str) -> ModuleType | Any:
    """The module (or a plug-in's object) that is registered as ``name``; UnknownName with near names otherwise."""
    module = name.replace("-", "_")
    if module in _files(catalogue):
        return importlib.import_module(f"medlms.{catalogue}.{module}")
    plugins = _plugins(catalogue)
    if name in plugins:
        return plugins[name].load()
    known = names(catalogue)
    raise UnknownName(f"{catalogue}: there is no {name!r}.", hint=near(name, known) or f"Known: {', '.join(known)}.")


def near(name: str, known: Iterable[str]) -> str:
    """A ``Did you mean ...?`` sentence, or nothing when no known name is close."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def _files(catalogue: str) -> list[str]:
    package = importlib.import_module(f"medlms.{catalogue}")
    return [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]


def _plugins(catalogue: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"medlms.{catalogue}")}
