"""How much speaks for a name: the words, by the lists, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medlms.data.identifiers import cues
from medlms.data.identifiers.lexicon import BOTH, NAME, UNKNOWN, WORD, is_common, is_eponym, is_given, is_town
from medlms.data.identifiers.parts import span_of
from medlms.data.identifiers.states import COUNTRIES, STATES
from medlms.data.identifiers.view import View, Word
from medlms.data.identifiers.words import words

_LANDS = STATES | COUNTRIES
ENOUGH = 3  # the weight from which words are a name
MODAL = frozenset("will may can said gene curly made put".split())  # in text without case
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday thursday "
    "friday saturday sunday".split()
)
SENTENCE = re.compile(r"(?:^|[.!?:]['\")]? {1,2}|\n *(?:[-*•] *|[0-9]{1,2}[.)] *)?)$")


def weigh(
    seen: View, part: Sequence[Word], dialogue: bool, mailed: frozenset[str], things: set[str]
) -> tuple[int, str]:
    """How much speaks for a name, and what most of all. ``things``: words that name a disease or the like in this text."""
    start, end = part[0].start, part[-1].end
    whole = [word for word in part if not word.initial]
    cue, last = cues.before(seen, span_of(seen, part)[0], dialogue)
    if (
        last in cues.WORDED
        and cue == cues.SURE
        and (len(whole) == 0 or (whole[0].rank in (WORD, BOTH) and not seen.flat[start].isupper()))
    ):
        cue = (
            cues.NOTHING
            if whole and whole[0].low in MODAL
            else cues.FIRM
            if whole and whole[0].rank == BOTH
            else cues.FAIR
        )
    if (
        last in cues.SPEAKERS
        and cue == cues.FIRM
        and len(whole) == 1
        and ":" in seen.flat[start - 2 : start]
        and _SPEECH.match(seen.flat, end)
    ):
        cue = cues.NOTHING
    if not whole:
        return _initials_weight(seen, part, cue)
    if (
        not seen.cased
        and cue < cues.FIRM
        and all(word.rank == UNKNOWN and word.end - word.start < 4 and word.low.isascii() for word in whole)
    ):
        return 0, ""
    after = cues.behind(seen.low, span_of(seen, part)[1], any(word.rank != UNKNOWN for word in whole))
    eponym = all(is_eponym(word.low) for word in whole)
    if eponym and len(part) == 1 and cue < cues.FAIR and after == cues.FIRM:
        after = cues.FAIR  # 'Becker MD' is a dystrophy
    if cue < cues.SURE and cues.names_a_thing(seen.low, end):
        full = len(whole) > 1 and is_given(whole[0].low) and not eponym
        if not full or cues.names_a_disease(seen.low, end):
            return 0, ""
    if cue < cues.FIRM and len(whole) == 1 and after < cues.FIRM and whole[0].low in things:
        return 0, ""
    if cue < cues.FIRM and len(part) == 1 and (whole[0].low in _CALENDAR or _ROMAN.match(seen.low, end)):
        return 0, ""
    if seen.cased and cue < cues.FIRM and all(word.rank <= BOTH and f" {word.low} " in seen.flat for word in whole):
        return 0, ""
    town = is_town(" ".join(word.low for word in whole)) and not (
        len(whole) == 1 and whole[0].rank == NAME and is_given(whole[0].low)
    )
    if cue < cues.SURE and (
        _OF_THING.search(seen.low, max(0, start - 48), start) or (after and _STATE_CODE.match(seen.low, end))
    ):
        return 0, ""
    upper = seen.cased and all(seen.flat[word.start : word.end].isupper() for word in whole)
    base = _base(seen, part, whole, eponym, upper)
    if any(word.low in mailed for word in whole):
        base += 2
    if "^" in seen.low[start:end]:
        base += 2
    if all(word.low in _LANDS for word in whole) or seen.low[start:end] in _LANDS:
        base = min(base, 0)
    if town:
        base = min(base, 1 if len(whole) == 1 else 0)
    if len(whole) == 1 and upper and whole[0].rank != NAME and end - start < 5 and cue < cues.FIRM:
        return 0, ""
    if (
        upper
        and len(whole) == 1
        and max(cue, after) < (cues.FIRM if end - start < 6 or whole[0].rank == UNKNOWN else cues.FAIR)
    ):
        return 0, ""
    if not seen.cased and len(whole) == 1 and end - start < 4 and max(cue, after) < cues.FAIR:
        return 0, ""
    if cue <= cues.WEAK and base > 0 and len(whole) < 3 and _last(seen, part):
        cue = cues.FAIR
    if base < 2 and after == cues.WEAK:
        after = 0
    if not seen.cased and not after and base > 1 and seen.low[end : end + 2] in (" ,", ", ") and dialogue:
        after = cues.WEAK  # somebody is spoken to
    if (
        len(whole) > 1
        and cue < cues.FAIR
        and is_given(whole[0].low)
        and seen.flat[end : end + 1] == "."
        and SENTENCE.search(seen.flat, max(0, start - 8), start)
    ):
        cue = cues.FAIR  # a name that is a sentence
    inside = (
        seen.cased and not upper and cue == 0 and base > 0 and not SENTENCE.search(seen.flat, max(0, start - 8), start)
    )
    weight = base + max(cue, int(inside)) + after
    if cue < 0 and after < cues.FAIR:
        weight += cue
    rule = (
        "behind a title"
        if cue == cues.SURE
        else "behind a label"
        if cue == cues.FIRM
        else "in context"
        if cue + after > 1
        else "listed"
    )
    return weight, rule


_SIGNED = re.compile(r"[.!?] *(?:\n *)*$")


_OF_THING = re.compile(
    r"\b(?:syndrome|disease|sign|type|sequence|association|procedure|operation) of (?:[a-z-]+ (?:and|&) )?$"
)
_STATE_CODE = re.compile(r",? ?(?:md|pa|ma|ne|me|ct|va|ri|nd)\.?,? [0-9]{5}")
_SPEECH = re.compile(r",? [a-z]{2,}")
_ROMAN = re.compile(r" (?:iv|vi{0,3}|i{1,3})\b")


def _last(seen: View, part: Sequence[Word]) -> bool:
    """Whether it ends the text, as a name below a message does."""
    return not seen.text[part[-1].end :].strip(" .!\n") and bool(
        _SIGNED.search(seen.text, max(0, part[0].start - 8), part[0].start)
    )


def _initials_weight(seen: View, part: Sequence[Word], cue: int) -> tuple[int, str]:
    """Initials alone: 'J.R.' behind a role, or in running text with capitals."""
    letters = "".join(word.low for word in part)
    if (
        len(letters) < 2
        or letters in (_ABBREVIATED if cue >= cues.FAIR else _NOT_INITIALS)
        or seen.flat[part[0].end : part[0].end + 1] != "."
    ):
        return 0, ""
    short = len(letters) == 2 and seen.cased
    return (cues.FIRM if cue >= cues.FAIR or (short and (cue == cues.WEAK or len(part) == 2)) else 0), "initials"


_ABBREVIATED = frozenset("iv po im sc am pm us uk bp hr er ed or md do rn id no".split())
_NOT_INITIALS = frozenset(
    "us uk usa eu dc md do rn np pa am pm po iv im sc eg ie ph et ad bc od os ou ed er ng gi gu pe rr hr bp ba ma bs ms bid tid "
    "qid qd qhs prn cc dob icu un la ny nj fu wc phd mph vs ua ct mr ca ho so cf sl pr qam qpm adl loc nad sob dvt sa jr sr "
    "cp lp ll ph co ltd inc st ave rd dr aka ssn tv ii iii".split()
)


def _base(seen: View, part: Sequence[Word], whole: Sequence[Word], eponym: bool, upper: bool) -> int:
    """What the words are worth without what stands around them."""
    ranks = [word.rank for word in whole]
    given = is_given(whole[0].low) or is_given(whole[-1].low)
    if len(part) > 1:
        if ranks.count(NAME) > 1 or (NAME in ranks and given):
            return ENOUGH if not eponym or is_given(whole[0].low) else 1
        if len(whole) == 1 and eponym and part[-1].initial:
            return 0  # 'Opitz G/BBB syndrome'
        if len(whole) == 1:  # with initials: 'J. Smith'
            return 2 if NAME in ranks or BOTH in ranks else 1
        if NAME in ranks or (given and seen.cased):
            return 2
        if given and BOTH in ranks and len(whole) > 1:
            return 2
        if not seen.cased:
            return 1 if ranks.count(UNKNOWN) > 1 else 0
        return 0 if UNKNOWN not in ranks else 2 if ranks == [UNKNOWN, UNKNOWN] and not upper else 1
    word = whole[0]
    if eponym:
        return 1 if word.rank in (NAME, BOTH) and seen.cased else 0
    if word.rank == NAME:
        return 2 if not upper or is_given(word.low) else 1
    if word.low in MODAL and not seen.cased:
        return 0
    if word.end - word.start < 3 and word.rank != UNKNOWN:
        return 1 if seen.cased and not upper and word.low in words("given") and word.low not in words("common") else 0
    if word.rank == BOTH:
        starts = SENTENCE.search(seen.flat, max(0, word.start - 8), word.start)
        return 1 if is_given(word.low) or (seen.cased and not (starts and is_common(word.low))) else 0
    return 1 if word.rank == UNKNOWN and (not upper) and word.end - word.start > 2 else 0
