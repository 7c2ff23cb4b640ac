"""Streets, roads, houses and boxes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.addresses import behind
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import WORD, rank
from medlms.data.identifiers.view import View

_ENDING = (
    "street|st|str|avenue|ave|av|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|circle|cir|place|"
    "pl|terrace|ter|parkway|pkwy|highway|hwy|way|trail|trl|"
    "square|sq|crescent|cres|close|grove|alley|loop|row|mews|gardens|walk|hill|pike|turnpike|run|"
    "crossing|nagar|marg|path|quay|parade|pde|esplanade|rise|"
    "green|view|heights|layout|colony|sarani|bazaar|chowk|enclave|vihar|gali|cross|main|ridge|point|"
    "landing|plaza|expressway|causeway|bypass|commons|estate"
)
_UNIT = (
    r"(?:,? {0,2}(?:apt|apartment|unit|suite|ste|lot|flat|floor|fl|room|rm|bldg|building|no|trailer|"
    r"trlr|spc|space|#)\.? ?#? ?(?:[0-9]{1,5}[a-z]?|[a-z][0-9]{0,4})\b|,? # ?[0-9]{1,5}[a-z]?)?"
)
_W = r"[^\W\d_][\w.'-]{0,24}"
_HOUSE = r"[0-9](?<![\w./-].)[0-9]{0,5}(?:[a-z]|-[0-9]{1,4}|/[0-9]{1,4}| ?1/2)?"
_STREET = re.compile(
    rf"{_HOUSE},? {{1,2}}(?:(?:[nsew]{{1,2}}\.?|north|south|east|west) )?(?:[0-9]{{1,3}}(?:st|nd|rd|"
    rf"th) (?:{_W} )?|(?:{_W} {{1,2}}){{1,4}}?)(?:{_ENDING})\b\.?(?: (?:[nsew]{{1,2}}|north|south|east|"
    rf"west|extension|{_ENDING})\b\.?)?{_UNIT}"
)
_BROADWAY = re.compile(
    rf"{_HOUSE} (?:(?:[nsew]{{1,2}}\.?|north|south|east|west) )?(?:broadway|(?:state |county |us "
    rf")?(?:route|rt|highway|hwy|road|fm|interstate) [0-9]{{1,4}}|avenue (?:of the {_W}|[a-z]\b)|"
    rf"[0-9]{{1,3}}(?:st|nd|rd|th)\b(?= ?,)){_UNIT}"
)
_BOX = re.compile(
    r"\b(?:p\.? ?o\.? ?box|post(?:al)? box|po box|apartado|postfach|(?:rr|hc|rural route|star route) #?[0-9]{1,3},? box|"
    r"casilla|private "
    r"bag) [a-z]?[0-9]{1,6}\b"
)
_PLOT = re.compile(
    r"\b(?:plot|house|flat|door|shop|block|blk)\.? ?(?:no\.? ?)?#? "
    rf"?[0-9]{{1,5}}[a-z]?(?:[/-][0-9a-z]{{1,5}})?,? {{1,2}}(?:{_W},? ){{0,3}}(?:{_W})(?: "
    rf"(?:[0-9]{{1,3}}(?![0-9])|street|road|close|estate|nagar|colony|layout|phase [0-9]))?"
)
_NUMBERED_ROAD = re.compile(
    r"\b(?:county road|county rd|state route|state road|rural route|highway|hwy|route|interstate) "
    r"[0-9]{1,4}\b(?: box [0-9]{1,5})?"
)
_NO_HOUSE = re.compile(
    r"\b(?:on|at|off|along|down|near|from|to|corner of|address:?|street:?|lives at|and) ((?:(?:[nsew]\.?|north|south|east|"
    r"west|old|upper|lower) )?"
    rf"(?:[0-9]{{1,3}}(?:st|nd|rd|th)|{_W})(?: {_W}){{0,2}} (?:street|st|avenue|road|drive|lane|ln|boulevard|court|terrace|"
    rf"ter|parkway|pkwy|ave|blvd|"
    r"rd|crescent|circle|cir|highway|hwy|trail|trl|way|pike|turnpike|row|mews)\b)"
)
_HOUSE_NAME = re.compile(rf"{_HOUSE} (?:[^\W\d_][\w'-]{{2,20}} ){{0,3}}[^\W\d_][\w'-]{{2,20}}(?=, [^\W\d_])")
_ABROAD = re.compile(
    r"\b(?:calle|c/|rua|r\.|via|viale|piazza|corso|vicolo|avenida|avda?\.?|av\.|carrera|cra\.?|cl\.?|"
    r"paseo|plaza|camino|travessa|largo|praça|ulica|ul\.|al\.|jalan|jl\.?|lorong|soi|đường|ulitsa|"
    r"bulevar|bulvar|cadde|odos)"
    rf" (?:(?:de|del|de la|de los|das|dos|da|do|di|della|dei|san|santa) )?(?:{_W}|"
    rf"[0-9]{{1,3}}[a-z]?)(?: (?!y |and |in ){_W}){{0,3}},? {{0,2}}(?:n[º°o]\.? ?|# ?|nr\.? ?|km "
    rf"?)?[0-9]{{1,5}}[a-z]?(?:[ -]{{1,3}}[0-9]{{1,4}}[a-z]?)?\b(?:,? (?:[0-9]{{1,2}}[º°ªo] ?[a-z]?\b|"
    r"piso [0-9]+|apto?\.? ?[0-9]+))?"
)
_BEHIND_ROAD = re.compile(r"[0-9](?<= .)[0-9]{0,3}(?: ?[a-z])?\b(?!\w|[.,][0-9]|[-/%])")
_RUE = re.compile(
    rf"[0-9](?<![\w./-].)[0-9]{{0,3}}(?: ?(?:bis|ter|[a-d]))?,? (?:rue|avenue|av\.?|boulevard|bd|"
    r"allées?|chemin|impasse|quai|cours|place|route|faubourg|square) (?:d[eu]s? |de la |de l'|l'|la |"
    rf"le |d')?{_W}(?:[ -](?:de |du |des |la )?(?=[^\W\d_]){_W}){{0,2}}"
)
_JOINTS = tuple(
    "straße strasse str. weg gasse platz allee ring damm ufer steig gatan vägen veien gata vej gade "
    "straat laan plein gracht kade katu tie utca stien torget".split()
)
_APART = frozenset(
    "straße strasse str. weg gasse platz allee ring damm gatan utca út ulica katu sokak caddesi sk. cad. no:".split()
)
_ARTICLES = frozenset("am an auf im in zum zur unter der dem den".split())
_NUMBERED = re.compile(
    r"[0-9](?<![\w./-].)[0-9]?-[0-9]{1,3}-[0-9]{1,3},? [^\W\d_][\w-]{2,20}(?:-(?:ku|cho|machi|shi|"
    r"dori|dong|gu|ro|gil))?|[0-9](?<![\w./-].)[0-9]{0,3},? [^\W\d_][\w-]{2,24}-(?:ro|gil|daero|"
    r"dong)\b"
)
NO_NAMES = frozenset(
    "the this that our your his her their which per each every any same in of for by from local school health neighboring "
    "next whole my a an "
    "and or fishing police rural urban unified central".split()
)
_ROADS = frozenset(
    "street st avenue road drive lane ln boulevard court terrace ter parkway pkwy ave blvd rd crescent circle cir highway "
    "hwy trail trl way pike turnpike row mews".split()
)
_ABROAD_WORDS = frozenset(
    "calle c rua r via viale piazza corso vicolo avenida avda av carrera cra cl paseo plaza camino "
    "travessa largo praça ulica ul al jalan jl lorong soi đường ulitsa bulevar bulvar cadde odos".split()
)


def streets(seen: View) -> Iterator[Finding]:
    """Streets with and without a house, and the towns and post codes that stand behind them."""
    if seen.digits:
        for rule, pattern in _street_rules(seen):
            for hit in seen.near_digits(pattern):
                if rule == "house and name" and not _is_named(seen, hit):
                    continue
                if (
                    rule == "abroad"
                    and seen.cased
                    and not seen.flat[hit.start()].isupper()
                    and hit.group().startswith(("via", "al", "ul", "cl", "r", "c", "largo"))
                ):
                    continue
                if hit.group().startswith("9-1-1"):
                    continue
                if rule == "plot" and not _is_plot(seen, hit):
                    continue
                if rule != "street" or _is_street(seen, hit):
                    yield Finding(hit.start(), hit.end() - (hit.group()[-1] == "."), "place", rule, 0.87)
                    yield from behind(seen, hit.end())
                    if flat := _FLAT.search(seen.low, max(0, hit.start() - 24), hit.start()):
                        yield Finding(flat.start(), hit.start() - 1, "place", "flat", 0.85)
        yield from _joined(seen)
    if not seen.vocabulary.isdisjoint(_ROADS):
        for hit in _NO_HOUSE.finditer(seen.low):
            said = seen.flat[hit.start(1) : hit.end(1)]
            ordinary = any(word in NO_NAMES for word in hit[1].split())
            if not ordinary and (
                all(word[0].isupper() or word[0].isdigit() for word in said.split()) if seen.cased else True
            ):
                yield Finding(*hit.span(1), "place", "road", 0.72)


_FLAT = re.compile(
    r"\b(?:flat|apt|apartment|unit|suite|ste|house|villa|room|lot|floor|tower|wing|block|blk)\.? "
    r"(?:no\.? )?[a-z]?[0-9]{0,4}[a-z]?, $"
)


def _joined(seen: View) -> Iterator[Finding]:
    """'Lindenstraße 4', 'Am Hang 12': the number stands behind the street."""
    low = seen.low
    for hit in seen.near_digits(_BEHIND_ROAD):
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
            yield from behind(seen, hit.end())


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
    r"^[0-9]+ (?:(?:mg|ml|mcg|g|kg|cm|mm|days?|weeks?|months?|years?|hours?|minutes?|min|times?|"
    r"patients?|people|percent|and|or|to|of|in|units?|tablets?|puffs?|doses?|x|ft|inch(?:es)?|beats?|"
    r"was|is|were|are|am|pm|with|for|at|by|on)\b)"
)


def _is_street(seen: View, hit: re.Match[str]) -> bool:
    """Told from '5 days by way of': in text with case, the name of a street has capitals."""
    said = seen.flat[hit.start() : hit.end()]
    if _NO_STREET.match(hit.group()):
        return False
    if seen.cased:
        parts = re.findall(r"[^\W\d_][\w'-]*", said)
        return bool(sum(part[0].isupper() for part in parts) * 2 >= len(parts))
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
    if re.match(r"(?:19|20)[0-9]{2} ", hit.group()):
        return False
    return (
        all(part[0].isupper() for part in parts)
        and all(rank(part.lower()) != WORD for part in parts)
        and seen.flat[hit.end() + 2 : hit.end() + 3].isupper()
    )
