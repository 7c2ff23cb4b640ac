"""Walk the installed dependencies of a requirement and refuse GPL and AGPL; says what is unknown.

    python scripts/check_licences.py "medlms[all]"

Exit code 0 when nothing is refused, 1 otherwise. What a package is licensed under is read from its own metadata: the
SPDX expression first, then the classifiers, then the free text of the License field.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Read by hand where a package's metadata says nothing: name to SPDX expression.
READ_BY_HAND: dict[str, str] = {}

_FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|CNRI|HPND|Zlib|Unlicense|CC0|Public Domain|BSL|Boost|"
    r"Artistic|WTFPL|libpng|Libtiff|FTL|OFL|Unicode|blessing)",
    re.IGNORECASE,
)
_STRONG = re.compile(r"(?<!L)\bA?GPL|GNU (Affero )?General Public|GNU AGPL|GNU GPL", re.IGNORECASE)
_WEAK = re.compile(
    r"LGPL|Lesser General Public|Library General Public|\bMPL|Mozilla Public|\bEPL|Eclipse", re.IGNORECASE
)


class Verdict(IntEnum):
    """How far a licence is acceptable; a larger value is worse."""

    FREE = 0
    NOTICE = 1
    UNKNOWN = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One distribution, what it says of its licence, and what we make of it."""

    name: str
    version: str
    licence: str
    verdict: Verdict


def judge(text: str) -> Verdict:
    """The verdict on an SPDX expression or a licence's name. Of ``OR`` the best counts, of ``AND`` the worst."""
    parts = _split(text, "OR")
    if len(parts) > 1:
        return min(judge(part) for part in parts)
    parts = _split(text, "AND")
    if len(parts) > 1:
        return max(judge(part) for part in parts)
    inner = text.strip()
    if inner.startswith("(") and inner.endswith(")"):
        return judge(inner[1:-1])
    if _WEAK.search(inner):
        return Verdict.NOTICE
    if _STRONG.search(inner):
        # With a linking exception (GCC's run-time libraries) the licence does not reach the program.
        return Verdict.NOTICE if re.search(r"\bWITH\b", inner) else Verdict.REFUSED
    return Verdict.FREE if _FREE.search(inner) else Verdict.UNKNOWN


def licence_of(distribution: metadata.Distribution) -> str:
    """What a distribution says of its licence; empty when it says nothing."""
    fields = distribution.metadata
    name = canonicalize_name(fields["Name"])
    if name in READ_BY_HAND:
        return READ_BY_HAND[name]
    if expression := fields.get("License-Expression"):
        return str(expression)
    prefix = "License :: "
    classifiers = [item.rpartition(" :: ")[2] for item in fields.get_all("Classifier") or [] if item.startswith(prefix)]
    named = [item for item in classifiers if item not in ("OSI Approved", "Other/Proprietary License")]
    if named:
        return " AND ".join(named)
    # Some put the whole text here: its first line names it.
    lines = [line.strip() for line in (fields.get("License") or "").splitlines() if line.strip()]
    return lines[0] if lines and lines[0] != "UNKNOWN" else ""


def closure(
    requirement: str, find: Callable[[str], metadata.Distribution] = metadata.distribution
) -> tuple[list[metadata.Distribution], list[str]]:
    """Installed distributions that ``requirement`` needs, itself left out, and the names of those not installed."""
    found: dict[str, metadata.Distribution] = {}
    missing: set[str] = set()
    seen: set[tuple[str, str]] = set()
    first = Requirement(requirement)
    queue = [(first, extra) for extra in ("", *sorted(first.extras))]
    while queue:
        wanted, extra = queue.pop()
        name = canonicalize_name(wanted.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            distribution = find(name)
        except metadata.PackageNotFoundError:
            missing.add(name)
            continue
        found[name] = distribution
        for text in distribution.requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                queue += [(needed, inner) for inner in ("", *sorted(needed.extras))]
    found.pop(canonicalize_name(first.name), None)
    return [found[name] for name in sorted(found)], sorted(missing)


def findings(distributions: Iterable[metadata.Distribution]) -> list[Finding]:
    """The verdict on each distribution, worst first."""
    rows = []
    for distribution in distributions:
        licence = licence_of(distribution)
        verdict = judge(licence) if licence else Verdict.UNKNOWN
        rows.append(Finding(distribution.metadata["Name"], distribution.version, licence or "says nothing", verdict))
    return sorted(rows, key=lambda row: (-row.verdict, row.name.lower()))


def main(arguments: Sequence[str]) -> int:
    """Print what needs a look and say how it ended."""
    if len(arguments) != 1:
        print('usage: check_licences.py "medlms[all]"', file=sys.stderr)
        return 2
    distributions, missing = closure(arguments[0])
    if not distributions:
        print(f"{arguments[0]} is not installed here, so nothing could be checked.", file=sys.stderr)
        return 1
    rows = findings(distributions)
    words = {Verdict.NOTICE: "keep its notice", Verdict.UNKNOWN: "unknown", Verdict.REFUSED: "REFUSED"}
    for row in rows:
        if row.verdict is not Verdict.FREE:
            print(f"{words[row.verdict]:16} {row.name} {row.version}: {row.licence}")
    if missing:
        print(f"{'not installed':16} {', '.join(missing)}")
    refused = sum(row.verdict is Verdict.REFUSED for row in rows)
    print(f"{len(rows)} libraries looked at, {refused} refused.")
    return 1 if refused else 0


def _split(text: str, word: str) -> list[str]:
    """Parts of ``text`` around ``word`` where no bracket is open."""
    parts, depth, last = [], 0, 0
    for match in re.finditer(rf"[()]|\b{word}\b", text):
        if match.group() in "()":
            depth += 1 if match.group() == "(" else -1
        elif depth == 0:
            parts.append(text[last : match.start()])
            last = match.end()
    return [*parts, text[last:]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
