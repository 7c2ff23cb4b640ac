"""E-mail, web and network addresses: written, said and masked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

_EMAIL = re.compile(r"[\w.%+*'-](?<![\w.%+*-].)[\w.%+*'-]{0,63}@(?:[\w*-]{1,63}\.){1,5}[a-z]{2,24}(?![\w-])")
_NUMBER = (
    r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|"
    r"seven|eigh|nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
)
_AT = r"(?: at | ?[\[({<] ?(?:at|@) ?[\])}>] ?| @ )"
_DOT = r"(?: dot | punto | ?[\[({<] ?(?:dot|\.) ?[\])}>] ?| \. |\.)"
_SAID = re.compile(
    rf"[\w.+'-](?<![\w.+-].)[\w.+'-]{{0,63}}(?: (?:dot|underscore|dash|hyphen|minus|punto|plus) "
    rf"[\w-]{{1,40}}){{0,4}}(?:[ -]{_NUMBER}\b){{0,6}}"
    rf"{_AT}[\w-]{{1,40}}(?:{_DOT}[\w-]{{1,24}}){{1,4}}(?!\w)"
)
_SPELT = re.compile(r" dot |\[|\(|\{|<| punto | @ ")
_TOP = (
    "com|org|net|edu|gov|mil|int|info|biz|io|me|ai|app|dev|health|care|clinic|doctor|hospital|link|"
    "ly|gl|us|uk|ca|au|nz|ie|de|at|ch|fr|be|nl|"
    "es|pt|it|se|no|dk|fi|pl|cz|gr|ru|ua|tr|il|in|pk|cn|jp|kr|vn|th|id|ph|my|sg|za|ng|ke|gh|eg|br|mx|"
    "ar|cl|co|pe|eu|example|test|local"
)
_TOPS = re.compile(rf"\.(?:{_TOP})(?![\w@-])")
_MASKS = (" dot ", "[at", "(at", "{at", "<at", "[ at", "( at", " punto ", " @ ", "[@", "(@")
_URL = re.compile(
    r"(?:\b(?:https?|hxxps?|s?ftp)://|\bwww\.)[^\s<>\"|{}^]{3,500}"
    r"|"
    rf"[a-z0-9](?<![\w@./-].)[a-z0-9-]{{0,62}}(?:\.[a-z0-9-]{{1,63}}){{0,4}}\.(?:{_TOP})(?::[0-9]{{2,5}})?(?:/[^\s<>\"|"
    rf"{{}}^]{{1,500}}|(?![\w/@=-]|\.\w))"
)
_SAID_URL = re.compile(
    r"\b(?:(?:https?|h t t p s?) (?:colon )?(?:slash slash )?)?(?:w w w|www|[a-z0-9-]{2,40}) dot "
    r"[a-z0-9-]{2,40}(?: dot [a-z0-9-]{2,24})*"
    r"(?: (?:forward )?slash [\w-]{1,40})+"
)
_V4 = re.compile(r"[0-9](?<![\w.].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?:/[0-9]{1,2}\b|:[0-9]{2,5}\b)?(?![\w-]|\.[0-9])")
_SAID_V4 = re.compile(r"[0-9](?<![\w.].)[0-9]{0,2}(?: (?:dot|point) [0-9]{1,3}){3}(?!\w)")
_V6 = re.compile(r"[0-9a-f:](?<![\w:.].)[0-9a-f:]{2,45}(?::[0-9]{1,3}(?:\.[0-9]{1,3}){3})?(?![\w:])")
_VERSION = re.compile(
    r"(?:\b(?:v|ver|version|release|rel|firmware|fw|build|software|sw|rev|revision|section|update|"
    r"patch|driver|app|client|os|kernel|upgraded to)"
    r"[ .:=]*|\bv)$"
)


def addresses(seen: View) -> Iterator[Finding]:
    """Every address of a person, a page or a machine."""
    low = seen.low
    if "@" in low:
        yield from (Finding(*hit.span(), "email", "address", 0.99) for hit in _EMAIL.finditer(low))
    if ("at" in seen.vocabulary or "@" in low) and any(mark in low for mark in _MASKS):
        for hit in _SAID.finditer(low):
            if _SPELT.search(hit.group()) and hit.group()[-2:].isalpha():
                yield Finding(*hit.span(), "email", "said or masked", 0.97)
    if "://" in low or "www." in low or _TOPS.search(low):
        for hit in _URL.finditer(low):
            end = hit.start() + len(hit.group().rstrip(".,;:!?)]'*"))
            # A dot without a blank between two sentences looks like a domain, but carries a capital.
            if hit.group().startswith(("http", "www", "ftp", "sftp", "hxxp")) or not _sentences(seen, hit.start(), end):
                yield Finding(hit.start(), end, "url", "address", 0.98)
    if "slash" in seen.vocabulary and "dot" in seen.vocabulary:
        yield from (Finding(*hit.span(), "url", "said", 0.9) for hit in _SAID_URL.finditer(low))
    if seen.digits:
        yield from _network(seen)


def _sentences(seen: View, start: int, end: int) -> bool:
    said = seen.flat[start:end]
    dot = said.find(".")
    return "/" not in said and (said[dot + 1 : dot + 2].isupper() and not said.isupper())


def _network(seen: View) -> Iterator[Finding]:
    low = seen.low
    for hit in _V4.finditer(low):
        parts = re.split(r"[./:]", hit.group())[:4]
        if all(int(part) < 256 for part in parts) and not _VERSION.search(low, max(0, hit.start() - 24), hit.start()):
            yield Finding(*hit.span(), "ip", "version 4", 0.97)
    if "dot" in seen.vocabulary or "point" in seen.vocabulary:
        yield from (Finding(*hit.span(), "ip", "said", 0.9) for hit in _SAID_V4.finditer(low))
    if "::" in low or low.count(":") > 5:
        for hit in _V6.finditer(low):
            said = hit.group().rstrip(":") if not hit.group().endswith("::") else hit.group()
            if _is_v6(said):
                yield Finding(hit.start(), hit.start() + len(said), "ip", "version 6", 0.98)


def _is_v6(said: str) -> bool:
    try:
        ipaddress.IPv6Address(said)
    except ValueError:
        return False
    return len(said) > 4
