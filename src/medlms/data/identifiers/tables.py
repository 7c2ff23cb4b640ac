"""Tables in text: the heading of a column says what the cells below it are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

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


def tables(seen: View) -> Iterator[Finding]:
    """Cells whose column is headed by a kind of identifier, in lines parted by a tab, a bar, a semicolon or a comma."""
    lines = seen.text.split("\n")
    if len(lines) < 2:
        return
    place, mark = 0, ""
    kinds: list[str] = []
    for line in lines:
        if kinds and line.count(mark) + 2 > len(kinds):
            yield from _cells(line, mark, kinds, place)
        else:
            mark = max("\t|;,", key=line.count)
            kinds = _heading(line, mark)
        place += len(line) + 1


def _heading(line: str, mark: str) -> list[str]:
    cells = [cell.strip(' "*-').lower() for cell in line.split(mark)]
    if len(cells) < 3 or len(line) > 400 or any(len(cell) > 28 or re.search("[0-9]{2}|[.:]", cell) for cell in cells):
        return []
    kinds = [next((kind for kind, pattern in _HEADINGS if pattern.fullmatch(cell)), "") for cell in cells]
    return kinds if sum(map(bool, kinds)) > 1 else []


def _cells(line: str, mark: str, kinds: list[str], place: int) -> Iterator[Finding]:
    quoted = re.sub(r'"[^"]*"', lambda hit: hit.group().replace(mark, "\0"), line)
    start = 0
    for kind, cell in zip(kinds, quoted.split(mark), strict=False):
        said = cell.strip(' "\0')
        if kind and _fits(kind, said):
            begin = place + start + cell.index(said)
            yield Finding(begin, begin + len(said), "date" if kind == "age" else kind, "column", 0.89)
        start += len(cell) + 1


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
    if kind in ("email", "ip", "place"):
        return len(said) > 3 and (
            digits > 2
            or (kind == "place" and said[0].isalpha() and said.lower() not in ("n/a", "none", "unknown", "nil"))
        )
    return digits > 2
