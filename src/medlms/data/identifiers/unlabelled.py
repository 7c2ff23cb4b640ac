"""Codes without a label: what their form, their neighbours and the patient beside them say for and against them."""

from __future__ import annotations

import re

from medlms.data.identifiers.clinical import counted, measured, usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import Heading
from medlms.data.identifiers.lexicon import is_common
from medlms.data.identifiers.spaced import is_range
from medlms.data.identifiers.states import SHORT_STATES
from medlms.data.identifiers.view import View

PARTED = re.compile(r"[./:_#*+-]")  # what stands between the parts of a code
YEAR = re.compile(r"(?:19|20[0-3])[0-9]{1,2}")
_BILLED = re.compile(
    r"[$€£\[]|dollars|\beur\b|cpt|hcpcs|(?<![\w.])[a-tv-z][0-9][0-9ab]\.[0-9]|procedure|copay|msh\||billed|services|codes?\b"
)
_NEAR = 60  # characters in which money speaks for a code of a procedure
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
_KINDS_BY_PREFIX = {
    "mr": "mrn", "mrn": "mrn", "rx": "other", "emp": "other", "acc": "other", "sn": "device", "inv": "account",
    "acct": "account", "dl": "licence", "lic": "licence", "enc": "other",
    "sub": "other", "subj": "other", "pt": "mrn", "pol": "plan", "grp": "plan", "clm": "plan", "csn": "other", "har": "account",
}  # fmt: skip


def unlabelled(seen: View, start: int, said: str, before: Heading) -> Finding | None:
    """``said`` at ``start``, before which no word of a class stands; ``before`` is what does stand there."""
    low, end = seen.low, start + len(said)
    plain = PARTED.sub("", said)
    digits = sum(map(str.isdigit, said))
    letters = sum(mark.isalpha() for mark in plain)
    if before.numbered and _is_numbered(low, start, said, before.word, digits):
        return Finding(start, end, "other", "numbered", 0.7)
    if said.isdigit() and digits >= _WHOLE - 1 and _HASH.search(low, max(0, start - 3), start):
        return Finding(start, end, _whose(seen, start, digits), "numbered", 0.6)
    if (
        digits < (4 if letters > 1 or _DASHED.fullmatch(said) else 5)
        or ("/" in said and digits < (6 if said[0].isalpha() else 8))
        or usual(low, start, end)
    ):
        return None
    if not plain.isdigit() or said != plain:
        return _mixed(seen, start, said, plain, digits)
    if digits == _WHOLE and (found := _short(seen, start, end)):
        return found
    money = low[start - 1 : start] in ("$", "€", "£", ",", ".")
    if (
        digits < _WHOLE
        or money
        or counted(low, end)
        or measured(low, start)
        or (digits == _WHOLE and _billed(low, start, end))
    ):
        return None
    return Finding(start, end, _whose(seen, start, digits), "long number", 0.5)


def _billed(low: str, start: int, end: int) -> bool:
    """Whether five digits may be those of a procedure: money or a diagnosis stands near, or a text of bills around."""
    return _BILLED.search(low, max(0, start - _NEAR), end + _NEAR) is not None or low[end : end + 1] in tuple("-,.|]&^")


def _is_numbered(low: str, start: int, said: str, word: str, digits: int) -> bool:
    """Whether a code behind 'no.' or '#' and a word of no class is one of a person's."""
    end = start + len(said)
    if measured(low, start) or counted(low, end) or word in _THINGS:
        return False
    if said.isdigit():
        return digits >= _WHOLE or (digits == _WHOLE - 1 and not YEAR.fullmatch(said))
    return digits > 2 and not usual(low, start, end) and not _FRACTION.search(said)


def _short(seen: View, start: int, end: int) -> Finding | None:
    """Five digits behind an abbreviation in capitals that no list knows, or in brackets behind a name."""
    low = seen.low
    if not (
        _CAPITALS.search(seen.flat, max(0, start - 10), start) or _NAMED.search(seen.flat, max(0, start - 20), start)
    ):
        return None
    last = re.findall(r"[^\W\d_]+", low[max(0, start - 20) : start])[-1]
    behind = low[end : end + 2]
    if measured(low, start) or counted(low, end) or is_common(last) or last in SHORT_STATES or behind[1:].isdigit():
        return None
    ended = behind[:1] in ("", " ", ".", ",", ")", ";")
    return Finding(start, end, "other", "abbreviation and number", 0.55) if ended else None


def _whose(seen: View, start: int, digits: int) -> str:
    """A number right behind the age and sex of a patient, or behind 'Last, First', is the record's."""
    look = max(0, start - 40)
    beside = _AGED.search(seen.low, look, start) or _PATIENT.search(seen.flat, look, start)
    return "mrn" if beside and digits < _OWN else "other"


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
