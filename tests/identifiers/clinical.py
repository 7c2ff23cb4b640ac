"""What is no identifier: clinical content, and the hard negatives that look like names, dates and numbers."""

from __future__ import annotations

import re

from tests.identifiers.draw import Draw, Piece

# Kinds whose loss is a loss of clinical content; the others (years, countries, phrases, ...) are merely no identifiers.
CLINICAL = frozenset(
    """
    eponym_dx eponym_sign eponym_thing scale drug drug_namelike lab_value bp vital dose fraction gene variant icd cpt loinc
    snomed ndc stage age age_spoken duration ratio size obstetric spine score range acuity immunology statistic eeg
    dx finding symptom procedure plain_drug body
    """.split()
)


def negative(draw: Draw, key: str) -> list[Piece]:
    """A hard negative of a kind (`kind` or `kind.variety`). An item may mark with <...> which part of it is the trap."""
    item = draw.fresh("negatives", key)
    kind = key.partition(".")[0]
    if kind in PATTERNED and key != "dose.combo":
        return [Piece(draw.filled(item).replace("¤", "%"), "negative", kind)]
    if "<" not in item:
        return [Piece(item, "negative", kind)]
    parts = re.split(r"<(.*?)>", item)
    return [
        Piece(part, "negative" if place % 2 else "", kind if place % 2 else "")
        for place, part in enumerate(parts)
        if part
    ]


def content(draw: Draw, kind: str) -> list[Piece]:
    """A clinical word or phrase that is no trap but must survive."""
    return [Piece(draw.fresh("clinical", kind), "clinical", kind.partition(".")[0])]


# Kinds whose items hold digit signs to be drawn, so that the same number does not come again and again; ¤ is a per cent sign.
PATTERNED = frozenset("lab_value bp vital dose ratio version reference statistic size ndc snomed model".split())
