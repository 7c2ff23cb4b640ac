"""How the second test set writes names, places and e-mail addresses; what is not here is written as in the first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from tests.identifiers import numbers, people, second_dates
from tests.identifiers.draw import Draw, Piece, lists
from tests.identifiers.people import FAMILY_FIRST, Person, folded, person
from tests.identifiers.places import span

USUAL = ("full", "full", "full", "comma", "comma", "middle", "bare_middle", "comma_caps", "initial", "native")
DEGREES = (
    ", MD",
    " MD",
    ", DO",
    ", RN",
    ", BSN, RN",
    ", NP",
    ", FNP-BC",
    ", PA-C",
    ", LCSW",
    ", DPM",
    ", PhD",
    ", DPT",
)
TITLES = {True: ("Mrs. ", "Ms. ", "Miss ", "Mrs ", "Ms "), False: ("Mr. ", "Mr. ", "Mr ")}
SEXES = {"f-": True, "m-": False}
WHOLE = re.compile("[SCRP]")


def name(draw: Draw, form: str, key: str) -> list[Piece]:
    """A name; titles, degrees and suffixes stand outside the span."""
    who = relative(draw, key) if key[:2] in SEXES else person(draw, key)
    form = form or draw.pick(USUAL)
    if form == "native":
        form = "family_first" if who.culture in FAMILY_FIRST else "full"
    before, text, after = written(draw, who, form)
    parts = [Piece(before), Piece(text, "identifier", "name", form, who.culture), Piece(after)]
    return [part for part in parts if part.text]


def relative(draw: Draw, key: str) -> Person:
    """Somebody whose key says the sex, `f-...` or `m-...`, as `her daughter` does."""
    if key not in draw.people:
        who = person(draw, "")
        while who.female != SEXES[key[:2]]:
            who = person(draw, "")
        draw.people[key] = who
    return draw.people[key]


def written(draw: Draw, who: Person, form: str) -> tuple[str, str, str]:
    """What stands before the name, the name, and what stands behind it."""
    given, family = who.given, who.family
    simple = {
        "bare_middle": f"{given} {who.middle[0]} {family}",
        "comma_caps": f"{family.upper()}, {given}",
        "comma_tight": f"{family},{given}",
        "family_initial": f"{family} {given[0]}",
        "family_initial_dot": f"{family}, {given[0]}.",
        "initial_bare": f"{given[0]} {family}",
        "tight": f"{given[0]}.{who.middle[0]}. {family}",
        "first_initial": f"{given} {family[0].upper()}.",
        "hat": f"{family}^{given}".upper(),
        "caps": f"{given} {family}".upper(),
    }
    if form in simple:
        return "", simple[form], ""
    if form == "title":
        return draw.pick(TITLES[who.female]), family, ""
    if form == "doctor":
        said = draw.pick((family, family, family, f"{given} {family}"))
        return draw.pick(("Dr. ", "Dr. ", "Dr ", "Dr. ", "Doctor ")), said, ""
    if form == "degree":
        return "", draw.pick((f"{given} {family}", f"{given} {who.middle[0]}. {family}")), draw.pick(DEGREES)
    if form == "md":
        return "", f"{given} {family}", draw.pick((", MD", " MD", ", DO", ", MD, PhD"))
    if form == "nurse":
        return (
            "",
            draw.pick((f"{given} {family}", f"{given[0]}. {family}")),
            draw.pick((" RN", ", RN", ", LPN", ", BSN, RN")),
        )
    if form == "suffix":
        return "", f"{given} {family}", draw.pick((" Jr.", ", Jr.", " II", " Sr.", " III"))
    return people.written(draw, who, form)


def place(draw: Draw, form: str, key: str) -> list[Piece]:
    """An address ("", "lines" over two lines, or of a country), or one part: city, town, street, road, zip, county, ..."""
    words = lists(draw.split, "places")
    if form in {"", "lines"} | set(words["countries"]):
        country = form if form in words["countries"] else draw.pick(words["countries"])
        return address(draw, country, "\n" if form == "lines" else ", ")
    if form == "city":
        country = draw.pick(words["countries"])
        return [span(draw.pick(words[f"{country} cities"]).split(";")[0], "city", country)]
    town, _, start = draw.pick(words["us cities"]).split(";")
    made = {
        "town": lambda: (town, "city"),
        "street": lambda: (street(draw, boxes=False), "street"),
        "road": lambda: (road(draw), "road"),
        "zip": lambda: (draw.filled(f"{start}##"), "zip"),
        "zip4": lambda: (draw.filled(f"{start}##-####"), "zip4"),
        "county": lambda: (draw.pick(words["county"]), "county"),
        "district": lambda: (draw.pick(words["district"]), "district"),
    }
    if form == "postcode":
        return [span(draw.filled(draw.pick(words["uk cities"]).split(";")[1]), "postcode", "uk")]
    text, tag = made[form]()
    return [Piece("the "), span(text[4:], tag, "us")] if text.startswith("the ") else [span(text, tag, "us")]


def road(draw: Draw) -> str:
    """A road without a house number; some names want no type behind them."""
    words = lists(draw.split, "places")
    base = draw.pick(words["us streets"])
    whole = re.search(r"\d{2,}$|^Avenida|^Vista", base) and not base[0].isdigit()
    return base if whole else f"{base} {draw.pick(words['us types'])}"


def street(draw: Draw, *, boxes: bool = True) -> str:
    """House, street, perhaps a unit; in whole addresses at times a post box or a rural route."""
    words = lists(draw.split, "places")
    if boxes and draw.chance(0.08):
        return draw.filled(draw.pick(words["us boxes"]))
    side, unit = (draw.pick(words[key]).removeprefix("-") for key in ("us sides", "us units"))
    house = draw.filled(draw.pick(words["us houses"]))
    where = f"{house} {side if house[0].isdigit() else ''} {road(draw)}".replace("  ", " ")
    behind = f"{'' if not unit or unit[0] == ',' else ' '}{unit}"
    return f"{where}{draw.filled(behind)}".replace("¤", "#")


def address(draw: Draw, country: str, comma: str) -> list[Piece]:
    """The parts of an address in the order of its country."""
    words = lists(draw.split, "places")
    town, code, *rest = draw.pick(words[f"{country} cities"]).split(";")
    region = rest[0] if rest else ""
    if country == "us":
        region, code = code, f"{rest[0]}##" + ("-####" if draw.chance(0.12) else "")
    where = street(draw) if country == "us" else draw.filled(draw.pick(words[f"{country} streets"]))
    parts = {
        "S": span(where, "street", country),
        "C": span(town, "city", country),
        "P": span(draw.filled(code), "zip" if country == "us" else "postcode", country),
        "R": Piece(region),
    }
    layout = draw.pick(words[f"{country} layout"])
    return [parts[sign] if WHOLE.match(sign) else Piece(comma if sign == "/" else sign) for sign in layout]


def email(draw: Draw, form: str, key: str) -> list[Piece]:
    """An e-mail address made from a person's name; spoken and masked ones as in the first set."""
    if form:
        return numbers.email(draw, form, key)
    who = person(draw, key)
    given, family, middle = (
        re.sub(r"[^a-z]", "", folded(part).lower()) for part in (who.given, who.family, who.middle)
    )
    tag, local = draw.pick(
        (
            ("dotted", f"{given}.{family}"),
            ("family_given", f"{family}.{given}"),
            ("initial_digits", f"{given[0]}{family}{draw.between(1, 99)}"),
            ("middle", f"{given}.{middle[0]}.{family}"),
            ("joined", f"{given}{family}"),
            ("underscore_year", f"{given}_{family}{draw.between(1948, 2003)}"),
            ("family_initial", f"{family}{given[0]}"),
            ("mixed_case", f"{given.capitalize()}.{family.capitalize()}"),
            ("digits", f"{given}{draw.between(100, 999)}"),
        )
    )
    domain = draw.pick(lists(draw.split, "numbers")["mail_domains"])
    return [Piece(f"{local}@{domain}", "identifier", "email", tag, who.culture)]


def url(draw: Draw, form: str, key: str) -> list[Piece]:
    """A web address; ¤ and § in a pattern stand for @ and &, which would be drawn as signs."""
    [made] = numbers.url(draw, form, key)
    return [replace(made, text=made.text.replace("¤", "@").replace("§", "&"))]


MAKERS: dict[str, Callable[[Draw, str, str], list[Piece]]] = {
    "name": name,
    "place": place,
    "date": second_dates.date,
    "email": email,
    "url": url,
}
