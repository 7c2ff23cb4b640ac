"""Codes that name a person's record, plan, account, licence or device: by the word before, by check digit, by their mixture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers import checks
from medlms.data.identifiers.clinical import harmless, usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.forms import checked
from medlms.data.identifiers.labels import label, label_behind
from medlms.data.identifiers.view import View

_TOKEN = re.compile(r"[0-9](?:[a-z0-9./:_#*+-]*[a-z0-9])?")
_JOINS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789./:_#*+-")
_GROUPS = re.compile(r"[0-9](?<![\w.-].)[0-9]{0,6}(?: ?[ -] ?[0-9]{1,7}){1,6}(?![\w]|\.[0-9])")
_LONGEST = 48  # characters of a code that are looked at
_PARTED = re.compile(r"[./:_#*+-]")
_UNIT = re.compile(
    r" ?(?:mg|mcg|µg|ug|g|kg|ml|dl|l|cc|iu|units?|u/l|u|cells?|copies|/|%|mm|cm|mmhg|bpm|kcal|"
    r"calories|cal|steps|people|patients|cases|children|women|men|adults|births|persons|individuals|"
    r"americans|"
    r"deaths|years?|months?|weeks?|days?|hours|hrs|minutes|min|bp|kb|base|kda|da|daltons|participants|"
    r"subjects with|platelets|genes|hz|dollars|euros|usd|eur|million|x ?10|×)(?![a-z])"
)
_KINDS_BY_PREFIX = {
    "mr": "mrn", "mrn": "mrn", "rx": "other", "emp": "other", "acc": "other", "sn": "device", "inv": "account",
    "acct": "account", "dl": "licence", "lic": "licence", "enc": "other",
    "sub": "other", "subj": "other", "pt": "mrn", "pol": "plan", "grp": "plan", "clm": "plan", "csn": "other", "har": "account",
}  # fmt: skip


def codes(seen: View) -> Iterator[Finding]:
    """Codes with digits that single out a person's record or thing."""
    if seen.digits:
        yield from _grouped(seen)
        yield from _single(seen.low)


def _grouped(seen: View) -> Iterator[Finding]:
    low = seen.low
    for hit in seen.near_digits(_GROUPS):
        said = hit.group()
        groups = re.findall("[0-9]+", said)
        digits = sum(map(len, groups))
        if digits < 5 or harmless(low, *hit.span()):
            continue
        named = label(low, hit.start()) or label_behind(low, hit.end())
        if named:
            yield Finding(*hit.span(), named, "label", 0.9)
        elif usual(low, *hit.span()):
            continue
        elif checks.nhs("".join(groups)) and [len(group) for group in groups] == [3, 3, 4]:
            yield Finding(*hit.span(), "mrn", "check digit", 0.92)
        elif "-" in said and " " not in said and digits >= 6 and not _range(groups):
            yield Finding(*hit.span(), "account" if digits == 8 else "other", "digits with dashes", 0.62)
        elif digits >= 9 and len(groups) <= 5 and max(map(len, groups)) >= 3 and min(map(len, groups)) >= 2:
            yield Finding(*hit.span(), "other", "digits in groups", 0.55)


def _range(groups: list[str]) -> bool:
    """Years and pages from one to the other."""
    if len(groups) != 2:
        return False
    first, last = (int(group) for group in groups)
    return first < last and (len(groups[0]) == len(groups[1]) == 4 and groups[0][0] in "12" and last - first < 100)


def _single(low: str) -> Iterator[Finding]:
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
        done = hit.end()
        said = low[start:done]
        yield from _slashed(low, start, said)
        found = _coded(low, start, said)
        if found is None and before is not None and _like(low, before, start, said):
            found = Finding(start, done, before.kind, "beside another", 0.8)
        before = found or before
        if found is not None:
            yield found


def _like(low: str, before: Finding, start: int, said: str) -> bool:
    """A code of the same length right behind another."""
    between = low[before.end : start]
    if len(between) > 16:
        return False
    known = low[before.start : before.end]
    shaped = len(known) == len(said) > 4 and known[-3:].isdigit() == said[-3:].isdigit()
    return shaped and bool(re.fullmatch(r"[ ,;/&(|]{0,3}(?:and|or|old|old:|formerly|y|und)?[ (:]{0,2}", between))


def _coded(low: str, start: int, said: str) -> Finding | None:
    digits = sum(mark.isdigit() for mark in said)
    if digits < 2:
        return None
    end = start + len(said)
    if harmless(low, start, end):
        return None
    plain = _PARTED.sub("", said)
    if kind := checked(plain, said):
        return Finding(start, end, label(low, start) or kind, "check digit", 0.93)
    named = label(low, start) or label_behind(low, end)
    numeric = plain.isdigit()
    if (
        named
        and _enough(named, said, plain, digits)
        and not (numeric and named in ("other", "device") and _UNIT.match(low, end))
    ):
        return Finding(start, end, named, "label", 0.92)
    letters = sum(mark.isalpha() for mark in plain)
    if (
        digits < (4 if letters > 1 else 5)
        or ("/" in said and digits < (6 if said[0].isalpha() else 8))
        or usual(low, start, end)
    ):
        return None
    if numeric and said == plain:
        long = digits >= 6 and not _UNIT.match(low, end) and low[start - 1 : start] not in ("$", "€", "£", ",", ".")
        return Finding(start, end, "other", "long number", 0.5) if long else None
    return _mixed(low, start, said, plain, digits)


_PART = re.compile(r"(?<![^/])[a-z]{0,3}[0-9]{6,12}(?![^/])")
_DAY = re.compile("(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]")


def _slashed(low: str, start: int, said: str) -> Iterator[Finding]:
    """Long numbers between slashes: 'name/birth/number'."""
    if "/" in said and not harmless(low, start, start + len(said)):
        for hit in _PART.finditer(said):
            if not _DAY.fullmatch(hit.group()):
                yield Finding(start + hit.start(), start + hit.end(), "mrn", "long number between slashes", 0.6)


def _enough(named: str, said: str, plain: str, digits: int) -> bool:
    """Whether what stands behind a label is long enough for it."""
    if plain.isdigit():
        shortest = {"ssn": 4, "account": 4, "vehicle": 4, "device": 5, "mrn": 5, "other": 5, "fax": 7}.get(
            named, 4 if named in ("licence", "plan") else 5
        )
        return digits >= shortest and not (
            digits == 4 and named == "account" and plain[:2] in ("19", "20") and said == plain
        )
    return len(plain) >= 4 and digits >= 2 and (digits > 3 or not usual(said, 0, len(said)))


def _mixed(low: str, start: int, said: str, plain: str, digits: int) -> Finding | None:
    """Letters and digits, or several groups of digits, without a label."""
    end = start + len(said)
    prefix = re.match(r"[a-z]*", said)
    letters = prefix.group() if prefix else ""
    if len(letters) > 8 or len(plain) > 40 or (":" in said and not letters):
        return None
    kind = _KINDS_BY_PREFIX.get(letters, "other")
    if plain.isdigit():
        dashed = re.fullmatch(r"[0-9]+(?:-[0-9]+){1,5}", said)
        return (
            Finding(start, end, kind, "digits with dashes", 0.55)
            if dashed and digits >= 7 and not _range(said.split("-"))
            else None
        )
    return Finding(start, end, kind, "letters and digits", 0.66)
