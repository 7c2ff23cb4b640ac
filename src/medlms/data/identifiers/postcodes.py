"""Post codes: by state, by form, by the word before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.states import CODE, SHORT_STATES, STATES, WORDY_STATES
from medlms.data.identifiers.view import View

_FIVE = re.compile(r"[0-9](?<![\w.,/-].)[0-9]{3,4}(?:-[0-9]{4})?(?![\w%-]|[.,][0-9]|/)")
_ZIP9 = re.compile(r"[0-9](?<![\w./-].)[0-9]{4}-[0-9]{4}(?![\w-])")
_POST = re.compile(
    r"[a-z](?<![\w-].)[a-z]?[0-9][a-z0-9]? [0-9][a-z]{2}(?![\w-])(?<!mg)(?<!ml)(?<!kg)(?<!cm)(?<!mm)|"
    r"[abceghj-nprstvxy](?<![\w-].)[0-9][a-z] ?[0-9][a-z][0-9](?![\w-])|(?!1[5-9]|20)[1-9](?<![\w.-].)[0-9]{3} "
    r"[a-z]{2}(?=,? [a-z])(?<! (?:am|pm|mg|ml|kg|cm|mm|iu|dl|to|or|of|in|on|at|by|is|if|it|no|he|me|"
    r"we|as|an))"
)
_POST_UPPER = re.compile(
    r"[A-Z](?<![\w-].)[A-Z]?[0-9][A-Z0-9]? [0-9][A-Z]{2}(?![\w-])|"
    r"[ABCEGHJ-NPRSTVXY](?<![\w-].)[0-9][A-Z] ?[0-9][A-Z][0-9](?![\w-])|[1-9](?<![\w.-].)[0-9]{3} "
    r"[A-Z]{2}(?=,? [A-Z][a-z])(?<!AM)(?<!PM)(?<!MG)(?<!ML)"
)
_LABELLED = re.compile(
    r"(?<![a-z])(?:zip(?:[ _-]?code)?|post[ _-]?code|postal[ _-]?code|postal|plz|pin[ _-]?code|pin|"
    r"código postal|codigo postal|c\.?p\.?|cep|cap)[ :=\"'#>]{1,4}(?:is |was )?"
    rf"({CODE})(?![\w-])"
)
_CODE_WORDS = frozenset("zip zipcode postcode postal plz pin pincode cep cap cp post".split())
_EIRCODE = re.compile(r"[AC-FHKNPRTV-Y](?<![\w-].)(?:[0-9]{2}|6W) [0-9AC-FHKNPRTV-Y]{4}(?![\w-])")
_STAGE = re.compile(r"t[0-4]n[0-3]m[01]|e[1-4]v[1-5]m[1-6]")  # tumours, coma


def post_codes(seen: View) -> Iterator[Finding]:
    """Post codes of a dozen countries."""
    low = seen.low
    for hit in seen.near_digits(_FIVE):
        before = low[max(0, hit.start() - 18) : hit.start()].rstrip(", ^|")
        words_before = before.replace("^", " ").split()
        if not words_before or len(before) == min(18, hit.start()):
            continue
        last = words_before[-1].strip("(,;.")
        sure = (
            seen.flat[hit.start() - 3 : hit.start() - 1].isupper()
            if seen.cased
            else (last not in WORDY_STATES and len(hit.group()) > 4)
        )
        long = len(hit.group()) > 4
        named = last in STATES or " ".join(words_before[-2:]) in STATES
        if (named or (last in SHORT_STATES and (sure or (before.endswith(f", {last}") and long)))) and (
            long or last in ("vic", "nsw", "qld", "tas", "wa", "sa", "act", "nt")
        ):
            yield Finding(*hit.span(), "place", "ZIP", 0.9)
    yield from (Finding(*hit.span(), "place", "post code", 0.8) for hit in seen.near_digits(_EIRCODE, seen.flat))
    yield from (Finding(*hit.span(), "place", "ZIP", 0.8) for hit in seen.near_digits(_ZIP9))
    if not seen.vocabulary.isdisjoint(_CODE_WORDS):
        yield from (Finding(*hit.span(1), "place", "labelled", 0.94) for hit in seen.near_digits(_LABELLED))
    for hit in seen.near_digits(_POST_UPPER, seen.flat) if seen.cased else seen.near_digits(_POST):
        if not _STAGE.fullmatch(hit.group().lower()):
            yield Finding(*hit.span(), "place", "post code", 0.8)
