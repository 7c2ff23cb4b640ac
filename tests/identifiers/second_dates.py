"""How the second test set writes dates: more of the ways that notes, forms and people use."""

from __future__ import annotations

import random

from tests.identifiers import dates
from tests.identifiers.dates import MONTHS, SHORT, Day, Writer, made, nth, ordinal, words, year_said
from tests.identifiers.draw import Draw, Piece

PLAIN: tuple[tuple[str, Writer], ...] = (
    ("slash", lambda d: f"{d.month:02d}/{d.day:02d}/{d.year}"),
    ("slash_bare", lambda d: f"{d.month}/{d.day}/{d.year}"),
    ("slash_short", lambda d: f"{d.month}/{d.day}/{d.year % 100:02d}"),
    ("slash_short_zero", lambda d: f"{d.month:02d}/{d.day:02d}/{d.year % 100:02d}"),
    ("month_day_year", lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}"),
    ("short_day_year", lambda d: f"{SHORT[d.month - 1][:3]} {d.day}, {d.year}"),
)
FULL: tuple[tuple[str, Writer], ...] = (
    *PLAIN,
    *PLAIN,
    ("iso", lambda d: f"{d.year}-{d.month:02d}-{d.day:02d}"),
    ("dash_short", lambda d: f"{d.month}-{d.day}-{d.year % 100:02d}"),
    ("dash_zero", lambda d: f"{d.month:02d}-{d.day:02d}-{d.year % 100:02d}"),
    ("short_no_comma", lambda d: f"{SHORT[d.month - 1][:3]} {d.day} {d.year}"),
    ("month_no_comma", lambda d: f"{MONTHS[d.month - 1]} {d.day} {d.year}"),
    ("month_nth_no_comma", lambda d: f"{MONTHS[d.month - 1]} {nth(d.day)} {d.year}"),
    ("day_short_year", lambda d: f"{d.day:02d} {SHORT[d.month - 1][:3]} {d.year}"),
    ("nth_month_year", lambda d: f"{nth(d.day)} {MONTHS[d.month - 1]} {d.year}"),
    ("day_month_comma", lambda d: f"{d.day} {MONTHS[d.month - 1]}, {d.year}"),
    ("day_upper_dash", lambda d: f"{d.day:02d}-{SHORT[d.month - 1][:3].upper()}-{d.year}"),
    ("ddmonyy", lambda d: f"{d.day:02d}{SHORT[d.month - 1][:3].upper()}{d.year % 100:02d}"),
    ("dot_full_short", lambda d: f"{d.day:02d}.{d.month:02d}.{d.year % 100:02d}"),
    ("dot_bare", lambda d: f"{d.day}.{d.month}.{d.year}"),
    ("european_short", lambda d: f"{d.day:02d}/{d.month:02d}/{d.year % 100:02d}"),
    ("mon_dash", lambda d: f"{SHORT[d.month - 1][:3]}-{d.day:02d}-{d.year}"),
    ("short_dot_nth", lambda d: f"{dotted(d)} {nth(d.day)}, {d.year}"),
)
PART: tuple[tuple[str, Writer], ...] = (
    ("slash_part", lambda d: f"{d.month}/{d.day}"),
    ("month_day", lambda d: f"{MONTHS[d.month - 1]} {d.day}"),
    ("month_nth", lambda d: f"{MONTHS[d.month - 1]} {nth(d.day)}"),
    ("short_day", lambda d: f"{SHORT[d.month - 1][:3]} {d.day}"),
    ("short_dot_day", lambda d: f"{dotted(d)} {d.day}"),
    ("short_nth", lambda d: f"{SHORT[d.month - 1][:3]} {nth(d.day)}"),
    ("day_month", lambda d: f"{d.day} {MONTHS[d.month - 1]}"),
    ("nth_of_month", lambda d: f"{nth(d.day)} of {MONTHS[d.month - 1]}"),
)
TALK: tuple[tuple[str, Writer], ...] = (
    *PART[1:3],
    ("month_the_nth", lambda d: f"{MONTHS[d.month - 1]} the {nth(d.day)}"),
    ("month_ordinal", lambda d: f"{MONTHS[d.month - 1]} {ordinal(d.day)}"),
)
MONTH: tuple[tuple[str, Writer], ...] = (
    ("month", lambda d: MONTHS[d.month - 1]),
    ("month_year", lambda d: f"{MONTHS[d.month - 1]} {d.year}"),
    ("short_month_year", lambda d: f"{SHORT[d.month - 1][:3]} {d.year}"),
    ("month_comma_year", lambda d: f"{MONTHS[d.month - 1]}, {d.year}"),
    ("month_of_year", lambda d: f"{MONTHS[d.month - 1]} of {d.year}"),
    ("month_short_year", lambda d: f"{MONTHS[d.month - 1]} '{d.year % 100:02d}"),
)
SPOKEN: tuple[tuple[str, Writer], ...] = (
    ("spoken_year", lambda d: f"{MONTHS[d.month - 1].lower()} {ordinal(d.day)} {year_said(d.year)}"),
    ("spoken_the", lambda d: f"{MONTHS[d.month - 1].lower()} the {ordinal(d.day)}"),
    ("spoken", lambda d: f"{MONTHS[d.month - 1].lower()} {ordinal(d.day)}"),
    ("spoken_of", lambda d: f"{ordinal(d.day)} of {MONTHS[d.month - 1].lower()}"),
)
BIRTH_SAID: tuple[tuple[str, Writer], ...] = (
    ("said_month", lambda d: f"{MONTHS[d.month - 1]} {ordinal(d.day)}, {year_said(d.year)}"),
    ("said_digits", lambda d: f"{two(d.month)} {two(d.day)} {year_said(d.year)}"),
    ("month_nth", lambda d: f"{MONTHS[d.month - 1]} {nth(d.day)}, {d.year}"),
)
FORMS: dict[str, tuple[tuple[str, Writer], ...]] = {
    "": FULL + PART[:6],
    "full": FULL,
    "dob": FULL,
    "child": FULL,
    "us": PLAIN[:4],
    "words": PLAIN[4:] + FULL[15:20],
    "part": PART,
    "slash": PART[:1],
    "talk": TALK,
    "month": MONTH,
    "name": MONTH[:1],
    "monthyear": MONTH[1:5],
    "numeric": (("month_slash", lambda d: f"{d.month:02d}/{d.year}"), ("month_slash_bare", lambda d: f"{d.month}/{d.year}")),
    "spoken": SPOKEN,
    "said": BIRTH_SAID,
    "iso": FULL[12:13],
    "child_words": PLAIN[4:],
    "spoken_full": SPOKEN[:1],
    "dobus": PLAIN[:3],
    "dobiso": FULL[12:13],
    "dobcompact": dates.COMPACT,
    "compact": dates.COMPACT,
    "stamp": dates.COMPACT,
    "isostamp": FULL[12:13],
    "day": (("day_alone", lambda d: nth(d.day)),),
    "french": (("french", lambda d: f"{d.day} {dates.FRENCH[d.month - 1]} {d.year}"),),
    "frenchdob": (("french", lambda d: f"{d.day} {dates.FRENCH[d.month - 1]} {d.year}"),),
    "spanish": (("spanish", lambda d: f"{d.day} de {dates.SPANISH[d.month - 1]} de {d.year}"),),
    "dots": FULL[23:25],
    "upper": FULL[21:23],
}  # fmt: skip
ADULT = (1937, 2004)
YEARS = {"dob": ADULT, "said": ADULT, "dobus": ADULT, "dobiso": ADULT, "dobcompact": ADULT, "child": (2009, 2024)} | {
    "child_words": (2024, 2025),
    "spoken_full": ADULT,
    "frenchdob": ADULT,
}


def dotted(day: Day) -> str:
    """A month cut short with its point, where it is cut."""
    return SHORT[day.month - 1] + ("" if day.month == 5 else ".")


def two(number: int) -> str:
    """A two-digit number as people read it out: oh four, eleven."""
    return f"oh {words(number)}" if number < 10 else words(number)


def year(draw: Draw, form: str) -> int:
    """A year of birth, or mostly the one year of the row: a note's dates lie near each other."""
    if form in YEARS:
        return draw.between(*YEARS[form])
    own = 2012 + int(random.Random(draw.seed).random() * 15)
    return own - (draw.between(1, 6) if draw.chance(0.15) or form == "monthyear" else 0)


def date(draw: Draw, form: str, key: str) -> list[Piece]:
    """A date; the ends of a range are spans of their own unless they share their month."""
    day = Day(year(draw, form), draw.between(1, 12), draw.between(1, 28))
    if form == "range":
        return span(draw, day)
    tag, writer = draw.pick(FORMS[form])
    pieces = [made(writer(day), tag)]
    clock = f"{draw.below(24):02d}{draw.below(60):02d}"
    if form == "stamp":
        pieces.append(Piece(clock + draw.pick(("", "", "00"))))
    if form == "isostamp":
        pieces.append(Piece(f"T{clock[:2]}:{clock[2:]}:{draw.below(60):02d}{draw.pick(('Z', '', '-05:00'))}"))
    return pieces


def span(draw: Draw, day: Day) -> list[Piece]:
    """Two dates of one stay or leave: `3/4 - 3/9`, `March 4 to March 9`, or with one month, `March 4-9, 2024`, as one span."""
    day = Day(day.year, day.month, 1 + day.day % 16)
    until = Day(day.year, day.month, min(28, day.day + draw.between(1, 12)))
    if draw.chance(0.25):
        year = draw.pick((f", {day.year}", ""))
        return [
            made(f"{MONTHS[day.month - 1]} {day.day}{draw.pick(('-', '–', ' - '))}{until.day}{year}", "range_month")
        ]
    tag, writer = draw.pick((PLAIN[0], PLAIN[2], PLAIN[4], PART[0], PART[1]))
    join = draw.pick((" to ", " - ", " through ", " until ", "–"))
    return [made(writer(day), f"range_{tag}"), Piece(join), made(writer(until), f"range_{tag}")]
