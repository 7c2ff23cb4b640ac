"""Dates but for the bare year, told from fractions, scores, pressures and ranges."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View, finder

_ENGLISH = "january february march april may june july august september october november december".split()
_ABROAD = (
    "januar jänner februar märz maerz mai juni juli oktober dezember janvier fevrier février mars "
    "avril juin juillet aout août septembre octobre "
    "novembre decembre décembre enero febrero marzo abril mayo junio julio agosto septiembre "
    "setiembre octubre noviembre diciembre janeiro fevereiro "
    "março maio junho julho setembro outubro novembro dezembro gennaio febbraio aprile maggio giugno "
    "luglio settembre ottobre dicembre januari februari "
    "maart mei augustus maj augusti marts desember stycznia lutego marca kwietnia maja czerwca lipca "
    "sierpnia września października listopada grudnia styczeń luty marzec kwiecień czerwiec lipiec sierpień wrzesień "
    "październik listopad grudzień janúar febrúar apríl maí júní júlí ágúst október nóvember desember huhtikuuta toukokuuta "
    "tammikuuta helmikuuta maaliskuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta ocak şubat "
    "nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık ledna února března dubna května června července srpna září "
    "října prosince ianuarie februarie martie aprilie iunie iulie septembrie octombrie noiembrie decembrie februari maret "
    "agustus gener febrer març maig juny juliol agost setembre desembre hunyo hulyo agosto setyembre oktubre nobyembre "
    "disyembre január február március április május június július augusztus szeptember október június"
).split()
_SHORT = "jan feb mar apr jun jul aug sep sept oct nov dec ene abr ago dic okt dez mär fév avr juil".split()
_MONTHS = frozenset([*_ENGLISH, *_ABROAD, *_SHORT])
_MONTH = (
    "(?:" + "|".join([*sorted([*_ENGLISH, *_ABROAD], key=len, reverse=True), rf"(?:{'|'.join(_SHORT)})\b\.?"]) + ")"
)
_LONG = "(?:" + "|".join(_ENGLISH) + ")"
_YEAR = r"(?:(?:1[89]|20)[0-9]{2}\b|' ?[0-9]{2}\b)"
_DAY = r"(?:3[01]|[12][0-9]|0?[1-9])"
_NUM = r"(?:1[0-2]|0?[1-9])"
_TH = r" ?(?:st|nd|rd|th|er|º|ª|°)(?![a-z])"
_FIRST = "(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)"
_ORDINAL = (
    rf"(?:(?:twenty|thirty)[ -]{_FIRST}|{_FIRST}|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|"
    r"eigh|nine)teenth|twentieth|thirtieth)"
)
_ONES = "(?:one|two|three|four|five|six|seven|eight|nine)"
_TEENS = "(?:ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen)"
_TENS = "(?:(?:twen|thir|for|fif|six|seven|eigh|nine)ty)"
_BELOW = rf"(?:{_TENS}(?:[ -]{_ONES})?|{_TEENS}|(?:oh|o)[ -]{_ONES}|{_ONES})"
_SAID_YEAR = (
    rf"(?:(?:eighteen|nineteen|twenty)[ -]{_BELOW}|two thousand(?: (?:and )?{_BELOW})?|nineteen "
    rf"hundred(?: (?:and )?{_BELOW})?)"
)
_DATE_DAY = rf"(?:{_ORDINAL}|{_DAY}{_TH}|{_TENS}[ -]{_ONES}|{_TEENS}|{_ONES})"
_TO = r" ?(?:-|to|through|thru|until|and|&|bis|al|au) ?"
# With the name of a month: looked at only where a text has one.
_NAMED = [
    ("month day", 0.95,
        rf"\b{_MONTH}(?: {{1,2}}|[-/]){_DAY}(?:{_TH})?\b(?!\.[0-9]|/[0-9]| ?(?:mg|mcg|ml|%|weeks|days|"
        rf"months|years)\b)(?:{_TO}{_DAY}(?:{_TH})?\b(?![:/.][0-9]))?(?:(?:,? {{0,2}}|[-/]){_YEAR})?"),
    ("day month", 0.95,
        rf"\b{_DAY}(?:{_TH}|\.)?(?:{_TO}{_DAY}(?:{_TH}|\.)?)? {{0,2}}[-/]?(?:of |de |d'|del "
        rf")?{_MONTH}(?![a-z])(?:(?:,? {{0,2}}|[-/]|,? del? ){_YEAR})?"),
    ("day-month-year", 0.96,
        rf"\b{_DAY}(?:{_TH})?[-/. ]{{0,2}}{_MONTH}[-/. ]{{0,2}}(?:(?:1[89]|20)[0-9]{{2}}|"
        rf"[0-9]{{2}})(?![\w%]|\.[0-9])"),
    ("month-day-year", 0.96, rf"\b{_MONTH}[-/ ]{_DAY}[-/, ]{{1,2}}(?:(?:1[89]|20)[0-9]{{2}}|[0-9]{{2}})(?![\w%:]|\.[0-9])"),
    ("year month day", 0.96,
        rf"\b(?:1[89]|20)[0-9]{{2}}[-/., ]{{1,2}}{_MONTH}(?![a-z])(?:[-/., "
        rf"]{{1,2}}{_DAY}(?:{_TH})?\b(?![:.][0-9]))?"),
    ("glued", 0.96, rf"\b{_DAY}(?:{'|'.join(_SHORT)})(?:(?:1[89]|20)[0-9]{{2}}|[0-9]{{2}})(?![\w%])"),
    ("month year", 0.95, rf"\b{_MONTH}(?:,? |,? of |,? de |,? del |[-/]){_YEAR}"),
    ("short month-year", 0.8, rf"\b(?:{'|'.join(_SHORT[:12])}|may)-[0-9]{{2}}(?![\w-])"),
    ("said", 0.96, rf"\b{_LONG},?(?: the)? {_DATE_DAY}\b(?: o'clock)?(?:,?(?: of| in)? {_SAID_YEAR}|,? {_YEAR})?\b"),
    ("said", 0.95, rf"\b{_ORDINAL} (?:day )?(?:of )?{_LONG}\b(?:,?(?: of| in)? {_SAID_YEAR}|,? {_YEAR})?\b"),
    ("said", 0.94, rf"\b{_LONG}(?: of|,)? {_SAID_YEAR}\b"),
    ("month", 0.66,
        rf"\b(?:depuis|en|seit|im|in|desde|vanaf|sinds|fin|début|ende|anfang|mitte|sedan|siden|dal|od|mes de|mois de|"
        rf"hasta|hacia) ({'|'.join(month for month in _ABROAD if len(month) > 4)})\b"),
    ("month", 0.7, rf"\b(?:{'|'.join(month for month in _ENGLISH if month not in ('may', 'march'))})\b"),
    ("month", 0.6,
        r"\b(?:in|since|until|till|last|next|by|of|from|late|early|mid|before|after|during|through|around|every|"
        r"each|beginning|end of)[ -](may|march|sept?|oct|nov|dec|jan|feb|apr|jul|aug)\b\.?(?! (?:be|have|"
        r"not|or may|cause|need|help|also|lead|result|include|occur)\b)"),
]  # fmt: skip
# Digits alone.
_DIGITS = [
    ("year first", 0.96, rf"(?:1[3489]|20|25(?=[5-7]))(?<![\w./-]..)[0-9]{{2}}([-/.]| [-/] ){_NUM}\1{_DAY}(?=t[0-9]|(?![\w/-]))"),
    ("numbers", 0.95,
        rf"[0-9](?<![\w./-].)[0-9]?(?<!\b00)([-/.]| [-/] ){_DAY}\1(?:(?:1[89]|20)[0-9]{{2}}|"
        rf"'?[0-9]{{2}})(?![\w/]|[.-][0-9])"),
    ("numbers apart", 0.86,
        r"0[1-9](?<![\w./-]..) (?:0[1-9]|[12][0-9]|3[01]) (?:19|20)[0-9]{2}(?![\w/-]|\.[0-9]| [0-9])|"
        r"(?:0[1-9]|[12][0-9]|3[01])(?<![\w./-]..) (?:0[1-9]|1[0-2]) (?:19|20)[0-9]{2}(?![\w/-]|\.[0-9]|"
        r" [0-9])"),
    ("digits", 0.9,
        r"(?:19|20)(?<![\w.-]..)[0-9]{2}(?:1[0-2]|0[1-9])(?:3[01]|[12][0-9]|"
        r"0[1-9])(?:[0-2][0-9][0-5][0-9](?:[0-5][0-9])?)?(?![\w-])"),
    ("range", 0.9,
        r"[0-9](?<![\w./-].)[0-9]?/[0-9]{1,2}(?:/[0-9]{2,4})? ?- ?[0-9]{1,2}/[0-9]{1,2}(?:/(?:20|"
        r"19)?[0-9]{2})?(?![\w/%-]|\.[0-9])"),
    ("range", 0.8, r"[0-9](?<![\w./-].)[0-9]?/[0-9]{1,2} ?- ?(?:1[3-9]|2[0-9]|3[01])"
        r"(?![\w/%-]|\.[0-9]| ?(?:weeks|days|mm|%|mg))"),
    ("roman month", 0.9,
        r"[0-9](?<![\w./-].)[0-9]?[-./ ]{1,2}(?:i{1,3}|iv|vi{0,3}|ix|xi{0,2})[-./ "
        r"]{1,2}(?:1[89]|20)[0-9]{2}(?!\w)|[0-9](?<![\w./-].)[0-9]?([-./])(?:i{1,3}|iv|vi{0,3}|ix|xi{0,2})\1[0-9]{2}(?!\w)"),
    ("month/year", 0.84,
        r"(?:0[1-9]|1[0-2])(?<![\w./-]..)[/-](?:19|20)[0-9]{2}(?![\w/-]|\.[0-9])|[1-9](?<![\w./-].)/(?:19|"
        r"20)[0-9]{2}(?![\w/-]|\.[0-9])"),
    ("year-month", 0.84, r"(?:19|20)(?<![\w./-]..)[0-9]{2}[-/](?:0[1-9]|1[0-2])(?![\w/-]|\.[0-9])"),
    ("month-day", 0.7,
        r"[0-9](?<![\w./-].)(?<![<>=~+] .)[0-9]?-(?:3[01]|[12][0-9]|0?[1-9])"
        r"(?![\w/%-]|[.,][0-9]| [0-9]| ?(?:x|[a-z]{1,3}/|[cm]m|ml|mcg|hrs?|wks?|yrs?|mos?|pts?|tabs?|puffs?|drops|units?|"
        r"minutes?|min|"
        r"times|weeks?|days?|months?|years?|hours?|per|mg|patients|people)\b)"),
    ("day.month.", 0.86, r"[0-9](?<= .)[0-9]?\.(?:1[0-2]|0?[1-9])\.(?![\w])"),
]  # fmt: skip
_NAMED_RULES = [(rule, rank, re.compile(pattern)) for rule, rank, pattern in _NAMED]
_DIGIT_RULES = [(rule, rank, re.compile(pattern)) for rule, rank, pattern in _DIGITS]
_BORN = re.compile(
    r"\b(?:dob|d\.o\.b\.?|born|birth ?date|date of birth|dos|date|geb\.?|fdn)[ :=#\"'>]{1,4}"
    r"([0-9]{1,2} [0-9]{1,2} (?:19|20)?[0-9]{2}|[0-9]{6}|"
    r"[0-9]{8})(?![\w-])"
)
_THE_DAY = re.compile(
    r"\b(?:(?:on|since|until|till|by|before|after|from|around|fall|fell|seen|due|for|through|of|came|left|back|again|to|"
    r"call(?:ed)?|was|is|visit) "
    rf"the (?=[0-9])|on the )([0-9]{{1,2}}{_TH}|{_ORDINAL})(?= ?(?:[.,;!?)]|$|at\b|and\b|for\b|with\b|because\b|when\b|"
    rf"but\b|to\b|by\b|he\b|she\b|they\b|we\b|i\b|if\b|so\b|in the (?:morning|evening|afternoon)))"
)
_ENDINGS = frozenset(("st", "nd", "rd", "th"))
_BEFORE_LINE_END = 3  # the group of which a line must end behind the day
_WEEKDAY = re.compile(
    rf"\b(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday),? (?:the )?"
    rf"([0-9]{{1,2}}{_TH})|\bthe ([0-9]{{1,2}}{_TH})(?= of (?:next|this|last|the) month)|"
    rf"\b(?:on|since|until|till|by|from|for) the ([0-9]{{1,2}}{_TH})(?= )"
)
# Behind words for a birthday, numbers alone: 'four twelve forty one'.
_SAID_BIRTH = re.compile(
    rf"\b(?:birth ?day|date of birth|birth ?date|dob|born)(?: (?:is|was|on|it's|that's|uh|um|like|the|so)|[,:.]){{0,5}} "
    rf"((?:oh |zero )?{_BELOW}(?:[ ,/-]{{1,2}}(?:slash |dash |oh |zero |nineteen )?{_BELOW}){{2,3}})\b"
)
_SAID_NUMBERS = re.compile(
    rf"\b(?:oh |o |zero )?{_BELOW}(?:[ -](?:slash |dash )?)(?:oh |zero )?{_BELOW}(?:[ -](?:slash |dash "
    rf")?){_SAID_YEAR}\b"
)


def dates(seen: View) -> Iterator[Finding]:
    """Dates with a day or a month in them."""
    low = seen.low
    for start, end in _near_months(seen):
        for rule, rank, pattern in _NAMED_RULES:
            for hit in pattern.finditer(low, start, end):
                span = hit.span(1) if hit.re.groups and hit[1] else hit.span()
                if not _modal(seen, *span):
                    yield Finding(*span, "date", rule, rank)
    if ("the" in seen.vocabulary or "th" in low) and (seen.digits or "th" in low):
        yield from (Finding(*hit.span(1), "date", "day alone", 0.6) for hit in _THE_DAY.finditer(low))
        for hit in seen.near_digits(_WEEKDAY) if not seen.vocabulary.isdisjoint(_ENDINGS) else ():
            if hit.lastindex != _BEFORE_LINE_END or seen.text[hit.end()] == "\n":
                yield Finding(*hit.span(hit.lastindex or 1), "date", "day alone", 0.7)
    if "nineteen" in seen.vocabulary or "twenty" in seen.vocabulary or "thousand" in seen.vocabulary:
        yield from (Finding(*hit.span(), "date", "said", 0.85) for hit in _SAID_NUMBERS.finditer(low))
    if "born" in seen.vocabulary or "birth" in low or "dob" in seen.vocabulary:
        yield from (Finding(*hit.span(1), "date", "said", 0.9) for hit in _SAID_BIRTH.finditer(low))
    if seen.digits:
        yield from _numeric(seen)
        if not seen.vocabulary.isdisjoint(("dob", "d", "born", "birth", "birthdate", "dos", "date", "geb", "fdn")):
            yield from (Finding(*hit.span(1), "date", "labelled digits", 0.93) for hit in seen.near_digits(_BORN))


def _near_months(seen: View) -> list[tuple[int, int]]:
    """Where months are named, with room on both sides; a 'may' that can only be the verb is left out."""
    here = _MONTHS & seen.vocabulary
    pattern = finder(tuple(sorted(here))) if here else _GLUED if seen.digits else None
    spans: list[tuple[int, int]] = []
    for hit in pattern.finditer(seen.low) if pattern else ():
        if hit.group() in ("may", "march", "mar", "set", "dec", "mars", "mai") and not _MAY_DATE.search(
            seen.low, max(0, hit.start() - 12), hit.end() + 14
        ):
            continue
        start, end = max(0, hit.start() - 36), min(len(seen.low), hit.end() + 48)
        while start > 0 and seen.low[start - 1] not in " \n" and hit.start() - start < 60:
            start -= 1
        while end < len(seen.low) and seen.low[end] not in " \n" and end - hit.end() < 80:
            end += 1
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


_MAY_DATE = re.compile(
    r"[0-9]|may(?:[.;)]|$)|\b(?:in|since|until|till|last|next|this|by|of|from|late|early|mid|before|after|during|"
    r"through|around|every|each|end)[ -](?:may|mar|dec)|(?:may|mar|mars|mai)[a-z]*,?(?: the)? "
    rf"(?:{_DATE_DAY}|{_SAID_YEAR})|{_ORDINAL} (?:of )?ma"
)
_GLUED = re.compile(r"[0-9](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|ene|abr|okt|dez)")


def _modal(seen: View, start: int, end: int) -> bool:
    """Small words that are months too ('may 5-10', 'march 3 steps') count as dates only with a capital or a year."""
    said = seen.low[start:end]
    if said.endswith(" may") and seen.cased and (seen.flat[end - 3].islower() or _ASKED.match(seen.low, end)):
        return True
    if said == "may" and seen.cased:
        return seen.flat[start].islower()
    if not said.startswith(("may ", "march ", "mar ", "dec ", "mai ", "mars ")):
        return False
    return (seen.cased and seen.flat[start].islower() and said.startswith("may first")) or (
        seen.cased
        and seen.flat[start].islower()
        and not re.search(r"[0-9]{4}|(?:th|st|nd|rd)\b|[a-z]{4,} [a-z]{4,}", said)
    )


_ASKED = re.compile(r" (?:i|we|you|he|she|they|it) ")
_ON = frozenset("on am den vom zum bis ab seit dem date datum dated".split())
_PARTIAL = re.compile(r"[0-9](?<![\w./-].)[0-9]?/[0-9]{1,2}(?![\w/%]|-[0-9]|\.[0-9])")
_LISTED = re.compile(r"[0-9]{5}/([0-9]{1,2}/[0-9]{1,2})(?![\w/%]|[.-][0-9])")  # 'Ito/652878/6/21'
_NOT_A_DATE = re.compile(
    r" ?(?:- ?)?(?:tabs?|tablets?|pills?|caps?|capsules?|strength|murmur|systolic|diastolic|"
    r"holosystolic|cups?|tsp|tbsp|doses?|mg|mcg|ml|cm|mm|reps|points?|pain|"
    r"on (?:the|a|pain)\b|power|weakness|bilateral|throughout|in all|positive|intensity|severity|of "
    r"(?:the|a|an|what|her|his)\b|bottles|cultures|nodes|lymph|"
    r"inch|weeks|wks|days|months|visual|lung|hours|out of|teaspoons?|half(?! past)|words|recall|ppd|packs?|litres?|"
    r"liters?|grade|"
    r"apgar|teeth|criteria|times|sets|samples|specimens|cores|"
    r"left|right|od|os|ou|vision|normal|symmetric|equal|muscle|upper|lower|flexion|extension|biceps|"
    r"triceps|pint|amp|vial|saline|ns|strain|stars)\b"
)
_SCORE = re.compile(
    r"\b(?:score|scores|scale|scored|scoring|pain|strength|grade|gcs|mmse|moca|apgars?|phq-?[0-9]?|"
    r"gad-?[0-9]?|acuity|va|vision|reflexes|dtrs?|pulses|power|murmur|"
    r"bp|pressure|rated|ratio|rates?|levels?|nodes?|take|took|takes|give|half|motor|nrs|vas|intensity|"
    r"severity|type|audit|mrc|flexors?|extensors?|grip|biceps|"
    r"triceps|quadriceps|deltoids?|od|os|ou|aim|hip|knee|ankle|shoulder|elbow|bilaterally|sensation|"
    r"epworth|barthel|nihss|sofa|cam|minicog|mini-cog|cut|by|scan|bed|room|bay|ward|gds|slums|hads|beighton|vanderbilt|iddsi|"
    r"bipap|cpap|nippv|niv|ipap|peep|katz|lawton|tinetti|berg|madrs|ymrs|asia|edss|updrs|rass|ciwa|cows|wagner|ecog|braden|"
    r"norton|morse|aldrete|meld|news2?|pews|das28|bishop|silverman|westley|centor|wells|mallampati|"
    r"[a-z]{3,}(?:codone|sone|sartan|thiazide|prazole|pril|phrine|cillin|mycin|solone|formin|gliptin|caine))\b"
    r"[^\w\n]{0,3}(?:(?:is|of|was|a|an|at|as|the|about|only|now|to|still|around|from|[0-9]{1,2}/[0-9]{1,2} and)[ :]){0,3}$"
)
_DATED = re.compile(
    r"\b(?:on|f/?u|rtc|sched|since|from|until|till|dated?|dos|removed|started|admitted|seen|visit|discharged|before|"
    r"after|due|dob|born|inserted|stopped|exam|surgery|"
    r"fill|refill|mri|echo|ekg|ecg|colonoscopy|mammogram|pap|xray|biopsy|crash|accident|mvc|expires|as of|labs?|notes?|"
    r"cultures?|drawn|injury|fall|fell|"
    r"incident|repeated|appt|last seen|appointment|scheduled|done|placed|repeat|follow-?up|home|again|through|by|effective|"
    r"refilled|filled|ordered|collected|received|signed|"
    r"for|lmp|next|every|week of|back|call(?:ed)?|return|recheck|op|clinic|mon|tue|tues|wed|thu|thurs|"
    r"fri|sat|sun|[a-z]{3,6}day)\b[^\w\n]{0,3}$"
)
_DATED_BEHIND = re.compile(
    r" (?:visit|appointment|admission|surgery|note|labs?|ct|mri|x-?ray|echo|biopsy|scan|clinic|"
    r"discharge|encounter|procedure|call|and [0-9]{1,2}/[0-9]{1,2}\b)"
)
_ACUITY = re.compile(r"(?<![\w./-])(?:6/(?:4|5|6|7\.5|9|12|18|24|36|60)|20/(?:15|20|25|30|40|50))(?![\w/]|\.[0-9])")
_CAME = re.compile(
    r"\b(?:adm(?:it|itted)?|re-?admit(?:ted)?|disch(?:arged?)?|dated?|d/?c'?d|seen|since|visit|dos|surgery|op|labs|f/?u|rtc|"
    r"appt|due|dob|lmp|edd|exp|expires|review|next|return|recheck|eff|effective|signed|sched|scheduled|started|stopped|placed|"
    r"removed|drawn|collected|rec'?d|received|last) (?:on )?$"
)
_PADDED = re.compile(r"0[1-9]-[0-3][0-9]|[1-3][0-9]-0[1-9]")
_MONTHS_OF_A_YEAR = 12
_INFANT = re.compile(
    r"(?<![a-z'])(?:[mf]|male|female|boy|girl|cough|fever|x|for|aged?|pain|symptoms) $"
)  # 'm 6/12': months
_FRACTIONS = 2  # times that a whole may occur among days and months
_SCALES = frozenset({1, 2, 3, 4, 5, 6, 8, 10})


def _numeric(seen: View) -> Iterator[Finding]:
    low = seen.low
    for rule, rank, pattern in _DIGIT_RULES:
        for hit in seen.near_digits(pattern):
            if (
                rule == "day.month."
                and low[max(0, hit.start() - 12) : hit.start()].rstrip(" :").rpartition(" ")[2] not in _ON
            ):
                continue
            if rule == "month-day" and not _dashed(low, hit):
                continue
            if rule not in ("numbers", "range") or _possible(hit.group()):
                yield Finding(*hit.span(), "date", rule, rank)
    for hit in seen.near_digits(_LISTED) if "/" in low else ():
        if _possible(hit[1]):
            yield Finding(*hit.span(1), "date", "behind a number", 0.7)
    parts = list(seen.near_digits(_PARTIAL))
    if len(set(_ACUITY.findall(low))) > 1:
        parts = [hit for hit in parts if not _ACUITY.fullmatch(hit.group())]
    wholes = Counter(hit.group().partition("/")[2] for hit in parts)
    for hit in parts:
        if wholes[hit.group().partition("/")[2]] > _FRACTIONS and not _DATED.search(
            low, max(0, hit.start() - 34), hit.start()
        ):
            continue  # 3/25 of the patients, 7/25 of the patients
        if rank := _partial(low, hit):
            yield Finding(*hit.span(), "date", "month/day", rank)


def _dashed(low: str, hit: re.Match[str]) -> bool:
    """Whether two numbers around a dash are a month and a day: behind a word for a date, or with noughts as no range has."""
    said = hit.group()
    if not _possible(said):
        return False
    first, _, second = said.partition("-")
    if _CAME.search(low, max(0, hit.start() - 24), hit.start()):
        return len(second) > 1 or int(first) > int(second)
    before = low[max(0, hit.start() - 34) : hit.start()]
    padded = _PADDED.fullmatch(said) is not None or (first == second and len(first) > 1)
    return padded and not _SCORE.search(before)


def _possible(said: str) -> bool:
    first, second = (int(part) for part in re.findall(r"[0-9]+", said)[:2])
    return min(first, second) > 0 and min(first, second) <= 12 and max(first, second) <= 31


def _partial(low: str, hit: re.Match[str]) -> float:
    """How sure it is that two numbers around a slash are a day and a month; 0 for a score, a dose, an acuity."""
    first, second = (int(part) for part in hit.group().split("/"))
    if not (0 < min(first, second) <= 12 and max(first, second) <= 31) or _NOT_A_DATE.match(low, hit.end()):
        return 0.0
    before = low[max(0, hit.start() - 34) : hit.start()]
    if hit.group() == "24/7" or (second == _MONTHS_OF_A_YEAR and _INFANT.search(before)):
        return 0.0
    dated, scored = _DATED.search(before), _SCORE.search(before)
    if scored and not dated:
        return 0.0
    if _DATED_BEHIND.match(low, hit.end()):
        return 0.7
    if first == second and not dated and "0" not in hit.group():
        return 0.0
    # x/10, n/n and halves are more often a score, an acuity or a dose than a day.
    if first > second and not scored:  # no score and no fraction is larger than its whole
        return 0.62
    usual = second not in _SCALES or (second == 10 and first > 10) or hit.group().startswith("0") or "/0" in hit.group()
    return 0.85 if dated else 0.6 if usual else 0.0
