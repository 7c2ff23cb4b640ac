"""Names of people: stretches of words that may be names, weighed, and looked for again in the rest of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers import cues
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.lexicon import NAME, WORD, is_common, is_eponym, rank
from medlms.data.identifiers.parts import NEVER, span_of
from medlms.data.identifiers.parts import parts as parts_of
from medlms.data.identifiers.turned import family_before, turned
from medlms.data.identifiers.view import View, Word
from medlms.data.identifiers.weigh import ENOUGH, MODAL, SENTENCE, weigh

_STRONG = 5  # and from which they are looked for in the rest of the text
_LABEL_LINE = re.compile(
    r"(?:^|\n)\[?(?:doctor|dr|patient|pt|nurse|mother|father|mom|dad|wife|husband|parent|therapist|clinician|provider|"
    r"guest)[a-z_ ]{0,10} ?[\]:]",
    re.IGNORECASE,
)
_DIALOGUE = 3  # lines that begin so, from which a text is a dialogue


def names(seen: View) -> Iterator[Finding]:
    """Names of people, without titles, degrees and the possessive ending."""
    dialogue = seen.text.count("\n") > 1 and len(_LABEL_LINE.findall(seen.text)) >= _DIALOGUE
    mailed = _mailed(seen.low)
    known: set[str] = set()
    parts = [part for run in seen.runs if len(run) > 1 or run[0].rank != WORD for part in parts_of(seen, run)]
    things = {word.low for part in parts if cues.names_a_thing(seen.low, part[-1].end) for word in part}
    listed = -9  # where the last name ended
    for place, part in enumerate(parts):
        after = parts[place + 1] if place + 1 < len(parts) else None
        if after and (found := turned(seen, part, after, dialogue)):
            yield found
            known.update(word.low for word in (*part, *after) if _lasting(seen, word))
            listed = found.end
            continue
        if led := family_before(seen, part):
            yield led
            listed = led.end
            continue
        weight, rule = weigh(seen, part, dialogue, mailed, things)
        start, end = span_of(seen, part)
        if weight == ENOUGH - 1 and start - listed < 7 and seen.low[listed:start] in _LISTING:
            weight, rule = ENOUGH, "beside another"
        if weight >= ENOUGH:
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
        more[1] not in NEVER and more[1] not in cues.BREAKS and (not seen.cased or seen.flat[more.start(1)].isupper())
    )


_LISTING = (" and ", ", ", " & ", ", and ", " or ", " y ", " und ")


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
    if len(said) < 3 or word.rank == WORD or word.low in NEVER or word.low in MODAL or word.low in _PARTICLES:
        return False
    return not (seen.cased and said.isupper() and word.rank != NAME)


_PARTICLES = frozenset("von van der den del dela las los des dos das san mac abu bin ibn ter ten della".split())


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
            or SENTENCE.search(seen.flat, max(0, hit.start() - 8), hit.start())
        ):
            continue
        if not cues.names_a_thing(seen.low, hit.end()) and not (
            is_eponym(low) and (low.endswith("s") or seen.low.startswith("'s", hit.end()))
        ):
            yield Finding(*hit.span(), "name", "said again", 0.6)
