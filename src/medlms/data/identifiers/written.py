"""Names by the form in which they are written: 'Last, First', initials, fields of records, columns of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import NAME, UNKNOWN, WORD, BOTH, is_given, rank
from medlms.data.identifiers.states import STATES
from medlms.data.identifiers.view import View
from medlms.data.identifiers.words import words

_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_P = r"(?:(?:de|del|la|las|los|da|do|dos|van|von|der|den|ter|bin|ibn|al|el|le|du|di|abu|st\.?|san)[ -]){0,2}"
_W = r"[^\W\d_][\w'-]{1,24}"
_COMMA = re.compile(
    rf"(?<![\w'-])({_P}(?:{_W} )?{_W})(?:,? (?:jr|sr|ii|iii)\.?)?, {{1,2}}({_W}(?: (?:[^\W\d_]\b\.?|"
    rf"{_W})){{0,2}})(?!\w)"
)
_CAP = r"[A-ZÀ-ÞĀ-ɏ][\w'-]{1,24}"
_COMMA_CASED = re.compile(
    rf"((?:[A-ZÀ-ÞĀ-ɏ])(?<![\w'].)[\w'-]{{1,24}}(?: {_CAP})?)(?:,? (?:Jr|Sr|II|III|JR|SR)\.?)?, "
    rf"{{1,2}}({_CAP}(?: (?:[A-Z]\b\.?|{_CAP})){{0,2}})(?!\w)"
)
_TIGHTLY = re.compile(r",[^\W\d_](?<=[^\W\d_],.)")
_TIGHT = re.compile(rf"(?<![\w'-])({_W}),({_W})(?!\w)")
_HL7 = re.compile(r"(?<=[|~\n])([^\W\d_][\w' -]{1,30})\^([^\W\d_][\w' -]{0,30})(?:\^([\w.' -]{0,20}))?")
_HL7_ID = re.compile(r"(?<=[|])[\w-]{2,12}\^([^\W\d_][\w' -]{1,30})\^([^\W\d_][\w' -]{0,30})")
_KEYED = re.compile(
    r"(?<![a-z])(?:(?:patient|full|first|last|family|given|middle|sur|fore|maiden|contact|display|"
    r"birth|legal|preferred|mother'?s?(?: maiden)?|father'?s?|provider|physician|nurse|member|"
    r"subscriber|insured|guarantor|nok)[_ -]?names?|name|names|surname|patient|author|"
    r"signed_by|attending|provider|physician|surgeon|guardian|given|family|lastname|firstname|user|"
    r"performer|nombre|apellidos|nachname|vorname|collector|ordering|requester|practitioner|text|"
    r"value|display)[\"']? ?[=:>] ?[\"']?"
    r"([^\W\d_][\w.', -]{1,50}?)(?=[\"<|;\n]|'(?![a-z])|  |$|, ?(?:[0-9]|dob|born|\"|mrn|age)| (?:dob|"
    r"mrn|age|sex|date|ssn|id|phone|tel|address|acct|account|room|born|mr|d\.o\.b|gender|attending|"
    r"policy|nhs|unit|hospital|admitted|seen)\b)"
)
_KEY = re.compile(r"[=:>](?<=[a-z\"'].)|[=:>](?<=[a-z] .)")
_INITIALS = re.compile(r"[A-Z](?<![\w.].)\. ?(?:[A-Z]\. ?){1,3}(?!\w)")
_SMALL_INITIALS = re.compile(r"[a-z](?<![\w.].)\. ?(?:[a-z]\. ?){1,3}(?!\w)", re.IGNORECASE)
_NOT_INITIALS = frozenset(
    "us uk usa eu dc md do rn np pa am pm po iv im sc eg ie ph et ad bc od os ou ed er ng gi gu pe "
    "rr hr bp ba ma bs ms bid tid qid qd qhs prn cc dob icu un la ny nj fu wc phd mph vs ua ct mr ca "
    "ho so cf sl pr qam qpm adl loc nad sob dvt sa".split()
)
_INITIALS_CUE = re.compile(
    r"(?:\b(?:patient|subject|initials|initialed|pt|signed|by|name|participant|client|resident|"
    r"volunteer|case|for|from|dictated|mother|father|child|infant|son|daughter|wife|husband|mr|mrs|ms|"
    r"dr|kin|contact|regarding|re|dear|thanks|seen|nurse|tech)[ :,.=(/-]{1,4}|, ?|[-/|;(] ?|\n)$"
)
_BARE = re.compile(
    r"(?:\b(?i:initials|initialed|signed|dictated by|typed by|checked by|verified by|witnessed by|"
    r"entered by|drawn by)[ :=-]{1,3})([A-Z]{2,3})\b"
)
_TYPED = re.compile(r"[A-Z](?<![A-Za-z].)([A-Z]{1,2})[:/]([a-z]{2,3})\b(?= ?(?:$|\n| d:| t:| D:| T:))")


def written(seen: View) -> Iterator[Finding]:
    """Names that their form gives away."""
    text, low, flat = seen.text, seen.low, seen.flat
    if "," in low:
        yield from _reversed(seen)
    if "^" in low:
        for pattern in (_HL7, _HL7_ID):
            for hit in pattern.finditer(text):
                yield Finding(
                    hit.start(1),
                    hit.end(2)
                    + (len(hit[3]) + 1 if hit.lastindex == 3 and hit[3] and hit[3].replace(".", "").isalpha() else 0),
                    "name",
                    "HL7",
                    0.94,
                )
    for hit in _KEYED.finditer(low) if _KEY.search(low) else ():
        said = _TOKEN.findall(hit[1])
        ranks = [rank(word) for word in said if len(word) > 1]
        if (
            len(said) < 6
            and (
                NAME in ranks
                or (
                    WORD not in ranks
                    and UNKNOWN in ranks
                    and seen.cased
                    and flat[hit.start(1)].isupper()
                    and len(said) > 1
                )
            )
            and ranks.count(WORD) < 2
        ):
            yield Finding(hit.start(1), hit.start(1) + len(hit[1].rstrip(" ,")), "name", "labelled", 0.82)
    if "." in low:
        for hit in (_INITIALS if seen.cased else _SMALL_INITIALS).finditer(flat):
            letters = "".join(mark for mark in hit.group().lower() if mark.isalpha())
            if (
                letters not in _NOT_INITIALS
                and (hit.group()[0].isupper() or not seen.cased)
                and (
                    _INITIALS_CUE.search(low, max(0, hit.start() - 20), hit.start())
                    or (seen.cased and len(letters) == 2 and not re.match(r" ?[A-Z]", flat[hit.end() :][:2]))
                )
            ):
                yield Finding(hit.start(), hit.start() + len(hit.group().rstrip()), "name", "initials", 0.8)
    if not seen.vocabulary.isdisjoint(("initials", "initialed", "signed", "by")):
        yield from (Finding(*hit.span(1), "name", "initials", 0.7) for hit in _BARE.finditer(flat))
    yield from (Finding(*hit.span(), "name", "initials of a typist", 0.7) for hit in _TYPED.finditer(text))


def _reversed(seen: View) -> Iterator[Finding]:
    for hit in (_COMMA_CASED if seen.cased else _COMMA).finditer(seen.flat):
        yield from _turned(seen, hit)
    for hit in _TIGHT.finditer(seen.flat) if _TIGHTLY.search(seen.flat) else ():
        yield from _turned(seen, hit)


_LED_BY = re.compile(r"(?<!\w)(?:de|del|la|van|von|der|den|ter|bin|ibn|al|el|le|du|di|da|dos|abu)[ -]$")


def _turned(seen: View, hit: re.Match[str]) -> Iterator[Finding]:
    """'Last, First' where both sides are names, or one is and the other is known to no list."""
    first = [word for word in _TOKEN.findall(hit[1].lower()) if len(word) > 1]
    given = [word for word in _TOKEN.findall(hit[2].lower()) if len(word) > 1]
    if (
        not first
        or not given
        or (seen.cased and not (seen.flat[hit.start(2)].isupper() and seen.flat[hit.end(1) - len(first[-1])].isupper()))
    ):
        return
    last, head = firm_rank(first[-1], seen.cased), firm_rank(given[0], seen.cased)
    if (
        all(is_place(word) or word in STATES or word in words("eponyms") for word in (first[-1], given[0]))
        or given[0] in STATES
    ):
        return
    if (
        WORD in (last, head)
        or NAME not in (last, head)
        or (not seen.cased and UNKNOWN in (last, head) and not is_given(given[0]))
    ):
        if (
            WORD not in (last, head)
            and seen.cased
            and _RECORD.match(seen.low, hit.end())
            and re.search(r"(?:^|[\n:;|>=] ?)$", seen.flat[max(0, hit.start() - 2) : hit.start()])
        ):
            pass
        elif not (
            last in (BOTH, UNKNOWN)
            and head == BOTH
            and (seen.cased or last == BOTH)
            and is_given(given[0])
            and (hit[1].isupper() == hit[2].isupper())
            and _alone(seen, hit)
        ):
            return
    begin = hit.start(1)
    while led := _LED_BY.search(seen.low, max(0, begin - 8), begin):
        begin = led.start()
    if len(first) > 1 and rank(first[0]) == WORD:
        begin = hit.end(1) - len(first[-1])
    end = hit.end(2)
    parts = list(_TOKEN.finditer(seen.flat, hit.start(2), hit.end(2)))
    for part in parts[1:]:
        if len(part.group()) > 1 and (
            rank(part.group().lower()) in (WORD,) or (seen.cased and part.group()[0].islower())
        ):
            end = part.start()
            break
    yield Finding(begin, begin + len(seen.flat[begin:end].rstrip(" ,")), "name", "Last, First", 0.88)


_RECORD = re.compile(
    r" ?(?:\(|[0-9]|dob|mrn|age|chart|m\b|f\b|male|female|;|\||born|nhs|acct|account|room|bed|ssn|id\b)"
)


def _alone(seen: View, hit: re.Match[str]) -> bool:
    """Behind a line's begin or a label, and before a number or an end."""
    return bool(
        re.search(r"(?:^|[\n:;|>\"] ?)$", seen.flat[max(0, hit.start() - 2) : hit.start()])
        or re.match(r" ?[(;|,\n\"0-9]", seen.flat[hit.end() : hit.end() + 2])
    )
