"""Dates with more than the year, in many ways of writing, and ages over 89."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.identifiers.draw import Draw, Piece

MONTHS = "January February March April May June July August September October November December".split()
SHORT = "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec".split()
GERMAN = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
SPANISH = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
ONES += "seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {
    1: "first",
    2: "second",
    3: "third",
    5: "fifth",
    8: "eighth",
    9: "ninth",
    12: "twelfth",
    20: "twentieth",
    30: "thirtieth",
}


@dataclass(frozen=True)
class Day:
    """A calendar day."""

    year: int
    month: int
    day: int


def words(number: int) -> str:
    """A number below 100 in words."""
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + (f" {ONES[number % 10]}" if number % 10 else "")


def ordinal(number: int) -> str:
    """A day of the month in words."""
    if number in ORDINALS:
        return ORDINALS[number]
    if number < 20:
        return words(number) + "th"
    return f"{TENS[number // 10]} {ORDINALS.get(number % 10, ONES[number % 10] + 'th')}"


def nth(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def year_said(year: int) -> str:
    """A year as people say it."""
    if 2000 <= year < 2010:
        return "two thousand" + (f" {words(year % 100)}" if year % 100 else "")
    rest = year % 100
    return f"{words(year // 100)} {'hundred' if not rest else words(rest) if rest > 9 else 'oh ' + words(rest)}"


Writer = Callable[[Day], str]
WITH_YEAR: tuple[tuple[str, Writer], ...] = (
    ("us_slash", lambda d: f"{d.month:02d}/{d.day:02d}/{d.year}"),
    ("us_slash_short", lambda d: f"{d.month}/{d.day}/{d.year % 100:02d}"),
    ("iso", lambda d: f"{d.year}-{d.month:02d}-{d.day:02d}"),
    ("month_day_year", lambda d: f"{MONTHS[d.month - 1]} {d.day}, {d.year}"),
    ("us_slash_bare", lambda d: f"{d.month}/{d.day}/{d.year}"),
    ("us_dash", lambda d: f"{d.month:02d}-{d.day:02d}-{d.year}"),
    ("short_month_year", lambda d: f"{SHORT[d.month - 1]} {d.day}, {d.year}"),
    ("dot_european", lambda d: f"{d.day:02d}.{d.month:02d}.{d.year}"),
    ("day_month_year", lambda d: f"{d.day} {MONTHS[d.month - 1]} {d.year}"),
    ("day_mon_year_dash", lambda d: f"{d.day:02d}-{SHORT[d.month - 1][:3]}-{d.year}"),
    ("slash_european", lambda d: f"{d.day:02d}/{d.month:02d}/{d.year}"),
    ("dot_short", lambda d: f"{d.month}.{d.day}.{d.year % 100:02d}"),
    ("nth_of_month_year", lambda d: f"{nth(d.day)} of {MONTHS[d.month - 1]} {d.year}"),
    ("month_nth_year", lambda d: f"{MONTHS[d.month - 1]} {nth(d.day)}, {d.year}"),
    ("ddmonyyyy", lambda d: f"{d.day:02d}{SHORT[d.month - 1][:3].upper()}{d.year}"),
    ("slash_year_first", lambda d: f"{d.year}/{d.month:02d}/{d.day:02d}"),
    ("german", lambda d: f"{d.day}. {GERMAN[d.month - 1]} {d.year}"),
    ("spanish", lambda d: f"{d.day} de {SPANISH[d.month - 1]} de {d.year}"),
    ("french", lambda d: f"{d.day} {FRENCH[d.month - 1]} {d.year}"),
    ("mon_dot_apostrophe", lambda d: f"{SHORT[d.month - 1]}{'' if d.month == 5 else '.'} {d.day}, '{d.year % 100:02d}"),
    ("day_mon_yy", lambda d: f"{d.day}-{SHORT[d.month - 1][:3]}-{d.year % 100:02d}"),
)
NO_YEAR: tuple[tuple[str, Writer], ...] = (
    ("slash_partial", lambda d: f"{d.month}/{d.day}"),
    ("month_day", lambda d: f"{MONTHS[d.month - 1]} {d.day}"),
    ("nth_of_month", lambda d: f"the {nth(d.day)} of {MONTHS[d.month - 1]}"),
    ("month_nth", lambda d: f"{MONTHS[d.month - 1]} {nth(d.day)}"),
    ("short_month_day", lambda d: f"{SHORT[d.month - 1]} {d.day}"),
    ("day_short_month", lambda d: f"{d.day} {SHORT[d.month - 1]}"),
    ("slash_partial_zero", lambda d: f"{d.month:02d}/{d.day:02d}"),
    ("nth_month", lambda d: f"{nth(d.day)} {MONTHS[d.month - 1]}"),
)
MONTH: tuple[tuple[str, Writer], ...] = (
    ("month_year", lambda d: f"{MONTHS[d.month - 1]} {d.year}"),
    ("month_of_year", lambda d: f"{MONTHS[d.month - 1]} of {d.year}"),
    ("slash_month_year", lambda d: f"{d.month:02d}/{d.year}"),
    ("month_alone", lambda d: MONTHS[d.month - 1]),
    ("short_month_apostrophe", lambda d: f"{SHORT[d.month - 1]} '{d.year % 100:02d}"),
    ("iso_month", lambda d: f"{d.year}-{d.month:02d}"),
)
SPOKEN: tuple[tuple[str, Writer], ...] = (
    ("spoken_year", lambda d: f"{MONTHS[d.month - 1].lower()} {ordinal(d.day)} {year_said(d.year)}"),
    ("spoken", lambda d: f"{MONTHS[d.month - 1].lower()} {ordinal(d.day)}"),
    ("spoken_of", lambda d: f"the {ordinal(d.day)} of {MONTHS[d.month - 1].lower()}"),
)
COMPACT: tuple[tuple[str, Writer], ...] = (("compact", lambda d: f"{d.year}{d.month:02d}{d.day:02d}"),)
DAY_ALONE: tuple[tuple[str, Writer], ...] = (("day_alone", lambda d: f"the {nth(d.day)}"),)
ENTRY: tuple[tuple[str, Writer], ...] = WITH_YEAR + WITH_YEAR + NO_YEAR
FORMS = {
    "": ENTRY, "full": WITH_YEAR, "noyear": NO_YEAR, "month": MONTH, "spoken": SPOKEN, "compact": COMPACT,
    "iso": WITH_YEAR[2:3], "slash": NO_YEAR[:1], "day": DAY_ALONE, "dob": WITH_YEAR, "us": WITH_YEAR[:2] + WITH_YEAR[4:6],
}  # fmt: skip


def any_day(draw: Draw, form: str) -> Day:
    """A day of the last years, or of the last hundred for births."""
    year = draw.between(1926, 2021) if form == "dob" else draw.between(2006, 2026)
    return Day(year, draw.between(1, 12), draw.between(1, 28))


def date(draw: Draw, form: str, key: str) -> list[Piece]:
    """A date; a weekday before it, or the end of a range behind it, is labelled for what it is."""
    day = any_day(draw, form)
    if form == "range":
        until = Day(day.year, day.month, min(28, day.day + draw.between(1, 9)))
        tag, writer = draw.pick(NO_YEAR[:1] + NO_YEAR[4:5] + WITH_YEAR[:2])
        join = draw.pick(("-", " - ", " to ", "–", " through "))
        return [made(writer(day), f"range_{tag}"), Piece(join), made(writer(until), f"range_{tag}")]
    tag, writer = draw.form(FORMS[form])
    text = writer(day)
    if text.startswith("the "):
        return [Piece("the "), made(text[4:], tag)]
    before = (
        f"{draw.pick(DAYS)}, "
        if tag in {"month_day_year", "month_nth", "nth_of_month_year"} and draw.chance(0.3)
        else ""
    )
    return [Piece(before), made(text, tag)] if before else [made(text, tag)]


def made(text: str, tag: str) -> Piece:
    """A labelled date."""
    return Piece(text, "identifier", "date", tag)


def age(draw: Draw, form: str, key: str) -> list[Piece]:
    """The number of an age over 89, in digits or ("word") in words; what makes it an age stands in the carrier."""
    years = draw.pick((90, 90, 91, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 106))
    if form == "word":
        text = (
            words(years).replace(" ", draw.pick((" ", "-")))
            if years < 100
            else "one hundred" + (f" and {words(years - 100)}" if years > 100 else "")
        )
        return [made(text, "age_word")]
    return [made(str(years), "age")]
