"""Numbers that name a person's record, plan, account, licence, vehicle or device: by form, by check digit, by the word before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers import checks
from medlms.data.identifiers.clinical import harmless, usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import label
from medlms.data.identifiers.view import View

_FORMS = (
    ("ssn", "form", 0.9,
        r"[0-9](?<![\w-].)[0-9]{2}([-.])[0-9]{2}\1[0-9]{4}(?![\w-])|[0-9](?<![0-9] .)(?<![\w.-].)[0-9]{2} "
        r"[0-9]{2} [0-9]{4}(?! ?[0-9])(?!\w)"),
    ("ssn", "masked", 0.95, r"[x*#](?<![a-z0-9].)[x*#]{2}[- ][x*#]{2}[- ][0-9]{4}(?![\w-])"),
    ("device", "MAC address", 0.97,
        r"[0-9a-f](?<![\w:-].)[0-9a-f](?:[:-][0-9a-f]{2}){5}(?![\w:-])|"
        r"[0-9a-f](?<![\w.].)[0-9a-f]{3}\.[0-9a-f]{4}\.[0-9a-f]{4}(?![\w.])"),
    ("device", "UDI", 0.98,
        r"\(01\) ?[0-9]{14}(?: ?\([0-9]{2}\) ?[\w/-]{1,20}){0,6}|"
        r"\+[a-z](?<!\w..)[0-9]{3}[a-z0-9]{2,18}[0-9](?:/\$?\$?[\w+]{4,30}(?:/[\w]{2,16})?)?|"
        r"=/[a-z][0-9]{4}[\w=,/-]{6,40}"),
    ("other", "UUID", 0.98, r"[0-9a-f](?<![\w-].)[0-9a-f]{7}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])"),
    ("plan", "Medicare", 0.97, r"[1-9](?<![\w-].)[a-z][a-z0-9][0-9][- ]?[a-z][a-z0-9][0-9][- ]?[a-z]{2}[0-9]{2}(?![\w-])"),
    ("account", "last digits", 0.9,
        r"[x*#•.](?<![\w*.-].)[x*#•.]{1,15}[ -]?[0-9]{4}(?![\w-]|\.[0-9])|"
        r"[x*](?<![\w*.-].)[0-9]{4}(?![\w-])|[x*•]{4}(?<![\w-].{4})(?:[ -][x*•]{4}){2}[ -][0-9]{4}"),
    ("account", "IBAN", 0.9, r"[a-z](?<![\w-].)[a-z][0-9]{2}(?: [a-z0-9]{4}){3,7}(?: [a-z0-9]{1,4})?(?![\w-])"),
    ("account", "groups of four", 0.88,
        r"[0-9](?<![\w.-].)(?<![0-9] .)[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,4})?(?![\w-]| "
        r"[0-9]{4})|3[47](?<![\w.-]..)[0-9]{2}[ -][0-9]{6}[ -][0-9]{5}(?![\w-])"),
    ("licence", "prefix", 0.86,
        r"\b(?:np|rn|lpn|pa|md|do|crna|pharm|dds|pt|ot|lcsw|rph|me|cna|dvm|psy)[-.#:]{0,2}[0-9]{4,9}(?!\w)"),
    ("other", "national number", 0.84,
        r"[0-9](?<![\w.-].)[0-9]{2}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])|"
        r"[0-9](?<![\w.-].)[0-9]{5}[-+][0-9]{4}(?![\w-])"
     r"|[12](?<![\w-].) ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[ab]) ?[0-9]{3} "
     r"?[0-9]{3}(?: ?[0-9]{2})?(?!\w)|[0-9]{6}(?<![\w-].{6})[-+a][0-9]{3}[0-9a-z](?![\w-])"),
)  # fmt: skip
_FORM = [(kind, rule, rank, re.compile(pattern)) for kind, rule, rank, pattern in _FORMS]
_PLATE_FORM = re.compile(
    r"[a-z](?<![\w-].)[a-z][0-9]{2} [a-z]{3}(?![\w-])|[a-z](?<![\w-].)[a-z]{0,2}-[a-z]{1,2} "
    r"[0-9]{1,4}[eh]?(?![\w%]|[.,-][0-9])|[a-z](?<![\w-].)[a-z]-[0-9]{3}-[a-z]{2}(?![\w-])|"
    r"[a-z](?<![\w-].)[a-z][ -][0-9]{1,2}[ -][a-z]{1,2}[ -][0-9]{4}(?![\w-])|"
    r"[0-9](?<![\w-].)[a-z]{3}[0-9]{3}(?![\w-])|[0-9](?<![\w-].)[0-9]{3}[ "
    r"-][b-df-hj-np-tv-z]{3}(?![\w-])"
)
_PLATE_FORM_UPPER = re.compile(
    r"[A-Z](?<![\w-].)[A-Z][0-9]{2} [A-Z]{3}(?![\w-])|[A-Z](?<![\w-].)[A-Z]{0,2}-[A-Z]{1,2} "
    r"[0-9]{1,4}[EH]?(?![\w%]|[.,-][0-9])|[A-Z](?<![\w-].)[A-Z]-[0-9]{3}-[A-Z]{2}(?![\w-])|"
    r"[A-Z](?<![\w-].)[A-Z][ -][0-9]{1,2}[ -][A-Z]{1,2}[ -][0-9]{4}(?![\w-])|"
    r"[0-9](?<![\w-].)[A-Z]{3}[0-9]{3}(?![\w-])|[0-9](?<![\w-].)[0-9]{3}[ "
    r"-][B-DF-HJ-NP-TV-Z]{3}(?![\w-])"
)
_INSURED = re.compile(r"\b[a-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]\b")
_INSURED_UPPER = re.compile(r"[A-Z](?<![\w-].)[A-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b")
_TOKEN = re.compile(r"[0-9](?:[a-z0-9./:_#*+-]*[a-z0-9])?")
_JOINS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789./:_#*+-")
_GROUPS = re.compile(r"[0-9](?<![\w.-].)[0-9]{0,6}(?: ?[ -] ?[0-9]{1,7}){1,6}(?![\w]|\.[0-9])")
_PLATE = re.compile(
    r"\b(?:plates?|tag|registration|reg|rego|kennzeichen|placas?|matr[ií]cula|car|vehicle|van|truck|"
    r"suv|sedan|taxi|motorcycle|pickup|jeep|scooter|bike|bus|ambulance|minivan|hatchback|toyota|ford|"
    r"honda|bmw|audi|volkswagen|vw|tesla|nissan|"
    r"chevrolet|chevy|hyundai|kia|subaru|mazda|mercedes|volvo|renault|peugeot|fiat|skoda|dodge|gmc|"
    r"lexus|civic|corolla|camry|accord|fiesta|focus|golf|prius|outback)\b"
    r"(?: (?:number|num|no|nr|is|was|reads?|says|with|a|an|the|his|her|their|my|of|parked|bearing|"
    r"licen[cs]e|plates?|on|in|and|blue|red|white|black|silver|grey|gray|green|tag|registration|"
    r"registered|as|de|camry|corolla|civic|accord|focus|golf|prius|outback|[a-z]{2}))*\.?[ "
    r":#=,(\"'>-]{1,4}"
    r"([a-z0-9]{1,4}(?:[ ·-]{1,3}[a-z0-9]{1,4}){0,3}|[a-z0-9]{4,8})(?![\w-])"
)
_PLATE_NEAR = re.compile(
    r"\b(?:plates?|car|vehicle|van|truck|suv|sedan|taxi|motorcycle|pickup|licen[cs]e plate|"
    r"registration)\b[^.;\n]{0,40}?[ (:\"]((?:[a-z]{1,3}[ ·-]?[0-9]{1,4}(?:[ ·-]?[a-z]{1,3})?(?:[ "
    r"·-]?[0-9]{1,4})?|[0-9]{1,4}[ ·-]?[a-z]{1,4}(?:[ ·-]?[0-9]{1,4})?))(?![\w-])"
)
_VEHICLES = frozenset(
    "plate plates tag registration reg rego kennzeichen placa placas matrícula matricula car vehicle "
    "van truck suv sedan taxi motorcycle pickup jeep scooter bike bus ambulance minivan hatchback "
    "toyota ford honda bmw audi "
    "volkswagen vw tesla nissan chevrolet chevy hyundai kia subaru mazda mercedes volvo renault "
    "peugeot fiat skoda dodge gmc lexus".split()
)
_LONGEST = 48  # characters of a code that are looked at
_PARTED = re.compile(r"[./:_#*+-]")
_UNIT = re.compile(
    r" ?(?:mg|mcg|µg|ug|g|kg|ml|dl|l|cc|iu|units?|u/l|u|cells?|copies|/|%|mm|cm|mmhg|bpm|kcal|"
    r"calories|cal|steps|people|patients|cases|children|women|men|adults|births|persons|individuals|"
    r"americans|"
    r"deaths|years?|months?|weeks?|days?|hours|hrs|minutes|min|bp|kb|base|kda|da|daltons|participants|"
    r"subjects with|platelets|genes|hz|dollars|euros|usd|eur|million|x ?10|×)(?![a-z])"
)
_KINDS_BY_PREFIX = {
    "mr": "mrn", "mrn": "mrn", "rx": "other", "emp": "other", "acc": "other", "sn": "device", "inv": "account",
    "acct": "account", "dl": "licence", "lic": "licence", "enc": "other",
    "sub": "other", "subj": "other", "pt": "mrn", "pol": "plan", "grp": "plan", "clm": "plan", "csn": "other", "har": "account",
}  # fmt: skip


def codes(seen: View) -> Iterator[Finding]:
    """Codes with digits that single out a person's record or thing."""
    low = seen.low
    if not seen.digits:
        return
    for kind, rule, rank, pattern in _FORM:
        if not _possible(seen, rule):
            continue
        for hit in pattern.finditer(low):
            if rule != "IBAN" or checks.iban(hit.group().replace(" ", "").upper()):
                named = (
                    label(low, hit.start()) if rule in ("groups of four", "national number", "form", "prefix") else ""
                )
                yield Finding(*hit.span(), named or kind, rule, rank)
    for hit in (_INSURED_UPPER if seen.cased else _INSURED).finditer(seen.flat if seen.cased else low):
        yield Finding(*hit.span(), "other", "national insurance", 0.86)
    for hit in (_PLATE_FORM_UPPER if seen.cased else _PLATE_FORM).finditer(seen.flat if seen.cased else low):
        if seen.cased or label(low, hit.start()) == "vehicle":
            yield Finding(*hit.span(), "vehicle", "plate", 0.8)
    if not seen.vocabulary.isdisjoint(_VEHICLES):
        for hit in _PLATE.finditer(low):
            yield from _plate(hit)
        for hit in _PLATE_NEAR.finditer(low):
            said = seen.flat[hit.start(1) : hit.end(1)]
            plain = re.sub("[^A-Za-z0-9]", "", said)
            if (
                5 <= len(plain) <= 9
                and (said.isupper() or not seen.cased)
                and any(map(str.isdigit, plain))
                and any(map(str.isalpha, plain))
                and not usual(low, *hit.span(1))
            ):
                yield Finding(*hit.span(1), "vehicle", "plate near a word", 0.7)
    yield from _grouped(low)
    yield from _single(low)


def _possible(seen: View, rule: str) -> bool:
    """A cheap look whether a form that begins with any letter can be in the text at all."""
    low = seen.low
    if rule == "MAC address":
        return low.count(":") > 4 or low.count("-") > 4 or low.count(".") > 1
    if rule == "UUID":
        return low.count("-") > 3
    if rule == "UDI":
        return "(01)" in low or "+" in low or "=/" in low
    if rule == "IBAN":
        return bool(_IBAN_BEGINS.search(low))
    return rule != "prefix" or not seen.vocabulary.isdisjoint(_DEGREES)


_IBAN_BEGINS = re.compile(r"[0-9][0-9](?<=[a-z][a-z][0-9][0-9]) [0-9a-z]{4} ")
_DEGREES = frozenset("np rn lpn pa md do crna pharm dds pt ot lcsw rph me cna dvm psy".split())


def _plate(hit: re.Match[str]) -> Iterator[Finding]:
    """A short code behind a word for a vehicle: cut where it becomes too long for a plate."""
    parts = list(re.finditer("[a-z0-9]+", hit[1]))
    for count in range(len(parts), 0, -1):
        said = hit[1][: parts[count - 1].end()]
        plain = "".join(part.group() for part in parts[:count])
        digits = sum(mark.isdigit() for mark in plain)
        wordy = any(part.group().isalpha() and len(part.group()) > 3 for part in parts[:count])
        if 4 <= len(plain) <= 8 and digits >= 1 and not wordy and not (plain.isdigit() and len(plain) < 5):
            yield Finding(hit.start(1), hit.start(1) + len(said), "vehicle", "plate behind a word", 0.9)
            return


def _grouped(low: str) -> Iterator[Finding]:
    for hit in _GROUPS.finditer(low):
        said = hit.group()
        groups = re.findall("[0-9]+", said)
        digits = sum(map(len, groups))
        if digits < 5 or harmless(low, *hit.span()):
            continue
        named = label(low, hit.start())
        if named:
            yield Finding(*hit.span(), named, "label", 0.9)
        elif usual(low, *hit.span()):
            continue
        elif checks.nhs("".join(groups)) and [len(group) for group in groups] == [3, 3, 4]:
            yield Finding(*hit.span(), "mrn", "check digit", 0.92)
        elif "-" in said and " " not in said and digits >= 6 and not _range(groups):
            yield Finding(*hit.span(), "account" if digits == 8 else "other", "digits with dashes", 0.62)
        elif digits >= 9 and len(groups) <= 5 and max(map(len, groups)) >= 3 and min(map(len, groups)) >= 2:
            yield Finding(*hit.span(), "other", "digits in groups", 0.55)


def _range(groups: list[str]) -> bool:
    """Years and pages from one to the other."""
    if len(groups) != 2:
        return False
    first, last = (int(group) for group in groups)
    return first < last and (len(groups[0]) == len(groups[1]) == 4 and groups[0][0] in "12" and last - first < 100)


def _single(low: str) -> Iterator[Finding]:
    before: Finding | None = None
    done = 0
    for hit in _TOKEN.finditer(low):
        start = hit.start()
        if start < done:
            continue
        while start > 0 and low[start - 1] in _JOINS and hit.start() - start < _LONGEST:
            start -= 1
        while not low[start].isalnum():
            start += 1
        done = hit.end()
        said = low[start:done]
        found = _coded(low, start, said)
        if found is None and before is not None and _like(low, before, start, said):
            found = Finding(start, done, before.kind, "beside another", 0.8)
        before = found or before
        if found is not None:
            yield found


def _like(low: str, before: Finding, start: int, said: str) -> bool:
    """A code of the same length right behind another."""
    between = low[before.end : start]
    if len(between) > 16:
        return False
    known = low[before.start : before.end]
    shaped = len(known) == len(said) > 4 and known[-3:].isdigit() == said[-3:].isdigit()
    return shaped and bool(re.fullmatch(r"[ ,;/&(|]{0,3}(?:and|or|old|old:|formerly|y|und)?[ (:]{0,2}", between))


def _coded(low: str, start: int, said: str) -> Finding | None:
    digits = sum(mark.isdigit() for mark in said)
    if digits < 2:
        return None
    end = start + len(said)
    if harmless(low, start, end):
        return None
    plain = _PARTED.sub("", said)
    if kind := _checked(plain, said):
        return Finding(start, end, label(low, start) or kind, "check digit", 0.93)
    named = label(low, start)
    numeric = plain.isdigit()
    if (
        named
        and _enough(named, said, plain, digits)
        and not (numeric and named in ("other", "device") and _UNIT.match(low, end))
    ):
        return Finding(start, end, named, "label", 0.92)
    letters = sum(mark.isalpha() for mark in plain)
    if digits < (4 if letters > 1 else 5) or ("/" in said and digits < 8) or usual(low, start, end):
        return None
    if numeric and said == plain:
        long = digits >= 6 and not _UNIT.match(low, end) and low[start - 1 : start] not in ("$", "€", "£", ",", ".")
        return Finding(start, end, "other", "long number", 0.5) if long else None
    return _mixed(low, start, said, plain, digits)


def _enough(named: str, said: str, plain: str, digits: int) -> bool:
    """Whether what stands behind a label is long enough for it."""
    if plain.isdigit():
        shortest = {"ssn": 4, "account": 4, "vehicle": 4, "device": 5, "mrn": 5, "other": 5, "fax": 7}.get(
            named, 4 if named in ("licence", "plan") else 5
        )
        return digits >= shortest and not (
            digits == 4 and named == "account" and plain[:2] in ("19", "20") and said == plain
        )
    return len(plain) >= 4 and digits >= 2 and (digits > 3 or not usual(said, 0, len(said)))


def _mixed(low: str, start: int, said: str, plain: str, digits: int) -> Finding | None:
    """Letters and digits, or several groups of digits, without a label."""
    end = start + len(said)
    prefix = re.match(r"[a-z]*", said)
    letters = prefix.group() if prefix else ""
    if len(letters) > 8 or len(plain) > 40 or (":" in said and not letters):
        return None
    kind = _KINDS_BY_PREFIX.get(letters, "other")
    if plain.isdigit():
        dashed = re.fullmatch(r"[0-9]+(?:-[0-9]+){1,5}", said)
        return (
            Finding(start, end, kind, "digits with dashes", 0.55)
            if dashed and digits >= 7 and not _range(said.split("-"))
            else None
        )
    return Finding(start, end, kind, "letters and digits", 0.66)


def _checked(plain: str, said: str) -> str:
    if plain.isdigit():
        if len(plain) == 10 and said == plain:
            return "licence" if checks.npi(plain) else "mrn" if checks.nhs(plain) else ""
        if not 15 <= len(plain) <= 16:
            return ""
        return ("device" if len(plain) == 15 and plain == said else "account") if checks.luhn(plain) else ""
    if len(plain) == 9 and plain[:2].isalpha() and plain[2:].isdigit() and plain == said:
        return "licence" if checks.dea(plain) else ""
    if len(plain) == 17 and plain == said and sum(mark.isdigit() for mark in plain) > 4:
        return "vehicle" if checks.vin(plain) or not set(plain) & set("ioq") else ""
    if plain[:2].isalpha() and plain[2:4].isdigit() and 15 <= len(plain) <= 34 and plain.isalnum() and plain.isascii():
        return "account" if checks.iban(plain.upper()) else ""
    return ""
