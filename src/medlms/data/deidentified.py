"""A copy of a user's file with surrogates in the place of identifiers, and the list of them for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medlms.data import cells, surrogates, tables
from medlms.data.found import as_csv, counts, write_private
from medlms.data.scans import Scans, ahead
from medlms.datasets import Progress, Shape
from medlms.errors import AskedWrongly, ResourceError

REVIEW = ".review.csv"
_HEADER = ("file", "line", "class", "surrounding text", "original", "surrogate", "column")


@dataclass(frozen=True, slots=True)
class Copy:
    """What was written: ``by_class`` counts replacements; ``left`` are findings that a last scan still saw.

    ``characters`` and ``replaced`` are of all texts of the original: their quotient bounds the clinical content lost.
    """

    target: Path
    review: Path
    rows: int
    by_class: dict[str, int]
    characters: int
    replaced: int
    left: int
    said: list[str]


def write(
    path: Path,
    target: Path,
    shape: Shape,
    *,
    quick: bool = False,
    key: bytes | None = None,
    progress: Progress | None = None,
) -> Copy:
    """Write ``target``, a copy of ``path`` in the same format with surrogates, and the list of what was replaced beside it.

    Rows that share the value of the document column (document, patient) share their surrogates; without one each row stands
    alone. ``quick``: without the network.
    Both files can only be read by their owner. Raises AskedWrongly where a file would be overwritten.
    """
    review = target.with_name(target.name + REVIEW)
    tables.same_format(path, target)
    for file in (target, review):
        if file.exists() or file.is_symlink():
            raise AskedWrongly(
                f"{file}: is there already, and nothing is overwritten.", hint="Name another, or delete it."
            )
    sheet, scans = tables.read(path), Scans(quick=quick)
    key = key or surrogates.secret()
    groups: dict[str, surrogates.Group] = {}
    said = (str(value) for row in sheet.rows for value in row.values())
    title = ahead(said, quick=quick, times=2, instead="--quick") or "looking for identifiers"
    owners = []
    for number, row in enumerate(sheet.rows):
        owner = str(row.get(shape.document) or "").strip() if shape.document else ""
        owners.append(f"document:{owner}" if owner else f"row:{number}")
        cells.teach(row, groups.setdefault(owners[-1], surrogates.Group(key, owners[-1])), scans.look)
        if progress:
            progress(title, number + 1, len(sheet.rows))
    ids = {name: surrogates.Group(key, f"column:{name}") for name in (shape.document, shape.id) if name}
    done = []
    for owner, row in zip(owners, sheet.rows, strict=True):
        done.append(cells.edited(row, groups[owner], scans.look, ids=ids))
        if progress:
            progress("replacing identifiers", len(done), len(owners))
    lines = [
        (path.name, place.removeprefix(str(path)).lstrip(":#"), edit.kind, _line(edit), edit.original, edit.surrogate, edit.field)
        for place, item in zip(sheet.places, done, strict=True)
        for edit in item.edits
    ]  # fmt: skip
    _create(((review, as_csv(_HEADER, lines)), (target, sheet.write([item.values for item in done]))))
    edits = [edit for item in done for edit in item.edits]
    return Copy(
        target=target,
        review=review,
        rows=len(done),
        by_class=counts(edit.kind for edit in edits),
        characters=sum(item.characters for item in done),
        replaced=sum(len(edit.original) for edit in edits),
        left=sum(item.left for item in done),
        said=[*_said(shape), *scans.said(), *_merged(ids, sheet.rows, [item.values for item in done])],
    )


def _line(edit: cells.Edit) -> str:
    return " ".join(f"{edit.before}>>{edit.original}<<{edit.after}".split())


def _said(shape: Shape) -> list[str]:
    said = []
    if shape.document:
        said.append(f"rows with the same {shape.document!r} share their surrogates and the shift of their dates")
        said.append(
            f"the column {shape.document!r} is kept unless a rule knows its values: recode it if it names patients"
        )
    else:
        said.append(
            "no column names the document or patient, so each row has surrogates of its own "
            "(--column document=NAME joins the rows of a patient)"
        )
    if shape.id:
        said.append(f"the column {shape.id!r} (ids) is kept unless a rule knows its values")
    return said


def _merged(ids: Iterable[str], before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """What there is to say of columns in which two values have become one."""
    said = []
    for name in ids:
        pairs = {(str(old.get(name)), str(new.get(name))) for old, new in zip(before, after, strict=True)}
        if lost := len(pairs) - len({new for _, new in pairs}):
            said.append(
                f"WARNING: in the column {name!r} {lost:,} values got the surrogate of another one: recode it yourself"
            )
    return said


def _create(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write all files or none."""
    written: list[Path] = []
    try:
        for path, content in files:
            write_private(path, content, replace=False)
            written.append(path)
    except FileExistsError as error:
        for path in written:
            path.unlink()
        raise AskedWrongly(
            f"{error.filename2 or error.filename}: is there already, and nothing is overwritten."
        ) from None
    except ResourceError:
        for path in written:
            path.unlink()
        raise
