"""Names written the other way round: 'Last, First'."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medlms.data.identifiers import cues
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import BOTH, NAME, UNKNOWN, WORD, is_eponym, is_family, is_given, is_town, rank
from medlms.data.identifiers.parts import span_of
from medlms.data.identifiers.states import STATES
from medlms.data.identifiers.view import View, Word
from medlms.data.identifiers.weigh import ENOUGH


def turned(seen: View, family: Sequence[Word], given: Sequence[Word], dialogue: bool) -> Finding | None:
    """'Last, First' where the lists know both, or one, and the rest of the line looks like a record."""
    gap = seen.flat[family[-1].end : given[0].start]
    if not _COMMA.fullmatch(gap) or family[-1].initial or given[0].initial or len(family) > 3 or len(given) > 3:
        return None
    last, first = family[-1], given[0]
    if (
        last.low in STATES
        or first.low in STATES
        or (is_town(last.low) and is_town(first.low) and not is_given(first.low))
        or is_eponym(first.low)
        or "'s" in last.low
    ):
        return None
    weight = {NAME: 2, UNKNOWN: 1, BOTH: 1, WORD: 0}[last.rank] + (
        2 if is_given(first.low) and first.rank == NAME else 1 if is_given(first.low) else 0
    )
    if is_eponym(last.low) and not is_given(first.low):
        return None
    start, end = span_of(seen, family)[0], span_of(seen, given)[1]
    cue, _ = cues.before(seen, start, dialogue)
    after = cues.behind(seen.low, end, True)
    if not _ENDS.match(seen.text, end) and not after:
        weight -= 1
    weight += seen.text.startswith(("  ", "\t"), end) or gap == ","
    if seen.cased and seen.flat[last.start : last.end].isupper() and seen.flat[first.start : first.end].isupper():
        weight += len(last.low) > 3 and len(first.low) > 2
    if not seen.cased and not is_given(first.low) and last.rank != NAME and after < cues.FIRM:
        return None
    weight += cue + min(after, 2)
    return Finding(start, end, "name", "Last, First", 0.9) if weight > ENOUGH else None


_FAMILY_BEFORE = re.compile(r"(?:^|[\n:;|>(\"#0-9\t]|  |^and|(?<=[0-9])|\.{3,}) ?([^\W\d_][\w'-]+), {0,2}$")


def family_before(seen: View, part: Sequence[Word]) -> Finding | None:
    """'DOWN, MEREDITH' at the begin of a field: an ordinary word is a family name there."""
    start, end = span_of(seen, part)
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
