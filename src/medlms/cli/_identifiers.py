"""Shows the identifiers of people that a file may hold, and writes the copy without them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from medlms.config import DataSource
    from medlms.data.deidentified import Copy
    from medlms.data.found import Found
    from medlms.datasets import Loaded

SHOWN = 3  # of each class


def look(loaded: Loaded, talk: Any, *, quick: bool) -> list[Found]:
    """The possible identifiers in the usable rows of a file; what there is to say of the scan goes to the terminal."""
    from medlms.data.found import listed
    from medlms.data.guard import fields
    from medlms.data.scans import Scans, ahead

    scans, found = Scans(quick=quick), []
    if not loaded.source.public:
        texts = (text for row in loaded.examples for _, text in fields(row))
        if warned := ahead(texts, quick=quick, instead="--quick"):
            talk.say(warned)
    with talk.bar("looking for identifiers") as advance:
        for number, row in enumerate(loaded.examples, 1):
            for name, text in fields(row):
                if findings := scans.look(text, public=loaded.source.public):
                    found += listed(text, findings, place=row.place, field=name)
            advance(number, len(loaded.examples))
    scans.keep()
    for sentence in scans.said():
        talk.say(sentence)
    return found


def show(found: Sequence[Found], file: str, *, public: bool, target: str | None) -> None:
    """Print them by class, the first of each with their places; all of them go into ``target``."""
    from medlms.data.found import NO_PROOF, as_list, counts, titled, write_private

    if target:
        write_private(Path(target), as_list(found))
    if not found:
        typer.echo(f"identifiers of people: none found. {NO_PROOF}")
        return
    rows = len({item.place for item in found})
    typer.echo(f"identifiers of people: {len(found):,} possible ones in {rows:,} rows")
    for kind, count in counts(item.kind for item in found).items():
        typer.echo(f"{count:>7,}  {titled(kind, count)}")
        first = [item for item in found if item.kind == kind][:SHOWN]
        for item in first:
            typer.echo(f"         {item.place} ({item.field}): {item.excerpt}")
        if count > len(first):
            typer.echo(f"         ... and {count - len(first):,} more")
    if target:
        typer.echo(f"all {len(found):,} of them, masked: {target} (only you can read it)")
    else:
        typer.echo("all of them in a file: --identifiers-to LIST.csv")
    typer.echo(NO_PROOF)
    if public:
        typer.echo("The set is marked public, so `medlms train` counts them and goes on.")
    else:
        typer.echo(
            "`medlms train` stops on this file unless its config says otherwise (identifiers: report or deidentify)."
        )
        typer.echo(f"A copy with invented values in their place: medlms data check {file} --write-deidentified COPY")


def write(file: str, target: str, chosen: DataSource, talk: Any, *, quick: bool) -> Copy:
    """Write the copy and the review list. Raises AskedWrongly for what is no single file of the user's own."""
    from medlms import datasets
    from medlms.data import deidentified
    from medlms.errors import AskedWrongly
    from medlms.road.talk import stages

    path = Path(file).expanduser()
    if path.is_dir() or (not path.exists() and any(mark in file for mark in "*?[")):
        raise AskedWrongly(f"{file}: one file at a time can be copied.", hint="Name a file, not a folder or a pattern.")
    shape, _, _ = datasets.columns(path, chosen)
    with talk.bar("replacing identifiers") as advance:
        return deidentified.write(
            path,
            Path(target).expanduser(),
            shape,
            quick=quick,
            progress=stages(talk, advance),
        )


def say(copy: Copy) -> None:
    """What was written, and what is left to a person."""
    from medlms.data.found import NO_PROOF, in_words

    total = sum(copy.by_class.values())
    share = 100 * copy.replaced / max(1, copy.characters)
    typer.echo(f"{copy.target}: {copy.rows:,} rows, {total:,} values replaced: {in_words(copy.by_class)}")
    typer.echo(
        f"  {copy.replaced:,} of {copy.characters:,} characters were replaced ({share:.1f} %), all others are as they were"
    )
    for sentence in copy.said:
        typer.echo(f"  {sentence}")
    if copy.left:
        typer.echo(
            f"  WARNING: {copy.left:,} findings could not be replaced; look for them with: medlms data check {copy.target}"
        )
    typer.echo(f"{copy.review}: what was replaced, for a person to read beside the copy")
    typer.echo(
        "  WARNING: this list holds the originals. Keep it where the originals are, and delete it when you are done."
    )
    typer.echo(f"{NO_PROOF} Until somebody has read the copy, treat it like the original.")


def as_json(copy: Copy) -> dict[str, Any]:
    """The same for programs."""
    return {
        "copy": str(copy.target),
        "review": str(copy.review),
        "rows": copy.rows,
        "by_class": copy.by_class,
        "characters": copy.characters,
        "characters_replaced": copy.replaced,
        "left": copy.left,
        "said": copy.said,
    }
