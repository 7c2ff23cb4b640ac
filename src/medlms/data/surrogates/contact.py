"""Surrogates of telephone numbers and of addresses in networks, from the ranges that are kept for fiction and examples."""

from __future__ import annotations

import re

from medlms.data.surrogates import codes, fiction
from medlms.data.surrogates.group import Group, Stream, folded

_EXTENSION = re.compile(r"\s*[,;]?\s*(?:extension|ext|x)\.?\s*:?\s*\d+\s*$", re.IGNORECASE)
_SAID = ("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SAID_DIGIT = re.compile(r"\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b", re.IGNORECASE)


def phone(group: Group, original: str) -> str:
    """A number with the exchange 555 and a line from 0100 to 0199 (North America), or 07700 900xxx (Britain).

    Both ranges are given to nobody. Numbers of other countries become North American ones, since few countries keep any.
    """
    if not any(mark.isdigit() for mark in original):
        return _said(group, original)
    extension = _EXTENSION.search(original)
    body, rest = (original[: extension.start()], extension.group()) if extension else (original, "")
    digits = "".join(mark for mark in body if mark.isdigit())
    if rest:
        rest = codes.code(group, rest, kept="extnsioEXTNSIO")
    made = group.one("phone", digits[-10:], lambda draw: _line(draw, british=_is_british(body, digits)))
    wanted = _fitting(body, digits, made)
    if wanted is None:
        return f"+1 {made[:3]} {made[3:6]} {made[6:]}{rest}"
    left = iter(wanted)
    return "".join(next(left) if mark.isdigit() else mark for mark in body) + rest


def _is_british(body: str, digits: str) -> bool:
    return (digits.startswith("44") and len(digits) == 12) or (digits.startswith("0") and len(digits) == 11)


def _line(draw: Stream, *, british: bool) -> str:
    if british:
        return f"7700900{draw.below(1000):03d}"
    # Area codes have no 9 in the middle and do not end in 11.
    return f"{2 + draw.below(8)}{draw.below(9)}{2 + draw.below(8)}55501{draw.below(100):02d}"


def _fitting(body: str, digits: str, made: str) -> str | None:
    """The digits of the surrogate in the number's own length, or None where it has to be written anew."""
    if made.startswith("7700900"):
        return {12: "44", 11: "0"}.get(len(digits), "") + made if len(digits) >= 10 else None
    if len(digits) == 10 and not body.lstrip().startswith(("+", "0")):
        return made
    if len(digits) == 11 and digits.startswith("1"):
        return "1" + made
    return made[3:] if len(digits) == 7 and not body.lstrip().startswith("+") else None


def _said(group: Group, original: str) -> str:
    found = _SAID_DIGIT.findall(original)
    if len(found) not in (7, 10, 11):
        return "five five five oh one oh " + group.one("phone", folded(original), lambda draw: draw.of(_SAID))
    line = group.one("phone", folded(original), lambda draw: _line(draw, british=False))
    wanted = iter(("1" + line)[-len(found) :])
    return _SAID_DIGIT.sub(lambda hit: _SAID[int(next(wanted))], original)


def email(group: Group, original: str) -> str:
    """An address at example.org, which is nobody's (RFC 2606); spoken where the original is."""
    made = group.one("email", folded(original), lambda draw: f"{fiction.given(draw)}.{fiction.family(draw)}".lower())
    if "@" in original:
        return f"{made}@example.org"
    said = re.search(r"\s*[\[(]?\b(?:at)\b[\])]?\s*", original, re.IGNORECASE)
    at = said.group() if said else " at "
    return f"{made.replace('.', ' dot ')}{at}example dot org"


def url(group: Group, original: str) -> str:
    """A page of example.org."""
    start = re.match(r"(?:[a-z]+://)?(?:www\.)?", original, re.IGNORECASE)
    page = group.one("url", original, lambda draw: "".join(draw.of(tuple("abcdefghjkmnpqrstuvwxyz")) for _ in range(8)))
    return f"{start.group() if start else ''}example.org/{page}"


def ip(group: Group, original: str) -> str:
    """An address from the blocks that are kept for documentation (RFC 5737, RFC 3849)."""
    if ":" in original:
        return group.one(
            "ip", folded(original), lambda draw: f"2001:db8::{draw.below(2**16):x}:{1 + draw.below(2**16 - 1):x}"
        )
    blocks = ("192.0.2", "198.51.100", "203.0.113")
    return group.one("ip", original, lambda draw: f"{draw.of(blocks)}.{1 + draw.below(254)}")
