"""Numbers that name a person's record, plan, account, licence, vehicle or device: by check digit, by form, by the word before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers import checks
from medlms.data.identifiers.finding import Finding

_CODE = re.compile(
    r"(?<![\w.])[A-Za-z]{0,6}[-:]?(?=[A-Za-z0-9-]{0,12}\d)[A-Za-z0-9]{1,24}(?:[-/][A-Za-z0-9]{1,14}){0,5}(?!\w|[.]\d)"
)
_GROUPS = re.compile(r"(?<![\w.])\d{2,6}(?:[ -]\d{2,6}){1,5}(?![\w]|\.\d)")
_LABELS = (
    ("ssn", r"ssn?|socials?|social\s+security(?:\s+(?:number|no\.?|#))?|soc\.?\s?sec"),
    (
        "mrn",
        r"mrns?|medical\s+record|record|chart|hospital\s+(?:no|number|id)|patient\s+(?:id|number|no)|unit\s+(?:no|number)|nhs|pid",
    ),
    (
        "plan",
        r"policy|plan|member(?:ship)?|subscriber|group|claim|medicare|medicaid|mbi|insurance|insured|beneficiary|payer\s+id|hicn",
    ),
    (
        "account",
        r"accounts?|acct|a/c|bank|card(?:\s+ending(?:\s+in)?)?|ending(?:\s+in)?|iban|invoice|bill(?:ing)?|guarantor|routing",
    ),
    ("licence", r"licen[cs]es?|lic|npi|dea|gmc|driver'?s?|passport|certificate|registration|nmc|permit|dl"),
    ("vehicle", r"vin|plates?|car|vehicle|tag|truck|van|kennzeichen|reg"),
    ("device", r"serials?|sn|s/n|udi|imei|mac|device|implant|pump|pacemaker|unit|meter|lot|equipment"),
    (
        "other",
        r"accession|acc|specimen|encounter|visit|study|subject|participant|employee|badge|rx|prescription|case|national\s+id|student|order|id|ref(?:erence)?",
    ),
)
_LABEL = re.compile("|".join(rf"(?P<{kind}>\b(?:{words})\b)" for kind, words in _LABELS), re.IGNORECASE)
_REACH = 45  # characters between a label's beginning and the number that it labels
_BETWEEN = re.compile(
    r"[\s:#=.,;()\"'>|-]{0,6}(?:(?:no|nr|num|number|numbers|id|is|was|are|and|code|the|old|one|in|says|on|my|of|for|device|plate)\b[\s:#=.,;()\"'>|-]{0,4}){0,4}$",
    re.IGNORECASE,
)
_CODES_OF_THINGS = re.compile(
    r"\b(?:cpt|icd(?:-1[01])?|loinc|ndc|snomed|pmid|doi|rs|hcpcs|isbn|model|size|version|release)\b[\s:#=.-]{0,4}(?:code\s)?$",
    re.I,
)
_FORMS = (
    ("ssn", "form", 0.9, r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])|(?<![\d ])\d{3} \d{2} \d{4}(?! ?\d)"),
    ("device", "MAC address", 0.97, r"(?<![\w:-])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}(?![\w:-])"),
    ("device", "UDI", 0.98, r"\(01\)\d{14}(?:\(\d{2}\)[\w/-]{1,20}){0,5}"),
    ("device", "serial", 0.9, r"(?i:(?<!\w)SN[-:]?\d{5,12}(?!\w))"),
    ("other", "UUID", 0.98, r"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])"),
    ("other", "prefix", 0.9, r"(?i:(?<!\w)(?:RX|EMP|TRIAL|ACC|SUBJ|ENC|VISIT)[-#]?\d{2,10}(?:-\d{1,6}){0,2}(?!\w))"),
    ("other", "accession", 0.85, r"(?i:(?<![\w-])(?:S|SP|CY|NG|SU|HP|PA)-?\d{2}-\d{3,7}(?![\w-]))"),
    ("plan", "Medicare", 0.97, r"(?i:(?<![\w-])[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d{2}(?![\w-]))"),
    ("plan", "prefix", 0.8, r"(?i:(?<![\w-])[A-Z]{3}\d{8,12}(?![\w-])|(?<![\w-])HP-\d{6,9}(?!\w))"),
    ("mrn", "prefix", 0.85, r"(?i:(?<!\w)(?:MRN|CH|MR)[-#]?\d{5,10}(?!\w))"),
    ("account", "prefix", 0.85, r"(?i:(?<!\w)(?:PA|HAR|INV|ACCT)[-#]?\d{6,10}(?!\w))"),
    ("account", "last digits", 0.9, r"(?<![\w-])(?:[xX*]{1,4}|[xX*]{4}[ -])\d{4}(?![\w-])"),
    ("account", "long number", 0.6, r"(?<![\w.-])\d{4}-\d{4}(?![\w-])"),
    ("vehicle", "plate", 0.7, r"(?i:(?<![\w-])(?:[A-Z]{3} \d{4}|[A-Z]{2}\d{2} [A-Z]{3}|\d{2}[A-Z]-[A-Z]\d{2}|[A-Z]{1,3}-[A-Z]{1,2} \d{1,4})(?![\w-]))"),
    ("device", "serial", 0.65, r"(?<![\w-])[A-Z]{2}-\d{3}-\d{3}(?![\w-])"),
    ("licence", "nurse", 0.8, r"(?i:(?<![\w-])(?:NP|RN|LPN)-\d{4,8}(?!\w))"),
)  # fmt: skip
_FORM = [(kind, rule, confidence, re.compile(pattern)) for kind, rule, confidence, pattern in _FORMS]
_CHECKED = re.compile(
    r"(?<![\w-])(?:[A-Za-z]{2}\d{7}|\d{10}|\d{3} \d{3} \d{4}|[A-HJ-NPR-Za-hj-npr-z0-9]{17}|[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}|\d{4}(?:[ -]\d{4}){2}[ -]\d{3,4}|\d{15,16})(?![\w-])"
)


def numbers(text: str) -> Iterator[Finding]:
    """Codes with digits that single out a person's record or thing."""
    for kind, rule, confidence, pattern in _FORM:
        for hit in pattern.finditer(text):
            yield Finding(*hit.span(), kind, rule, confidence)
    for hit in _CHECKED.finditer(text):
        if kind := _checked(hit.group()):
            yield Finding(*hit.span(), kind, "check digit", 0.93)
    for pattern in (_GROUPS, _CODE):
        for hit in pattern.finditer(text):
            yield from _labelled(text, *hit.span())


def _checked(code: str) -> str:
    plain = code.replace(" ", "").replace("-", "")
    if plain.isdigit():
        if len(plain) == 10:
            return "licence" if checks.npi(plain) else "mrn" if checks.nhs(plain) else ""
        return ("device" if len(plain) == 15 and plain == code else "account") if checks.luhn(plain) else ""
    if len(plain) == 9:
        return "licence" if checks.dea(plain) else ""
    if len(plain) == 17 and any(mark.isdigit() for mark in plain) and plain == code:
        return "vehicle" if checks.vin(plain) or sum(mark.isdigit() for mark in plain) > 5 else ""
    return "account" if plain[2:4].isdigit() and checks.iban(plain) else ""


def _labelled(text: str, start: int, end: int) -> Iterator[Finding]:
    """A code right behind a word that says whose number it is."""
    code = text[start:end]
    digits = sum(mark.isdigit() for mark in code)
    before = text[max(0, start - _REACH) : start]
    if digits < 3 or _CODES_OF_THINGS.search(before):
        return
    last = None
    for last in _LABEL.finditer(before):
        pass
    if last is None or not last.lastgroup or not _BETWEEN.match(before, last.end()):
        return
    shortest = 4 if last.lastgroup in ("ssn", "account", "vehicle", "device") else 5
    if digits >= shortest or (len(code) >= shortest and digits >= 3):
        yield Finding(start, end, last.lastgroup, "label", 0.95)
