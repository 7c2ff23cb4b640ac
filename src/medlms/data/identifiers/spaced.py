"""Codes written in groups: 'H70 441 902 6', 'DE 60881290', '4418 20077', '701-18-4420'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from medlms.data.identifiers import checks
from medlms.data.identifiers.clinical import counted, harmless, usual
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import LABEL_WORDS, heading, label, label_behind
from medlms.data.identifiers.lexicon import is_word
from medlms.data.identifiers.states import SHORT_STATES
from medlms.data.identifiers.view import View

# From the first digit on; the letters before it are looked for by hand.
_RUN = re.compile(
    r"[0-9](?<![0-9].)(?<![0-9][./,:-].)[0-9a-z]*(?:[./-][0-9a-z]+)*"
    r"(?:(?: ?- ?| )(?:[0-9][0-9a-z]*(?:[./-][0-9a-z]+)*|[a-z]{1,3}[0-9][0-9a-z]*)){0,6}"
    r"(?: [a-z]{1,2}(?![\w'/:-]|\.\w))?"
    r"(?![\w%]|[.,:][0-9])"
)
_GLUED = re.compile(r"(?<![\w.])[a-z]{1,5}[-/.]?$")
_APART = re.compile(r"(?<![\w.-])((?:[a-z]{1,5}-)?[a-z]{1,5}) $")
_GROUP = re.compile(r"[0-9a-z]+(?:[./-][0-9a-z]+)*")
_AGED = re.compile(r"[0-9]{1,3}(?:yo|y|[mf])?")
_PLAIN = re.compile("[0-9 -]+")
_PHONE = re.compile(r"(?:1[- ])?[2-9][0-9]{2}[- ][0-9]{3}[- ][0-9]{4}")
_UNITS = frozenset("mg ml cm mm kg mcg am pm iu hr cc hz g l u ft lb oz in at on to of by or if is pt vs x no".split())
_SMALL = frozenset(("no", "for", "and", "the", "since", "from", "by", "of", "to"))
_AROUND = 60  # characters in which small letters are looked for
_SUFFIX = 3  # digits of a group that may follow a long one with letters
_WHOLE = 6  # digits of a group that is a number of its own
_LONGEST = 5  # digits of a group that others follow
_FOUR = re.compile("(?!19|20)[0-9]{4}")  # behind capitals and a label; no year
_SERIES = 3  # groups of one length up to which they can be one number: more are measurements in a row
_ALONE = 9  # digits from which groups need no label
_LETTERED = 8  # the same with letters in front
_ONE = 6  # the same in one group


class _Part(NamedTuple):
    start: int
    end: int


def spaced(seen: View) -> Iterator[Finding]:
    """Codes of several groups: whole behind a label, without one where they are long."""
    if not seen.digits:
        return
    for hit in seen.near_digits(_RUN):
        start = hit.start()
        if glued := _GLUED.search(seen.low, max(0, start - 6), start):
            start = glued.start()
        elif seen.low[start - 1 : start].isalnum():
            continue
        parts = list(_accepted(seen, _parts(seen.low, start, hit.end())))
        if not parts:
            continue
        first = seen.low[start : parts[0].end]
        if _AGED.fullmatch(first) and not first.isdigit():
            continue  # '61M 88120447'
        lettered = _letters(seen, start)
        if len(parts) < 2 and lettered == start and "-" not in seen.low[start : parts[-1].end]:
            continue
        found = _judged(seen, lettered, start, parts)
        if found:
            yield found


def _parts(low: str, start: int, end: int) -> Iterator[_Part]:
    yield from (_Part(*hit.span()) for hit in _GROUP.finditer(low, start, end))


def _accepted(seen: View, parts: Iterator[_Part]) -> Iterator[_Part]:
    """The groups that go on with the code: short ones, and a letter or two at the end."""
    before = 0  # digits of the last group
    lettered = False
    for part in parts:
        said = seen.low[part.start : part.end]
        digits = sum(map(str.isdigit, said))
        if before:
            mixed = digits > 0 and not said.isdigit()
            if "\n" in seen.text[part.start - 3 : part.start] and seen.text[part.end : part.end + 1] in tuple(".)"):
                return
            if (
                (said.isalpha() and not _capitals(seen, part.start, part.end))
                or said in _UNITS
                or counted(seen.low, part.end)
                or _dated(said)
            ):
                return
            if said.isdigit() and before > _LONGEST and not (len(said) <= _SUFFIX and (lettered or said[0] == "0")):
                return
            if mixed and (_AGED.fullmatch(said) or not seen.flat[part.start : part.end].isupper()):
                return
            if said in ("m", "f") and before > _LONGEST:
                return
        yield part
        if said.isalpha():
            return
        before, lettered = digits, said[0].isalpha()


def _capitals(seen: View, start: int, end: int) -> bool:
    """Whether capitals stand among small letters, or anything where nobody writes capitals."""
    around = seen.flat[max(0, start - _AROUND) : end + _AROUND]
    return seen.flat[start:end].isupper() and (not around.isupper() or end - start == 1 or not seen.cased)


def _dated(said: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,4}([-/.])[0-9]{1,2}(?:\1[0-9]{2,4})?", said))


def _letters(seen: View, start: int) -> int:
    """Where a group of capitals before the digits begins, if it belongs to the code."""
    hit = _APART.search(seen.low, max(0, start - 13), start)
    if not hit or seen.text[hit.end(1)] == "\n":
        return start
    said, capitals = hit[1], _capitals(seen, *hit.span(1))
    if capitals and said not in _SMALL:
        before = heading(seen.low, hit.start(1))
        own = (
            said not in LABEL_WORDS
            or label(f"{said} ", len(said) + 1) == before.kind
            or seen.low[: hit.start(1)].endswith((": ", "no. ", "# "))
        )
        if before.kind and own and (before.marked or seen.low[: hit.start(1)].rstrip(" :#.").endswith(before.word)):
            return hit.start(1)
    if seen.cased and (not capitals or said in SHORT_STATES):
        return start
    if said in LABEL_WORDS or said in _UNITS or (len(said) > (3 if seen.cased else 1) and is_word(said)):
        return start
    return hit.start(1) if seen.cased or len(said) < 3 or not is_word(said) else start


def _judged(seen: View, lettered: int, start: int, parts: list[_Part]) -> Finding | None:
    low, end = seen.low, parts[-1].end
    said = low[start:end]
    groups = re.findall("[0-9]+", said)
    digits = sum(map(len, groups))
    if digits < 3 or harmless(low, start, end):
        return None
    before = heading(low, lettered)
    plain = re.fullmatch("[0-9 -]+", said) is not None and lettered == start
    kind = before.kind or (heading(low, start).kind if lettered < start else "") or label_behind(low, end)
    if (
        kind
        and (
            digits > 4
            or (before.marked and not plain and not usual(low, start, end))
            or (
                _FOUR.fullmatch(low, start, end)
                and lettered < start
                and low[:lettered].rstrip(" :#.").endswith(before.word)
            )
        )
        and not (plain and counted(low, end))
    ):
        first = lettered if before.kind or heading(low, start).kind == "" else start
        return Finding(first, end, kind, "label", 0.91)
    if before.numbered and digits > 4 and (not plain or digits > 6) and not usual(low, lettered, end):
        return Finding(lettered, end, "other", "numbered", 0.7)
    return _unlabelled(seen, lettered, start, [part for part in parts if not low[part.start : part.end].isalpha()])


def _unlabelled(seen: View, lettered: int, start: int, parts: list[_Part]) -> Finding | None:
    """Groups without a label: many digits behind capitals, or digits alone."""
    low, end = seen.low, parts[-1].end
    groups = re.findall("[0-9]+", low[start:end])
    digits = sum(map(len, groups))
    if _series(groups) or not all(low[part.start : part.end].isdigit() for part in parts[1:]):
        return None
    if low[lettered].isalpha():
        letters = re.match("[a-z]*", low[lettered:end])
        capitals = (
            seen.flat[lettered].isupper()
            and digits >= (_LETTERED if len(groups) > 1 or lettered == start else _ONE)
            and letters is not None
            and letters[0] not in LABEL_WORDS
        )
        digits_only = lettered == start or _PLAIN.fullmatch(low, start, end)
        dated = (
            any(_dated(low[part.start : part.end]) for part in parts)
            or not digits_only
            or _PHONE.fullmatch(low, start, end)
        )
        return Finding(lettered, end, "other", "letters and groups", 0.6) if capitals and not dated else None
    plain = re.fullmatch("[0-9 -]+", low[start:end])
    return _alone(low, start, end, groups) if plain and not usual(low, start, end) else None


def _alone(low: str, start: int, end: int, groups: list[str]) -> Finding | None:
    """Groups of digits without a label: numbers of a national form, with dashes, or long ones."""
    digits = sum(map(len, groups))
    said = low[start:end]
    if "-" not in said and checks.nhs("".join(groups)) and [len(group) for group in groups] == [3, 3, 4]:
        return Finding(start, end, "mrn", "check digit", 0.92)
    if "-" in said and " " not in said and digits >= _WHOLE and not is_range(groups):
        return Finding(start, end, "account" if digits == 8 else "other", "digits with dashes", 0.62)
    if digits >= _ALONE and len(groups) <= 5 and max(map(len, groups)) >= 3 and min(map(len, groups)) >= 2:
        return Finding(start, end, "other", "digits in groups", 0.55)
    return None


def _series(groups: list[str]) -> bool:
    """Measurements or times in a row."""
    if len(groups) <= _SERIES or len(set(map(len, groups))) > 1:
        return False
    round_ones = all(group.endswith(("0", "5")) for group in groups)
    return len(groups[0]) < _SERIES or round_ones


def is_range(groups: list[str]) -> bool:
    """Years and pages from one to the other."""
    if len(groups) != 2:
        return False
    first, last = (int(group) for group in groups)
    return first < last and (len(groups[0]) == len(groups[1]) == 4 and groups[0][0] in "12" and last - first < 100)
