"""Telephone and fax numbers: by form, by the word before, and said digit by digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

_EXTENSION = r"(?:,? {0,2}(?:ext\.?|extn\.?|extension|x|durchwahl|poste|anexo|ramal|interno) ?:? ?[0-9]{1,6})?"
_END = rf"(?![0-9a-wyz_/]|[-.][0-9]){_EXTENSION}"
_PLUS = re.compile(
    rf"\+1[ .-]?\(?[0-9]{{3}}\)?[ .-]{{0,2}}[0-9]{{3}}[ .-]{{0,2}}[0-9]{{4}}{_END}|"
    rf"\+(?<![\w+].)[0-9(][0-9() ./-]{{6,20}}[0-9]{_END}|00[1-9](?<![\w.+/#*-]...)[0-9]?[ .-][0-9() "
    rf"./-]{{6,18}}[0-9]{_END}"
)
_US = re.compile(
    rf"(?:1(?<![\w.+/#*(-].)[ .-]{{1,2}})?\([0-9]{{3}}\) {{0,2}}[0-9]{{3}}[ .-]{{1,3}}[0-9]{{4}}{_END}|"
    rf"[0-9](?<![\w.+/#*(-].)(?<![0-9][.-].)(?:(?<=1)[ .-]{{1,2}}[0-9])?[0-9]{{2}}(?: ?[./-] ?| "
    rf")[0-9]{{3}}(?: ?[.-] ?| )[0-9]{{4}}{_END}"
)
_NATIONAL = re.compile(
    rf"\(0[0-9]{{1,5}}\) ?[0-9]{{2,9}}(?:[ .-][0-9]{{2,5}}){{0,4}}{_END}|\([0-9]{{2,5}}\) "
    rf"?[0-9]{{3,9}}(?:[ .-][0-9]{{2,5}}){{0,3}}{_END}|0(?<![\w.+/#*(-].)[0-9]{{1,5}}[ "
    rf"./-]{{1,2}}[0-9]{{2,9}}(?:[ .-][0-9]{{2,5}}){{0,4}}{_END}|"
    rf"[2-9](?<![\w.+/#*(-].)[0-9]{{2}}[.-][0-9]{{4}}{_END}|[2-9](?<=[a-z][,:] .)[0-9]{{2}} [0-9]{{4}}(?= ?(?:[.);,]|$))|"
    rf"[2-9](?<=[a-z0-9] .)(?<![0-9][0-9][0-9] .)[0-9]{{2}} [0-9]{{4}}(?= [0-9]{{1,2}}(?::[0-9]{{2}}| [ap]\.m))"
)
_ANY = re.compile(rf"[0-9](?<![\w.+/#*-].)(?:[0-9() ./-]{{5,18}})[0-9]{_END}")
_CALL = re.compile(
    r"\b(?:tel|phone|ph|cell|cellular|mobile|mob|call|called|calls|calling|reach|reached|ring|rang|"
    r"telephone|contact|pager|beeper|text|texted|fax|faxed|"
    r"faxes|telefax|facsimile|callback|telefon|telefono|teléfono|tlf|handy|celular|móvil|whatsapp|"
    r"landline|hotline|voicemail|dial|dialed|"
    r"phones|numbers?|line|sms|viber|mobil|rufnummer|portable|home|work|office|nok|kin|wife|husband|"
    r"son|daughter|mother|father|at|or)\b"
    r"[^\w\n]{0,4}(?:[a-z]{1,12}[^\w\n]{1,3}){0,4}$"
)
_LABELLED_ELSE = re.compile(
    r"(?:mrn|record|chart|policy|member|account|acct|card|licen[cs]e|passport|serial|accession|"
    r"specimen|npi|ssn|social security|nhs|policy no|claim|invoice|plan|"
    r"iban|imei|doi|pmid|isbn|snomed|ndc|id)(?: (?:no|number|nr|is|was|code))?[ .:#=\"'>]{0,4}$"
)
_FAX = re.compile(r"(?:\b(?:tele)?fax(?:ed|es|ing|nummer)?|\bfacsimile|(?<![a-z])f)\b[^\n]{0,24}$")
_FREE = re.compile(
    r"(?:\+?1[ .-]{0,2})?\(?8(?:00|33|44|55|66|77|88)\)?[ .-]|0800\b|0808\b|1800 |1300 |13 [0-9]{2} "
    r"[0-9]{2}$|116[ -]?[0-9]{3}$"
)
_PACKAGE = re.compile(
    r"[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3}-[0-9]{2}|[0-9]{5}-[0-9]{4}-[0-9]{1,2}"
)  # drugs, NDC
_SHORT = re.compile(
    r"\b(?:ext\.?|extn\.?|extension|pager|beeper|bleep|durchwahl)(?: (?:is|no\.?|number|nr\.?|at))? "
    r"?[:#]? ?([0-9]{3,6})(?![0-9]|[./-][0-9])"
)
_ONE = (
    "zero|oh|o|one|two|three|four|five|six|seven|eight|nine|double|triple|ten|eleven|twelve|(?:thir|"
    "four|fif|six|seven|eigh|nine)teen"
)
_SAID = re.compile(
    rf"\b(?:plus )?(?:{_ONE}|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)(?:[ ,.-]{{1,3}}(?:{_ONE}|"
    rf"hundred|thousand|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)){{5,16}}\b"
    rf"(?: (?:extension|ext)(?: (?:{_ONE})){{1,6}}\b)?"
)
_DIGIT_WORDS = frozenset("zero oh one two three four five six seven eight nine double".split())


def phones(seen: View) -> Iterator[Finding]:
    """Telephone and fax numbers, extensions with them."""
    low = seen.low
    if len(seen.vocabulary & _DIGIT_WORDS) > 1:
        for hit in _SAID.finditer(low):
            if sum(word in _DIGIT_WORDS for word in re.split(r"[ ,.-]+", hit.group())) > 3:
                yield Finding(*hit.span(), _kind(low, hit.start()), "said", 0.96)
    if not seen.digits:
        return
    for hit in seen.near_digits(_PLUS):
        yield Finding(*hit.span(), _kind(low, hit.start()), "country code", 0.92)
    for rule, rank, pattern in (("form", 0.9, _US), ("national form", 0.84, _NATIONAL)):
        for hit in seen.near_digits(pattern):
            digits = sum(map(str.isdigit, hit.group()))
            free = not (
                _FREE.match(hit.group())
                or _PACKAGE.fullmatch(hit.group())
                or _LABELLED_ELSE.search(low, max(0, hit.start() - 44), hit.start())
            )
            if free and digits >= 7:
                yield Finding(*hit.span(), _kind(low, hit.start()), rule, rank)
    for hit in seen.near_digits(_ANY):
        digits = sum(map(str.isdigit, hit.group()))
        if (
            7 <= digits < 16
            and not _FREE.match(hit.group())
            and _CALL.search(low, max(0, hit.start() - 44), hit.start())
            and not _LABELLED_ELSE.search(low, max(0, hit.start() - 44), hit.start())
        ):
            yield Finding(*hit.span(), _kind(low, hit.start()), "context", 0.72)
    for hit in (
        seen.near_digits(_SHORT)
        if not seen.vocabulary.isdisjoint(("ext", "extn", "extension", "pager", "beeper", "bleep", "durchwahl"))
        else ()
    ):
        yield Finding(*hit.span(1), "phone", "extension", 0.75)


def _kind(low: str, start: int) -> str:
    return "fax" if _FAX.search(low, max(0, start - 30), start) else "phone"
