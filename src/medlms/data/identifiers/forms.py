"""Numbers that their form or their check digit gives away, without any word before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from medlms.data.identifiers import checks
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import label
from medlms.data.identifiers.view import View


@dataclass(frozen=True, slots=True)
class _Form:
    """``needs``: marks of which one must be in a text, ``least`` times; ``named``: a label before it may name another class."""

    kind: str
    rule: str
    rank: float
    pattern: re.Pattern[str]
    needs: tuple[str, ...] = ()
    least: int = 1
    named: bool = False

    def possible(self, low: str) -> bool:
        """A cheap look whether the form can be in a text."""
        return not self.needs or any(
            low.count(mark) >= self.least if self.least > 1 else mark in low for mark in self.needs
        )


def _form(kind: str, rule: str, rank: float, pattern: str, *needs: str, least: int = 1, named: bool = False) -> _Form:
    return _Form(kind, rule, rank, re.compile(pattern), needs, least, named)


_H = "[0-9a-f]"
# Each pattern begins with a digit or a rare mark: the engine then skips most of a text. What must not stand before is
# looked for behind the first mark, for the same reason.
_FORMS = (
    _form("ssn", "form", 0.9, r"[0-9](?<![\w.-].)[0-9]{2}([-.])[0-9]{2}\1[0-9]{4}(?![\w-])", "-", ".", named=True),
    _form("ssn", "form", 0.9, r"[0-9](?<![0-9] .)(?<![\w.-].)[0-9]{2} [0-9]{2} [0-9]{4}(?! ?[0-9])(?!\w)", " ", named=True),
    _form("ssn", "masked", 0.95, r"[x*#](?<![a-z0-9].)[x*#]{2}[- ][x*#]{2}[- ][0-9]{4}(?![\w-])", "xx", "**", "##"),
    _form("device", "IMEI", 0.93,
        r"[0-9](?<![\w.-].)(?<![0-9] .)[0-9]([ -])[0-9]{6}\1[0-9]{6}\1[0-9](?![\w-])|"
        r"[0-9]{6}(?<![\w.-].{6})(?<![0-9] .{6})([ -])[0-9]{2}\2[0-9]{6}\2[0-9](?![\w-])", " ", "-", named=True),
    _form("device", "MAC address", 0.97, rf"{_H}(?<![\w:-].){_H}(?:[:-]{_H}{{2}}){{5}}(?![\w:-])", ":", "-", least=5),
    _form("device", "MAC address", 0.97, rf"{_H}(?<![\w.].){_H}{{3}}\.{_H}{{4}}\.{_H}{{4}}(?![\w.])", "mac"),
    _form("device", "UDI", 0.98, r"\(01\) ?[0-9]{14}(?: ?\([0-9]{2}\) ?[\w/-]{1,20}){0,6}", "(01)"),
    _form("device", "UDI", 0.98, r"\+[a-z](?<!\w..)[0-9]{3}[a-z0-9]{2,18}[0-9](?:/\$?\$?[\w+]{4,30}(?:/\w{2,16})?)?", "+"),
    _form("device", "UDI", 0.98, r"=/[a-z][0-9]{4}[\w=,/-]{6,40}", "=/"),
    _form("other", "UUID", 0.98, rf"{_H}(?<![\w-].){_H}{{7}}(?:-{_H}{{4}}){{3}}-{_H}{{12}}(?![\w-])", "-", least=4),
    _form("other", "object identifier", 0.9, r"[012](?<![\w.].)(?:\.[0-9]{1,20}){6,20}(?![\w])", ".", least=6),
    _form("plan", "Medicare", 0.97, r"[1-9](?<![\w-].)[a-z][a-z0-9][0-9][- ]?[a-z][a-z0-9][0-9][- ]?[a-z]{2}[0-9]{2}(?![\w-])"),
    _form(
        "account", "last digits", 0.9,
        r"[x*#•.](?<![\w*.-].)[x*#•.]{1,15}[ -]?[0-9]{4}(?![\w-]|\.[0-9])|[x*](?<![\w*.-].)[0-9]{4}(?![\w-])|"
        r"[x*•]{4}(?<![\w-].{4})(?:[ -][x*•]{4}){2}[ -][0-9]{4}",
        "*", "xx", "##", "••", "..", " x",
    ),
    _form(
        "account", "groups of four", 0.88,
        r"[0-9](?<![\w.-].)(?<![0-9] .)[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,4})?(?![\w-]| [0-9]{4})|"
        r"3[47](?<![\w.-]..)[0-9]{2}[ -][0-9]{6}[ -][0-9]{5}(?![\w-])", named=True,
    ),
    _form("other", "Hong Kong number", 0.9, r"[a-z](?<!\w.)[a-z]?[0-9]{6}\([0-9a]\)", "("),
    _form("other", "Brazilian number", 0.84, r"[0-9](?<![\w.-].)[0-9]{2}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])", ".", named=True),
    _form(
        "other", "Nordic number", 0.84,
        r"[0-9](?<![\w.-].)[0-9]{5}[-+][0-9]{4}(?![\w-])|"
        r"[0-9]{6}(?<![\w-].{6})[-+a][0-9]{3}[0-9a-z](?![\w-])", named=True,
    ),
    _form(
        "other", "French number", 0.84,
        r"[12](?<![\w-].) ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[ab]) ?[0-9]{3} ?[0-9]{3}(?: "
        r"?[0-9]{2})?(?!\w)", named=True,
    ),
    _form("other", "Belgian number", 0.84,
        r"[0-9](?<![\w.-].)[0-9]\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}(?![\w-])", ".", least=3),
    _form("other", "Swiss number", 0.9, r"756(?<![\w.-]...)\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}(?![\w-])", "756."),
    _form("other", "Czech number", 0.84, r"[0-9](?<![\w./-].)[0-9]{5}/[0-9]{3,4}(?![\w/.-])", "/", named=True),
    _form("mrn", "number and year", 0.6,
        r"[0-9](?<![\w./-].)[0-9]{3,7}/[0-9]{2}(?![\w/%-]|\.[0-9]| ?(?:mg|mm|ml|mcg))", "/", named=True),
)  # fmt: skip
# A single x before four digits is an extension, unless a card or an account is spoken of.
_EXTENSION = re.compile("x[0-9]{4}")
_ENDING = frozenset(("account", "plan", "ssn", "licence"))
_LAST = re.compile(
    r"\blast ?(?:4|four)(?: (?:digits|of|the|her|his|my|your|ssn|ss|soc|social|security|is|are|was|number|no)\b){0,5}"
    r"[ :#=(\"'-]{1,4}([0-9]{4})(?![\w/-]|\.[0-9])"
)
_IBAN = re.compile(r"[a-z](?<![\w-].)[a-z][0-9]{2}(?: [a-z0-9]{4}){3,7}(?: [a-z0-9]{1,4})?(?![\w-])")
_IBAN_BEGINS = re.compile(r"[0-9][0-9](?<=[a-z][a-z][0-9][0-9]) [0-9a-z]{4} ")
_LICENCE = re.compile(
    r"\b(?:np|rn|lpn|pa|md|do|crna|pharm|dds|pt|ot|lcsw|rph|me|cna|dvm|psy)[-.#:]{0,2}[0-9]{4,9}(?!\w)"
)
_DEGREES = frozenset("np rn lpn pa md do crna pharm dds pt ot lcsw rph me cna dvm psy".split())
_INSURED = re.compile(r"[A-Z](?<![\w-].)[A-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b")


def forms(seen: View) -> Iterator[Finding]:
    """Every number with a form of its own."""
    low = seen.low
    if not seen.digits:
        return
    for form in _FORMS:
        if form.possible(low):
            for hit in seen.near_digits(form.pattern):
                if form.rule == "groups of four" and all(group.endswith(("00", "30")) for group in hit.group().split()):
                    continue  # times in a row
                kind = (form.named and label(low, hit.start())) or form.kind
                if (
                    form.rule == "last digits"
                    and _EXTENSION.fullmatch(hit.group())
                    and label(low, hit.start()) not in _ENDING
                ):
                    kind = "phone"
                yield Finding(*hit.span(), kind, form.rule, form.rank)
    if "last" in low:
        for hit in _LAST.finditer(low):
            yield Finding(*hit.span(1), label(low, hit.start(1)) or "ssn", "last four", 0.8)
    if _IBAN_BEGINS.search(low):
        for hit in _IBAN.finditer(low):
            if checks.iban(hit.group().replace(" ", "").upper()):
                yield Finding(*hit.span(), "account", "IBAN", 0.9)
    if not seen.vocabulary.isdisjoint(_DEGREES):
        yield from (
            Finding(*hit.span(), label(low, hit.start()) or "licence", "prefix", 0.86)
            for hit in seen.near_digits(_LICENCE)
        )
    yield from (
        Finding(*hit.span(), "other", "national insurance", 0.86)
        for hit in seen.near_digits(_INSURED, seen.flat if seen.cased else seen.flat.upper())
    )


def checked(plain: str, said: str) -> str:
    """The class of a number whose check digit is right, or nothing; ``plain`` is ``said`` without blanks and dashes."""
    if plain.isdigit():
        if len(plain) == 10 and said == plain:
            return "licence" if checks.npi(plain) else "mrn" if checks.nhs(plain) else ""
        if not 15 <= len(plain) <= 16:
            return ""
        return ("device" if len(plain) == 15 and plain == said else "account") if checks.luhn(plain) else ""
    if plain != said and not plain[:2].isalpha():
        return ""
    if len(plain) == 9 and plain[:2].isalpha() and plain[2:].isdigit() and plain == said:
        return "licence" if checks.dea(plain) else ""
    if len(plain) == 17 and plain == said and sum(mark.isdigit() for mark in plain) > 4:
        return "vehicle" if checks.vin(plain) or not set(plain) & set("ioq") else ""
    if plain[:2].isalpha() and plain[2:4].isdigit() and 15 <= len(plain) <= 34 and plain.isalnum() and plain.isascii():
        return "account" if checks.iban(plain.upper()) else ""
    return ""
