"""Dates but for the bare year, and ages over 89, told from fractions, scores, pressures and ranges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding

_LONG = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "januar|februar|m[äa]rz|mai|juni|juli|oktober|dezember|"
    "janvier|f[ée]vrier|mars|avril|juin|juillet|ao[ûu]t|septembre|octobre|novembre|d[ée]cembre|"
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre"
)
_SHORT = "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
_MONTH = rf"(?:{_LONG}|(?:{_SHORT})\b\.?)"
_YEAR = r"(?:(?:19|20)\d{2}|['’]\d{2})"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_TH = r"(?:st|nd|rd|th)"
_ORDINAL = (
    "(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth|thirteenth|"
    "fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
)
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_BELOW = rf"(?:(?:{_TENS})(?:[\s-]+(?:{_ONES}))?|{_TEENS}|(?:oh[\s-]+)?(?:{_ONES}))"
_SAID_YEAR = rf"(?:(?:nineteen|twenty)[\s-]+{_BELOW}|two\s+thousand(?:\s+(?:and\s+)?{_BELOW})?)"
_S = r"[\s,]{1,3}"
_RULES = (
    ("month day", 0.95, rf"\b{_MONTH}\s{{1,2}}{_DAY}(?:{_TH})?\b(?!\s?(?:mg|mcg|ml|%|/))(?:,?{_S}{_YEAR}\b)?"),
    ("day month", 0.95, rf"(?<![\w./-]){_DAY}(?:{_TH}|\.)?\s{{0,2}}(?:of\s+|de\s+)?{_MONTH}(?!\w)(?:(?:,|\s+de)?\s{{1,2}}{_YEAR}\b)?"),
    ("month year", 0.95, rf"\b{_MONTH}(?:,?\s+|\s+of\s+|\s+de\s+){_YEAR}\b"),
    ("day-month-year", 0.96, rf"(?<![\w-]){_DAY}[-/ ]?(?:{_SHORT}|{_LONG})[-/ ]?(?:(?:19|20)\d{{2}}|\d{{2}})(?!\w)"),
    ("said", 0.95, rf"\b(?:{_LONG})(?:\s+the)?\s+(?:{_ORDINAL}|{_DAY}{_TH})\b(?:,?\s+(?:of\s+)?(?:{_SAID_YEAR}))?\b"),
    ("said", 0.94, rf"\b(?:{_ORDINAL})\s+of\s+(?:{_LONG})\b(?:,?\s+(?:{_SAID_YEAR}|{_YEAR}))?\b"),
    ("said", 0.9, rf"\b(?:{_LONG})(?:\s+of)?\s+{_SAID_YEAR}\b"),
    ("year first", 0.96, r"(?<![\w./-])(?:19|20)\d{2}([-/.])(?:1[0-2]|0?[1-9])\1(?:3[01]|[12]\d|0?[1-9])(?=T\d|(?![\w/-]))"),
    ("numbers", 0.95, r"(?<![\w./-])(?:3[01]|[12]\d|0?[1-9])([-/.])(?:3[01]|[12]\d|0?[1-9])\1(?:(?:19|20)\d{2}|\d{2})(?![\w/-]|\.\d)"),
    ("digits", 0.9, r"(?<![\w.-])(?:19|20)\d{2}(?:1[0-2]|0[1-9])(?:3[01]|[12]\d|0[1-9])(?=\||\^|(?:[0-2]\d[0-5]\d){1,2}\||$)"),
)  # fmt: skip
_DATES = [(rule, confidence, re.compile(pattern, re.IGNORECASE)) for rule, confidence, pattern in _RULES]
_PARTIAL = re.compile(r"(?<![\w./-])(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?![\w/%]|-\d|\.\d)")
_NOT_A_DATE = re.compile(
    r"\s*(?:-?\s*(?:tab|tablet|pill|strength|murmur|systolic|diastolic|holosystolic|cup|tsp|dose|mg|mcg|ml|cm|mm|reps|"
    r"points?|pain|on\s+(?:the|a)\s+(?:pain|scale)|power|weakness|bilateral|throughout|in\s+all|positive|intensity|severity|"
    r"of\s+(?:the|a)|bottles|cultures|nodes|lymph|inch|visual|lung|hours|out\s+of|teaspoon|half|words|recall|ppd|pack))\b",
    re.IGNORECASE,
)
_SCORE = re.compile(
    r"\b(?:score|scale|scored|pain|strength|grade|gcs|mmse|moca|apgars?|phq-?\d?|gad-?\d?|acuity|va|vision|reflexes|pulses|"
    r"power|murmur|bp|pressure|rated|ratio|rate[sd]?|level|nodes?|take|took|half|motor|nrs|vas|intensity|severity|type|and)\b"
    r"[^\w\n]{0,3}(?:(?:is|of|was|a|at|as|the|about|only)\s){0,2}$",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"\b(?:on|since|from|until|till|by|dated?|dos|removed|started|admitted|seen|visit|discharged|before|after|due|dob|born|"
    r"of|for|near\s+\w+|appointment|last|next|scheduled|done|placed|through|to|repeat|follow-?up|home|again)\b[^\w\n]{0,3}$",
    re.IGNORECASE,
)
_NINETY = rf"ninety(?:[\s-]+(?:{_ONES}))?|(?:one|a)\s+hundred(?:\s+(?:and\s+)?(?:{_BELOW}))?"
_OLD = rf"(?:9\d|1[0-2]\d|{_NINETY})"
_AGES = [
    re.compile(rf"(?<![\w./-])({_OLD})(?:\s?-?\s?(?:years?|yrs?)[\s-]*(?:old|of\s+age)?\b|\s?-?\s?(?:y/?o|yo|y\.o\.|ans|años|jahre)\b|[MF]\b)(?!\s+(?:ago|later|survival))", re.I),
    re.compile(rf"\b(?:aged?|turn(?:s|ed|ing)?|age\s+(?:is|of)|age\s?[:=]|alter\s?:?)\s*[:=]?\s*({_OLD})\b(?![./%-]\d|\s*%)", re.I),
    re.compile(rf"\b(?:i'?m|he'?s|she'?s|(?:is|was)(?:\s+(?:now|already|almost|nearly))?)\s+({_OLD})\b(?=\s*(?:next|now|and|[;.,!?]\s|$|this|last|today))(?!\s*\.\d)", re.I),
    re.compile(rf"(?:\w[\w.'-]*|\]),\s({_OLD})(?=\s?(?:[.,;)]\s|[.,;)]?$|and\b|,))", re.I | re.MULTILINE),
    re.compile(rf",\s(?:{_OLD})\s+and\s+({_OLD})\b", re.I),
]  # fmt: skip


def dates(text: str) -> Iterator[Finding]:
    """Dates with a day or a month, and the number alone of ages over 89."""
    for rule, confidence, pattern in _DATES:
        for hit in pattern.finditer(text):
            if not _modal(text, hit):
                yield Finding(*hit.span(), "date", rule, confidence)
    for hit in _PARTIAL.finditer(text):
        before = text[max(0, hit.start() - 30) : hit.start()]
        if _NOT_A_DATE.match(text, hit.end()) or (_SCORE.search(before) and not _DATED.search(before)):
            continue
        month, day = int(hit[1]), int(hit[2])
        dated = bool(_DATED.search(before))
        # x/10, n/n and halves are more often a score, an acuity or a dose than a day.
        if dated or (day not in (1, 2, 3, 4, 5, 6, 10) and month <= 12) or (day == 10 and month > 10):
            yield Finding(*hit.span(), "date", "month/day", 0.85 if dated else 0.6)
    for pattern in _AGES:
        for hit in pattern.finditer(text):
            yield Finding(*hit.span(1), "date", "age over 89", 0.85)


def _modal(text: str, hit: re.Match[str]) -> bool:
    """'may 5', 'march 3 steps': small words that are months too count only with more around them."""
    said = hit.group().lower()
    return (
        said.startswith(("may ", "march ", "mar "))
        and hit.group()[0].islower()
        and text[hit.end() : hit.end() + 1] == "-"
    )
