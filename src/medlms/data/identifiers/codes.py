"""Codes that name a person's record, plan, account, licence or device: by the word before, by check digit, by their mixture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.alike import alike
from medlms.data.identifiers.clinical import counted, harmless, usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.forms import checked
from medlms.data.identifiers.label_words import ARTICLES, SINGLED
from medlms.data.identifiers.labels import Heading, heading, label, label_behind
from medlms.data.identifiers.unlabelled import PARTED, YEAR, unlabelled
from medlms.data.identifiers.view import View

_TOKEN = re.compile(r"[0-9](?:[a-z0-9./:_#*+-]*[a-z0-9])?")
_JOINS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789./:_#*+-")
_LABELLED = re.compile("[a-z]{2,}[:=#](?=[a-z0-9])")  # 'MRN:2-118-440': the label is no part of the code
_CALLED = re.compile(r"(?<![^\W_])(?:fax|tel|phone|cell|mobile)(?![^\W_])[^\n0-9]{0,20}$")
_SHORT_CODE = re.compile("[a-z]{1,3}-?[0-9]{4,8}")
_IN_LIST = "beside another"
_LONGEST = 48  # characters of a code that are looked at


def codes(seen: View) -> Iterator[Finding]:
    """Codes with digits that single out a person's record or thing."""
    if seen.digits:
        tokens: list[tuple[int, int]] = []
        found = list(_single(seen, tokens))
        yield from found
        yield from alike(seen.low, found, tokens)


def _single(seen: View, tokens: list[tuple[int, int]]) -> Iterator[Finding]:
    low = seen.low
    before: Finding | None = None
    done = 0
    for hit in _TOKEN.finditer(low):
        start = hit.start()
        if start < done:
            continue
        while start > 0 and low[start - 1] in _JOINS and hit.start() - start < _LONGEST:
            start -= 1
        while not low[start].isalnum():
            start += 1
        if glued := _LABELLED.match(low, start, hit.end()):
            start = glued.end()
        done = hit.end()
        said = low[start:done]
        tokens.append((start, done))
        yield from _slashed(low, start, said)
        found = _coded(seen, start, said)
        if found is None and before is not None and _like(low, before, start, said):
            found = Finding(start, done, before.kind, _IN_LIST, 0.8)
        before = found or before
        if found is not None:
            yield found


def _like(low: str, before: Finding, start: int, said: str) -> bool:
    """A code of the same length right behind another, or in a list behind one that checks."""
    between = low[before.end : start]
    if before.rule in ("check digit", _IN_LIST) and between == ", " and _SHORT_CODE.fullmatch(said):
        return True
    if len(between) > 16:
        return False
    known = low[before.start : before.end]
    if harmless(low, start, start + len(said)):
        return False
    shaped = len(known) == len(said) > 4 and known[-3:].isdigit() == said[-3:].isdigit()
    return shaped and bool(re.fullmatch(r"[ ,;/&(|]{0,3}(?:and|or|old|old:|formerly|y|und)?[ (:]{0,2}", between))


def _coded(seen: View, start: int, said: str) -> Finding | None:
    low = seen.low
    digits = sum(mark.isdigit() for mark in said)
    if digits < 2:
        return None
    end = start + len(said)
    if harmless(low, start, end):
        return None
    plain = PARTED.sub("", said)
    kind = checked(plain, said)
    if kind == "mrn" and _CALLED.search(low, max(0, start - 40), start):
        kind = ""  # ten digits of a telephone number whose last one happens to check
    if kind:
        own = kind == "vehicle" or (kind == "account" and plain[:2].isalpha())
        return Finding(start, end, kind if own else label(low, start) or kind, "check digit", 0.93)
    before = heading(low, start)
    named = before.kind or label_behind(low, end)
    numeric = plain.isdigit()
    if named and _enough(named, before, said, plain, digits) and not (numeric and counted(low, end)):
        return Finding(start, end, named, "label", 0.92)
    return unlabelled(seen, start, said, before)


_PART = re.compile(r"(?<![^/])[a-z]{0,3}[0-9]{6,12}(?![^/])")
_FILE = re.compile(r"[_-].*\.(?:pdf|docx?|xlsx?|csv|zpl|txt|jpe?g|png|tiff?|dcm|hl7|xml|json)$")
_LONG = re.compile(r"(?<![0-9])[0-9]{6,12}(?![0-9])")
_DAY = re.compile("(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]")


def _slashed(low: str, start: int, said: str) -> Iterator[Finding]:
    """Long numbers between slashes ('name/birth/number') and in names of files."""
    if _FILE.search(said):
        for hit in _LONG.finditer(said):
            if not _DAY.match(hit.group()):
                kind = label(said.replace("_", " "), hit.start()) or "other"
                yield Finding(start + hit.start(), start + hit.end(), kind, "in the name of a file", 0.7)
    if "/" in said and not harmless(low, start, start + len(said)):
        for hit in _PART.finditer(said):
            if not _DAY.fullmatch(hit.group()):
                yield Finding(start + hit.start(), start + hit.end(), "mrn", "long number between slashes", 0.6)


_SHORTEST = {
    "ssn": 4,
    "account": 4,
    "vehicle": 4,
    "licence": 4,
    "plan": 4,
    "fax": 7,
    "phone": 7,
}  # digits behind a label; others five


def _enough(named: str, before: Heading, said: str, plain: str, digits: int) -> bool:
    """Whether what stands behind a label is long enough for it."""
    if plain.isdigit():
        shortest = _SHORTEST.get(named, 5)
        if digits == _SHORTEST["ssn"] and said == plain and YEAR.fullmatch(said):
            return named == "ssn" or (before.marked and before.word in ARTICLES)
        singled = not SINGLED.isdisjoint(before.word.split())
        if (before.marked or singled) and named not in ("fax", "phone"):
            shortest = 3 if singled else 4
        return digits >= shortest
    if before.marked and before.word in SINGLED and len(plain) > 2 and not usual(said, 0, len(said)):
        return digits > 1 or len(plain) > 4
    if named in ("fax", "phone"):
        return digits >= _SHORTEST[named]
    if named == "other" and not before.marked and digits < _SHORTEST["plan"] and before.word not in SINGLED:
        return False
    return len(plain) >= 4 and digits >= 2 and (digits > 3 or not usual(said, 0, len(said)))
