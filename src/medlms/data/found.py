"""What a scan found in rows or cells, as it may be shown: class, place, and the text around it with identifiers masked."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medlms.data.identifiers import KINDS, Finding
from medlms.errors import ResourceError

AROUND = 30  # characters shown on either side
LIST = "identifiers.csv"
"""The list of findings in a run's folder."""
TITLES = {
    "name": "names", "place": "places", "date": "dates and ages over 89", "phone": "telephone numbers", "fax": "fax numbers",
    "email": "e-mail addresses", "url": "web addresses", "ip": "network addresses", "ssn": "social security numbers",
    "mrn": "record numbers", "plan": "health plan numbers", "account": "account numbers", "licence": "licence numbers",
    "vehicle": "vehicle numbers", "device": "device numbers", "other": "other numbers",
}  # fmt: skip
NO_PROOF = "Rules miss some identifiers and take other words for them: finding none proves nothing, a person must read the text."


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: its class, ``file:line``, the column or part of the row, the masked excerpt, and the rule that found it."""

    kind: str
    place: str
    field: str
    excerpt: str
    rule: str


def masked(text: str) -> str:
    """Stars for letters and digits; of four characters or more the first one stays, but never a digit."""
    stars = "".join("*" if mark.isalnum() else mark for mark in text)
    return text[0] + stars[1:] if len(text) > 3 and text[0].isalpha() else stars


def excerpt(text: str, findings: Sequence[Finding], found: Finding) -> str:
    """One line around a finding; whatever else was found there is masked as well."""
    low, high = max(0, found.start - AROUND), min(len(text), found.end + AROUND)
    hidden = list(text)
    for item in findings:
        hidden[item.start : item.end] = masked(text[item.start : item.end])
    line = " ".join("".join(hidden[low:high]).split())
    return f"{'...' if low else ''}{line}{'...' if high < len(text) else ''}"


def listed(text: str, findings: Sequence[Finding], *, place: str, field: str) -> list[Found]:
    """The findings of a text as they may be shown."""
    return [Found(item.kind, place, field, excerpt(text, findings, item), item.rule) for item in findings]


def in_order(place: str) -> tuple[str, int]:
    """Sorts places by file, then by line."""
    line = re.search(r"\d+$", place)
    return (place[: line.start()], int(line.group())) if line else (place, 0)


def counts(kinds: Iterable[str]) -> dict[str, int]:
    """How many of each class, in the order of the classes."""
    found = Counter(kinds)
    return {kind: found[kind] for kind in KINDS if found[kind]}


def in_words(found: dict[str, int]) -> str:
    """'7 names, 1 date or age over 89'."""
    return ", ".join(f"{count:,} {titled(kind, count)}" for kind, count in found.items()) or "none"


def titled(kind: str, count: int) -> str:
    """What findings of a class are called, one or several."""
    title = TITLES[kind]
    if count != 1:
        return title
    return "date or age over 89" if kind == "date" else title.removesuffix("es" if title.endswith("sses") else "s")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A table that spreadsheets open as text: what they would take for a formula gets an apostrophe in front."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in row] for row in rows)
    return file.getvalue().encode("utf-8", "backslashreplace")


def as_list(found: Iterable[Found]) -> bytes:
    """The list of findings as CSV."""
    return as_csv(
        ("class", "place", "field", "excerpt", "rule"), ((f.kind, f.place, f.field, f.excerpt, f.rule) for f in found)
    )


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner can read (mode 0600), whole or not at all. Raises ResourceError.

    Unless ``replace``, a file that is there stays and FileExistsError is raised.
    """
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            os.link(part, path)
            part.unlink()
    except FileExistsError:
        _remove(part)
        raise
    except OSError as error:
        _remove(part)
        raise ResourceError(f"{path}: can't be written: {error.strerror}.") from None


def _remove(part: Path | None) -> None:
    if part:
        with contextlib.suppress(OSError):
            part.unlink()
