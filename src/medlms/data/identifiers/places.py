"""Streets, towns, counties, districts and post codes; states and countries are no identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import WORD, rank
from medlms.data.identifiers.view import View, finder
from medlms.data.identifiers.words import words

_ENDING = (
    "street|st|str|avenue|ave|av|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|circle|cir|place|pl|terrace|ter|parkway|pkwy|highway|hwy|way|trail|trl|"
    "square|sq|crescent|cres|close|grove|alley|loop|row|mews|gardens|walk|hill|pike|turnpike|run|crossing|nagar|marg|path|quay|parade|pde|esplanade|rise|"
    "green|view|heights|layout|colony|sarani|bazaar|chowk|enclave|vihar|gali|cross|main|ridge|point|landing|plaza|expressway|causeway|bypass|commons|estate"
)
_UNIT = r"(?:,? {0,2}(?:apt|apartment|unit|suite|ste|lot|flat|floor|fl|room|rm|bldg|building|no|trailer|trlr|spc|space|#)\.? ?#? ?(?:[0-9]{1,5}[a-z]?|[a-z][0-9]{0,4})\b|,? # ?[0-9]{1,5}[a-z]?)?"
_W = r"[^\W\d_][\w.'-]{0,24}"
_HOUSE = r"[0-9](?<![\w./-].)[0-9]{0,5}(?:[a-z]|-[0-9]{1,4}|/[0-9]{1,4}| ?1/2)?"
_STREET = re.compile(
    rf"{_HOUSE},? {{1,2}}(?:(?:[nsew]{{1,2}}\.?|north|south|east|west) )?(?:[0-9]{{1,3}}(?:st|nd|rd|th) (?:{_W} )?|(?:{_W} {{1,2}}){{1,4}}?)(?:{_ENDING})\b\.?(?: (?:[nsew]{{1,2}}|north|south|east|west|extension|{_ENDING})\b\.?)?{_UNIT}"
)
_BROADWAY = re.compile(
    rf"{_HOUSE} (?:(?:[nsew]{{1,2}}\.?|north|south|east|west) )?(?:broadway|(?:state |county |us )?(?:route|rt|highway|hwy|road|fm|interstate) [0-9]{{1,4}}|avenue (?:of the {_W}|[a-z]\b)|[0-9]{{1,3}}(?:st|nd|rd|th)\b(?= ?,)){_UNIT}"
)
_BOX = re.compile(
    r"\b(?:p\.? ?o\.? ?box|post(?:al)? box|po box|apartado|postfach|rr [0-9]{1,3} box|casilla|private bag) [a-z]?[0-9]{1,6}\b"
)
_PLOT = re.compile(
    rf"\b(?:plot|house|flat|door|shop|block|blk)\.? ?(?:no\.? ?)?#? ?[0-9]{{1,5}}[a-z]?(?:[/-][0-9a-z]{{1,5}})?,? {{1,2}}(?:{_W},? ){{0,3}}(?:{_W})(?: (?:[0-9]{{1,3}}(?![0-9])|street|road|close|estate|nagar|colony|layout|phase [0-9]))?"
)
_NUMBERED_ROAD = re.compile(
    r"\b(?:county road|county rd|state route|state road|rural route|highway|hwy|route|interstate) [0-9]{1,4}\b(?: box [0-9]{1,5})?"
)
_NO_HOUSE = re.compile(
    rf"\b(?:on|at|off|along|down|near|corner of|address:?|street:?|lives at|and) ((?:(?:[nsew]\.?|north|south|east|west|old|upper|lower) )?(?:[0-9]{{1,3}}(?:st|nd|rd|th)|{_W})(?: {_W})? (?:street|avenue|road|drive|lane|boulevard|court|terrace|parkway|ave|blvd|rd|crescent|circle|highway))\b"
)
_HOUSE_NAME = re.compile(rf"{_HOUSE} (?:[^\W\d_][\w'-]{{2,20}} ){{0,3}}[^\W\d_][\w'-]{{2,20}}(?=, [^\W\d_])")
_ABROAD = re.compile(
    rf"\b(?:calle|c/|rua|r\.|via|viale|piazza|corso|vicolo|avenida|avda?\.?|av\.|carrera|cra\.?|cl\.?|paseo|plaza|camino|travessa|largo|praça|ulica|ul\.|al\.|jalan|jl\.?|lorong|soi|đường|ulitsa|bulevar|bulvar|cadde|odos)"
    rf" (?:(?:de|del|de la|de los|das|dos|da|do|di|della|dei|san|santa) )?(?:{_W}|[0-9]{{1,3}}[a-z]?)(?: (?!y |and |in ){_W}){{0,3}},? {{0,2}}(?:n[º°o]\.? ?|# ?|nr\.? ?|km ?)?[0-9]{{1,5}}[a-z]?(?:[ -]{{1,3}}[0-9]{{1,4}}[a-z]?)?\b(?:,? (?:[0-9]{{1,2}}[º°ªo] ?[a-z]?\b|piso [0-9]+|apto?\.? ?[0-9]+))?"
)
_BEHIND_ROAD = re.compile(r"[0-9](?<= .)[0-9]{0,3}(?: ?[a-z])?\b(?!\w|[.,][0-9]|[-/%])")
_RUE = re.compile(
    rf"[0-9](?<![\w./-].)[0-9]{{0,3}}(?: ?(?:bis|ter|[a-d]))?,? (?:rue|avenue|av\.?|boulevard|bd|allées?|chemin|impasse|quai|cours|place|route|faubourg|square) (?:d[eu]s? |de la |de l'|l'|la |le |d')?{_W}(?:[ -](?:de |du |des |la )?(?=[^\W\d_]){_W}){{0,2}}"
)
_JOINTS = tuple(
    "straße strasse str. weg gasse platz allee ring damm ufer steig gatan vägen veien gata vej gade straat laan plein gracht kade katu tie utca stien torget".split()
)
_APART = frozenset(
    "straße strasse str. weg gasse platz allee ring damm gatan utca út ulica katu sokak caddesi sk. cad. no:".split()
)
_ARTICLES = frozenset("am an auf im in zum zur unter der dem den".split())
_NUMBERED = re.compile(
    r"[0-9](?<![\w./-].)[0-9]?-[0-9]{1,3}-[0-9]{1,3},? [^\W\d_][\w-]{2,20}(?:-(?:ku|cho|machi|shi|dori|dong|gu|ro|gil))?|[0-9](?<![\w./-].)[0-9]{0,3},? [^\W\d_][\w-]{2,24}-(?:ro|gil|daero|dong)\b"
)
_STATES = (
    "al|ak|az|ar|ca|co|ct|de|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|ny|nc|nd|oh|ok|or|pa|ri|sc|sd|tn|tx|ut|vt|va|wa|wv|wi|wy|dc|pr|"
    "nsw|vic|qld|tas|act|nt|on|qc|bc|ab|mb|sk|ns|nb|nl|pe"
)
_STATE_NAMES = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|"
    "maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|new hampshire|new jersey|new mexico|new york|north carolina|"
    "north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|washington|west virginia|"
    "wisconsin|wyoming|ontario|quebec|british columbia|alberta|manitoba|saskatchewan|nova scotia|new brunswick|new south wales|queensland|tasmania|victoria|"
    "england|scotland|wales|northern ireland|ireland|germany|france|spain|italy|mexico|india|nigeria|kenya|ghana|japan|china|canada|australia|puerto rico|brazil|peru|vietnam|philippines"
)
STATES = frozenset(_STATE_NAMES.split("|"))
_TOWN = r"(?:(?:st|ste|saint|sainte|san|santa|santo|sao|são|los|las|new|north|south|east|west|fort|ft|port|mount|mt|el|la|le|des|de|baton|cedar|grand|long|salt lake|green|palm|high|cape|bad|kuala|ho chi|rio de|mar del|upper|lower|great|little|old|lake|royal|abu|addis|tel|cape|santa|villa|ciudad)\.? )?[^\W\d_][\w'-]{2,24}"
_CODE = r"[0-9]{5}(?:-[0-9]{4})?|[0-9]{3} [0-9]{2,3}|[0-9]{2}-[0-9]{3}|[0-9]{3}-[0-9]{4}|[0-9]{5}-[0-9]{3}|[0-9]{6}|[0-9]{4}(?: [a-z]{2}\b)?|[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}|[a-z][0-9][a-z] ?[0-9][a-z][0-9]"
_STATE = re.compile(rf", {{0,2}}(?:{_STATES}|{_STATE_NAMES})\b\.?(?:,? {{1,2}}({_CODE})(?![\w-]))?")
_TOWN_END = re.compile(rf"(?<![\w'-])({_TOWN}(?: {_TOWN})?)$")
_FIVE = re.compile(r"[0-9](?<![\w.,/-].)[0-9]{3,4}(?:-[0-9]{4})?(?![\w%-]|[.,][0-9]|/)")
_SHORT_STATES = frozenset(_STATES.split("|"))
_WORDY_STATES = frozenset("in or me on hi ok de la al pa ma id ms md ne pe ab act co".split())
_TOWN_CAPS = re.compile(
    r"([A-Z][\w.'-]{2,24}(?: [A-Z][\w'-]{2,24}){0,2}) ([A-Z]{2,3})(?: ([0-9]{4,5}(?:-[0-9]{4})?))?(?![\w-])"
)
_ZIP9 = re.compile(r"[0-9](?<![\w./-].)[0-9]{4}-[0-9]{4}(?![\w-])")
_POST = re.compile(
    r"[a-z](?<![\w-].)[a-z]?[0-9][a-z0-9]? [0-9][a-z]{2}(?![\w-])(?<!mg)(?<!ml)(?<!kg)(?<!cm)(?<!mm)|[abceghj-nprstvxy](?<![\w-].)[0-9][a-z] ?[0-9][a-z][0-9](?![\w-])|[1-9](?<![\w.-].)[0-9]{3} [a-z]{2}(?=,? [a-z])(?<! (?:am|pm|mg|ml|kg|cm|mm|iu|dl|to|or|of|in|on|at|by|is|if|it|no|he|me|we|as|an))"
)
_CAPS = re.compile(r"[A-Z][A-Z](?<=[ ][A-Z][A-Z])[A-Z]?(?![\w-])")
_POST_UPPER = re.compile(
    r"[A-Z](?<![\w-].)[A-Z]?[0-9][A-Z0-9]? [0-9][A-Z]{2}(?![\w-])|[ABCEGHJ-NPRSTVXY](?<![\w-].)[0-9][A-Z] ?[0-9][A-Z][0-9](?![\w-])|[1-9](?<![\w.-].)[0-9]{3} [A-Z]{2}(?=,? [A-Z][a-z])(?<!AM)(?<!PM)(?<!MG)(?<!ML)"
)
_LABELLED = re.compile(
    r"(?<![a-z])(?:zip(?:[ _-]?code)?|post[ _-]?code|postal[ _-]?code|postal|plz|pin[ _-]?code|pin|código postal|codigo postal|c\.?p\.?|cep|cap)[ :=\"'#>]{1,4}(?:is |was )?"
    rf"({_CODE})(?![\w-])"
)
_COUNTY = re.compile(
    r"\b(?:county|co\.|district of|parish of|borough of|township of|town of|village of|city of|municipality of|province of|kreis|landkreis|comarca de|barrio|colonia|distrito de|hamlet of|suburb of|commune of)(?: of)? ((?:[^\W\d_][\w'-]{2,20})(?: [^\W\d_][\w'-]{2,20})?)"
)
_COUNTY_LAST = re.compile(
    r" (?:county|parish|district|borough|township|prefecture|shire|subdivision|neighbou?rhood|taluk|tehsil|oblast|lga|village|municipality)\b(?! (?:nurses?|clerk|of|hospital|council|health|line|jail|court|medical|general|social|services?|school))"
)
_SAID = re.compile(
    rf"\b(?:lives? (?:alone )?in|living in|lived in|moved (?:here |back )?(?:to|from)|resides? in|residing in|resident of|residents of|born in|back to|visiting(?: from)?|native of|grew up in|raised in|home in|house in|"
    rf"farm in|apartment in|hometown(?: of|:)?|city(?: of|:|=| is)|town(?: of|:|=)|ciudad[:=]?|ort[:=]|wohnort:?|wohnhaft in|vive en|residente en|natural de|domiciliad[oa] en|originally from|is from|are from|comes? here from|came here from|flew (?:in )?(?:from|to)|drove (?:in )?(?:from|to)|"
    rf"travel(?:l?ed|s|ling)? (?:from|to)|trip to|relocat(?:ed|ing) (?:from|to)|transferred from|near|outside|address(?: is)?:?) (?:the |downtown |nearby |north |south |east |west )?({_TOWN}(?: {_TOWN})?)"
)
_FIRM = re.compile(
    r"(?:lives?|living|lived|resid|moved|born|grew|raised|hometown|city|town|ciudad|ort|wohn|vive|natural|domicil|originally|native|relocat|near|outside|trip|travel|flew|drove|transferred|is from|are from|came here|comes? here)"
)
_AFTER = re.compile(
    rf"[,;]?(?: -)? {{1,2}}(?:(?:{_CODE})(?![\w-]) )?({_TOWN}(?: {_TOWN})?)(?:,? {{1,2}}(?:{_STATES}|{_STATE_NAMES})\b\.?)?(?:,?(?: -)? {{1,2}}({_CODE})(?![\w-]))?"
)
_BEFORE_TOWN = re.compile(rf"[,;]? {{0,2}}\b((?:[a-z]{{1,2}}-)?(?:{_CODE})) {{1,2}}({_TOWN}(?: {_TOWN})?)")
_NOT_TOWNS = frozenset(
    "the this that these with when his her their and for she they but not patient phone fax tel dob mrn home last week month year yesterday today since then while room apt suite united "
    "who was has had is are from until after before because where telephone mobile cell email".split()
)
_ROADS = frozenset(
    "street avenue road drive lane boulevard court terrace parkway ave blvd rd crescent circle highway".split()
)
_ABROAD_WORDS = frozenset(
    "calle c rua r via viale piazza corso vicolo avenida avda av carrera cra cl paseo plaza camino travessa largo praça ulica ul al jalan jl lorong soi đường ulitsa bulevar bulvar cadde odos".split()
)


def places(seen: View) -> Iterator[Finding]:
    """Places below a state."""
    if seen.digits:
        for rule, pattern in _street_rules(seen):
            for hit in pattern.finditer(seen.low):
                if rule == "house and name" and not _is_named(seen, hit):
                    continue
                if rule == "plot" and not _is_plot(seen, hit):
                    continue
                if rule != "street" or _is_street(seen, hit):
                    yield Finding(hit.start(), hit.end() - (hit.group()[-1] == "."), "place", rule, 0.87)
                    yield from _behind(seen, hit.end())
                    if flat := _FLAT.search(seen.low, max(0, hit.start() - 24), hit.start()):
                        yield Finding(flat.start(), hit.start() - 1, "place", "flat", 0.85)
        yield from _joined(seen)
        yield from _post_codes(seen)
    yield from _towns(seen)
    if not seen.vocabulary.isdisjoint(_ROADS):
        for hit in _NO_HOUSE.finditer(seen.low):
            said = seen.flat[hit.start(1) : hit.end(1)]
            ordinary = not seen.vocabulary or any(word in _NO_COUNTY for word in hit[1].split())
            if not ordinary and (
                all(word[0].isupper() or word[0].isdigit() for word in said.split()) if seen.cased else True
            ):
                yield Finding(*hit.span(1), "place", "road", 0.72)


_FLAT = re.compile(
    r"\b(?:flat|apt|apartment|unit|suite|ste|house|villa|room|lot|floor|tower|wing|block|blk)\.? (?:no\.? )?[a-z]?[0-9]{0,4}[a-z]?, $"
)


def _joined(seen: View) -> Iterator[Finding]:
    """'Lindenstraße 4', 'Am Hang 12': the number stands behind the street."""
    low = seen.low
    for hit in _BEHIND_ROAD.finditer(low):
        end = hit.start() - 1
        start = low.rfind(" ", max(0, end - 34), end) + 1
        word = low[start:end].strip(",")
        before = low[low.rfind(" ", max(0, start - 26), max(0, start - 1)) + 1 : max(0, start - 1)] if start > 1 else ""
        apart = word in _APART and before.isalpha()
        named = (
            before in _ARTICLES - {"in"}
            and rank(word) != WORD
            and word.isalpha()
            and len(word) > 3
            and low[hit.end() : hit.end() + 1] in (",", "\n")
        )
        if apart or named:
            start -= len(before) + 1
        elif not (word.endswith(_JOINTS) and len(word) > 5 and rank(word) != WORD):
            continue
        if not seen.cased or seen.flat[start].isupper():
            yield Finding(start, hit.end(), "place", "number behind a street", 0.87)
            yield from _behind(seen, hit.end())


def _street_rules(seen: View) -> Iterator[tuple[str, re.Pattern[str]]]:
    yield "street", _STREET
    if seen.cased:
        yield "house and name", _HOUSE_NAME
    if not seen.vocabulary.isdisjoint(("road", "rd", "route", "highway", "hwy", "interstate")):
        yield "numbered road", _NUMBERED_ROAD
    yield "road", _BROADWAY
    yield "numbered", _NUMBERED
    if "box" in seen.vocabulary or not seen.vocabulary.isdisjoint(("postfach", "apartado", "casilla", "bag")):
        yield "box", _BOX
    if not seen.vocabulary.isdisjoint(_ABROAD_WORDS):
        yield "abroad", _ABROAD
    if not seen.vocabulary.isdisjoint(
        "rue avenue boulevard bd allée allées chemin impasse quai cours place route faubourg".split()
    ):
        yield "rue", _RUE
    if not seen.vocabulary.isdisjoint("plot house flat door shop block blk".split()):
        yield "plot", _PLOT


_NO_STREET = re.compile(
    r"^[0-9]+ (?:(?:mg|ml|mcg|g|kg|cm|mm|days?|weeks?|months?|years?|hours?|minutes?|min|times?|patients?|people|percent|and|or|to|of|in|units?|tablets?|puffs?|doses?|x|ft|inch(?:es)?|beats?|was|is|were|are|am|pm|with|for|at|by|on)\b)"
)


def _is_street(seen: View, hit: re.Match[str]) -> bool:
    """Told from '5 days by way of': in text with case, the name of a street has capitals."""
    said = seen.flat[hit.start() : hit.end()]
    if _NO_STREET.match(hit.group()):
        return False
    if seen.cased:
        parts = re.findall(r"[^\W\d_][\w'-]*", said)
        return sum(part[0].isupper() for part in parts) * 2 >= len(parts)
    ordinary = set(re.findall(r"[a-z]+", hit.group()))
    return ordinary.isdisjoint(
        "the a an was is were are has had have of with and or for per mg his her she he they it patient on".split()
    )


def _is_plot(seen: View, hit: re.Match[str]) -> bool:
    parts = re.findall(r"[^\W\d_]{2,}", seen.flat[hit.start() : hit.end()])[1:]
    return bool(parts) and all(
        part[0].isupper() if seen.cased else rank(part) != WORD or part in _ROADS
        for part in parts
        if part.lower() != "no"
    )


def _is_named(seen: View, hit: re.Match[str]) -> bool:
    """'83 Trần Phú, Huế': a number, a name in capitals, a comma and another; no word of ordinary language among them."""
    parts = re.findall(r"[^\W\d_][\w'.-]*", seen.flat[hit.start() : hit.end()])
    return (
        all(part[0].isupper() for part in parts)
        and all(rank(part.lower()) != WORD for part in parts)
        and seen.flat[hit.end() + 2 : hit.end() + 3].isupper()
    )


def _behind(seen: View, place: int) -> Iterator[Finding]:
    """Town and post code behind a street."""
    if follow := _BEFORE_TOWN.match(seen.low, place):
        yield Finding(*follow.span(1), "place", "post code", 0.86)
        if _town(seen, follow, 2):
            yield Finding(*_trimmed(seen, follow, 2), "place", "behind a street", 0.8)
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
            good = _town(seen, follow, 1)
            if good:
                yield Finding(*_trimmed(seen, follow, 1), "place", "behind a street", 0.78)
            if follow[2]:
                yield Finding(*follow.span(2), "place", "post code", 0.86)
            if not good or follow[2]:
                break
            place = follow.end()
            if code := _BEFORE_TOWN.match(seen.low, place):
                yield Finding(*code.span(1), "place", "post code", 0.86)
                if _town(seen, code, 2):
                    yield Finding(*_trimmed(seen, code, 2), "place", "behind a street", 0.78)
                break


def _known_code(seen: View, place: int) -> Iterator[Finding]:
    if code := _TOWN_CODE.match(seen.low, place):
        yield Finding(*code.span(1), "place", "post code", 0.8)


def _trimmed(seen: View, hit: re.Match[str], part: int) -> tuple[int, int]:
    """The town without a state's short name at its end."""
    start, end = hit.span(part)
    last = hit[part].rpartition(" ")
    if (
        last[0]
        and not (
            seen.cased
            and seen.flat[end - len(last[2])].isupper()
            and last[2] not in STATES
            and last[2] not in _STATES.split("|")
        )
        and (last[2] in STATES or last[2] in _STATES.split("|") or last[2] in _NOT_TOWNS or last[2] in words("common"))
        and last[2] not in words("towns")
    ):
        end = start + len(last[0])
    return start, end


def _town(seen: View, hit: re.Match[str], part: int) -> bool:
    said = hit[part]
    first = said.split()[0].strip(".")
    if first in _NOT_TOWNS or said in STATES:
        return False
    return (
        seen.flat[hit.start(part)].isupper() if seen.cased else first not in words("common") or said in words("towns")
    )


_CODE_WORDS = frozenset("zip zipcode postcode postal plz pin pincode cep cap cp post".split())
_EIRCODE = re.compile(r"[AC-FHKNPRTV-Y](?<![\w-].)(?:[0-9]{2}|6W) [0-9AC-FHKNPRTV-Y]{4}(?![\w-])")
_STAGE = re.compile(r"t[0-4]n[0-3]m[01]")


def _post_codes(seen: View) -> Iterator[Finding]:
    low = seen.low
    for hit in _FIVE.finditer(low):
        before = low[max(0, hit.start() - 18) : hit.start()].rstrip(", ^|")
        words_before = before.replace("^", " ").split()
        if not words_before or len(before) == min(18, hit.start()):
            continue
        last = words_before[-1].strip("(,;.")
        sure = (
            seen.flat[hit.start() - 3 : hit.start() - 1].isupper()
            if seen.cased
            else (last not in _WORDY_STATES and len(hit.group()) > 4)
        )
        if (
            (last in _SHORT_STATES and (sure or before.endswith(f", {last}") and len(hit.group()) > 4))
            or last in STATES
            or " ".join(words_before[-2:]) in STATES
        ):
            if len(hit.group()) > 4 or last in ("vic", "nsw", "qld", "tas", "wa", "sa", "act", "nt"):
                yield Finding(*hit.span(), "place", "ZIP", 0.9)
    yield from (Finding(*hit.span(), "place", "post code", 0.8) for hit in _EIRCODE.finditer(seen.flat))
    yield from (Finding(*hit.span(), "place", "ZIP", 0.8) for hit in _ZIP9.finditer(low))
    if not seen.vocabulary.isdisjoint(_CODE_WORDS):
        yield from (Finding(*hit.span(1), "place", "labelled", 0.94) for hit in _LABELLED.finditer(low))
    for hit in (_POST_UPPER if seen.cased else _POST).finditer(seen.flat if seen.cased else low):
        if not _STAGE.fullmatch(hit.group().lower()):
            yield Finding(*hit.span(), "place", "post code", 0.8)


def _towns(seen: View) -> Iterator[Finding]:
    low, flat = seen.low, seen.flat
    if "," in low:
        for state in _STATE.finditer(low):
            hit = _TOWN_END.search(low, max(0, state.start() - 40), state.start())
            short = re.match(r", {0,2}([a-z]{2,3})\b", state.group())
            if short and short[1] in _SHORT_STATES:
                written = state.start() + state.group().index(short[1])
                if not (
                    seen.flat[written : written + 2].isupper()
                    if seen.cased
                    else (short[1] not in _WORDY_STATES or state[1])
                ):
                    continue
            if (
                hit
                and _town(seen, hit, 1)
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
            if state.group().lower() in _SHORT_STATES
            else None
        )
        if not hit:
            continue
        if hit[2].lower() in _STATES.split("|") and (
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
        if not seen.cased and _FIRM.match(hit.group()) and _town(seen, hit, 1) and rank(said.split()[0]) != WORD:
            firm = True
        if (known and (not seen.cased or flat[hit.start(1)].isupper())) or (
            firm and _town(seen, hit, 1) and said.split()[0] not in words("common")
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
        "county co district parish borough township town village city municipality province kreis landkreis comarca barrio colonia distrito hamlet suburb commune".split()
    ):
        for hit in _COUNTY.finditer(seen.low):
            if _town(seen, hit, 1) and (
                hit[1].split()[0] not in words("common")
                or (seen.cased and hit.group().startswith("county ") and seen.flat[hit.start()].isupper())
            ):
                start = hit.start() if hit.group().startswith(("county", "co.", "kreis", "landkreis")) else hit.start(1)
                yield Finding(start, _capitals(seen, *hit.span(1))[1], "place", "county", 0.82)
    if not seen.vocabulary.isdisjoint(
        "county parish district borough township prefecture shire subdivision neighborhood neighbourhood taluk tehsil oblast lga village municipality".split()
    ):
        for hit in _COUNTY_LAST.finditer(seen.low):
            start = seen.low.rfind(" ", 0, hit.start()) + 1
            name = seen.low[start : hit.start()].strip("(,;.")
            if (
                len(name) < 3
                or not name.replace("'", "").replace("-", "").replace(".", "").isalpha()
                or name in _NOT_TOWNS
                or name in STATES
            ):
                continue
            if seen.flat[start].isupper() if seen.cased else name not in _NO_COUNTY:
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
    "lives live living lived moved resides reside residing resident residents born visiting native grew raised home house farm apartment hometown city town ciudad ort wohnort wohnhaft vive residente natural domiciliado domiciliada originally "
    "from back flew drove travel traveled travelled travels traveling travelling trip relocated relocating transferred near outside address".split()
)
_NOT_BEHIND = re.compile(
    r" (?:hospital|clinic|university|medical|general|criteria|score|scale|classification|virus|disease|syndrome|protocol|study|trial|county|street|[a-z]+ hospital|children's)\b"
)


_NO_COUNTY = frozenset(
    "the this that our your his her their which per each every any same in of for by from local school health neighboring next whole my a an and or fishing police rural urban unified central".split()
)
_CODE_BEFORE = re.compile(
    r"(?<![\w.,/-])((?:[a-z]{1,2}-)?(?:[0-9]{5}|[0-9]{4}(?: [a-z]{2})?|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3}))[ ,] ?$"
)
_TOWN_CODE = re.compile(rf"(?:,| -)? ({_CODE})(?![\w%-]|[.,][0-9]| ?(?:mg|ml))")


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
