"""Do report.md, report.html and the charts say what report.json says? They are made again and compared piece by piece."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medlms.report import write
from medlms.run import STEPS, Run
from medlms.verify.ledger import Ledger

SHOWN = 160  # characters of a line that are shown
_NUMBER = re.compile(r"\d")
_FIGURE = re.compile(r"<figure>.*?</figure>|<svg.*?</svg>", re.DOTALL)


def pages(run: Run, report: Mapping[str, Any], ledger: Ledger) -> None:
    """Check each line with a number of the pages that ``report`` gives against those in the run's folder."""
    with tempfile.TemporaryDirectory() as folder:
        made = write(Run(Path(folder)), report, list(run.rows(STEPS)))
        for path in made:
            name = path.relative_to(folder).as_posix()
            if not (run.folder / name).is_file():
                ledger.fault(name, "file", "made from report.json", "no such file")
                continue
            wanted = _pieces(path.read_text(encoding="utf-8"))
            _compare(name, _pieces((run.folder / name).read_text(encoding="utf-8", errors="replace")), wanted, ledger)
        if not any(path.suffix == ".svg" for path in made) and any((run.folder / "plots").glob("*.svg")):
            ledger.notes.append("The charts were not checked: drawing them needs the report extra.")


def _pieces(text: str) -> list[str]:
    """Lines of text, and of markup the texts between its tags with their tags: what a reader sees as one thing."""
    return [piece for line in text.split("\n") for piece in re.sub(r">(?=<)", ">\n", line).split("\n") if piece.strip()]


def _compare(name: str, stated: list[str], wanted: list[str], ledger: Ledger) -> None:
    ledger.checked["lines with numbers of pages"] += sum(bool(_NUMBER.search(piece)) for piece in wanted)
    matcher = difflib.SequenceMatcher(None, stated, wanted, autojunk=False) if stated != wanted else None
    for tag, i, j, k, m in matcher.get_opcodes() if matcher else ():
        if tag == "equal":
            continue
        for at in range(max(j - i, m - k)):
            left = stated[i + at] if i + at < j else "nothing"
            right = wanted[k + at] if k + at < m else "nothing"
            first, second = _differing(left, right)
            ledger.fault(name, f"piece {i + at + 1}", first, second)


def _differing(left: str, right: str) -> tuple[str, str]:
    """Both texts around the first place where they differ."""
    at = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = max(0, at - SHOWN // 3)
    return left[start : start + SHOWN], right[start : start + SHOWN]
