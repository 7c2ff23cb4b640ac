"""HL7 version 2 messages: what a field is follows from its segment and its number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

# Segment and field (HL7 2.5, counted as in the standard) to the class of numbers in it.
_FIELDS = {
    "PID": {2: "mrn", 3: "mrn", 4: "mrn", 7: "date", 13: "phone", 14: "phone", 18: "account", 19: "ssn", 20: "licence", 21: "mrn",
            29: "date"},
    "NK1": {5: "phone", 6: "phone", 33: "other", 37: "ssn"},
    "PV1": {7: "licence", 8: "licence", 9: "licence", 17: "licence", 19: "other", 44: "date", 45: "date", 50: "other"},
    "GT1": {2: "account", 6: "phone", 7: "phone", 12: "ssn", 19: "other"},
    "IN1": {2: "plan", 7: "phone", 8: "plan", 9: "plan", 18: "date", 36: "plan", 49: "plan"},
    "IN2": {1: "other", 2: "ssn", 6: "plan", 8: "plan"},
    "ORC": {2: "other", 3: "other", 4: "other", 10: "licence", 12: "licence", 14: "phone"},
    "OBR": {2: "other", 3: "other", 10: "licence", 16: "licence", 17: "phone", 18: "other", 20: "other", 28: "licence"},
    "SPM": {2: "other", 3: "other"},
    "ACC": {6: "vehicle"},
    "STF": {2: "other", 10: "phone"},
    "MRG": {1: "mrn", 3: "account", 4: "mrn"},
    "ZPI": {2: "mrn"},
}  # fmt: skip
_SEGMENT = re.compile(r"(?m)^[ \t]*([A-Z][A-Z0-9]{2})\|[^\n]*")
_LEAST = {"phone": 7, "date": 6, "ssn": 4}  # digits of a field; others three
_PART = re.compile(r"[^\^~&\s]+(?: [^\^~&\s]+)*")


def segments(seen: View) -> Iterator[Finding]:
    """Numbers in the fields of segments that hold a person's."""
    if not seen.digits or "|" not in seen.text:
        return
    for hit in _SEGMENT.finditer(seen.text):
        fields = _FIELDS.get(hit[1])
        if not fields:
            continue
        start = hit.start(1)
        for place, field in enumerate(hit.group().lstrip().split("|")):
            if (kind := fields.get(place)) and (part := _PART.match(field)):
                digits = sum(map(str.isdigit, part.group()))
                if digits >= _LEAST.get(kind, 3):
                    yield Finding(start + part.start(), start + part.end(), kind, "HL7 field", 0.94)
            start += len(field) + 1
