"""Telephone and fax numbers: by form, by the word before, and said digit by digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.view import View

_EXTENSION = r"(?:,? {0,2}(?:ext\.?|extn\.?|extension|x|durchwahl|poste|anexo|ramal|interno) ?:? ?[0-9]{1,6})?"
_NUMBER = re.compile(
    rf"[+(0-9](?<![\w.+/#*-].)(?:(?<=[0-9])|(?<=\()\+?[0-9]|(?<=\+)[0-9(])[0-9() ./-]{{5,22}}[0-9](?![0-9a-wyz_/]|[-.][0-9]){_EXTENSION}"
)
_US = re.compile(r"(?:\+?1[ .-]{1,2}|\+1)?(?:\([0-9]{3}\) {0,2}|[0-9]{3}[ ./-]{1,3})[0-9]{3}[ .-]{1,3}[0-9]{4}(?![0-9])")
_NATIONAL = re.compile(
    r"\(?0[0-9]{1,5}\)?[ ./-]{1,2}[0-9]{2,9}(?:[ .-][0-9]{2,5}){0,4}(?![0-9])|[0-9]{3}[.-][0-9]{4}(?![0-9])|\([0-9]{2,5}\) ?[0-9]{3,9}(?:[ .-][0-9]{2,5}){0,3}(?![0-9])"
)
_CALL = re.compile(
    r"\b(?:tel|phone|ph|cell|cellular|mobile|mob|call|called|calls|calling|reach|reached|ring|rang|telephone|contact|pager|beeper|text|texted|fax|faxed|"
    r"faxes|telefax|facsimile|callback|telefon|telefono|teléfono|tlf|handy|celular|móvil|whatsapp|landline|hotline|voicemail|dial|dialed|"
    r"phones|numbers?|line|sms|viber|mobil|rufnummer|portable|home|work|office|nok|kin|wife|husband|son|daughter|mother|father|at|or)\b"
    r"[^\w\n]{0,4}(?:[a-z]{1,12}[^\w\n]{1,3}){0,4}$"
)
_LABELLED_ELSE = re.compile(
    r"(?:mrn|record|chart|policy|member|account|acct|card|licen[cs]e|passport|serial|accession|specimen|npi|ssn|social security|nhs|policy no|claim|invoice|plan|"
    r"iban|imei|doi|pmid|isbn|snomed|ndc|id)(?: (?:no|number|nr|is|was|code))?[ .:#=\"'>]{0,4}$"
)
_FAX = re.compile(r"(?:\b(?:tele)?fax(?:ed|es|ing|nummer)?|\bfacsimile|(?<![a-z])f)\b[^\n]{0,24}$")
_FREE = re.compile(
    r"(?:\+?1[ .-]{0,2})?\(?8(?:00|33|44|55|66|77|88)\)?[ .-]|0800\b|0808\b|1800 |1300 |13 [0-9]{2} [0-9]{2}$|116[ -]?[0-9]{3}$"
)
_SHORT = re.compile(
    r"\b(?:ext\.?|extn\.?|extension|pager|beeper|bleep|durchwahl)(?: (?:is|no\.?|number|nr\.?|at))? ?[:#]? ?([0-9]{3,6})(?![0-9./-])"
)
_ONE = "zero|oh|o|one|two|three|four|five|six|seven|eight|nine|double|triple|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
_SAID = re.compile(
    rf"\b(?:plus )?(?:{_ONE}|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)(?:[ ,.-]{{1,3}}(?:{_ONE}|hundred|thousand|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)){{5,16}}\b"
    rf"(?: (?:extension|ext)(?: (?:{_ONE})){{1,6}}\b)?"
)
_DIGIT_WORDS = frozenset("zero oh one two three four five six seven eight nine double".split())


def phones(seen: View) -> Iterator[Finding]:
    """Telephone and fax numbers, extensions with them."""
    low = seen.low
    if len(seen.vocabulary & _DIGIT_WORDS) > 2:
        for hit in _SAID.finditer(low):
            if sum(word in _DIGIT_WORDS for word in re.split(r"[ ,.-]+", hit.group())) > 3:
                yield Finding(*hit.span(), _kind(low, hit.start()), "said", 0.96)
    if not seen.digits:
        return
    for hit in _NUMBER.finditer(low):
        if found := _number(low, hit):
            yield found
    for hit in _SHORT.finditer(low):
        yield Finding(*hit.span(1), "phone", "extension", 0.75)


def _number(low: str, hit: re.Match[str]) -> Finding | None:
    said = hit.group()
    start, digits = hit.start(), sum(map(str.isdigit, said))
    if said.startswith("(") and ")" not in said:
        said, start = said[1:], start + 1
    if not 7 <= digits <= 20 or _FREE.match(said):
        return None
    before = low[max(0, start - 44) : start]
    free = not _LABELLED_ELSE.search(before)
    if said.startswith("+") or (free and _US.match(said)):
        return Finding(start, hit.end(), _kind(low, start), "form", 0.9)
    if free and (_NATIONAL.match(said) and digits >= (7 if said[3] in "-." else 8)):
        return Finding(start, hit.end(), _kind(low, start), "national form", 0.84)
    if free and digits < 16 and _CALL.search(before):
        return Finding(start, hit.end(), _kind(low, start), "context", 0.72)
    return None


def _kind(low: str, start: int) -> str:
    return "fax" if _FAX.search(low, max(0, start - 30), start) else "phone"
