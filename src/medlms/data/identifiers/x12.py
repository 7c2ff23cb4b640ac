"""X12 messages (claims, eligibility): what an element is follows from its segment, its number and the qualifier before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

# Segment and element to the class of its number, whatever the qualifier says.
_ELEMENTS = {"CLM": {1: "account"}, "CLP": {1: "account", 7: "plan"}, "SBR": {3: "plan"}, "TRN": {2: "other"}}
# Segment to the places of qualifiers (the number stands behind each) and what they mean (ASC X12 005010).
_QUALIFIED = {
    "NM1": ((8,), {"XX": "licence", "MI": "plan", "34": "ssn", "24": "other", "FI": "other", "II": "plan", "SV": "licence"}),
    "REF": ((1,), {
        "SY": "ssn", "1W": "plan", "G1": "plan", "9F": "plan", "6P": "plan", "1L": "plan", "F8": "plan", "0F": "plan",
        "IG": "plan", "Y4": "plan", "D9": "plan", "EA": "mrn", "0B": "licence", "G2": "licence", "1G": "licence", "EI": "other",
        "TJ": "other", "EJ": "account", "XZ": "other", "BT": "device", "F4": "licence", "X4": "licence", "6R": "other",
    }),
    "PER": ((3, 5, 7), {"TE": "phone", "FX": "fax", "EX": "phone", "HP": "phone", "WP": "phone", "CP": "phone"}),
    "DMG": ((1,), {"D8": "date"}),
    "DTP": ((2,), {"D8": "date", "RD8": "date", "DT": "date"}),
}  # fmt: skip
_SEGMENT = re.compile(r"(?<![A-Z0-9])(NM1|REF|PER|DMG|DTP|CLM|CLP|SBR|TRN)\*[^~\n]{2,200}")


def elements(seen: View) -> Iterator[Finding]:
    """Numbers in the elements of segments that hold a person's."""
    if not seen.digits or seen.text.count("*") < 3:
        return
    for hit in _SEGMENT.finditer(seen.text):
        parts = hit.group().split("*")
        known = dict(_ELEMENTS.get(hit[1], {}))
        places, meanings = _QUALIFIED.get(hit[1], ((), {}))
        known |= {at + 1: meanings[parts[at]] for at in places if at < len(parts) and parts[at] in meanings}
        start = hit.start()
        for place, part in enumerate(parts):
            kind = known.get(place)
            if kind and sum(map(str.isdigit, part)) > 2:
                yield Finding(start, start + len(part), kind, "X12 element", 0.94)
            start += len(part) + 1
