"""Telephone and fax numbers: by form, by the word before, and said digit by digit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from medlms.data.identifiers.clinical import counted
from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.labels import label
from medlms.data.identifiers.view import View

_EXTENSION = r"(?:,? {0,2}(?:ext\.?|extn\.?|extension|x|durchwahl|poste|anexo|ramal|interno) ?:? ?[0-9]{1,6})?"
_END = rf"(?![0-9a-wyz_]|/(?![+(0])|[-.][0-9]){_EXTENSION}"
_PLUS = re.compile(
    rf"\+1[ .-]?\(?[0-9]{{3}}\)?[ .-]{{0,2}}[0-9]{{3}}[ .-]{{0,2}}[0-9]{{4}}{_END}|"
    rf"\+(?<![\w+].)[0-9(][0-9() ./-]{{6,20}}[0-9]{_END}|00[1-9](?<![\w.+/#*-]...)[0-9]?[ .-][0-9() "
    rf"./-]{{6,18}}[0-9]{_END}"
)
_US = re.compile(
    rf"(?:1(?<![\w.+/#*(-].)[ .-]{{1,2}})?\([0-9]{{3}}\) {{0,2}}[0-9]{{3}}[ .-]{{1,3}}[0-9]{{4}}{_END}|"
    rf"[0-9](?<![\w.+/#*(-].)(?<![0-9][.-].)(?:(?<=1)[ .-]{{1,2}}[0-9])?[0-9]{{2}}(?: ?[./-] ?| "
    rf")[0-9]{{3}}(?: ?[.-] ?| )[0-9]{{4}}{_END}|"
    rf"[2-9](?<=[ (,;|][ftpchmw][/:.].)[0-9]{{2}}[.-][0-9]{{3}}[.-][0-9]{{4}}{_END}"
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
    r"landline|hotline|voicemail|dial|dialed|fx|efax|f(?=[.:/#)])|tél|téléphone|sími|tfn|telf|fono|hp|pager|"
    r"phones|numbers?|line|sms|viber|mobil|rufnummer|portable|home|work|office|nok|kin|wife|husband|"
    r"son|daughter|mother|father|at|or)\b"
    r"[^\w\n]{0,4}(?:[a-z]{1,12}[^\w\n]{1,3}){0,4}$"
)
_TOLD = re.compile(
    r"(?<![^\W_])(?:tel|phone|ph|cell|mobile|mob|fax|fx|telephone|telefon|telefono|teléfono|téléphone|tél|tlf|tfn|sími|handy|"
    r"celular|whatsapp|f)[ .:#\"'=>)]{1,5}$"
)
_LABELLED_ELSE = re.compile(
    r"(?:mrn|record|chart|policy|member|account|acct|card|licen[cs]e|passport|serial|accession|"
    r"specimen|npi|ssn|social security|nhs|policy no|claim|invoice|plan|"
    r"iban|imei|doi|pmid|isbn|snomed|ndc|id)(?: (?:no|number|nr|is|was|code))?[ .:#=\"'>]{0,4}$"
)
_FAX = re.compile(
    r"(?:\b(?:tele|e)?fax(?:ed|es|ing|nummer|en)?|\bfacsimile|\bfaks|(?<![a-z])fx)\b[^\n0-9]{0,48}$|"
    r"(?<![a-z0-9'])f ?[.:/#)-]{1,2} ?$|(?:^|[ |(])f $|\bfax[^\n]{0,24}$"
)
_FAX_BEHIND = re.compile(
    r" ?[(,-]? ?(?:(?:is|was) (?:the|our|my|their|his|her|a|your) (?:[a-z]+ )?)?"
    r"(?:(?:tele)?fax\b|f\)|\(?fx\b)(?![ :#.]{1,3}\(?\+?[0-9])"
)
_PHONE_NEARER = re.compile(
    r"\b(?:tel|phone|ph|cell|mobile|mob|call|telephone|pager|voice|p|t|or(?! (?:tele|e)?fax))\b[^\n0-9]{0,12}$"
)
_FREE = re.compile(
    r"18(?:00|33|44|55|66|77|88)[0-9]{7}$|"
    r"(?:\+?1[ .-]{0,2})?\(?8(?:00|33|44|55|66|77|88)\)?[ .-]|0800\b|0808\b|1800 |1300 |13 [0-9]{2} "
    r"[0-9]{2}$|116[ -]?[0-9]{3}$"
)
_PACKAGE = re.compile(
    r"[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3}-[0-9]{2}|[0-9]{5}-[0-9]{4}-[0-9]{1,2}"
)  # drugs, NDC
_HOURS = re.compile("(?:[01][0-9]|2[0-4])[0-5][0-9]-(?:[01][0-9]|2[0-4])[0-5][0-9]")
_DECIMAL = re.compile(r"[0-9]{1,3}\.[0-9]{1,2} ")  # a result, and a code in the next line
_OWN_EXTENSION = re.compile("ext|x ?[0-9]")
_INSIDE = frozenset(
    "ext extn extension pager page paging beeper bleep vocera spectralink durchwahl tst toestel dect poste callback call "
    "spectra ascom pgr ring dial phone ph sup supervisor desk ward".split()
)
_SHORT = re.compile(
    r"(?:\b(?:ext\.?|extn\.?|extension|pager|pgr|page|paging|beeper|bleep|vocera|spectralink|spectra|ascom|durchwahl|tst|"
    r"toestel|dect|poste)"
    r"(?: (?:is|no\.?|number|nr\.?|at))? "
    r"?[:#]? ?|\bcall ?back (?=[0-9]-[0-9]{4}\b)|\b(?:ring|dial) (?=[0-9]{4}\b)|\b(?:phone|ph|desk|ward)[ :]{1,2}(?=x[0-9]{4}))"
    r"(x?[0-9]{3,6}|[0-9]-[0-9]{4})(?![0-9]|[./-][0-9])"
)
# Inside a hospital: '4-0113', where no range begins with a nought behind the dash; 'p5528' behind a name or a degree.
_INTERNAL = re.compile(
    r"[2-9](?<=[a-z,:(] .)(?<!to .)-0[0-9]{3}(?![\w/-]|[.,][0-9])|p(?<=[a-z],.)[0-9]{4,5}(?!\w|[./-][0-9])|"
    r"p(?<=[a-z], .)[0-9]{4,5}(?!\w|[./-][0-9])"
)
_ABOVE = re.compile("[5-9]")  # no count of births: 'P2012'
_JOINED = re.compile(
    r"[ ,;/]{0,2}(?:\((?!(?:tel|phone|ph|cell|voice|office|home|o|p|t|h|c|m)\b)[a-z ]{2,16}\)[,;]?)?"
    r" ?\(?(?:and|or|backup|,|/|&)? ?"
)
_ONE = (
    "zero|oh|o|one|two|three|four|five|six|seven|eight|nine|double|triple|ten|eleven|twelve|(?:thir|"
    "four|fif|six|seven|eigh|nine)teen"
)
_SAID = re.compile(
    rf"\b(?:plus )?(?:{_ONE}|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)(?:[ ,.-]{{1,3}}(?:{_ONE}|"
    rf"hundred|thousand|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)){{3,16}}\b"
    rf"(?: (?:extension|ext)(?: (?:{_ONE})){{1,6}}\b)?"
)
_SAID_ALONE = 5  # words of digits that need a label before them
_DIGIT_WORDS = frozenset("zero oh one two three four five six seven eight nine double".split())


def phones(seen: View) -> Iterator[Finding]:
    """Telephone and fax numbers, extensions with them; one joined to a fax number is another, unless something says so."""
    last: Finding | None = None
    for item in sorted(_numbers(seen), key=lambda item: item.start):
        if last and last.kind == "fax" and item.kind == "phone" and _JOINED.fullmatch(seen.low, last.end, item.start):
            item = replace(item, kind="fax")
        last = item
        yield item


def _numbers(seen: View) -> Iterator[Finding]:
    low = seen.low
    if len(seen.vocabulary & _DIGIT_WORDS) > 1:
        for hit in _SAID.finditer(low):
            words = re.split(r"[ ,.-]+", hit.group())
            named = label(low, hit.start())
            if sum(word in _DIGIT_WORDS for word in words) > 3 and (named or len(words) > _SAID_ALONE):
                yield Finding(*hit.span(), named or _kind(low, *hit.span()), "said", 0.96)
    if not seen.digits:
        return
    for hit in seen.near_digits(_PLUS):
        yield Finding(*hit.span(), _kind(low, *hit.span()), "country code", 0.92)
    for rule, rank, pattern in (("form", 0.9, _US), ("national form", 0.84, _NATIONAL)):
        for hit in seen.near_digits(pattern):
            digits = sum(map(str.isdigit, hit.group()))
            free = not (
                (_FREE.match(hit.group()) and not _own(low, *hit.span()))
                or _PACKAGE.fullmatch(hit.group())
                or _LABELLED_ELSE.search(low, max(0, hit.start() - 44), hit.start())
            )
            if free and digits >= 7 and not _HOURS.fullmatch(hit.group()):
                yield Finding(*hit.span(), _kind(low, *hit.span()), rule, rank)
    for hit in seen.near_digits(_ANY):
        digits = sum(map(str.isdigit, hit.group()))
        if (
            7 <= digits < 16
            and not ("\n" in seen.text[slice(*hit.span())] and _DECIMAL.match(hit.group()))
            and (not _FREE.match(hit.group()) or _own(low, *hit.span()))
            and _CALL.search(low, max(0, hit.start() - 44), hit.start())
            and not _LABELLED_ELSE.search(low, max(0, hit.start() - 44), hit.start())
        ):
            sure = _TOLD.search(low, max(0, hit.start() - 16), hit.start())
            yield Finding(*hit.span(), _kind(low, *hit.span()), "context", 0.93 if sure else 0.72)
    for hit in seen.near_digits(_INTERNAL) if "-0" in low or "p" in seen.vocabulary else ():
        if not counted(low, hit.end()) and (low[hit.start()] != "p" or _ABOVE.search(hit.group())):
            yield Finding(*hit.span(), "phone", "internal", 0.6)
    for hit in seen.near_digits(_SHORT) if not seen.vocabulary.isdisjoint(_INSIDE) else ():
        yield Finding(*hit.span(1), "phone", "extension", 0.75)


def _own(low: str, start: int, end: int) -> bool:
    """A toll-free number that is somebody's: one of a fax, or one with an extension."""
    return _kind(low, start, end) == "fax" or _OWN_EXTENSION.search(low, start, end) is not None


def _kind(low: str, start: int, end: int) -> str:
    look = max(0, start - 64)
    if _FAX.search(low, look, start) and not _PHONE_NEARER.search(low, look, start):
        return "fax"
    return "fax" if _FAX_BEHIND.match(low, end) else "phone"
