"""Places smaller than a state: whole addresses of several countries, and their parts alone."""

from __future__ import annotations

from tests.identifiers.draw import Draw, Piece, lists

COUNTRIES = (
    "us",
    "us",
    "us",
    "us",
    "uk",
    "canada",
    "germany",
    "india",
    "mexico",
    "nigeria",
    "sweden",
    "australia",
    "vietnam",
)
UNITS = ("", "", "", ", Apt ##", ", Unit %@", ", No. %##", " Apt. %@", ", Suite %##", ", Lot ##")
HOUSES = ("%##", "%###", "%#", "%####", "%")


def span(text: str, tag: str, country: str) -> Piece:
    """A labelled part of an address."""
    return Piece(text, "identifier", "place", tag, country)


def place(draw: Draw, form: str, key: str) -> list[Piece]:
    """An address ("", "lines" over several lines, or a country), or one part: city, street, zip, zip4, county, district."""
    words = lists(draw.split, "places")
    if form in {"", "lines", *COUNTRIES}:
        country = form if form in COUNTRIES else draw.pick(COUNTRIES)
        return [piece for piece in address(draw, country, "\n" if form == "lines" else ", ") if piece.text]
    if form == "city":
        country = draw.pick(COUNTRIES)
        return [span(draw.pick(words[f"{country} cities"]).split(";")[0], "city", country)]
    if form == "town":
        return [span(draw.pick(words["us cities"]).split(";")[0], "city", "us")]
    if form == "street":
        return [span(american_street(draw), "street", "us")]
    if form == "road":
        return [span(f"{draw.pick(words['us streets'])} {draw.pick(words['us types'])}", "road", "us")]
    if form in {"zip", "zip4"}:
        start = draw.pick(words["us cities"]).split(";")[2]
        return [span(draw.filled(f"{start}##-####" if form == "zip4" else f"{start}##"), form, "us")]
    if form == "postcode":
        return [span(draw.filled(draw.pick(words["uk cities"]).split(";")[1]), "postcode", "uk")]
    if form in {"county", "district"}:
        return [span(draw.pick(words[form]), form, "us")]
    raise ValueError(f"no part of an address is called {form!r}")


def american_street(draw: Draw) -> str:
    """House, street, perhaps a unit; at times a post box or a rural route."""
    words = lists(draw.split, "places")
    if draw.chance(0.1):
        return draw.filled(draw.form(("P.O. Box %##", "PO Box %###", "RR % Box ##", "HC ## Box %##")))
    side = draw.pick(("", "", "", "N ", "S ", "West ", "SE ", "E. "))
    street = f"{side}{draw.pick(words['us streets'])} {draw.pick(words['us types'])}"
    return draw.filled(f"{draw.pick(HOUSES)} {street}{draw.pick(UNITS)}")


def address(draw: Draw, country: str, comma: str) -> list[Piece]:
    """The parts of an address in the order of its country."""
    words = lists(draw.split, "places")
    city, code, *rest = draw.pick(words[f"{country} cities"]).split(";")
    if country == "us":
        zip_code = draw.filled(f"{rest[0]}##" + ("-####" if draw.chance(0.15) else ""))
        return [
            span(american_street(draw), "street", "us"), Piece(comma), span(city, "city", "us"),
            Piece(f", {code} "), span(zip_code, "zip", "us"),
        ]  # fmt: skip
    street = draw.filled(draw.pick(words[f"{country} streets"]))
    code = draw.filled(code)
    road, town, post = (
        span(text, tag, country) for text, tag in ((street, "street"), (city, "city"), (code, "postcode"))
    )
    if country in {"germany", "sweden", "mexico"}:
        return [road, Piece(comma), post, Piece(" "), town]
    between = {"india": " - ", "uk": comma}.get(country, " ")
    region = f" {rest[0]}" if rest else ""
    return [road, Piece(comma), town, Piece(region + between), post]
