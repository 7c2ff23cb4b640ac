"""PubMedQA: yes, no or maybe to the question of an article's title, with its abstract (without the conclusion) to read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from medlms.datasets import _exams, _originals, _read
from medlms.datasets._loaded import Progress, Read
from medlms.errors import DataError
from medlms.types import Choice, Fault, Source

OPTIONS = ("yes", "no", "maybe")
PARTS = ("test", "train")
_MIRROR = "https://raw.githubusercontent.com/pubmedqa/pubmedqa/1cbae8e92f72f20c8d3747cbb3bf5bc53554d997/data"
SOURCE = Source(
    name="pubmedqa",
    title="PubMedQA, the rows that experts labelled",
    licence="MIT",
    citation="Jin et al., PubMedQA: a dataset for biomedical research question answering, EMNLP 2019",
    address="https://github.com/pubmedqa/pubmedqa",
    files={name: f"{_MIRROR}/{name}" for name in ("ori_pqal.json", "test_ground_truth.json")},
    kind="exam",
)
_SUMS = (
    "8b3276be8942ebbd77f3ddcda12c1749bf0e490045a736fd8438ee40cf37a41d",
    "939fe566f09017d13b1ca64d2ddfee0bc2374b366048152997669cccedc44d51",
)
ORIGINALS = tuple(
    _originals.Original("pubmedqa", (name,), (address,), checksum)
    for (name, address), checksum in zip(SOURCE.files.items(), _SUMS, strict=True)
)


def choices(*, part: str = "test", offline: bool = False, progress: Progress | None = None) -> Read[Choice]:
    """The rows whose ids the official test file names, or (``train``) the others. Raises DataError and FetchError.

    The file holds the answers of the test rows too, so its rows alone do not tell which part they belong to. ``explanation``
    is the abstract's conclusion, which gives the answer away.
    """
    found, test = (_originals.get(original, offline=offline, progress=progress) for original in ORIGINALS)
    rows, lines, checksum = _object(found.path)
    truth, _, truth_sum = _object(test.path)
    sheet = _exams.Sheet(SOURCE)
    for pmid, row in rows.items():
        if (pmid in truth) == (part == "test"):
            _add(sheet, f"{found.path}:{lines.get(pmid, 1)}", pmid, row, truth.get(pmid))
    if part == "test":
        sheet.faults += [
            Fault(str(test.path), "row missing", f"{pmid} is a test row, but not in {found.path.name}")
            for pmid in truth
            if pmid not in rows
        ]
    files = {str(found.path): checksum, str(test.path): truth_sum}
    return sheet.read(files, [f"pubmedqa: {part} by {test.path.name}, {found.where}"])


def _add(sheet: _exams.Sheet, place: str, pmid: str, row: Any, truth: Any) -> None:
    if not isinstance(row, dict):
        sheet.faults.append(Fault(place, "wrong type", f"{pmid} is {type(row).__name__}, an object is needed"))
        return
    answer = _exams.by_letter(place, row.get("final_decision"), OPTIONS)
    if truth is not None and isinstance(answer, int) and OPTIONS[answer] != truth:
        answer = Fault(place, "labels disagree", f"{OPTIONS[answer]} here, {truth} in the list of test rows")
    contexts = row.get("CONTEXTS")
    if not isinstance(contexts, list) or not all(isinstance(item, str) for item in contexts):
        sheet.faults.append(Fault(place, "wrong type", "CONTEXTS is no list of texts"))
        return
    said = row.get("LONG_ANSWER")
    sheet.add(
        place,
        pmid,
        row.get("QUESTION"),
        OPTIONS,
        answer,
        context="\n".join(contexts),
        explanation=said if isinstance(said, str) else "",
        links=(f"document:pubmed/{pmid}",),
    )


def _object(path: Path) -> tuple[dict[str, Any], dict[str, int], str]:
    """A JSON object, the line on which each of its keys stands, and the file's checksum."""
    raw = _read.raw(path)
    text = _read.text(path, _read.unpacked(path, raw))
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{path}{line}: not valid JSON: {error}.", hint="Fetch or copy it again.") from None
    if not isinstance(tree, dict):
        raise DataError(f"{path}: expected an object with an entry for each article; found {type(tree).__name__}.")
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if match := re.match(r'\s*"(\d+)"\s*:', line):
            lines.setdefault(match[1], number)
    return tree, lines, _read.sha256(raw)
