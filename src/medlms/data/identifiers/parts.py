"""Runs of words cut into stretches that may be names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from medlms.data.identifiers import cues
from medlms.data.identifiers.labels import LABEL_WORDS
from medlms.data.identifiers.lexicon import NAME, UNKNOWN, WORD, is_common, is_family, is_given, is_learned
from medlms.data.identifiers.view import View, Word

# Words of notes that may begin with a capital beside a name and belong to none.
NEVER = frozenset(
    "the a an and or your my his her our their is was were are has have had i you he she we they it this that yes no not dr mr "
    "mrs ms prof md name date dob who what when where why how on in at of to for from with by as if but please patient pt mrn "
    "ssn phone fax tel email address age sex male female clinic hospital room today yesterday tomorrow can may am me him "
    "them us one two "
    "three all both each guar acct med rx cc re att attn tel dx hx id np rn pa do lpn cna ref subj resp via".split()
)
_SHORT_FAMILY = frozenset("he do an so you may will can long in so no".split())  # behind a given name: 'Xiuying He'
_LOWER = "a-zß-ÿĀ-ɏḀ-ỿ"
_SHAPE = re.compile(
    rf"(?:(?:(?i:al|el|an|ar|as|ben|bar|bin|abu)['-])|[DLOMdlom]')?(?:[DL]e|dela|de|Mc|Mac|Di|Du|Fitz|Van|"
    rf"O)?[^\W\d_][{_LOWER}]+(?:['-][^\W\d_][{_LOWER}]*)*|"
    r"[A-ZÀ-ÞĀ-ɏḀ-ỿ]['A-ZÀ-ÞĀ-ɏḀ-ỿ-]*"
)  # 'Anna', "D'Souza", 'Hye-jin', 'O'BRIEN'; not 'COHb', 'VEN-trih-kul'
_ABBREVIATION = 4  # capitals up to which an unknown word is one


def parts(seen: View, run: Sequence[Word]) -> Iterator[list[Word]]:
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
        return linked or dotted(seen, word) or (word.low not in "ai" and (bool(part) or seen.cased))
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
    if word.low in NEVER or word.low in cues.TITLES or word.low in cues.BREAKS or word.low in LABEL_WORDS:
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
        closed = cues.behind(seen.low, word.end, True) == cues.FIRM
        labels = seen.text[word.end : word.end + 1] == ":" and is_family(word.low)
        return last and seen.cased and said.istitle() and (closed or labels)
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
        and not (len(part) > 1 and (dotted(seen, part[-1]) or seen.cased or seen.flat[part[-1].start - 1] == "^"))
    ):
        part.pop()
    while part and part[0].initial and not dotted(seen, part[0]):
        part.pop(0)
    begin = 0
    for place, word in enumerate(part):
        if word.low.endswith("'s") and place + 1 < len(part):
            yield part[begin : place + 1]
            begin = place + 1
    if part[begin:]:
        yield part[begin:]


def dotted(seen: View, word: Word) -> bool:
    """Whether a dot follows."""
    return seen.flat[word.end : word.end + 1] == "."


_LED_BY = re.compile(
    r"(?<![^\W\d_])(?:de|del|dela|de la|de los|de las|la|da|do|dos|das|van|von|vom|zu|van der|van den|von der|der|den|ter|"
    r"ten|bin|ibn|al|el|le|du|di|st\.?|san|mac|abu|d'|l')[ -]$"
)


def span_of(seen: View, part: Sequence[Word]) -> tuple[int, int]:
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
