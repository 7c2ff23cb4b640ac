"""Towns: by the lists and by what stands around them; counties and districts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.cues import names_a_thing
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import (
    NAME,
    UNKNOWN,
    WORD,
    folded,
    is_common,
    is_eponym,
    is_given,
    is_town,
    rank,
    town_openings,
    town_words,
)
from medlms.data.identifiers.states import COUNTRIES, SHORT, SHORT_STATES, STATES, WORDY_STATES
from medlms.data.identifiers.view import View, Word

_ENOUGH = 3
_LONGEST = 5  # words of a town
_W = r"[^\W\d_][^\W\d_.'-]*(?:['-][^\W\d_]+)*"
_WORDS = re.compile(rf"{_W}\.?(?:[ -]{{1,2}}{_W}){{0,{_LONGEST - 1}}}")
_FIRST = re.compile(r"[^\W\d_]+\.?(?:['-][^\W\d_]+)*")
_PREPOSITIONS = frozenset("in from near to at outside around toward towards via leaving en aus nach".split())
# Words that make a town of what follows them with 'in', 'from', 'to' or a colon.
_LIVES = re.compile(
    r"\b(?:(?:lives?|living|lived|born|raised|grew up|work(?:s|ed|ing)?|stay(?:s|ed|ing)?|resid(?:es?|ed|ing)|home|house|"
    r"farm|apartment|based|"
    r"admitted|hospitali[sz]ed|incarcerated|practices?|place|office|shelter)(?: (?:alone|now|here|with \w+(?: \w+)?|"
    r"independently|a?lone))? in|"
    r"(?:moved|comes?|came|flew|drove|travel(?:l?ed|s|ling)?|relocat(?:ed|ing)|transferred|returned|booked|driving|flying|"
    r"visiting|"
    r"emigrated|immigrated|transported|referred|brought|arrived|originally|family|is|are|was|were|i'm|he's|she's|down|up|"
    r"over|back|here|in|all the way)(?: in| here| back| out)? (?:from|to)|"
    r"resident of|residents of|native of|citizen of|town of|city of|village of|visiting|near|outside|hometown(?: is| of|"
    r":)?|(?:city|town|ort|"
    r"ciudad|wohnort|stadt|birthplace|place of birth|ville|località|comune|location)[:=>]|address(?: is|:)|wohnhaft in|"
    r"vive en|residente en|natural de|"
    r"domiciliad[oa] en|trip to|vacation in|holiday in) (?:the |downtown |nearby |north |south |east |west |rural |greater )?$"
)
CODE_BEFORE = re.compile(
    r"(?<![\w.,/-])((?:[a-z]{1,2}-)?(?:[0-9]{5}|[0-9]{4} [a-z]{2}|[0-9]{3} [0-9]{2}|[0-9]{2}-[0-9]{3})) $"
)
_ALLEY = re.compile(r"(?:^|[,\n(\]:]) ?$|[0-9]\)?,? of $")
_STATE = re.compile(rf"(?:,|\^)? {{0,2}}({SHORT}|{'|'.join(sorted(STATES | COUNTRIES, key=len, reverse=True))})\b\.?")
_NO_TOWN = re.compile(
    r"'s|,? (?:(?:stage |grade )?(?:iv|i{1,3})[abc]?\b|[0-9]{1,2}\b(?![/-])|coma|scale|outcome|(?:city |state |community |"
    r"regional )?(?:hospital|clinic|university|college|medical|general|children's|memorial|institute|school)|criteria|"
    r"score|scale|classification|consensus|virus|fever|disease|syndrome|protocol|study|trial|index|class|grade|stage|"
    r"system|rules?|"
    r"flu|strain|guidelines?|heart|area under|county|street|st\b|road|rd\b|ave|avenue|drive|blvd|lane)\b"
)


def towns(seen: View) -> Iterator[Finding]:
    """Towns of the lists and words that stand as towns do."""
    for start in _starts(seen):
        found = _town(seen, *start)
        if found:
            yield found


def _starts(seen: View) -> Iterator[tuple[int, int]]:
    """Where a town may begin, and where the run of words around it ends."""
    openings = town_words()
    for run in seen.runs:
        known = False
        for word in run:
            before, known = known, False
            common = word.rank != UNKNOWN and is_common(word.low) and not _opens_town(word.low)
            if word.initial or (common and not (seen.low.startswith(", ", word.end) and is_town(word.low))):
                continue
            known = folded(word.low) in openings
            if not (before and seen.cased) and (known or _hinted(seen, word)):
                yield word.start, run[-1].end


_LEADS = (
    " in ",
    " from ",
    " to ",
    " near ",
    " of ",
    "visiting ",
    "outside ",
    " the ",
    "downtown ",
    ": ",
    "=",
    ">",
    "from:",
    "north ",
    "south ",
    "east ",
    "west ",
)


def _hinted(seen: View, word: Word) -> bool:
    """A cheap look whether words of no list can be a town: a state behind, or a word such as 'in' before."""
    if seen.low[max(0, word.start - 10) : word.start].endswith(_LEADS):
        return True
    return bool(_STATE_SOON.match(seen.low, word.end))


_STATE_SOON = re.compile(rf"(?:[ -][^\W\d_]+){{0,2}}(?:,|\^| (?:{SHORT})\b)")


def _opens_town(word: str) -> bool:
    return word in town_openings()


def town_at(seen: View, start: int) -> tuple[int, bool]:
    """Where a town that begins at ``start`` ends, and whether the lists know it; 0 where none can."""
    hit = _WORDS.match(seen.low, start)
    if not hit:
        return 0, False
    ends = [start + part.end() for part in re.finditer(rf"{_W}\.?", hit.group())]
    for end in reversed(ends[:_LONGEST]):
        if is_town(seen.low[start:end].rstrip(".")) and (
            not seen.cased or seen.flat[seen.flat.rfind(" ", start, end) + 1].isupper()
        ):
            return end, True
    end = ends[0]
    for more in ends[1:3]:  # an unknown one: as many words with capitals as stand together, but states
        last = seen.low[end + 1 : more]
        if not seen.cased or not seen.flat[end + 1].isupper() or last in SHORT_STATES or last in STATES:
            break
        if is_common(last) and last not in _SECOND:
            break
        end = more
    return end, False


_SECOND = frozenset(
    "falls springs city beach heights park hills valley creek lake island grove junction center point harbor harbour mills "
    "ridge rock bay village bluff bluffs ferry bridge green hill field wells spring east west north south".split()
)


def _town(seen: View, start: int, stop: int) -> Finding | None:
    end, known = town_at(seen, start)
    end = end - (seen.low[end - 1 : end] == ".") if end else 0
    said = seen.low[start:end]
    if not end or said in STATES or said in COUNTRIES or _NO_TOWN.match(seen.low, end) or len(said) < 3:
        return None
    several = " " in said or "-" in said
    plain = rank(said) if not several else UNKNOWN
    if known:
        base = (
            2
            if several or plain == UNKNOWN or (plain == NAME and not is_given(said))
            else 1
            if seen.cased and not is_common(said)
            else 0
        )
        if several and all(is_common(word) for word in re.split("[ -]", said)):
            base = 1
    else:
        base = (
            0
            if seen.cased
            and plain != WORD
            and seen.flat[start + 1].islower()
            and not is_common(said.split()[0].strip("."))
            else 0
            if not seen.cased and rank(said.split()[0]) == UNKNOWN and len(said) > 3
            else -1
        )
    beside = _state_behind(seen, end)
    if base < 0 or (not known and beside < 3 and not seen.low[max(0, start - 10) : start].endswith(_LEADS)):
        return None
    cue = _before(seen, start)
    if not known and seen.low.startswith("the ", start - 4):
        cue = min(cue, 1)
    if not several and is_eponym(said) and cue < 3:
        base = min(base, 0)
    if (
        cue < 3
        and beside < 3
        and (
            names_a_thing(seen.low, end)
            or names_a_thing(seen.low, stop)
            or (seen.cased and seen.flat[start:end].isupper() and len(said) < 5)
        )
    ):
        return None
    weight = base + max(cue, beside) if base >= 0 else -1
    if weight < _ENOUGH:
        return None
    rule = "beside a state" if beside > cue else "behind a word" if cue > 1 else "a known town"
    return Finding(start, end, "place", rule, 0.82 if weight > _ENOUGH else 0.7)


def _before(seen: View, start: int) -> int:
    """How much stands before a town: 3 behind 'lives in', 1 behind 'in' or a comma."""
    look = seen.low[max(0, start - 48) : start]
    if _LIVES.search(look) or CODE_BEFORE.search(look):
        return 3
    last = look.rstrip().rpartition(" ")[2].strip("(,")
    if last in _PREPOSITIONS:
        return 1
    return 1 if _ALLEY.search(look) and len(look) > 1 else 0


def _state_behind(seen: View, end: int) -> int:
    """3 where a state stands behind, 2 where that may be a word; with capitals where case says something."""
    hit = _STATE.match(seen.low, end)
    if not hit:
        return 0
    short = hit[1]
    if short not in SHORT_STATES:
        return 3 if "," in hit.group() or "^" in hit.group() else 2
    if seen.cased:
        marked = hit.group()[0] in ",^" or seen.low[hit.end() : hit.end() + 2].strip(" ,")[:1].isdigit()
        return (3 if marked else 1) if seen.flat[hit.start(1) : hit.end(1)].isupper() else 0
    coded = seen.low[hit.end() : hit.end() + 3].strip(" ,")[:1].isdigit()
    return (
        3 if coded else 2 if hit.group()[0] == "," and short not in WORDY_STATES else 1 if hit.group()[0] == "," else 0
    )


_COUNTY = re.compile(
    r"\b(?:county|district|parish|borough|township|province|kreis|landkreis|barrio|colonia|colonia|distrito|hamlet|suburb|"
    r"commune|"
    r"bezirk) (?:of|de) (?:the )?([^\W\d_][\w'-]{2,20}(?: [^\W\d_][\w'-]{2,20})?)|\bcounty ([^\W\d_][\w'-]{2,20})|"
    r"\b(?:landkreis|barrio|colonia|col\.) ([^\W\d_][\w'-]{2,20}(?: [^\W\d_][\w'-]{2,20})?)"
)
_COUNTY_LAST = re.compile(
    r" (?:county|parish|district|borough|township|prefecture|subdivision|neighbou?rhood|taluk|tehsil|oblast|lga|village|"
    r"municipality|ward|"
    r"heights|reservation)\b(?! (?:nurses?|clerk|of|hospital|council|health|line|jail|court|medical|general|social|"
    r"services?|school))"
)
_COUNTY_WORDS = frozenset(
    "county parish district borough township prefecture subdivision neighborhood neighbourhood taluk tehsil oblast lga village "
    "municipality ward province kreis landkreis barrio colonia distrito hamlet suburb commune bezirk col heights "
    "reservation".split()
)
_NO_COUNTY = frozenset(
    "the this that our your his her your their which per each every any same in of for by from local school health "
    "neighboring next whole my "
    "a an and or fishing police rural urban unified central medical surgical isolation maternity hospital pediatric icu general "
    "geriatric psychiatric another other labor stroke cardiac oncology female male mens womens burn".split()
)
_LED = re.compile(r"((?:(?:[^\W\d_][\w'-]*|st\.) ){0,2}[^\W\d_][\w.'-]*)$")


def counties(seen: View) -> Iterator[Finding]:
    """Counties, districts and villages with the word that says so."""
    if seen.vocabulary.isdisjoint(_COUNTY_WORDS):
        return
    for hit in _COUNTY.finditer(seen.low):
        part = hit.lastindex or 1
        if seen.flat[hit.start(part)].isupper() if seen.cased else not is_common(hit[part].split()[0]):
            yield Finding(hit.start(), hit.end(), "place", "county", 0.82)
    for hit in _COUNTY_LAST.finditer(seen.low):
        led = _LED.search(seen.low, max(0, hit.start() - 40), hit.start())
        if not led:
            continue
        start = led.start(1)
        parts = led[1].split(" ")
        while parts and (
            parts[0].strip(".") in _NO_COUNTY
            or (seen.cased and not seen.flat[start].isupper())
            or (not seen.cased and is_common(parts[0]) and not _opens_town(parts[0]))
        ):
            start += len(parts[0]) + 1
            parts = parts[1:]
        if (
            parts
            and led[1] not in STATES
            and (
                (seen.cased and seen.flat[hit.start() + 1].isupper())
                or hit.group()
                in (" county", " parish", " village", " district", " borough", " township", " lga", " taluk")
            )
        ):
            yield Finding(start, hit.end(), "place", "county", 0.83)
