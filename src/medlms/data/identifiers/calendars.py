"""Dates of other calendars: Ethiopian, Islamic, Persian, Indian, Hebrew months, and unknown ones behind a label."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

_DAY = r"(?:3[01]|[12][0-9]|0?[1-9])"
_MONTHS = (
    "meskerem tikimt hidar tahsas tir yekatit megabit miazia ginbot sene hamle nehase pagume muharram safar rajab shaban "
    "sha'ban ramadan ramazan shawwal farvardin ordibehesht khordad mordad shahrivar aban azar bahman esfand boishakh joishtho "
    "asharh srabon bhadro ashwin kartik ogrohayon poush magh falgun choitro baishakh jestha ashadh shrawan bhadra mangsir "
    "phalgun chaitra iyar sivan tammuz elul tishrei tishri cheshvan kislev tevet shevat adar vesak songkran"
).split()
_NAMES = frozenset(_MONTHS)
_BESIDE_DAY = re.compile(
    rf"\b(?:{_DAY} (?:{'|'.join(map(str.title, _MONTHS))})|(?:{'|'.join(map(str.title, _MONTHS))}) {_DAY})"
    r"(?:,? 1[34][0-9]{2}|,? 20[0-9]{2}|,? 57[0-9]{2})?(?![\w/%-]|\.[0-9]| ?(?:mg|ml|years?|yrs?|y|m|f)\b)"
)
# A month that no list has, behind a word for a date.
_LABELLED = re.compile(
    r"\b(?:[Dd]ated?|[Ss]een|[Bb]orn|[Ss]ince|[Rr]eturn|[Rr]eview|DOB|[Dd]ue|[Aa]dmitted|[Vv]isit)[: ]{1,2}"
    rf"({_DAY} [A-Z][a-z]{{2,9}} (?:1[34][0-9]{{2}}|20[0-9]{{2}}))(?![\w/-])"
)


def calendars(seen: View) -> Iterator[Finding]:
    """Days of months that the common calendar does not have."""
    if not seen.digits:
        return
    patterns = [(_LABELLED, seen.flat, 1)]
    if not seen.vocabulary.isdisjoint(_NAMES):
        patterns.append((_BESIDE_DAY, seen.flat if seen.cased else seen.flat.title(), 0))
    for pattern, text, group in patterns:
        for hit in seen.near_digits(pattern, text):
            yield Finding(*hit.span(group), "date", "other calendar", 0.86)
