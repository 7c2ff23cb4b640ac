"""Invented people: names of many cultures, and the ways in which notes write them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from tests.identifiers.draw import Draw, Piece, lists

FAMILY_FIRST = {"chinese", "vietnamese", "korean", "hungarian", "japanese", "hmong"}
UNFOLDED = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "ð": "d", "þ": "th", "ı": "i"}
)
WRITTEN = ("full", "full", "middle", "comma", "comma_middle", "initial", "native")


@dataclass(frozen=True)
class Person:
    """An invented person."""

    given: str
    middle: str
    family: str
    nick: str
    female: bool
    culture: str


def folded(text: str) -> str:
    """The text in plain ASCII letters, as many record systems store it."""
    plain = unicodedata.normalize("NFKD", text.translate(UNFOLDED))
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def person(draw: Draw, key: str) -> Person:
    """The person of this row called `key`; somebody new where the key is empty."""
    if key and key in draw.people:
        return draw.people[key]
    names = lists(draw.split, "names")
    culture = draw.pick([*sorted({line.split()[0] for line in names if " " in line}), "anglo", "anglo", "hispanic"])
    female = draw.chance(0.5)
    first = names[f"{culture} {'women' if female else 'men'}"]
    given, middle = draw.pick(first), draw.pick(first)
    family = family_name(draw, culture, female=female)
    nick = draw.pick(names["nicknames"])
    made = Person(given, middle, family, nick, female, culture)
    if draw.chance(0.3):
        made = Person(folded(given), folded(middle), folded(family), nick, female, culture)
    if key:
        draw.people[key] = made
    return made


def family_name(draw: Draw, culture: str, *, female: bool) -> str:
    """A family name; two of them in Spanish usage at times, joined by a hyphen in English usage at times."""
    names = lists(draw.split, "names")[f"{culture} family"]
    name = draw.pick(names)
    if "/" in name:
        name = name.split("/")[1 if female else 0]
    if culture == "hispanic" and draw.chance(0.4):
        return f"{name} {draw.pick([other for other in names if other != name])}"
    if culture in {"anglo", "scandinavian", "german"} and draw.chance(0.12):
        return f"{name}-{draw.pick([other for other in names if other != name])}"
    return name


def name(draw: Draw, form: str, key: str) -> list[Piece]:
    """A name; titles, degrees and suffixes stand outside the span."""
    who = person(draw, key)
    form = form or draw.form(WRITTEN)
    if form == "native":
        form = "family_first" if who.culture in FAMILY_FIRST else "full"
    before, text, after = written(draw, who, form)
    parts = [Piece(before), Piece(text, "identifier", "name", form, who.culture), Piece(after)]
    return [part for part in parts if part.text]


def written(draw: Draw, who: Person, form: str) -> tuple[str, str, str]:
    """What stands before the name, the name, and what stands behind it."""
    title = draw.pick(("Mrs. ", "Ms. ", "Miss ", "Mrs ", "Ms ")) if who.female else draw.pick(("Mr. ", "Mr. ", "Mr "))
    doctor = draw.pick(("Dr. ", "Dr ", "Doctor ", "Prof. ", "Dr. "))
    simple = {
        "full": f"{who.given} {who.family}",
        "first": who.given,
        "last": who.family,
        "middle": f"{who.given} {who.middle[0]}. {who.family}",
        "middles": f"{who.given} {who.middle} {who.family}",
        "comma": f"{who.family}, {who.given}",
        "comma_middle": f"{who.family}, {who.given} {who.middle[0]}.",
        "comma_upper": f"{who.family.upper()}, {who.given.upper()}",
        "initial": f"{who.given[0]}. {who.family}",
        "initials": f"{who.given[0]}.{who.family[0]}.",
        "initials_bare": f"{who.given[0]}{who.middle[0]}{who.family[0]}".upper(),
        "two_initials": f"{who.given[0]}. {who.middle[0]}. {who.family}",
        "family_first": f"{who.family} {who.given}",
        "hl7": f"{who.family}^{who.given}^{who.middle[0]}".upper(),
        "nick": who.nick,
        "nick_quoted": f'{who.given} "{who.nick}" {who.family}',
        "nick_family": f"{who.nick} {who.family}",
    }
    if form in simple:
        return "", simple[form], ""
    if form == "title":
        return title, who.family, ""
    if form == "title_full":
        return title, f"{who.given} {who.family}", ""
    if form == "doctor":
        return (
            doctor,
            draw.pick((who.family, who.family, f"{who.given} {who.family}", f"{who.given[0]}. {who.family}")),
            "",
        )
    if form == "degree":
        return (
            "",
            f"{who.given} {who.family}",
            draw.pick((", MD", ", M.D.", ", DO", ", RN", ", NP", ", PA-C", ", PharmD")),
        )
    if form == "suffix":
        return "", f"{who.given} {who.family}", draw.pick((" Jr.", " III", ", Jr.", " Sr."))
    if form == "possessive":
        return "", draw.pick((who.given, who.family)), "'s"
    raise ValueError(f"no way to write a name is called {form!r}")
