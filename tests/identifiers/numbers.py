"""Numbers and codes that belong to one person or thing: from the patterns of the lists, with check digits where defined."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.identifiers import checks
from tests.identifiers.dates import ONES
from tests.identifiers.draw import Draw, Piece, lists
from tests.identifiers.people import folded, person


def number(draw: Draw, kind: str, form: str) -> list[Piece]:
    """A number of a class. Patterns are `tag=pattern`; those with `*` come only when asked for by their tag."""
    known = lists(draw.split, "numbers")[kind]
    pairs = [tuple(item.split("=", 1)) for item in known]
    if form:
        pairs = [(tag.lstrip("*"), pattern) for tag, pattern in pairs if tag.lstrip("*").startswith(form)]
    else:
        pairs = [(tag, pattern) for tag, pattern in pairs if not tag.startswith("*")]
    if not pairs:
        raise ValueError(f"no pattern of {kind} is called {form!r}")
    tag, pattern = draw.pick(pairs)
    return [Piece(drawn(draw, pattern), "identifier", kind, tag)]


def drawn(draw: Draw, pattern: str) -> str:
    """A number from its pattern; `!name` calls a maker below, `{key}` takes an item of the lists."""
    words = lists(draw.split, "numbers")
    pattern = re.sub(r"\{(\w+)\}", lambda hit: draw.pick(words[hit[1]]), pattern)
    if pattern.startswith("!"):
        maker, _, rest = pattern[1:].partition(" ")
        return MAKERS[maker](draw, rest)
    return draw.filled(pattern)


def ssn(draw: Draw, joint: str) -> str:
    """A social security number of a shape that is given out, joined by the sign between brackets."""
    area = draw.between(1, 772)
    area = 665 if area == 666 else area
    return joint.strip("[]").join((f"{area:03d}", f"{draw.between(1, 99):02d}", f"{draw.between(1, 9999):04d}"))


def spoken(draw: Draw, pattern: str) -> str:
    """Digits in words, as a person says them over the phone."""
    groups = [
        ["oh" if digit == "0" and draw.chance(0.6) else ONES[int(digit)] for digit in group]
        for group in draw.filled(pattern).split()
    ]
    return draw.pick((", ", " ", " . ")).join(" ".join(group) for group in groups)


def npi(draw: Draw, rest: str) -> str:
    """A National Provider Identifier."""
    digits = draw.pick("12") + draw.filled("########")
    return digits + checks.luhn("80840" + digits)


def dea(draw: Draw, rest: str) -> str:
    """A DEA registration."""
    digits = draw.filled("######")
    return draw.pick("ABFM") + draw.filled("@") + digits + checks.dea(digits)


def vin(draw: Draw, rest: str) -> str:
    """A vehicle identification number."""
    signs = [sign for sign in checks.VIN_VALUES if sign != "0"]
    body = "".join(draw.pick(signs) for _ in range(9))
    return checks.vin(
        draw.pick(("1", "2", "3", "5", "J", "W", "K")) + body[:7] + "0" + body[7:] + draw.filled("######")
    )


def nhs(draw: Draw, rest: str) -> str:
    """An NHS number, spaced 3-3-4 where asked."""
    digits = draw.filled("%########")
    while checks.nhs(digits) == "10":
        digits = draw.filled("%########")
    digits += checks.nhs(digits)
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}" if rest else digits


def udi(draw: Draw, rest: str) -> str:
    """A device label: device identifier, expiry, lot or serial number; in GS1 or HIBCC style."""
    item = draw.filled("0%###########")
    item += checks.gtin(item)
    expiry = f"{draw.between(26, 33)}{draw.between(1, 12):02d}{draw.between(1, 28):02d}"
    serial = draw.filled("@######@")
    return rest.replace("DI", item).replace("EXP", expiry).replace("SER", serial).replace("LOT", draw.filled("@##%#"))


def weighed(draw: Draw, rest: str) -> str:
    """A number ending in a Luhn digit: `(pattern)` alone, or with its signs grouped by a template of x."""
    pattern, _, shape = rest.partition(" as ")
    digits = draw.filled(pattern)
    digits += checks.luhn(digits)
    for digit in digits if shape else "":
        shape = shape.replace("x", digit, 1)
    return shape or digits


def iban(draw: Draw, rest: str) -> str:
    """An IBAN of the country and account pattern given, in groups of four."""
    country, pattern = rest.split()
    account = draw.filled(pattern)
    text = country + checks.iban(country, account) + account
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4)) if draw.chance(0.7) else text


def aadhaar(draw: Draw, rest: str) -> str:
    """An Indian Aadhaar number."""
    digits = draw.filled("^##########")
    digits += checks.verhoeff(digits)
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


def pesel(draw: Draw, rest: str) -> str:
    """A Polish personal number."""
    digits = f"{draw.between(30, 99)}{draw.between(1, 12):02d}{draw.between(1, 28):02d}{draw.filled('####')}"
    return digits + checks.pesel(digits)


def personnummer(draw: Draw, rest: str) -> str:
    """A Swedish personal number."""
    birth, serial = f"{draw.between(30, 99)}{draw.between(1, 12):02d}{draw.between(1, 28):02d}", draw.filled("###")
    return f"{birth}-{serial}{checks.luhn(birth + serial)}"


def kvnr(draw: Draw, rest: str) -> str:
    """A German health insurance number."""
    text = draw.filled("@########")
    return text + checks.kvnr(text)


def mbi(draw: Draw, rest: str) -> str:
    """A Medicare beneficiary identifier, with its hyphens where asked."""
    letters = "ACDEFGHJKMNPQRTUVWXY"
    signs = {"9": "0123456789", "L": letters, "A": "0123456789" + letters}
    text = draw.pick("123456789") + "".join(draw.pick(signs[kind]) for kind in "LA9LA9LL99")
    return f"{text[:4]}-{text[4:7]}-{text[7:]}" if rest else text


def ipv6(draw: Draw, rest: str) -> str:
    """An IPv6 address of a documentation, local or global prefix, at times shortened."""
    start = draw.pick(("2001:db8", "fe80", "2a02:8108", "2600:1700", "fd3c:9a2f"))
    if start == "fe80":
        return "fe80::" + ":".join(draw.filled("%~~~") for _ in range(4))
    if draw.chance(0.5):
        return start + f":{draw.filled('%~~')}::{draw.filled('%~~')}"
    return start + "".join(f":{draw.filled('%~~~')}" for _ in range(6))


def ipv4(draw: Draw, rest: str) -> str:
    """An IPv4 address, private or public; `rest` is put behind it."""
    first = draw.pick(
        (
            f"10.{draw.below(256)}",
            "192.168",
            f"172.{draw.between(16, 31)}",
            f"{draw.between(24, 223)}.{draw.below(256)}",
        )
    )
    return f"{first}.{draw.below(256)}.{draw.between(1, 254)}{draw.filled(rest)}"


def email(draw: Draw, form: str, key: str) -> list[Piece]:
    """An e-mail address made from a person's name."""
    who = person(draw, key)
    given, family = (re.sub(r"[^a-z]", "", folded(part).lower()) for part in (who.given, who.family))
    tag, local = draw.form(
        (
            ("dotted", f"{given}.{family}"),
            ("initial", f"{given[0]}{family}"),
            ("plus", f"{given}.{family}+{draw.pick(('clinic', 'health', 'mychart'))}"),
            ("digits", f"{given}{draw.between(51, 99)}"),
            ("underscore", f"{family}_{given}"),
            ("hyphen", f"{given}-{family}{draw.below(10)}"),
            ("handle", f"{who.nick.lower()}{draw.filled('##')}"),
        )
    )
    domain = draw.pick(lists(draw.split, "numbers")["mail_domains"])
    at, dot = ("@", ".")
    if form == "spoken":
        tag, at, dot = "spoken", " at ", " dot "
        local = f"{given} dot {family}"
    elif form == "masked":
        tag, at, dot = "masked", draw.pick(("[at]", " (at) ", " at ")), draw.pick(("[dot]", ".", " dot "))
    return [Piece(local + at + domain.replace(".", dot), "identifier", "email", tag, who.culture)]


def url(draw: Draw, form: str, key: str) -> list[Piece]:
    """A web address of a person or of a person's record, with or without the scheme."""
    who = person(draw, key)
    handle = re.sub(r"[^a-z]", "", folded(who.given + who.family).lower())
    words = lists(draw.split, "numbers")
    known = words["url_own"] + words["url_service"] if form else words["url_own" if key else "url_service"]
    tag, pattern = draw.pick([tuple(item.split("=", 1)) for item in known if item.startswith(form)])
    text = draw.filled(pattern.replace("HANDLE", "\0")).replace("\0", handle)
    return [Piece(text, "identifier", "url", tag, who.culture)]


MAKERS: dict[str, Callable[[Draw, str], str]] = {
    "ssn": ssn, "spoken": spoken, "npi": npi, "dea": dea, "vin": vin, "nhs": nhs, "udi": udi, "luhn": weighed, "iban": iban,
    "aadhaar": aadhaar, "pesel": pesel, "personnummer": personnummer, "kvnr": kvnr, "mbi": mbi, "ipv4": ipv4, "ipv6": ipv6,
}  # fmt: skip
