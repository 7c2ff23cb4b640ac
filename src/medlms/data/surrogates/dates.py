"""Moves dates by a group's shift, written as they were written; ages over 89 become '90 or older'."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from medlms.data.surrogates.group import Group, cased
from medlms.data.surrogates.months import MONTHS, ORDINALS, YEARS, month, ordinal, year

UNREAD = "[date]"
"""What stands for a date that could not be read."""
_USUAL_YEAR = 2023  # of dates without one, where the group names none; no leap year, so 29 February needs another
_MIDDLE = 15  # the day of a month that is named without one

_UNIT = re.compile(r"\s*-?\s*(?:years?|yrs?|y/?o|y\.o|ans|años|jahre|[MF]\b)", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d{1,4})(\s?[-/.]\s?)(\d{1,2})(?:(\s?[-/.]\s?)(\d{1,4}))?\.?")
_SPOKEN = sorted((*YEARS, *ORDINALS), key=len, reverse=True)
_TOKEN = re.compile(
    r"\d+|\b(?:" + "|".join(re.sub(r"[ -]", r"[\\s-]+", words) for words in _SPOKEN) + r")\b|[^\W\d_]+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A part of a date as it stands: ``role`` is day, month or year; ``write`` puts another number in its form."""

    start: int
    end: int
    role: str
    value: int
    write: Callable[[int], str]


def moved(group: Group, original: str, after: str = "") -> str:
    """The date as a group moves it; ``after`` is the text behind it, by which ages are told from years."""
    if is_age(original):
        return _age(original, after)
    slots = _slots(original, group.day_first)
    when = _when(slots, group.year)
    if when is None:
        return UNREAD
    try:
        then = when + group.shift
    except OverflowError:
        return UNREAD
    if not 1000 <= then.year <= 9999:
        return UNREAD
    made, end = [], 0
    for slot in slots:
        made += [original[end : slot.start], slot.write(getattr(then, slot.role))]
        end = slot.end
    return "".join(made) + original[end:]


def is_age(original: str) -> bool:
    """Whether a finding of the class date is an age over 89."""
    plain = re.sub(r"[\s-]+", " ", original.strip().casefold())
    if plain.isdigit():
        return 90 <= int(plain) <= 129
    return bool(re.fullmatch(r"(?:ninety|(?:one|a) hundred)(?: and)?(?: [a-z]+)*", plain))


def learn(group: Group, original: str) -> None:
    """Take from a clear date what unclear ones lack: whether days come first, and the year."""
    if is_age(original):
        return
    hit = _NUMBERS.fullmatch(original.strip())
    if hit and len(hit[1]) <= 2 and group.day_first is None:
        first, second = int(hit[1]), int(hit[3])
        if first > 12 >= second:
            group.day_first = True
        elif second > 12 >= first:
            group.day_first = False
    if group.year is None:
        group.year = next((slot.value for slot in _slots(original, group.day_first) if slot.role == "year"), None)


def shifted(group: Group, value: date) -> date:
    """A date (or date with time) of a typed cell, moved; as it is where the calendar ends."""
    try:
        return value + group.shift
    except OverflowError:
        return value


def _age(original: str, after: str) -> str:
    spelt = original.strip()[:1].isalpha()
    if _UNIT.match(after):
        return cased("ninety-plus", original) if spelt else "90+"
    return cased("ninety or older", original) if spelt else "90 or older"


def _when(slots: list[_Slot], usual: int | None) -> date | None:
    known = {slot.role: slot.value for slot in slots}
    if "month" not in known or len(known) != len(slots):
        return None
    for assumed in (known.get("year"), usual, _USUAL_YEAR, _USUAL_YEAR + 1):
        if assumed is None:
            continue
        try:
            return date(assumed, known["month"], known.get("day", _MIDDLE))
        except ValueError:
            if "year" in known:
                return None
    return None


def _slots(original: str, day_first: bool | None) -> list[_Slot]:
    text = original.strip()
    offset = original.find(text)
    if re.fullmatch(r"\d{8}", text):
        spans = ((0, 4, "year"), (4, 6, "month"), (6, 8, "day"))
        found = [_number(text, start, end, role, True) for start, end, role in spans]
    elif hit := _NUMBERS.fullmatch(text):
        found = _numeric(text, hit, day_first)
    else:
        found = _worded(text)
    return [replace(slot, start=slot.start + offset, end=slot.end + offset) for slot in found]


def _numeric(text: str, hit: re.Match[str], day_first: bool | None) -> list[_Slot]:
    spans = [hit.span(part) for part in (1, 3, 5) if hit[part] is not None]
    if len(hit[1]) == 4:
        roles = ("year", "month", "day")
    else:
        first, second = int(hit[1]), int(hit[3])
        if day_first is None:
            day_first = "." in hit[2]
        if first > 12 or second > 12:
            day_first = first > 12
        roles = ("day", "month", "year") if day_first else ("month", "day", "year")
        if hit[5] is None and len(hit[3]) == 4:
            roles = ("month", "year", "")
    padded = any(text[start] == "0" and end - start == 2 for start, end in spans)
    return [_number(text, start, end, role, padded) for (start, end), role in zip(spans, roles, strict=False)]


def _number(text: str, start: int, end: int, role: str, padded: bool) -> _Slot:
    width = end - start
    value = int(text[start:end])
    if role == "year" and width == 2:
        value += 2000 if value < 50 else 1900
        return _Slot(start, end, role, value, lambda new: f"{new % 100:02d}")
    return _Slot(start, end, role, value, lambda new: f"{new:0{width}d}" if padded else str(new))


def _worded(text: str) -> list[_Slot]:
    """The parts of a date with its month in words, or wholly in words."""
    slots: list[_Slot] = []
    padded = bool(re.search(r"(?<!\d)0\d(?!\d)", text))
    # May is long and short in one: what is joined by dashes is short.
    joined = re.search(r"[-/\d]may|may[-/\d]", text, re.IGNORECASE)
    hint = (
        "short"
        if joined
        else "de"
        if re.search(r"\d\.\s*[^\W\d]", text)
        else "es"
        if re.search(r"\bde\b", text)
        else ""
    )
    for hit in _TOKEN.finditer(text):
        word, plain = hit.group(), re.sub(r"[\s-]+", " ", hit.group().casefold())
        roles = {slot.role for slot in slots}
        if word.isdecimal():
            short = text[: hit.start()].endswith(("'", "’"))
            role = "year" if len(word) == 4 or short or "day" in roles else "day"
            if len(word) in (1, 2, 4):
                slots.append(_number(text, *hit.span(), role, padded))
        elif plain in ("st", "nd", "rd", "th") and slots and slots[-1].end == hit.start() and slots[-1].role == "day":
            day = slots.pop()
            slots.append(replace(day, end=hit.end(), write=_ranker(word)))
        elif found := month(plain, hint):
            slots.append(_Slot(*hit.span(), "month", found[1], _month_writer(found[0], word)))
        elif plain in _SAID_DAYS and "day" not in roles:
            slots.append(_Slot(*hit.span(), "day", _SAID_DAYS[plain], _spoken(ordinal, word)))
        elif plain in YEARS:
            slots.append(_Slot(*hit.span(), "year", YEARS[plain], _spoken(_year, word)))
    return slots


_SAID_DAYS = {words.replace("-", " "): number for words, number in ORDINALS.items()}


def _year(number: int) -> str:
    return year(number) if 1900 <= number <= 2099 else str(number)


def _month_writer(names: str, word: str) -> Callable[[int], str]:
    return lambda new: cased(MONTHS[names][new - 1], word)


def _spoken(words: Callable[[int], str], like: str) -> Callable[[int], str]:
    joined = "-" in like or not re.search(r"\s", like)
    return lambda new: cased(words(new) if joined else words(new).replace("-", " "), like)


def _ranker(ending: str) -> Callable[[int], str]:
    return lambda new: _ranked(new, ending.isupper())


def _ranked(number: int, upper: bool) -> str:
    ending = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending.upper() if upper else ending}"
