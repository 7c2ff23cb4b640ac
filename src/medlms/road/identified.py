"""Ends a run before anything is trained where rows hold identifiers of people and the config says stop."""

from __future__ import annotations

from pathlib import Path

from medlms.data import Prepared
from medlms.data.found import LIST, Found, as_list, in_words, write_private
from medlms.errors import IdentifiersFound
from medlms.run import Run

SHOWN = 10  # findings; the others stand in the list


def enforce(prepared: Prepared, run: Run | None) -> None:
    """Write the masked list into the run's folder, and raise IdentifiersFound where the policy is to stop.

    Sets marked public are never listed and never stop a run.
    """
    path = keep(prepared, run) if run else None
    if prepared.stops:
        raise IdentifiersFound(_message(prepared, path), hint=_hint(prepared.stops))


def keep(prepared: Prepared, run: Run) -> Path:
    """Write the masked list, if there is one, into a folder that is private to its owner; returns its place."""
    path = run.folder / LIST
    if prepared.found:
        write_private(path, as_list(prepared.found))
    return path


def _message(prepared: Prepared, path: Path | None) -> str:
    sources = prepared.identifiers["by_source"]
    lines = ["Nothing was trained: the data may hold identifiers of people, and the config says identifiers: stop."]
    lines += [
        f"  {name}: {sources[name]['found']:,} in {sources[name]['rows_with']:,} of {sources[name]['rows']:,} rows: "
        f"{in_words(sources[name]['by_class'])}"
        for name in prepared.stops
    ]
    lines += [f"  {line(found)}" for found in prepared.found[:SHOWN]]
    if len(prepared.found) > SHOWN:
        lines.append(f"  ... and {len(prepared.found) - SHOWN:,} more")
    if path:
        lines.append(f"The whole list, masked: {path} (only you can read it)")
    return "\n".join(lines)


def line(found: Found) -> str:
    """A finding in one line."""
    return f"{found.kind:<8} {found.place} ({found.field}): {found.excerpt}"


def _hint(names: list[str]) -> str:
    return "\n".join(
        [
            "Look at the list, then do one of these:",
            "  - write a copy with surrogates, have a person read it, and train on the copy:",
            "    medlms data check FILE --write-deidentified COPY",
            "  - put surrogates in the place of what was found, in this run alone: identifiers=deidentify",
            "  - if you may train on the text as it is, or all of these are false alarms: identifiers=report",
        ]
    )
