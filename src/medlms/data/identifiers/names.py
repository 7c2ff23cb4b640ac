"""Names of people: runs of name-like words, judged by the lists and by what stands around them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers import cues
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import (
    NAME,
    UNKNOWN,
    WORD,
    WORD_NAME,
    all_names,
    ends_learned,
    firm_rank,
    is_given,
    rank,
)
from medlms.data.identifiers.states import STATES
from medlms.data.identifiers.view import View
from medlms.data.identifiers.words import words

_CAPITAL = re.compile(r"[A-ZÀ-ÞĀ-ɏḀ-ỿΑ-ΩА-Я][^\W\d_]*(?:['-][^\W\d_]+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_NEXT = re.compile(r"(\.? {1,2}|\. ?)([^\W\d_]+(?:['-][^\W\d_]+)*)")
_PARTICLES = frozenset(
    "de del de la las los da do dos das di van von vom zu zum der den dem ter ten bin bint ibn al el "
    "le du af av abu ap ab della degli dello e y i o st san santa nic mac mc ni ben bat haj".split()
)
_LEADING_PARTICLES = _PARTICLES - {"a", "e", "i", "y", "o", "the"}
_NEVER = frozenset(
    "the a an and or your my his her our their is was are were has have had i you he she we they it "
    "this that yes no not dr mr mrs ms prof md name date dob who what when where why how on in at of "
    "to for from with by as if but "
    "please denies reports states patient pt mrn ssn phone fax tel email address age sex male female "
    "clinic hospital room today yesterday tomorrow says said will can may am me him them us one two "
    "three all both each".split()
)
_LED_BY = re.compile(r"(?<![^\W\d_])([^\W\d_]{1,5})[ -]$")
_INITIALS = re.compile(r"(?<![\w.])(?:[^\W\d_]\. ?){1,2}$")
_DOES = re.compile(
    r" (?:told|asked|says|said|denies|denied|lives|lived|called|agreed|drove|phoned|came|wants|thinks|feels)\b"
)
_SPOKEN_TO = re.compile(
    r"\b(?:told|asked|met|thanks|thank you|hi|hello|hey|this is|i'm|i am|bye|dear|ask for|speak (?:to|"
    r"with)|spoke (?:to|with)|talked (?:to|with)|called|phoned|paged|texted|informed|notified|named|"
    r"call),? $"
)
_LOOK = 48
_LONGEST = 6


def names(seen: View) -> Iterator[Finding]:
    """Names of people, without titles, degrees and the possessive ending."""
    pattern = _CAPITAL if seen.cased else _WORD
    done = 0
    for hit in pattern.finditer(seen.flat):
        start = hit.start()
        if start < done:
            continue
        word = hit.group().lower()
        if word in _NEVER or (word in cues.LEADING and rank(word) != NAME):
            continue
        kind = _rank(word)
        if kind == WORD and not (word in _PARTICLES and seen.cased):
            led = cues.lead(seen.low, _particles(seen, start))
            if not led & cues.TITLED or firm_rank(word, seen.cased) == WORD:
                continue
            kind = UNKNOWN
        if kind == UNKNOWN and not seen.cased and not _led(seen.low, start) and not _DOES.match(seen.low, hit.end()):
            continue
        run = _run(seen, start, hit.end(), word)
        found = _judged(seen, run)
        if found:
            done = found.end
            yield found
    yield from _led_in_lower_case(seen)


def _rank(word: str) -> int:
    return rank(word) if len(word) > 1 else UNKNOWN


def _led(low: str, start: int) -> bool:
    return bool(cues.lead(low, start) & (cues.TITLED | cues.LABELLED | cues.RELATED))


def _run(seen: View, start: int, end: int, word: str) -> list[tuple[int, int, int]]:
    """The words of a name that begins at ``start``: where each lies, and its rank."""
    run = [(start, end, _rank(word) or UNKNOWN)]
    titled = bool(cues.lead(seen.low, start) & cues.TITLED) if not seen.cased else False
    kept = 1
    upper = seen.flat[start:end].isupper() and end - start > 2
    place = end
    while len(run) < _LONGEST and (hit := _NEXT.match(seen.flat, place)):
        said, gap = hit[2], hit[1]
        if "." in gap and not (
            run[-1][1] - run[-1][0] == 1
            or (seen.low[run[-1][0] : run[-1][1]] in ("st", "jr", "ma", "mª", "abd", "moh", "wm"))
        ):
            break
        low = said.lower()
        kind = _rank(low)
        shaped = said[0].isupper() or not seen.cased
        if len(said) == 1:
            ends = seen.flat[hit.end() : hit.end() + 1]
            good = (
                shaped and (ends == "." or (ends == " " and seen.cased) or not seen.cased) and low not in ("i", "a")
            ) or (ends == "." and said.isupper())
        elif low in _PARTICLES:
            good = True
        elif (
            not shaped
            or low in _NEVER
            or (low in cues.LEADING and kind != NAME)
            or (seen.cased and upper and not said.isupper() and kind != NAME)
        ):
            good = False
        elif kind == WORD:
            good = seen.cased and firm_rank(low) != WORD and is_given(word) and run[0][2] != WORD and len(run) == 1
            kind = UNKNOWN
        elif kind == UNKNOWN:
            good = (seen.cased and not (said.isupper() and not upper)) or (
                not seen.cased and len(said) > 2 and len(run) < 4 and low not in words("eponyms")
            )
        else:
            good = seen.cased or kind == NAME or titled or _names_so_far(run)
        if not good:
            break
        if run[-1][1] - run[-1][0] > 2 and seen.low.startswith(
            "'s", run[-1][1] - 2
        ):  # a possessive ends a name: 'Addison's crisis'
            break
        run.append((hit.start(2), hit.end(2), kind if low not in _PARTICLES else WORD_NAME))
        place = hit.end()
        if low not in _PARTICLES and len(said) > 1:
            kept = len(run)
        elif len(said) == 1 and seen.flat[place : place + 1] == ".":
            kept = max(kept, len(run)) if not _NEXT.match(seen.flat, place) else kept
    return run[:kept]


def _names_so_far(run: list[tuple[int, int, int]]) -> bool:
    return any(kind == NAME for *_, kind in run)


def _first(low: str, run: list[tuple[int, int, int]]) -> str:
    """The first word of a run that is no initial."""
    return next((low[begin:stop] for begin, stop, _ in run if stop - begin > 1), "")


def _particles(seen: View, start: int) -> int:
    """Where a name begins when 'von', 'de la' and the like before it belong to it."""
    if hit := _INITIALS.search(seen.flat, max(0, start - 8), start):
        start = hit.start() if hit.group()[0].isupper() or not seen.cased else start
    while (
        (hit := _LED_BY.search(seen.low, max(0, start - 12), start))
        and hit[1] in _LEADING_PARTICLES
        and (seen.cased or hit[1] not in ("do", "das", "den", "la", "el"))
    ):
        start = hit.start(1)
    return start


def _judged(seen: View, run: list[tuple[int, int, int]]) -> Finding | None:
    low = seen.low
    start, end = run[0][0], run[-1][1]
    start = _particles(seen, start)
    if low[end - 2 : end] == "'s" and end - start > 3:
        end -= 2
    kinds = [kind for begin, stop, kind in run if stop - begin > 1]
    led = cues.lead(low, start)
    if (
        led & cues.TITLED
        and kinds
        and low[start:end] not in _NEVER
        and not (led & cues.WORDED and (_abbreviated(seen, run) or rank(_first(low, run)) == WORD))
    ):
        return Finding(start, end, "name", "behind a title", 0.93)
    if not kinds:
        return None
    said = [low[begin:stop].removesuffix("'s") for begin, stop, _ in run]
    if (
        cues.CREDENTIAL.match(low, end)
        and (seen.cased or max(kinds) == NAME or (end - start > 6 and min(len(word) for word in said) == 1))
        and (kinds.count(WORD_NAME) < len(kinds) or len(kinds) > 1)
        and not _abbreviated(seen, run)
    ):
        return Finding(start, end, "name", "before a degree", 0.9)
    eponym = all(word in words("eponyms") for word in said)
    thing = (cues.THING_SOON if eponym else cues.THING).match(low, end)
    if thing and not (len(kinds) > 1 and is_given(said[0]) and not eponym):
        return None
    return _listed(seen, start, end, kinds, said, led)


def _abbreviated(seen: View, run: list[tuple[int, int, int]]) -> bool:
    return seen.cased and all(
        seen.flat[begin:stop].isupper() and kind == UNKNOWN and stop - begin < 5 for begin, stop, kind in run
    )


def _listed(seen: View, start: int, end: int, kinds: list[int], said: list[str], led: int) -> Finding | None:
    low = seen.low
    labelled, kin = bool(led & cues.LABELLED), bool(led & cues.RELATED)
    behind = bool(cues.BEHIND.match(low, end))
    if seen.cased and end - start < 5 and seen.flat[start:end].isupper() and not (labelled and kinds[0] == NAME):
        return None  # an abbreviation
    sure = kinds.count(NAME)
    if (
        all(word in words("eponyms") for word in said)
        and not (labelled or kin or _DOES.match(low, end))
        and not (len(said) > 1 and is_given(said[0]))
    ):
        return None
    if all(word in STATES for word in said) and not (labelled or kin or (behind and is_given(said[0]))):
        return None
    if sure >= 2 or (sure and len(kinds) > 1):
        return Finding(start, end, "name", "several names", 0.86)
    if labelled and (
        sure or (seen.cased and kinds[0] != WORD_NAME and not seen.flat[start:end].isupper() and len(kinds) > 1)
    ):
        return Finding(start, end, "name", "behind a label", 0.84)
    if sure:
        if low[start:end] in words("eponyms"):
            return Finding(start, end, "name", "listed, behind a relation", 0.6)
        return Finding(start, end, "name", "listed", 0.66)
    if kin and (
        seen.cased
        or WORD_NAME in kinds
        or (len(said[0]) > 3 and firm_rank(said[0], False) == UNKNOWN and not ends_learned(said[0]))
    ):
        return Finding(start, end, "name", "behind a relation", 0.7)
    return _unlisted(seen, start, end, kinds, led, behind)


def _unlisted(seen: View, start: int, end: int, kinds: list[int], led: int, behind: bool) -> Finding | None:
    """Words that are names too, and capitals that no list knows."""
    labelled = bool(led & cues.LABELLED)
    before = seen.low[max(0, start - _LOOK) : start]
    both = kinds.count(WORD_NAME)
    if labelled and (both or seen.cased) and not seen.flat[start:end].isupper():
        return Finding(start, end, "name", "behind a label", 0.6)
    if not seen.cased:
        plain = kinds[0] == UNKNOWN and end - start > 3 and not ends_learned(seen.low[start:end].split()[0])
        told = plain and _DOES.match(seen.low, end) and re.search(r"(?:^|[.!?:;\n\])] {0,2})$", before)
        marked = plain and labelled and re.search(r"[:=#>|] ?$", before)
        return Finding(start, end, "name", "as names stand", 0.5) if (labelled and both) or told or marked else None
    if seen.flat[start:end].isupper() and end - start < 6:
        return None
    inside = bool(re.search(r"[a-z0-9,] $", before)) and not re.search(
        r"\b(?:the|a|an|of|this|each|per|no|any|in|and|or|some|take|takes|use|using|on|called|brand|than) $", before
    )
    if both and (behind or (inside and seen.prose) or (led & cues.NEARBY and len(kinds) > 1)):
        if (
            behind
            and both == len(kinds) == 1
            and not inside
            and not re.match(
                r",? (?:says|said|told|asked|lives|was (?:seen|admitted)|called|came|has agreed)", seen.low[end:]
            )
        ):
            return None
        return Finding(start, end, "name", "a word that is a name", 0.72 if len(kinds) > 1 else 0.5)
    if (
        kinds == [UNKNOWN]
        and end - start > 3
        and _SPOKEN_TO.search(before)
        and not ends_learned(seen.low[start:end])
        and inside
    ):
        return Finding(start, end, "name", "spoken to", 0.5)
    if (
        len(kinds) > 1
        and both
        and is_given(seen.low[start:end].split()[0])
        and not seen.flat[start:end].isupper()
        and not any(ends_learned(word) for word in seen.low[start:end].split())
    ):
        return Finding(start, end, "name", "given name and another", 0.5)
    if (
        kinds == [UNKNOWN]
        and end - start > 3
        and _DOES.match(seen.low, end)
        and not ends_learned(seen.low[start:end])
        and re.search(r"(?:^|[.!?:;\n\])] {0,2})$", before)
    ):
        return Finding(start, end, "name", "does what people do", 0.5)
    if len(kinds) > 1 and kinds.count(UNKNOWN) and behind and (both or not re.search(r"[a-z] $", before)):
        return Finding(start, end, "name", "does what people do", 0.5)
    return None


_INTRODUCING = frozenset(
    "name this i call dr mr mrs ms miss nurse señor señora doctor sr sra frau herr dear thanks "
    "regards hi hello hey son daughter wife husband mother father mom mum dad sister brother friend "
    "neighbor neighbour aunt uncle cousin".split()
)
_INTRODUCED = re.compile(
    r"\b(?:my name is|name is|this is|i'm|i am|call me|(?:dr|mr|mrs|ms|miss|nurse|señora?|doctor|sra?|"
    r"frau|herr)\.?|dear|thanks|regards|hi|hello|hey|(?:my|his|her|their|the) (?:son|daughter|wife|"
    r"husband|mother|father|mom|mum|dad|sister|brother|friend|neighbor|neighbour|aunt|uncle|"
    r"cousin))[,:]? {1,2}"
    r"([^\W\d_]{2,}(?:['-][^\W\d_]+)*)"
)


def _led_in_lower_case(seen: View) -> Iterator[Finding]:
    """In a text with case, names that somebody typed without it."""
    if not seen.cased or seen.vocabulary.isdisjoint(_INTRODUCING) or seen.vocabulary.isdisjoint(all_names()):
        return
    for hit in _INTRODUCED.finditer(seen.low):
        if seen.flat[hit.start(1)].islower() and rank(hit[1]) == NAME:
            follow = re.compile(r" ([^\W\d_]{2,})(?![\w'-])").match(seen.low, hit.end())
            end = (
                follow.end()
                if follow and rank(follow[1]) in (NAME, UNKNOWN) and seen.flat[follow.start(1)].islower()
                else hit.end()
            )
            yield Finding(hit.start(1), end - 2 * seen.low[:end].endswith("'s"), "name", "introduced", 0.7)
