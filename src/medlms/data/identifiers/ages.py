"""Ages over 89: the number alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import NAME, UNKNOWN, is_common, is_given, rank
from medlms.data.identifiers.view import View

_ONES = "(?:one|two|three|four|five|six|seven|eight|nine)"
_TO_20 = f"(?:{_ONES}|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen)"
_OLD = rf"(?:9[0-9]|1[0-2][0-9]|ninety(?:[ -]{_ONES})?|(?:one|a) hundred(?:(?: and|-and)?[ -]{_TO_20})?)"
_UNIT = (
    r"(?: ?-? ?(?:years?|yrs?|year's)(?:[ -]*(?:old|young|of age))?\b|[ -]?(?:y/?/?o|y\.o\.?|yo[mf]?|"
    r"y\.?/o\.?| ?y(?![a-z/])|ans|años?|anos|anni|jahre?|jährige[rn]?|jähr\.|letni[a-z]?|år|jaar|"
    r"éves|let)(?![a-z])| ?[mf](?![\w'])| ?(?:male|female|man|woman|gentleman|lady)\b)"
)
_PERSON = (
    r"(?:i ?'? ?m|i am|he ?'? ?s|she ?'? ?s|will be|he'll be|she'll be|be|at|he is|she is|they'?re|"
    r"you'?re|is|was|are|be|being|turns?|turned|turning|reached|reaches|nearly|almost|now|already|"
    r"just)"
)
_RULES = [
    ("with a unit", rf"(?<![\w./-])({_OLD}){_UNIT}(?! (?:ago|later|survival|history))"),
    ("behind a word",
        r"\b(?:aged?|age (?:is|of|was)|age at \w+|alter|edad|âge|years old|aged about|(?:died|passed(?: "
        r"away)?|deceased|dead|lived|well|alive|healthy|active|living) (?:at|aged|to|until|till)(?: age| the age of| about)?)[ "
        rf":=\"'>]{{1,4}}({_OLD})(?!\w|[./-][0-9]| ?%)"),
    ("turns", rf"\b(?:turns?|turned|turning) ({_OLD})\b(?![./%-]?[0-9]| ?%)"),
    ("said of somebody",
        rf"\b{_PERSON}(?: (?:now|already|almost|nearly|only|just|about)){{0,2}} ({_OLD})\b(?= ?(?:$|"
        r"[;.,!?)](?: |$)|next|now|and\b|this|last|today|years?|but|so|or\b|in [a-z]+\b))(?! ?\.[0-9])"),
    ("slash", rf"\b(?:age|sex)[a-z/ ]{{0,8}}:? ?({_OLD})(?= ?/ ?[mf]\b)"),
    ("of some age", rf"\b(?:woman|man|lady|gentleman|patient) of ({_OLD})(?!\w|[./-][0-9]| ?%)"),
    ("at an age", rf"(?:^|[.;!?] )at ({_OLD})(?=,| the\b| he\b| she\b| my\b| his\b| her\b)"),
    ("decade",
        r"\b(?:in|into|of|entering|reached) (?:his|her|their|my|the) (?:(?:early|mid|late|middle)[ "
        r"-])?(9[0-9]'?s|nineties|hundreds)\b"),
    ("behind a name",
        rf"(?:(?:[^\W\d_]|[.\]]),? \(|(?:[^\W\d_]|[.\]]), )({_OLD})(?= ?(?:\.(?: |$)|[,;)](?: |$)|$|and\b|"
        r"from\b|of\b|lives|who\b|was\b|is\b|has\b|with\b|presents|admitted))"),
    ("second of two", rf"(?:[,(] ?|\baged? |\bare ){_OLD} (?:and|&) ({_OLD})\b"),
    ("first of two", rf"(?:[,(] ?|\baged? |\bare )({_OLD}) (?:and|&) (?:[1-9][0-9]|1[0-2][0-9])\b(?! ?%)"),
    ("range word",
        r"\b(?:patient|pt|resident|client|mother|father|grandmother|grandfather|widow|lady|gentleman|man|"
        rf"woman|male|female)s?,? (?:is |was |aged |now )?({_OLD})(?=[ ,.;)]|$)(?! ?(?:%|mg|kg|lbs?|ml|/|"
        r"over|mm|bpm))"),
]  # fmt: skip
_COMPILED = [(rule, re.compile(pattern)) for rule, pattern in _RULES]
_WORDED = re.compile(
    rf"\b(ninety(?:[ -]{_ONES})?|(?:one|a) hundred(?: and|-and)?[ -]{_TO_20})\b(?!,? (?:percent|per|"
    r"degrees|over|milli|mg|ml|days?|minutes|seconds|hours|beats|pounds|kilos|dollars|miles|times|"
    r"thousand|point|milligrams|to|steps|units|meters|feet|percentile|on|mcg|plus|-))"
)
_AFTER_NAME = re.compile(
    rf"([^\W\d_]{{3,}})(?:'s)? ?[,(:-]? ?({_OLD})(?= ?(?:[.,;)|-](?: |$)|$|[a-z]))(?! ?(?:%|mg|ml|/|"
    r"\.[0-9]|bpm|mm|kg|lb|over|degrees|units|percent|beats|days|hours|minutes|cm|mcg|g\b|c\b|f\b|"
    r"ra\b|on\b|(?:one|two|three|four|[0-9])\b|puffs?|tabs?|caps?|twice|once|daily|bid|qd|qhs))"
)
_BOUNDED = re.compile(rf"(?:[;|\t(\[] ?|^|- )({_OLD})(?= ?(?:[;|\t)\]]|$|, ?[mf]\b| ?/ ?[mf]\b))", re.MULTILINE)
_PERSONS = frozenset(
    "patient pt she he who age aged resident client mother father mom dad grandmother grandfather "
    "grandma grandpa aunt uncle wife husband woman man lady gentleman male female widow widower "
    "veteran lives alone".split()
)
_HINT = re.compile(r"9[0-9](?<![0-9]..)(?![0-9])|1[0-2][0-9](?<![0-9]...)(?![0-9])|ninet|hundred")
_LOOK, _ROOM = 72, 40  # characters looked at around a number that may be an age
_FIRST = re.compile(r"([^\W\d_]{2,}) $")
_MESSAGE = re.compile(r"(?:^|[ \n])[a-z][a-z0-9]{2}\|")  # a segment of HL7
_DEGREES = re.compile(r"(?:\b(?:temp|temperature|fever|below|above|over|heated|degrees|tmax)[a-z ,:]{0,12}|[<>≤≥] ?)$")
_VALUE = re.compile(
    r"\b(?:hr|rr|bp|pulse|heart rate|sats?|saturation|o2|spo2|esr|crp|glucose|sugar|bilirubin|temp|"
    r"map|pao2|weight|wt|na|alt|ast|ldl|hdl|rate|platelets|creatinine|score|room(?! ?mate)|bed|dose|"
    r"degrees|flexion|about|over|level|peak|bac|egfr|gfr|alp|ggt|cd4|wbc|mcv|map|sbp|dbp)\b[ a-z,]{0,12}$"
)


def ages(seen: View) -> Iterator[Finding]:
    """Ages of 90 and more, as digits and as words; the unit stays outside."""
    low = seen.low
    done = 0
    for hint in _HINT.finditer(low):
        if hint.start() < done:
            continue
        start, end = max(0, hint.start() - _LOOK), min(len(low), hint.end() + _LOOK)
        while start > 0 and low[start - 1].isalnum():
            start -= 1
        while end < len(low) and not low[end].isspace():
            end += 1
        done = hint.end() + _LOOK - _ROOM
        yield from _near(low, start, end)


def _near(low: str, start: int, end: int) -> Iterator[Finding]:
    for rule, pattern in _COMPILED:
        for hit in pattern.finditer(low, start, end):
            before = low[max(0, hit.start(1) - 24) : hit.start(1)]
            if rule == "with a unit" and _DEGREES.search(before):
                continue
            if rule in ("with a unit", "decade", "behind a word") or not _VALUE.search(before):
                yield Finding(*hit.span(1), "date", f"age over 89, {rule}", 0.88)
    for hit in _WORDED.finditer(low, start, end):
        if not _VALUE.search(low, max(0, hit.start(1) - 28), hit.start(1)):
            yield Finding(*hit.span(1), "date", "age over 89, in words", 0.8)
    for hit in _AFTER_NAME.finditer(low, start, end):
        if rank(hit[1]) == NAME or hit[1] in _PERSONS or _in_full(low, hit):
            yield Finding(*hit.span(2), "date", "age over 89, behind a name", 0.8)
    for hit in _BOUNDED.finditer(low, start, end):
        if not _MESSAGE.search(low, low.rfind("\n", 0, hit.start(1)) + 1, hit.start(1)):
            yield Finding(*hit.span(1), "date", "age over 89, alone", 0.6)


def _in_full(low: str, hit: re.Match[str]) -> bool:
    """Whether a name stands right before the word, which no list knows: 'Ivy Threlkeld 97'."""
    first = _FIRST.search(low, max(0, hit.start(1) - 20), hit.start(1))
    return first is not None and rank(hit[1]) == UNKNOWN and is_given(first[1]) and not is_common(first[1])
