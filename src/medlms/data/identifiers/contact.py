"""E-mail and web addresses, network addresses, telephone and fax numbers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding

_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])")
_SAID = re.compile(
    r"(?<![\w.])[\w.+-]{1,64}(?:[ ]dot[ ]\w{1,40}){0,3}(?:[ ]at[ ]|[ ]?[\[(]at[\])][ ]?)[\w-]{2,40}"
    r"(?:(?:[ ]dot[ ]|[ ]?[\[(]dot[\])][ ]?|\.)\w{2,24}){1,3}\b",
    re.IGNORECASE,
)
_URL = re.compile(
    r"(?:\bhttps?://|\bftp://|\bwww\.)[^\s<>\"'|{}]{3,500}"
    r"|(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,12}/[^\s<>\"'|{}]{1,500}",
    re.IGNORECASE,
)
_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)")
_V6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE)
_VERSION = re.compile(
    r"\b(?:v|ver|version|release|rel|firmware|fw|build|software|sw|rev|section|update|patch)[.:=]?\s*$", re.I
)
_PHONE = re.compile(
    r"(?<![\w.+/-])(?:\+\d{1,3}|\(\+?\d{1,5}\)|00\d{2}|\d)[\d\s().-]{5,20}\d"
    r"(?:,?\s{0,2}(?:ext\.?|x|extension|durchwahl)\s{0,2}\d{1,6})?(?![\w/]|[-.]\d)",
    re.IGNORECASE,
)
_US = re.compile(r"(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}")
_CALL = re.compile(
    r"\b(?:tel|phone|ph|cell|mobile|mob|call|called|calling|reach|ring|telephone|contact|pager|beeper|text|number|fax|"
    r"callback|telefon|tel[eé]fono|at|on|to|handy|landline|home|work|hotline|line)\b[^\w\n]{0,4}(?:\w{1,10}[^\w\n]{1,3}){0,3}$",
    re.IGNORECASE,
)
_FAX = re.compile(r"\b(?:tele)?fax(?:ed|es|ing)?\b", re.IGNORECASE)
_TOLL_FREE = re.compile(r"(?:\+?1[\s.-])?\(?8(?:00|33|44|55|66|77|88)\b")
_DIGIT = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple"
_SPOKEN = re.compile(rf"\b(?:{_DIGIT})(?:[\s,-]{{1,3}}(?:{_DIGIT}|hundred)){{6,14}}\b", re.IGNORECASE)


def contacts(text: str) -> Iterator[Finding]:
    """Every way to reach a person or a machine that stands in ``text``."""
    if "@" in text or " at " in text or "(at" in text or "[at" in text:
        yield from _plain(text, _EMAIL, "email", "address", 0.99)
        yield from (item for item in _plain(text, _SAID, "email", "said or masked", 0.9))
    for hit in _URL.finditer(text):
        end = hit.start() + len(hit.group().rstrip(".,;:!?)]"))
        yield Finding(hit.start(), end, "url", "address", 0.98)
    for hit in _V4.finditer(text):
        good = all(int(part) < 256 for part in hit.group().split("."))
        if good and not _VERSION.search(text, max(0, hit.start() - 20), hit.start()):
            yield Finding(*hit.span(), "ip", "version 4", 0.97)
    if "::" in text or text.count(":") > 6:
        yield from (Finding(*hit.span(), "ip", "version 6", 0.97) for hit in _V6.finditer(text) if _is_v6(hit.group()))
    yield from _plain(text, _SPOKEN, "phone", "said", 0.9)
    yield from _phones(text)


def _plain(text: str, pattern: re.Pattern[str], kind: str, rule: str, confidence: float) -> Iterator[Finding]:
    return (Finding(*hit.span(), kind, rule, confidence) for hit in pattern.finditer(text))


def _is_v6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return len(text) > 4


def _phones(text: str) -> Iterator[Finding]:
    for hit in _PHONE.finditer(text):
        said = hit.group()
        digits = sum(mark.isdigit() for mark in said)
        before = text[max(0, hit.start() - 40) : hit.start()]
        if not 7 <= digits <= 20 or _TOLL_FREE.match(said):
            continue
        sure = said.startswith(("+", "00", "(")) or bool(_US.match(said))
        grouped = re.fullmatch(r"0\d{1,4}[\s.-]\d{2,4}(?:[\s.-]\d{2,4}){1,3}|\d{3}[-.]\d{4}", said)
        called = _CALL.search(before)
        if sure or grouped or called:
            kind = "fax" if _FAX.search(before[-20:].rpartition("\n")[2]) else "phone"
            yield Finding(*hit.span(), kind, "form" if sure else "context", 0.88 if sure else 0.8 if grouped else 0.7)
