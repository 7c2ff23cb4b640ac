"""Fields whose label says that a person or a place follows, and addresses behind the words that lead to one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import UNKNOWN, WORD, is_common, is_eponym, rank
from medlms.data.identifiers.states import COUNTRIES, STATES
from medlms.data.identifiers.view import View

_PLACES = (
    "address|home address|street address|mailing address|residence|residential address|domicile|street|street "
    "name|city|town|"
    "city of birth|place of birth|birth ?place|birth city|born in|home "
    "?town|village|suburb|locality|borough|parish|municipality|"
    "district|neighbou?rhood|colony|barrio|colonia|ward of residence|lives in|lives at|lives on|location of "
    "residence|addr|"
    "address line ?[12]?|line ?[12]?|post town|county|province|township|hamlet|estate|area of residence|home "
    "village|scene|"
    "pick-?up|drop-?off|incident "
    "address|adresse|direcci[oó]n|domicilio|indirizzo|adres|alamat|ort|wohnort|geburtsort|ville|"
    "commune|cidade|endere[cç]o|miasto|adresa|naissance|lugar de nacimiento|ciudad|municipio|poblaci[oó]n"
)
_LABEL = re.compile(rf"(?<![^\W_])(?:{_PLACES})[\"']?\s?[:=]\s{{0,2}}\[?[\"']?(?=[^\W_])")
_VALUE = re.compile(r"[^\n\"|;\t]{2,90}")
_NEXT = re.compile(
    r"\s+[\w/#-]+(?: (?:no|id|of birth|name|code))?[:=]|  +|\s(?:dob|phone|tel|mrn|ph|fax|state|zip|age)\b|\.$|"
    r"[()\[\]{}<>]"
)
_EMPTY = frozenset(
    "unknown none n/a na nil same same as above declined unable refused not stable home yes no see chart as "
    "above tbd pending "
    "confirmed unchanged verified updated on file with".split()
)
_ABBREVIATED = frozenset(
    "no st jl col av ave apt rd blk ul dr mt bldg fl rt rw km nr al str sk mah cad cd fracc urb esq piso ste ft "
    "pt co h.no s/n".split()
)
_LEADS = re.compile(
    r"(?:\b(?:liv(?:es?|ed|ing)|resid(?:es?|ed|ing)|home|house|flat|apartment|stay(?:s|ed|ing)?|moved|"
    r"mail(?:ed)?|deliver(?:ed|y)?|"
    r"ship(?:ped)?|send|sent|visit(?:ed|s)?|dispatched|located|picked up|lodg(?:es|ing)|rents?|address)"
    r"(?: (?:alone|now|him|her|planned|a room|it|them|is|with \w+)){0,2} (?:at|on|to|in|off)|\baddress is|"
    r"\bof no fixed abode,) $"
)
_DIGIT_RUN = re.compile(r"[0-9]")
_PIECE = (
    r"(?:[A-ZÀ-ÞĀ-ɏḀ-ỿ0-9#][^\s,;()\"|]*|(?:de|del|la|las|los|yr|y|e|ar|entre|do|da|dos|van|der|den|und|of|no\.?|"
    r"nr\.?|n°|km|bis|lgh|"
    r"og|i|na)(?= [A-Z0-9]))"
)
_RUN = re.compile(rf"{_PIECE}(?:,? {{1,2}}{_PIECE}){{1,14}}")
_START = re.compile(r"(?<=\b(?:at|on|to|in|is) )[A-ZÀ-ÞĀ-ɏḀ-ỿ0-9#]|(?<=\boff )[A-Z0-9]")


def fields(seen: View) -> Iterator[Finding]:
    """Values of fields of an address, and runs of capitals and numbers behind 'lives at' and the like."""
    if ":" in seen.low or "=" in seen.low:
        yield from _labelled(seen)
    if seen.cased and seen.digits:
        yield from _led(seen)


def _labelled(seen: View) -> Iterator[Finding]:
    for hit in _LABEL.finditer(seen.text.lower() if len(seen.text.lower()) == len(seen.text) else seen.low):
        value = _VALUE.match(seen.text, hit.end())
        if not value:
            continue
        said = value.group()
        if stop := _NEXT.search(said.lower()):
            said = said[: stop.start()]
        said = _sentence(said).rstrip(" ,.:'")
        if _is_address(seen, said):
            yield Finding(hit.end(), hit.end() + len(said), "place", "labelled field", 0.78)


def _is_address(seen: View, said: str) -> bool:
    """Whether a value is no remark: in capitals or with a number, and with a word that is no word of notes."""
    low = said.lower()
    words = re.findall(r"[^\W\d_]{2,}", low)
    if len(said) < 3 or not words or low in STATES or low in COUNTRIES or words[0] in _EMPTY:
        return False
    digits = any(map(str.isdigit, said))
    if not seen.cased:
        return len(words) < 8 and (digits or any(rank(word) != WORD for word in words))
    parts = re.findall(r"[^\W\d_][\w'-]+", said)
    small = sum(part[0].islower() for part in parts)
    if small * 2 > len(parts) or (not digits and len(parts) > 4):
        return False
    return digits or not all(is_common(word) for word in words) or (len(words) > 1 and small == 0)


def _sentence(said: str) -> str:
    """``said`` up to the end of its sentence; a dot behind an abbreviation ends none."""
    for hit in re.finditer(r"([^\s,]+)\.(?= )", said):
        if hit[1].lower() not in _ABBREVIATED and len(hit[1]) > 1:
            return said[: hit.end(1)]
    return said


def _led(seen: View) -> Iterator[Finding]:
    for start in _START.finditer(seen.flat):
        if not _LEADS.search(seen.low, max(0, start.start() - 44), start.start()):
            continue
        hit = _RUN.match(seen.flat, start.start())
        if not hit:
            continue
        said = _sentence(hit.group()).rstrip(" ,.")
        words = re.findall(r"[^\W\d_]{3,}", said.lower())
        if not _DIGIT_RUN.search(said) or not words or re.match(r"[0-9]{1,2}[:/.]|(?:19|20)[0-9]{2}\b", said):
            continue
        if any(not is_common(word) and (rank(word) == UNKNOWN or not is_eponym(word)) for word in words):
            yield Finding(hit.start(), hit.start() + len(said), "place", "behind 'lives at'", 0.74)
