"""Codes that name a person's record, plan, account, licence or device: by the word before, by check digit, by their mixture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.alike import alike
from medlms.data.identifiers.clinical import counted, harmless, measured, usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.forms import checked
from medlms.data.identifiers.label_words import ARTICLES, SINGLED
from medlms.data.identifiers.labels import Heading, heading, label, label_behind
from medlms.data.identifiers.lexicon import is_common
from medlms.data.identifiers.spaced import is_range
from medlms.data.identifiers.states import SHORT_STATES
from medlms.data.identifiers.view import View

_TOKEN = re.compile(r"[0-9](?:[a-z0-9./:_#*+-]*[a-z0-9])?")
_JOINS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789./:_#*+-")
_LONGEST = 48  # characters of a code that are looked at
_WHOLE = 5  # digits of a number behind 'no.' and a word of no class
_OWN = 10  # digits from which a number beside a patient need not be the record's
_DASHED = re.compile(r"[a-z]-?[0-9]{4}[a-z]?|[a-z]-[0-9]{2}-?[0-9]{2}")
_HASH = re.compile(r"(?<![0-9])[ (]#$")  # 'Ann Doe #4417'
_FRACTION = re.compile(r"[0-9][./:x][0-9]")
_AGED = re.compile(r"(?<![0-9])[0-9]{1,3} ?(?:y/?o)? ?[mf][ ,(/-]{1,3}$")
_PATIENT = re.compile(r"[A-Z][\w'-]+, ?(?:[A-Z]|[A-Z][\w'-]{2,})\.?(?: [A-Z]\.?)?[ ,(/|-]{1,3}$")
_CAPITALS = re.compile(r"(?<![\w-])[A-Z][A-Za-z]?[A-Z]{1,4} $")
_NAMED = re.compile(r"(?<![\w-])[A-Z][a-z]+ \($")
# Things that are numbered and nobody's.
_THINGS = frozenset(
    "section chapter article paragraph rule clause item model part catalog lot batch version level grade stage type class "
    "gene mutation variant position chromosome figure table box step question day week cycle size gauge channel volume "
    "room bed bay gate floor suite platform line statute code loc location unit ward".split()
)
_PARTED = re.compile(r"[./:_#*+-]")
_KINDS_BY_PREFIX = {
    "mr": "mrn", "mrn": "mrn", "rx": "other", "emp": "other", "acc": "other", "sn": "device", "inv": "account",
    "acct": "account", "dl": "licence", "lic": "licence", "enc": "other",
    "sub": "other", "subj": "other", "pt": "mrn", "pol": "plan", "grp": "plan", "clm": "plan", "csn": "other", "har": "account",
}  # fmt: skip


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
        done = hit.end()
        said = low[start:done]
        tokens.append((start, done))
        yield from _slashed(low, start, said)
        found = _coded(seen, start, said)
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


def _coded(seen: View, start: int, said: str) -> Finding | None:
    low = seen.low
    digits = sum(mark.isdigit() for mark in said)
    if digits < 2:
        return None
    end = start + len(said)
    if harmless(low, start, end):
        return None
    plain = _PARTED.sub("", said)
    if kind := checked(plain, said):
        own = kind == "vehicle" or (kind == "account" and plain[:2].isalpha())
        return Finding(start, end, kind if own else label(low, start) or kind, "check digit", 0.93)
    before = heading(low, start)
    named = before.kind or label_behind(low, end)
    numeric = plain.isdigit()
    if named and _enough(named, before, said, plain, digits) and not (numeric and counted(low, end)):
        return Finding(start, end, named, "label", 0.92)
    letters = sum(mark.isalpha() for mark in plain)
    if before.numbered and _numbered(low, start, said, before.word, digits):
        return Finding(start, end, "other", "numbered", 0.7)
    if numeric and said == plain and digits >= _WHOLE - 1 and _HASH.search(low, max(0, start - 3), start):
        return Finding(start, end, _whose(seen, start, digits), "numbered", 0.6)
    if (
        digits < (4 if letters > 1 or _DASHED.fullmatch(said) else 5)
        or ("/" in said and digits < (6 if said[0].isalpha() else 8))
        or usual(low, start, end)
    ):
        return None
    if numeric and said == plain:
        long = (
            digits >= 6
            and not counted(low, end)
            and not measured(low, start)
            and low[start - 1 : start] not in ("$", "€", "£", ",", ".")
        )
        if digits == _WHOLE and (
            _CAPITALS.search(seen.flat, max(0, start - 10), start)
            or _NAMED.search(seen.flat, max(0, start - 20), start)
        ):
            return _short(seen, start, end)
        return Finding(start, end, _whose(seen, start, digits), "long number", 0.5) if long else None
    return _mixed(seen, start, said, plain, digits)


def _numbered(low: str, start: int, said: str, word: str, digits: int) -> bool:
    """Whether a code behind 'no.' or '#' and a word of no class is one of a person's."""
    end = start + len(said)
    if measured(low, start) or counted(low, end) or word in _THINGS:
        return False
    if said.isdigit():
        return digits >= _WHOLE or (digits == _WHOLE - 1 and not _YEAR.fullmatch(said))
    return digits > 2 and not usual(low, start, end) and not _FRACTION.search(said)


def _short(seen: View, start: int, end: int) -> Finding | None:
    """Five digits behind an abbreviation in capitals that no list knows, or in brackets behind a name."""
    last = re.findall(r"[^\W\d_]+", seen.low[max(0, start - 20) : start])[-1]
    behind = seen.low[end : end + 2]
    if (
        measured(seen.low, start)
        or counted(seen.low, end)
        or is_common(last)
        or last in SHORT_STATES
        or behind[1:].isdigit()
    ):
        return None
    return (
        Finding(start, end, "other", "abbreviation and number", 0.55)
        if behind[:1] in ("", " ", ".", ",", ")", ";")
        else None
    )


def _whose(seen: View, start: int, digits: int) -> str:
    """A number right behind the age and sex of a patient, or behind 'Last, First', is the record's."""
    look = max(0, start - 40)
    beside = _AGED.search(seen.low, look, start) or _PATIENT.search(seen.flat, look, start)
    return "mrn" if beside and digits < _OWN else "other"


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
_YEAR = re.compile(r"(?:19|20[0-3])[0-9]{1,2}")


def _enough(named: str, before: Heading, said: str, plain: str, digits: int) -> bool:
    """Whether what stands behind a label is long enough for it."""
    if plain.isdigit():
        shortest = _SHORTEST.get(named, 5)
        if digits == _SHORTEST["ssn"] and said == plain and _YEAR.fullmatch(said):
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


def _mixed(seen: View, start: int, said: str, plain: str, digits: int) -> Finding | None:
    """Letters and digits, or several groups of digits, without a label."""
    end = start + len(said)
    prefix = re.match(r"[a-z]*", said)
    letters = prefix.group() if prefix else ""
    if len(letters) > 8 or len(plain) > 40 or (":" in said and not letters):
        return None
    kind = _KINDS_BY_PREFIX.get(letters, "other")
    if plain.isdigit():
        dashed = re.fullmatch(r"[0-9]+(?:-[0-9]+){1,5}", said)
        long = dashed and digits >= 7 and not is_range(said.split("-"))
        return Finding(start, end, kind, "digits with dashes", 0.55) if long else None
    if kind == "other" and _whose(seen, start, digits) == "mrn":
        kind = "mrn"
    return Finding(start, end, kind, "letters and digits", 0.66)
