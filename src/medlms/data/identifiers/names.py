"""Names of people: runs of words that may be names, weighed by the lists and by what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from medlms.data.identifiers import cues
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import LABEL_WORDS
from medlms.data.identifiers.lexicon import (
    BOTH,
    NAME,
    UNKNOWN,
    WORD,
    is_common,
    is_eponym,
    is_family,
    is_given,
    is_learned,
    is_town,
    rank,
)
from medlms.data.identifiers.states import COUNTRIES, STATES
from medlms.data.identifiers.view import View, Word
from medlms.data.identifiers.words import words

_LANDS = STATES | COUNTRIES
_ENOUGH = 3  # the weight from which words are a name
_STRONG = 5  # and from which they are looked for in the rest of the text
# Words of notes that may begin with a capital beside a name and belong to none.
_NEVER = frozenset(
    "the a an and or your my his her our their is was were are has have had i you he she we they it this that yes no not dr mr "
    "mrs ms prof md name date dob who what when where why how on in at of to for from with by as if but please patient pt mrn "
    "ssn phone fax tel email address age sex male female clinic hospital room today yesterday tomorrow can may am me him "
    "them us one two "
    "three all both each guar acct med rx cc re att attn tel dx hx id np rn pa do lpn cna ref subj resp via".split()
)
_SHORT_FAMILY = frozenset("he do an so you may will can long in so no".split())  # behind a given name: 'Xiuying He'
_MODAL = frozenset("will may can said gene curly made put".split())  # in text without case
_LABEL_LINE = re.compile(
    r"(?:^|\n)\[?(?:doctor|dr|patient|pt|nurse|mother|father|mom|dad|wife|husband|parent|therapist|clinician|provider|"
    r"guest)[a-z_ ]{0,10} ?[\]:]",
    re.IGNORECASE,
)
_DIALOGUE = 3  # lines that begin so, from which a text is a dialogue
_LOWER = "a-zß-ÿĀ-ɏḀ-ỿ"
_SHAPE = re.compile(
    rf"(?:(?:(?i:al|el|an|ar|as|ben|bar|bin|abu)['-])|[DLOMdlom]')?(?:[DL]e|dela|de|Mc|Mac|Di|Du|Fitz|Van|"
    rf"O)?[^\W\d_][{_LOWER}]+(?:['-][^\W\d_][{_LOWER}]*)*|"
    r"[A-ZÀ-ÞĀ-ɏḀ-ỿ]['A-ZÀ-ÞĀ-ɏḀ-ỿ-]*"
)  # 'Anna', "D'Souza", 'Hye-jin', 'O'BRIEN'; not 'COHb', 'VEN-trih-kul'
_ABBREVIATION = 4  # capitals up to which an unknown word is one
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday thursday "
    "friday saturday sunday".split()
)
_SENTENCE = re.compile(r"(?:^|[.!?:]['\")]? {1,2}|\n *(?:[-*•] *|[0-9]{1,2}[.)] *)?)$")


def names(seen: View) -> Iterator[Finding]:
    """Names of people, without titles, degrees and the possessive ending."""
    dialogue = seen.text.count("\n") > 1 and len(_LABEL_LINE.findall(seen.text)) >= _DIALOGUE
    mailed = _mailed(seen.low)
    known: set[str] = set()
    parts = [part for run in seen.runs if len(run) > 1 or run[0].rank != WORD for part in _parts(seen, run)]
    things = {word.low for part in parts if cues.names_a_thing(seen.low, part[-1].end) for word in part}
    listed = -9  # where the last name ended
    for place, part in enumerate(parts):
        after = parts[place + 1] if place + 1 < len(parts) else None
        if after and (found := turned(seen, part, after, dialogue)):
            yield found
            known.update(word.low for word in (*part, *after) if _lasting(seen, word))
            listed = found.end
            continue
        if led := _family_before(seen, part):
            yield led
            listed = led.end
            continue
        weight, rule = _weight(seen, part, dialogue, mailed, things)
        start, end = _span(seen, part)
        if weight == _ENOUGH - 1 and start - listed < 7 and seen.low[listed:start] in _LISTING:
            weight, rule = _ENOUGH, "beside another"
        if weight >= _ENOUGH:
            if (
                rule == "behind a label"
                and len(part) == 1
                and (more := _REST.match(seen.low, end))
                and _fits(seen, more)
            ):
                end = more.end()
            listed = end
            yield Finding(start, end, "name", rule, min(0.95, 0.5 + weight * 0.07))
            if weight >= _STRONG or len(part) > 1:
                known.update(
                    word.low.removesuffix("'s")
                    for word in part
                    if _lasting(seen, word) and not (is_eponym(word.low) and (word.low in things or rule == "listed"))
                )
    yield from _again(seen, known)


_REST = re.compile(r" ([^\W\d_]{2,}(?:['-][^\W\d_]+)*)(?= ?(?:[(,;|<\"]|  |$|[0-9]))")  # a word to the end of a field


def _fits(seen: View, more: re.Match[str]) -> bool:
    return (
        more[1] not in _NEVER and more[1] not in cues.BREAKS and (not seen.cased or seen.flat[more.start(1)].isupper())
    )


_LISTING = (" and ", ", ", " & ", ", and ", " or ", " y ", " und ")


def turned(seen: View, family: Sequence[Word], given: Sequence[Word], dialogue: bool) -> Finding | None:
    """'Last, First' where the lists know both, or one, and the rest of the line looks like a record."""
    gap = seen.flat[family[-1].end : given[0].start]
    if not _COMMA.fullmatch(gap) or family[-1].initial or given[0].initial or len(family) > 3 or len(given) > 3:
        return None
    last, first = family[-1], given[0]
    if (
        last.low in STATES
        or first.low in STATES
        or (is_town(last.low) and is_town(first.low))
        or is_eponym(first.low)
        or "'s" in last.low
    ):
        return None
    weight = {NAME: 2, UNKNOWN: 1, BOTH: 1, WORD: 0}[last.rank] + (
        2 if is_given(first.low) and first.rank == NAME else 1 if is_given(first.low) else 0
    )
    if is_eponym(last.low) and not is_given(first.low):
        return None
    start, end = _span(seen, family)[0], _span(seen, given)[1]
    cue, _ = cues.before(seen, start, dialogue)
    after = cues.behind(seen.low, end, True)
    if not _ENDS.match(seen.text, end) and not after:
        weight -= 1
    weight += seen.text.startswith(("  ", "\t"), end) or gap == ","
    if not seen.cased and not is_given(first.low) and last.rank != NAME and after < cues.FIRM:
        return None
    weight += cue + min(after, 2)
    return Finding(start, end, "name", "Last, First", 0.9) if weight > _ENOUGH else None


_FAMILY_BEFORE = re.compile(r"(?:^|[\n:;|>(\"#0-9\t]|  |^and|(?<=[0-9])) ?([^\W\d_][\w'-]+), {0,2}$")


def _family_before(seen: View, part: Sequence[Word]) -> Finding | None:
    """'DOWN, MEREDITH' at the begin of a field: an ordinary word is a family name there."""
    start, end = _span(seen, part)
    if (
        part[0].rank != NAME
        or not is_given(part[0].low)
        or len(part) > 2
        or seen.flat[start - 2 : start - 1] not in (",", " ")
    ):
        return None
    hit = _FAMILY_BEFORE.search(seen.flat, max(0, start - 30), start)
    if not hit or rank(hit[1].lower()) != WORD or not is_family(hit[1].lower()):
        return None
    if seen.cased and not (
        hit[1].isupper() == seen.flat[part[0].start : part[0].end].isupper() and hit[1][0].isupper()
    ):
        return None
    return Finding(hit.start(1), end, "name", "Last, First", 0.85)


_COMMA = re.compile(r"(?:,? (?i:jr|sr|ii|iii)\.?)?, {0,2}")
_ENDS = re.compile(r" {2}| ?[\n|;:/<\"()\[,.#]| ?$| ?[0-9]")


def _mailed(low: str) -> frozenset[str]:
    """Parts of e-mail addresses before the @: they name people."""
    if "@" not in low:
        return frozenset()
    return frozenset(
        part
        for local in re.findall(r"([\w.'+-]{3,60})@", low)
        for part in re.split(r"[\W\d_]+", local)
        if len(part) > 3
    )


def _lasting(seen: View, word: Word) -> bool:
    """Whether a word of a name is looked for in the rest of the text: no abbreviation, no particle, no common word."""
    said = seen.flat[word.start : word.end]
    if len(said) < 3 or word.rank == WORD or word.low in _NEVER or word.low in _MODAL or word.low in _PARTICLES:
        return False
    return not (seen.cased and said.isupper() and word.rank != NAME)


_PARTICLES = frozenset("von van der den del dela las los des dos das san mac abu bin ibn ter ten della".split())


def _parts(seen: View, run: Sequence[Word]) -> Iterator[list[Word]]:
    """Stretches of a run without ordinary words; one such word stays behind a given name ('Ruth Fairweather') or a title."""
    part: list[Word] = []
    for place, word in enumerate(run):
        if _may_be(seen, word, run[place - 1] if place else None, part):
            part.append(word)
        else:
            if part:
                yield from _cut(seen, part)
            part = []
    if part:
        yield from _cut(seen, part)


def _may_be(seen: View, word: Word, previous: Word | None, part: Sequence[Word]) -> bool:
    """Whether a word of a run can belong to a name."""
    if word.initial:
        linked = seen.flat[word.start - 1 : word.start] == "^"
        return linked or _dotted(seen, word) or (word.low not in "ai" and (bool(part) or seen.cased))
    said = seen.flat[word.start : word.end]
    if (
        seen.cased
        and part
        and part[-1].rank == NAME
        and said.istitle()
        and word.low in _SHORT_FAMILY
        and seen.flat[word.start - 1] == " "
    ):
        return True
    if word.low in _NEVER or word.low in cues.TITLES or word.low in cues.BREAKS or word.low in LABEL_WORDS:
        return False
    if seen.cased and (
        not _SHAPE.fullmatch(said)
        or (said.isupper() and len(said) <= _ABBREVIATION and word.rank == UNKNOWN and not part)
    ):
        return False
    if (
        seen.cased and part and said.isupper() and 2 < len(said) <= _ABBREVIATION and word.rank == UNKNOWN
    ) or word.low in ("ii", "iii", "iv"):
        return False
    titled = previous is not None and previous.low in cues.TITLES
    if part and seen.flat[word.start - 1] == '"' == seen.flat[word.end : word.end + 1]:
        return True  # a nickname
    if word.rank != WORD:
        return True
    if titled and previous is not None and previous.low not in cues.WORDED:
        return True
    if is_common(word.low):
        last = (len(part) == 1 and is_given(part[0].low)) or (len(part) > 1 and all(before.initial for before in part))
        return last and seen.cased and said.istitle() and cues.behind(seen.low, word.end, True) == cues.FIRM
    if not seen.cased or said.isupper():
        return titled and previous is not None and previous.low not in cues.WORDED
    return titled or (
        len(part) in (1, 2) and part[0].rank == NAME and is_given(part[0].low) and not is_learned(word.low)
    )


def _cut(seen: View, part: list[Word]) -> Iterator[list[Word]]:
    """The stretch without single letters at its ends that are no initials, cut where a possessive ends a name."""
    while (
        part
        and part[-1].initial
        and not (len(part) > 1 and (_dotted(seen, part[-1]) or seen.cased or seen.flat[part[-1].start - 1] == "^"))
    ):
        part.pop()
    while part and part[0].initial and not _dotted(seen, part[0]):
        part.pop(0)
    begin = 0
    for place, word in enumerate(part):
        if word.low.endswith("'s") and place + 1 < len(part):
            yield part[begin : place + 1]
            begin = place + 1
    if part[begin:]:
        yield part[begin:]


def _dotted(seen: View, word: Word) -> bool:
    return seen.flat[word.end : word.end + 1] == "."


_LED_BY = re.compile(
    r"(?<![^\W\d_])(?:de|del|dela|de la|de los|de las|la|da|do|dos|das|van|von|vom|zu|van der|van den|von der|der|den|ter|"
    r"ten|bin|ibn|al|el|le|du|di|st\.?|san|mac|abu|d'|l')[ -]$"
)


def _span(seen: View, part: Sequence[Word]) -> tuple[int, int]:
    """From the first particle to the end, without the possessive ending; the dot of a last initial belongs to it."""
    start, end = part[0].start, part[-1].end
    if part[-1].initial and seen.flat[end : end + 1] == ".":
        end += 1
    if seen.low[end - 2 : end] == "'s":
        end -= 2
    while (hit := _LED_BY.search(seen.low, max(0, start - 8), start)) and (
        seen.cased or hit.group().strip() not in ("la", "el", "do", "den", "der", "le")
    ):
        start = hit.start()
    return start, end


def _weight(
    seen: View, part: Sequence[Word], dialogue: bool, mailed: frozenset[str], things: set[str]
) -> tuple[int, str]:
    """How much speaks for a name, and what most of all. ``things``: words that name a disease or the like in this text."""
    start, end = part[0].start, part[-1].end
    whole = [word for word in part if not word.initial]
    cue, last = cues.before(seen, _span(seen, part)[0], dialogue)
    if (
        last in cues.WORDED
        and cue == cues.SURE
        and (len(whole) == 0 or (whole[0].rank in (WORD, BOTH) and not seen.flat[start].isupper()))
    ):
        cue = (
            cues.NOTHING
            if whole and whole[0].low in _MODAL
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
    after = cues.behind(seen.low, _span(seen, part)[1], any(word.rank != UNKNOWN for word in whole))
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
        and _SENTENCE.search(seen.flat, max(0, start - 8), start)
    ):
        cue = cues.FAIR  # a name that is a sentence
    inside = (
        seen.cased and not upper and cue == 0 and base > 0 and not _SENTENCE.search(seen.flat, max(0, start - 8), start)
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
            return _ENOUGH if not eponym or is_given(whole[0].low) else 1
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
    if word.low in _MODAL and not seen.cased:
        return 0
    if word.end - word.start < 3 and word.rank != UNKNOWN:
        return 1 if seen.cased and not upper and word.low in words("given") and word.low not in words("common") else 0
    if word.rank == BOTH:
        starts = _SENTENCE.search(seen.flat, max(0, word.start - 8), word.start)
        return 1 if is_given(word.low) or (seen.cased and not (starts and is_common(word.low))) else 0
    return 1 if word.rank == UNKNOWN and (not upper) and word.end - word.start > 2 else 0


def _again(seen: View, known: set[str]) -> Iterator[Finding]:
    """Names that were found once, wherever they stand again; common words only with a capital, and never a written-small one."""
    here = sorted(word for word in known if word in seen.vocabulary or "-" in word or "'" in word)
    if not here:
        return
    for hit in re.finditer(rf"(?<![^\W\d_])(?:{'|'.join(map(re.escape, here))})(?![^\W\d_])", seen.low):
        said, low = seen.flat[hit.start() : hit.end()], hit.group()
        if seen.cased and ((said.islower() and rank(low) != NAME) or (said.isupper() and len(said) < 5)):
            continue
        if is_common(low) and (
            not seen.cased
            or f" {low} " in seen.flat
            or _SENTENCE.search(seen.flat, max(0, hit.start() - 8), hit.start())
        ):
            continue
        if not cues.names_a_thing(seen.low, hit.end()) and not (
            is_eponym(low) and (low.endswith("s") or seen.low.startswith("'s", hit.end()))
        ):
            yield Finding(*hit.span(), "name", "said again", 0.6)
