"""Towns, counties and districts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import WORD, rank
from medlms.data.identifiers.states import (
    CODE,
    LONG,
    NOT_TOWNS,
    SHORT,
    SHORT_STATES,
    STATES,
    TOWN,
    WORDY_STATES,
    is_town,
    trimmed,
)
from medlms.data.identifiers.view import View, finder
from medlms.data.identifiers.words import words

_STATE = re.compile(rf", {{0,2}}(?:{SHORT}|{LONG})\b\.?(?:,? {{1,2}}({CODE})(?![\w-]))?")
_TOWN_END = re.compile(rf"(?<![\w'-])({TOWN}(?: {TOWN})?)$")
_TOWN_CAPS = re.compile(
    r"([A-Z][\w.'-]{2,24}(?: [A-Z][\w'-]{2,24}){0,2}) ([A-Z]{2,3})(?: ([0-9]{4,5}(?:-[0-9]{4})?))?(?![\w-])"
)
_CAPS = re.compile(r"[A-Z][A-Z](?<=[ ][A-Z][A-Z])[A-Z]?(?![\w-])")
_COUNTY = re.compile(
    r"\b(?:county|co\.|district of|parish of|borough of|township of|town of|village of|city of|"
    r"municipality of|province of|kreis|landkreis|comarca de|barrio|colonia|distrito de|hamlet of|"
    r"suburb of|commune of)(?: of)? ((?:[^\W\d_][\w'-]{2,20})(?: [^\W\d_][\w'-]{2,20})?)"
)
_COUNTY_LAST = re.compile(
    r" (?:county|parish|district|borough|township|prefecture|shire|subdivision|neighbou?rhood|taluk|"
    r"tehsil|oblast|lga|village|municipality)\b(?! (?:nurses?|clerk|of|hospital|council|health|line|"
    r"jail|court|medical|general|social|services?|school))"
)
_SAID = re.compile(
    r"\b(?:lives? (?:alone )?in|living in|lived in|moved (?:here |back )?(?:to|from)|resides? in|"
    r"residing in|resident of|residents of|born in|back to|visiting(?: from)?|native of|grew up in|"
    r"raised in|home in|house in|"
    r"farm in|apartment in|hometown(?: of|:)?|city(?: of|:|=| is)|town(?: of|:|=)|ciudad[:=]?|ort[:=]|"
    r"wohnort:?|wohnhaft in|vive en|residente en|natural de|domiciliad[oa] en|originally from|is from|"
    r"are from|comes? here from|came here from|flew (?:in )?(?:from|to)|drove (?:in )?(?:from|to)|"
    r"travel(?:l?ed|s|ling)? (?:from|to)|trip to|relocat(?:ed|ing) (?:from|to)|transferred from|near|"
    rf"outside|address(?: is)?:?) (?:the |downtown |nearby |north |south |east |west )?({TOWN}(?: "
    rf"{TOWN})?)"
)
_FIRM = re.compile(
    r"(?:lives?|living|lived|resid|moved|born|grew|raised|hometown|city|town|ciudad|ort|wohn|vive|"
    r"natural|domicil|originally|native|relocat|near|outside|trip|travel|flew|drove|transferred|is "
    r"from|are from|came here|comes? here)"
)
_AFTER = re.compile(
    rf"[,;]?(?: -)? {{1,2}}(?:(?:{CODE})(?![\w-]) )?({TOWN}(?: {TOWN})?)(?:,? {{1,2}}(?:{SHORT}|"
    rf"{LONG})\b\.?)?(?:,?(?: -)? {{1,2}}({CODE})(?![\w-]))?"
)
_BEFORE_TOWN = re.compile(rf"[,;]? {{0,2}}\b((?:[a-z]{{1,2}}-)?(?:{CODE})) {{1,2}}({TOWN}(?: {TOWN})?)")


def behind(seen: View, place: int) -> Iterator[Finding]:
    """Town and post code behind a street."""
    if follow := _BEFORE_TOWN.match(seen.low, place):
        yield Finding(*follow.span(1), "place", "post code", 0.86)
        if is_town(seen, follow, 2):
            yield Finding(*trimmed(seen, follow, 2), "place", "behind a street", 0.8)
        yield from _known_code(seen, follow.end())
    else:
        for more in range(4):  # district, town, province, country
            follow = _AFTER.match(seen.low, place)
            if (
                not follow
                or (more and seen.low[follow.start()] != ",")
                or (more and rank(follow[1].split()[0]) == WORD and follow[1] not in words("towns"))
            ):
                break
            good = is_town(seen, follow, 1)
            if good:
                yield Finding(*trimmed(seen, follow, 1), "place", "behind a street", 0.78)
            if follow[2]:
                yield Finding(*follow.span(2), "place", "post code", 0.86)
            if not good or follow[2]:
                break
            place = follow.end()
            if code := _BEFORE_TOWN.match(seen.low, place):
                yield Finding(*code.span(1), "place", "post code", 0.86)
                if is_town(seen, code, 2):
                    yield Finding(*trimmed(seen, code, 2), "place", "behind a street", 0.78)
                break


def _known_code(seen: View, place: int) -> Iterator[Finding]:
    if code := _TOWN_CODE.match(seen.low, place):
        yield Finding(*code.span(1), "place", "post code", 0.8)


def towns(seen: View) -> Iterator[Finding]:
    """Towns beside a state or behind words such as 'lives in', counties, and large towns wherever they stand."""
    low, flat = seen.low, seen.flat
    if "," in low:
        for state in _STATE.finditer(low):
            hit = _TOWN_END.search(low, max(0, state.start() - 40), state.start())
            short = re.match(r", {0,2}([a-z]{2,3})\b", state.group())
            if short and short[1] in SHORT_STATES:
                written = state.start() + state.group().index(short[1])
                if not (
                    seen.flat[written : written + 2].isupper()
                    if seen.cased
                    else (short[1] not in WORDY_STATES or state[1])
                ):
                    continue
            if (
                hit
                and is_town(seen, hit, 1)
                and (seen.cased or state[1] or not words("towns").isdisjoint((hit[1], hit[1].split()[-1])))
            ):
                start = hit.start(1)
                while seen.cased and flat[start].islower() and " " in flat[start : hit.end(1)]:
                    start = flat.index(" ", start) + 1
                if seen.cased and flat[start].islower():
                    continue
                yield Finding(start, hit.end(1), "place", "beside a state", 0.76)
                if state[1]:
                    yield Finding(*state.span(1), "place", "post code", 0.86)
    for state in _CAPS.finditer(flat):
        hit = (
            _TOWN_CAPS.search(flat, max(0, state.start() - 50), state.end() + 12)
            if state.group().lower() in SHORT_STATES
            else None
        )
        if not hit:
            continue
        if hit[2].lower() in SHORT.split("|") and (
            (hit[3] and rank(hit[1].split()[-1].lower()) != WORD) or hit[1].lower() in words("towns")
        ):
            yield Finding(*hit.span(1), "place", "beside a state", 0.74)
            if hit[3]:
                yield Finding(*hit.span(3), "place", "ZIP", 0.9)
    yield from _counties(seen)
    for hit in _SAID.finditer(low) if not seen.vocabulary.isdisjoint(_SAID_WORDS) else ():
        said = hit[1]
        if not said.replace(" ", "").replace("-", "").replace("'", "").isalpha() and not said.endswith("."):
            continue
        known = said in words("towns") or said.split()[0] in words("towns") or said.split()[-1] in words("towns")
        firm = _FIRM.match(hit.group()) and (flat[hit.start(1)].isupper() and seen.cased)
        if not seen.cased and _FIRM.match(hit.group()) and is_town(seen, hit, 1) and rank(said.split()[0]) != WORD:
            firm = True
        if (known and (not seen.cased or flat[hit.start(1)].isupper())) or (
            firm and is_town(seen, hit, 1) and said.split()[0] not in words("common")
        ):
            yield Finding(*_capitals(seen, *hit.span(1)), "place", "said", 0.68)
    yield from _known(seen)


def _capitals(seen: View, start: int, end: int) -> tuple[int, int]:
    """Of two words only the first where the second has no capital."""
    space = seen.flat.rfind(" ", start, end)
    if space > 0 and (seen.flat[space + 1].islower() if seen.cased else seen.low[space + 1 : end] in words("common")):
        return start, space
    return start, end


def _counties(seen: View) -> Iterator[Finding]:
    if not seen.vocabulary.isdisjoint(
        "county co district parish borough township town village city municipality province kreis "
        "landkreis comarca barrio colonia distrito hamlet suburb commune".split()
    ):
        for hit in _COUNTY.finditer(seen.low):
            if is_town(seen, hit, 1) and (
                hit[1].split()[0] not in words("common")
                or (seen.cased and hit.group().startswith("county ") and seen.flat[hit.start()].isupper())
            ):
                start = hit.start() if hit.group().startswith(("county", "co.", "kreis", "landkreis")) else hit.start(1)
                yield Finding(start, _capitals(seen, *hit.span(1))[1], "place", "county", 0.82)
    if not seen.vocabulary.isdisjoint(
        "county parish district borough township prefecture shire subdivision neighborhood neighbourhood "
        "taluk tehsil oblast lga village municipality".split()
    ):
        for hit in _COUNTY_LAST.finditer(seen.low):
            start = seen.low.rfind(" ", 0, hit.start()) + 1
            name = seen.low[start : hit.start()].strip("(,;.")
            if (
                len(name) < 3
                or not name.replace("'", "").replace("-", "").replace(".", "").isalpha()
                or name in NOT_TOWNS
                or name in STATES
            ):
                continue
            if seen.flat[start].isupper() if seen.cased else name not in NO_NAMES:
                previous = seen.low.rfind(" ", 0, max(0, start - 1)) + 1
                wide = (
                    start - previous > 2
                    and seen.cased
                    and seen.flat[previous].isupper()
                    and seen.flat[previous : start - 1].isalpha()
                    and seen.low[previous : start - 1] not in words("common")
                )
                yield Finding(previous if wide else start, hit.end(), "place", "county", 0.83)


_SAID_WORDS = frozenset(
    "lives live living lived moved resides reside residing resident residents born visiting native "
    "grew raised home house farm apartment hometown city town ciudad ort wohnort wohnhaft vive "
    "residente natural domiciliado domiciliada originally "
    "from back flew drove travel traveled travelled travels traveling travelling trip relocated "
    "relocating transferred near outside address".split()
)
_NOT_BEHIND = re.compile(
    r" (?:hospital|clinic|university|medical|general|criteria|score|scale|classification|virus|"
    r"disease|syndrome|protocol|study|trial|county|street|[a-z]+ hospital|children's)\b"
)


NO_NAMES = frozenset(
    "the this that our your his her their which per each every any same in of for by from local "
    "school health neighboring next whole my a an and or fishing police rural urban unified central".split()
)
_CODE_BEFORE = re.compile(
    r"(?<![\w.,/-])((?:[a-z]{1,2}-)?(?:[0-9]{5}|[0-9]{4}(?: [a-z]{2})?|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3}))[ ,] ?$"
)
_TOWN_CODE = re.compile(rf"(?:,| -)? ({CODE})(?![\w%-]|[.,][0-9]| ?(?:mg|ml))")


def _known(seen: View) -> Iterator[Finding]:
    """Large towns wherever they stand, if their names are no ordinary words."""
    here = seen.vocabulary & _plain_towns()
    if not here:
        return
    for hit in finder(tuple(sorted(here))).finditer(seen.low):
        whole = not hit.start() or not seen.low[hit.start() - 1].isalpha()
        if (
            whole
            and (not seen.cased or seen.flat[hit.start()].isupper())
            and not _NOT_BEHIND.match(seen.low, hit.end())
        ):
            yield Finding(*hit.span(), "place", "a known town", 0.52)
            yield from _known_code(seen, hit.end())
            if seen.digits and (code := _CODE_BEFORE.search(seen.low, max(0, hit.start() - 14), hit.start())):
                yield Finding(*code.span(1), "place", "post code", 0.78)


@cache
def _plain_towns() -> frozenset[str]:
    return words("towns") - words("common") - words("given") - words("family") - STATES
