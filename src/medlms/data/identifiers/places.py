"""Streets, towns, counties and post codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding

_ENDING = (
    "street|st|avenue|ave|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|circle|cir|place|pl|terrace|ter|parkway|pkwy|"
    "highway|hwy|way|trail|trl|square|sq|crescent|close|grove|alley|loop|row|mews|gardens|walk|hill|pike|turnpike|run|crossing|"
    "nagar|marg|path|quay|parade|esplanade|rise|green|view|heights"
)
_UNIT = r"(?:,?\s{1,2}(?:apt|apartment|unit|suite|ste|lot|flat|floor|fl|room|rm|bldg|no|#)\.?\s?#?\s?[A-Za-z]?\d{1,5}[A-Za-z]?\b|,?\s#\s?\d{1,5})?"
_WORD = r"[^\W\d_][\w.'’-]{0,24}"
_STREET = re.compile(
    rf"(?<![\w./-])\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?,?\s{{1,2}}(?:[NSEW]{{1,2}}\.?\s)?(?:\d{{1,3}}(?:st|nd|rd|th)\s|(?:{_WORD}\s{{1,2}}){{1,4}}?)"
    rf"(?:{_ENDING})\b(?:\s[NSEW]{{1,2}}\b)?{_UNIT}",
    re.IGNORECASE,
)
_PLOT = re.compile(
    r"\b(?:plot|p\.?\s?o\.?\s?box|flat|house\s+no\.?|calle|rua|via|rue|avenida|carrera|blk|block)\s(?:\d{1,6}\w?|[A-ZÀ-Ý][\w.'’-]{1,24})(?:,?\s(?:de\s|la\s|del\s|des\s|du\s)?[A-ZÀ-Ý\d][\w.'’-]{0,24}){0,4}",
    re.I,
)
_GERMAN = re.compile(
    r"\b[A-ZÄÖÜ][\wäöüß-]{2,30}(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|ring|damm|ufer|gatan|vägen|veien|straat|laan)\s\d{1,4}\s?[a-zA-Z]?\b",
    re.I,
)
_RUE = re.compile(
    r"(?<![\w./-])\d{1,4}(?:\s(?:bis|ter))?,?\s(?:rue|avenue|boulevard|allée|chemin|impasse|quai|cours|place)\s(?:d[eu]s?\s|de\sla\s|l['’]|du\s)?[^\W\d_][\w'’-]{1,24}(?:[\s-][A-ZÀ-Ý][\w'’-]{1,24}){0,3}",
    re.I,
)
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|"
    "SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|NSW|VIC|QLD|TAS|ACT|NT|ON|QC|BC|AB|MB|SK|NS|NB"
)
_STATE_NAMES = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|indiana|iowa|"
    "kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|"
    "new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|"
    "south carolina|south dakota|tennessee|texas|utah|vermont|virginia|washington|west virginia|wisconsin|wyoming"
)
_TOWN = r"(?:(?:st|saint|san|santa|los|las|new|north|south|east|west|fort|ft|port|mount|el|la|des|baton|cedar|grand|long|salt lake)\.?\s)?[^\W\d_][\w'’-]{2,24}"
_TOWN_STATE = re.compile(
    rf"(?<![\w.])(?i:({_TOWN}(?:\s{_TOWN})?)),?\s{{1,2}}(?:(?:{_STATES})\b|(?i:{_STATE_NAMES})\b)(?:\s{{1,2}}(\d{{4,5}}(?:-\d{{4}})?)\b)?"
)
_ZIP = re.compile(rf"\b(?:{_STATES}|(?i:{_STATE_NAMES}))[,\s]{{1,3}}(\d{{4,5}}(?:-\d{{4}})?)(?![\w-])")
_LOWER_ZIP = re.compile(rf",\s(?:{_STATES.lower()})\s(\d{{4,5}}(?:-\d{{4}})?)(?![\w-])")
_POST = re.compile(
    r"(?i:(?<![\w-])(?:[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}|[ABCEGHJ-NPRSTVXY]\d[A-Z]\s?\d[A-Z]\d|\d{4}\s[A-Z]{2}(?=,?\s[A-Z]))(?![\w-]))"
)
_LABELLED = re.compile(
    r"\b(?:zip(?:\s?code)?|postcode|postal\s?code|plz|pin\s?code|código\spostal|cp)\b[\s:=\"'#]{1,4}(\d{3}\s?\d{2,3}(?:-\d{4})?|\d{4,6}(?:-\d{3,4})?)(?![\w-])",
    re.I,
)
_COUNTY = re.compile(
    r"\b(?:county|district\sof|parish\sof|borough\sof|township\sof)\s[A-ZÀ-Ý][\w'’-]{2,20}\b|(?<![\w.])(?:[A-ZÀ-Ý][\w'’.-]{2,20}\s){0,1}[A-ZÀ-Ý][\w'’.-]{2,20}\s(?:County|Parish|District|Borough|Township|COUNTY)\b"
)
_LOWER_COUNTY = re.compile(r"\b[a-z]{4,20}\s(?:county)\b")
_LIVES = re.compile(
    r"\b(?i:lives?\sin|living\sin|moved\sto|from|resides?\sin|resident\sof|born\sin|back\sto|visiting|near|native\sof|grew\sup\sin|home\sin|town\sof|city\sof|city\s?[:=]|hometown)\s(?:the\s)?([A-ZÀ-Ý][\w'’-]{2,20}(?:\s[A-ZÀ-Ý][\w'’-]{2,20}){0,2})"
)
_AFTER_STREET = re.compile(
    rf"[,;]?\s{{1,2}}({_TOWN}(?:\s{_TOWN})?)(?:,?\s{{1,2}}(?:[A-Z]{{2,3}}))?(?:,?\s{{1,2}}(\d{{3}}\s\d{{2}}|\d{{4,6}}(?:-\d{{4}})?)(?![\w-]))?",
    re.IGNORECASE,
)
_BEFORE_TOWN = re.compile(
    r"[,;\n]\s{0,2}(\d{3}\s\d{2}|\d{4,6})\s{1,2}([A-ZÀ-Ý][\w'’-]{2,24}(?:\s[A-ZÀ-Ý][\w'’-]{2,24})?)"
)
_NOT_TOWNS = frozenset(
    "the this that these with when his her their and for she they but not patient phone fax tel dob mrn home last week month year yesterday today since then while room apt suite united".split()
)


def places(text: str, towns: frozenset[str]) -> Iterator[Finding]:
    """Places below a state; ``towns`` are known ones in lower case."""
    for rule, pattern in (("street", _STREET), ("plot", _PLOT), ("street", _GERMAN), ("rue", _RUE)):
        for hit in pattern.finditer(text):
            yield Finding(*hit.span(), "place", rule, 0.86)
            if follow := _AFTER_STREET.match(text, hit.end()):
                yield from _town_and_code(follow, 0.75)
            if follow := _BEFORE_TOWN.match(text, hit.end()):
                yield from (Finding(*follow.span(part), "place", "behind a street", 0.8) for part in (1, 2))
    for hit in _TOWN_STATE.finditer(text):
        if hit[1].split()[0].lower() not in _NOT_TOWNS and (hit[1][0].isupper() or hit[1].lower() in towns):
            yield from _town_and_code(hit, 0.8)
    for rule, pattern in (("ZIP", _ZIP), ("ZIP", _LOWER_ZIP), ("labelled", _LABELLED)):
        yield from (Finding(*hit.span(1), "place", rule, 0.93) for hit in pattern.finditer(text))
    for rule, pattern in (("post code", _POST), ("county", _COUNTY), ("county", _LOWER_COUNTY)):
        yield from (Finding(*hit.span(), "place", rule, 0.84) for hit in pattern.finditer(text))
    for hit in _LIVES.finditer(text):
        if hit[1].lower() not in _STATE_NAMES.split("|") and hit[1].split()[0].lower() not in _NOT_TOWNS:
            yield Finding(*hit.span(1), "place", "said", 0.6)


def _town_and_code(hit: re.Match[str], confidence: float) -> Iterator[Finding]:
    if hit[1].split()[0].lower() not in _NOT_TOWNS and not hit[1].lower().startswith(tuple(_STATE_NAMES.split("|"))):
        yield Finding(*hit.span(1), "place", "beside a street or state", confidence)
    if hit[2]:
        yield Finding(*hit.span(2), "place", "post code", confidence + 0.1)
