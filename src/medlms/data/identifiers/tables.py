"""Tables in text: the heading of a column says what the cells below it are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import label
from medlms.data.identifiers.view import View

_WORDS = re.compile(r"[^\W\d_]{6,}|[0-9] ?(?:mg|ml|mcg|kg|cm|mm|%|units?)\b")  # in cells that are no numbers of people
_NUMBERED = re.compile(r"(?:[ _.-](?:no|nr|num|number|id)|#)\.?$")
_SHORTEST, _PLATE = 3, 11  # characters of a plate
_WIDEST = 28  # characters of a heading
_HEADINGS = (
    ("", re.compile(
        r"(?:status|type|count|result|units?|value|dose|drug|diagnosis|dx|test|sex|gender|state|country|"
        r"time|site|reason|total|amount|charge)s?")),
    ("email", re.compile(r".*e-?mail.*")),
    ("fax", re.compile(r".*fax.*")),
    ("phone", re.compile(r".*(?:phone|tel|mobile|cell).*")),
    ("date", re.compile(r".*(?:dob|birth|date|dos|admitted|discharged|seen|visit|collected|drawn|expires).*")),
    ("ssn", re.compile(r".*(?:ssn|social).*")),
    ("mrn", re.compile(r".*(?:mrn|chart|record|patient ?_?-?(?:id|no|number)|hospital ?(?:no|id|number)|nhs).*")),
    ("place", re.compile(r".*(?:zip|postal|post ?code|plz|street|address|city|town|county|ort|ciudad|village|residence|"
        r"birth_?place|suburb|locality|borough|parish|municipality|ville|commune|district|neighbou?rhood).*")),
    ("account", re.compile(r".*(?:acc(?:oun)?t|card|iban|invoice|bank).*")),
    ("plan", re.compile(r".*(?:policy|plan|member ?_?(?:id|no|number)|group|insurance|claim|subscriber ?_?(?:id|no)).*")),
    ("licence", re.compile(r".*(?:licen[cs]e|npi|dea|passport).*")),
    ("vehicle", re.compile(r".*(?:plate|vin|vehicle|registration).*")),
    ("device", re.compile(r".*(?:serial|udi|device ?_?id|imei|mac).*")),
    ("age", re.compile(r"age|alter|edad|age ?\(?(?:y|yrs|years)\)?")),
    ("ip", re.compile(r"ip|ip ?_?addr.*|host.*")),
    ("other", re.compile(
        r".*(?:accession|specimen|encounter|subject ?_?(?:id|no)?|employee ?_?(?:id|no)|study ?_?id|rx|"
        r"prescription|order ?_?(?:id|no)).*|id|.* id|.*_id")),
    ("name", re.compile(
        r".*(?:name|patient|doctor|provider|physician|nurse|contact|author|nok|kin|guardian|attending|"
        r"clinician|surgeon|member|subscriber|nombre|apellido|paciente|consultant|referrer|referring|referred.by|"
        r"seen.by|"
        r"given|forename|family|carer|relative|parent|mother|father|spouse|wife|husband|partner|midwife|"
        r"interpreter|supervisor|"
        r"teacher|witness|responsible|informant|collector|collected.by|prescriber|pharmacist|technician|reporter|"
        r"owner|assigned|"
        r"therapist|client|employee|worker|resident|student|participant|driver|crew|requester|requested.by|"
        r"signed.by|coordinator).*")),
)  # fmt: skip


_COLUMN = re.compile(r"[^\s|](?:[^\n|]*?[^\s|])?(?= {2,}|\t|$)")
_INSERT = re.compile(r"(?i)insert into [\w.\"`]+ ?\(([^()]{3,400})\)\s*values\s*")
_TUPLE = re.compile(r"\(((?:[^()']|'[^']*')*)\)")
_VALUE = re.compile(r" *(?:'[^']*'|[^,']+)")


def tables(seen: View) -> Iterator[Finding]:
    """Cells whose column is headed by a kind of identifier, in lines parted by a tab, a bar, a semicolon or a comma."""
    lines = seen.text.split("\n")
    if len(lines) < 2:
        return
    place, mark = 0, ""
    kinds: list[str] = []
    aligned: list[tuple[int, int, str]] = []
    for line in lines:
        if kinds and line.count(mark) + 2 > len(kinds):
            yield from _cells(line, mark, kinds, place)
        elif aligned and (cells := _columns(line)) and len(cells) > 1:
            yield from _under(line, cells, aligned, place)
        elif "insert into" not in line.lower():
            mark = max((*"\t|;,", " / "), key=line.count)
            kinds = _heading(line, mark)
            aligned = [] if kinds else _aligned(line)
        place += len(line) + 1
    if "insert into" in seen.low:
        yield from _inserted(seen.text)


def _columns(line: str) -> list[tuple[int, int]]:
    """Where the cells of a line parted by two or more blanks lie."""
    return [hit.span() for hit in _COLUMN.finditer(line)]


def _aligned(line: str) -> list[tuple[int, int, str]]:
    """The columns of a line of headings that stand apart by blanks: where they lie, and their class."""
    if "  " not in line and "\t" not in line:
        return []
    cells = _columns(line)
    if len(cells) < 3 or re.search("[0-9]{2}|[=;]|: ", line):
        return []
    found = [(start, end, _class(line[start:end].strip(' "*-:').lower())) for start, end in cells]
    return (
        found
        if sum(bool(kind) for _, _, kind in found) > (not line.isupper())
        and all(end - start <= _WIDEST for start, end in cells)
        else []
    )


def _under(line: str, cells: list[tuple[int, int]], heads: list[tuple[int, int, str]], place: int) -> Iterator[Finding]:
    """Cells that overlap with exactly one heading of a class."""
    for start, end in cells:
        over = [kind for first, last, kind in heads if first < end and start < last]
        said = line[start:end].strip()
        if len(over) == 1 and over[0] not in ("", "place") and _fits(over[0], said):
            kind = "date" if over[0] == "age" else over[0]
            yield Finding(place + start, place + start + len(said), kind, "column", 0.87)


def _inserted(text: str) -> Iterator[Finding]:
    """Values of SQL's INSERT under their columns."""
    for hit in _INSERT.finditer(text):
        kinds = [_class(name.strip(' "`[]').lower()) for name in hit[1].split(",")]
        for row in _TUPLE.finditer(text, hit.end(), hit.end() + 8000):
            for kind, cell in zip(kinds, _VALUE.finditer(row[1]), strict=False):
                said = cell.group().strip(" '\"")
                if kind and said.lower() != "null" and _fits(kind, said):
                    begin = row.start(1) + cell.start() + cell.group().index(said)
                    yield Finding(begin, begin + len(said), "date" if kind == "age" else kind, "column", 0.93)


def _heading(line: str, mark: str) -> list[str]:
    cells = [cell.rpartition("(")[2].strip(' "*-()').lower() for cell in line.split(mark)]
    if (
        len(cells) < 3
        or len(line) > 400
        or any(len(cell) > _WIDEST or re.search("[0-9]{2}|[.:]", cell) for cell in cells)
    ):
        return []
    kinds = [_class(cell) for cell in cells]
    return kinds if sum(map(bool, kinds)) > 1 else []


def _class(heading: str) -> str:
    """The class that a heading gives: by its form, else by the words for numbers of people in it."""
    numbered = _NUMBERED.search(heading) is not None
    for kind, pattern in _HEADINGS:
        if pattern.fullmatch(heading) and not (numbered and kind in ("date", "name", "")):
            return kind
    words = heading.replace("_", " ").rstrip(" #.?:)")
    return label(f"{words} # ", len(words) + 3)


def _cells(line: str, mark: str, kinds: list[str], place: int) -> Iterator[Finding]:
    quoted = re.sub(r'"[^"]*"', lambda hit: hit.group().replace(mark, "\0"), line)
    start = 0
    for kind, cell in zip(kinds, quoted.split(mark), strict=False):
        said = cell.strip(' "\0')
        if kind and _fits(kind, said):
            begin = place + start + cell.index(said)
            yield Finding(begin, begin + len(said), "date" if kind == "age" else kind, "column", 0.89)
        start += len(cell) + len(mark)


def _fits(kind: str, said: str) -> bool:
    """Whether a cell can be what its heading says; empty marks such as 'n/a' are not."""
    digits = sum(mark.isdigit() for mark in said)
    if kind == "name":
        return (
            len(said) > 1
            and said[0].isalpha()
            and len(said) < 50
            and not digits
            and said.lower() not in ("n/a", "na", "none", "unknown", "nil", "yes", "no")
        )
    if kind == "age":
        return bool(re.fullmatch("9[0-9]|1[0-2][0-9]", said))
    if kind == "date":
        return digits > 2 and not re.fullmatch("[0-9]{4}", said)
    if kind == "vehicle" and len(said) < _PLATE and (digits or said.isupper()):
        return len(said) >= _SHORTEST and said.lower() not in ("n/a", "none", "unknown") and not _WORDS.search(said)
    if kind in ("email", "ip", "place"):
        return len(said) > 3 and (
            digits > 2
            or (kind == "place" and said[0].isalpha() and said.lower() not in ("n/a", "none", "unknown", "nil"))
        )
    return digits > 2 and not _WORDS.search(said)
