"""Codes without a label that have the form of a labelled one in the same text, or are its repetition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from medlms.data.identifiers.clinical import counted, harmless, measured, usual
from medlms.data.identifiers.finding import Finding

_SHORTEST = 6  # signs of a code whose form or repetition says something
_DIGITS = 5  # digits that it must hold
_DASHED = re.compile("[0-9]+(?:-[0-9]+)+")
_DIGIT, _LETTER = re.compile("[0-9]"), re.compile(r"[^\W\d_]")


def alike(low: str, found: Iterable[Finding], tokens: Iterable[tuple[int, int]]) -> Iterator[Finding]:
    """Of ``tokens`` (start, end) those with the form of a labelled code in ``found``, and all that repeats one."""
    forms: dict[str, str] = {}
    named: set[int] = set()
    said: dict[str, str] = {}
    for item in found:
        code = low[item.start : item.end]
        if (
            item.rule == "label"
            and item.kind not in ("phone", "fax")
            and len(code) >= _SHORTEST
            and len(_DIGIT.findall(code)) >= _DIGITS
        ):
            named.add(item.start)
            said[code] = item.kind
            forms.setdefault(_form(code), item.kind)
    if not forms:
        return
    for start, end in tokens:
        kind = forms.get(_form(low[start:end])) if end - start >= _SHORTEST and start not in named else None
        if kind and not (
            harmless(low, start, end)
            or (not _DASHED.fullmatch(low, start, end) and usual(low, start, end))
            or counted(low, end)
            or measured(low, start)
        ):
            yield Finding(start, end, kind, "like a labelled one", 0.75)
    for code, kind in said.items():
        if low.count(code) > 1:
            for hit in re.finditer(rf"(?<![^\W_]){re.escape(code)}(?![^\W_])", low):
                yield Finding(*hit.span(), kind, "repeated", 0.74)


def _form(code: str) -> str:
    return _DIGIT.sub("9", _LETTER.sub("a", code))
