"""Names of people: by the word before or behind, by form, and by lists where a name is no ordinary word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from medlms.data.identifiers.finding import Finding
from medlms.data.identifiers.words import words

_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PARTICLES = frozenset(
    "de del de la las los da do dos das di van von der den ter ten bin ibn al el le du y e zu af av abu san st".split()
)
_NEVER = frozenset(
    "the a an and or your my his her our their is was are were has have had i you he she we they it this that yes no "
    "not dr mr mrs ms prof md name date dob who what when where on in at of to please denies reports states".split()
)
_TITLE = re.compile(
    r"(?:\b(?i:dr|drs|mr|mrs|ms|miss|mister|missus|prof|professor|doctor|sr|sra|srta|señora?|don|doña|herr|frau|mme|monsieur|madame|"
    r"nurse|sister|uncle|aunt|auntie|rev|reverend|father|pastor|rabbi|sgt|capt|captain|judge|attorney|dra|md|pcp|dear|hi|hello|hey|"
    r"thanks|thank\syou|regards|sincerely|cheers|patient|pt|subject|resident|client|named?|called|kin|wife|husband|"
    r"son|daughter|mother|mom|mum|dad|brother|niece|nephew|grandson|granddaughter|granddaughter|grandmother|grandfather|"
    r"spouse|partner|fianc[ée]e?|friend|neighbou?r|caregiver|carer|guardian|attending|surgeon|physician|provider|signed|"
    r"dictated\sby|seen\sby|reviewed\sby|by|cc|contact|visitor|driver|tech|therapist|midwife|cousin|ask\sfor|speak\s(?:to|with)|"
    r"this\sis|i\sam|i'm|am|my\sname\sis|name\sis|it's|told|met|for|with|from|and|to)\b\.?[:,\s\"'(]{1,3})$"
)
_STRONG = re.compile(
    r"\b(?i:dr|drs|mr|mrs|ms|miss|prof|professor|doctor|sr|sra|srta|señora?|don|doña|herr|frau|mme|monsieur|madame|dra|nurse|"
    r"my\sname\sis|name\sis|(?:mr|dr|mrs|ms)\.?\sand\s(?:mr|dr|mrs|ms))\b[.:]?\s{1,2}$"
    r"|(?i:\b(?:patient|name|pt|nok|next\sof\skin|kin|attending|surgeon|physician|provider|signed|mother|father|wife|husband|son|daughter|dear|regards),?\s?[:,]?\s{1,3}$)"
)
_CREDENTIAL = re.compile(
    r"\s{0,2},?\s{1,2}(?:M\.?D|D\.?O|R\.?N|N\.?P|PA(?:-C)?|Ph\.?D|LPN|LCSW|CRNA|FNP(?:-C)?|DPT|PT|OT|MSW|MBBS|DDS|PharmD|CNM|APRN|FRCP|FACS|MRCP)\b\.?"
)
_THING = re.compile(
    r"(?:['’]s?)?\s+(?i:disease|syndrome|sign|test|score|scale|index|catheter|drain|retractor|trocar|repair|procedure|operation|"
    r"criteria|stage|class(?:ification)?|fracture|tube|palsy|lymphoma|sarcoma|tumou?r|anemia|thyroiditis|maneuver|manoeuvre|"
    r"reflex|phenomenon|contracture|cyst|node|line|clamp|forceps|needle|stain|virus|position|incision|rating|coma|monitor|"
    r"esophagus|oesophagus|deformity|lesion|nodules?|bodies|body|triad|law|cells?|duct|ligament|spots?|rash|chorea|ataxia|"
    r"dystrophy|neuropathy|encephalopathy|hospital|clinic|university|medical\scent(?:er|re)|institute|foundation|school|coil|"
    r"street|road|avenue|county|wrap|technique|flap|graft|type|grade|equation|formula|method|inventory|questionnaire|chart|"
    r"stent|pouch|hernia|diverticulum|sphincter|fistula|ulcer|melanoma|tablets?|pills?|ocp|\d|(?:mg|mcg)\b)"
)
_INITIALS = re.compile(r"(?<![\w.])(?:[A-Z]\.\s?){2,3}(?![\w])")
_INITIALS_CUE = re.compile(r"(?:\b(?i:patient|subject|initials|pt|signed|by|name)\b[\s:,.=]{1,3}|,\s)$")
_COMMA = re.compile(
    r"(?<![\w,'’-])((?:[^\W\d_][\w'’-]{0,24}\s){0,2}[^\W\d_][\w'’-]{1,24}),\s([^\W\d_][\w'’-]{1,24}(?:\s(?:[^\W\d_]\.|[^\W\d_][\w'’-]{1,24})){0,2})(?!\w)"
)
_HL7 = re.compile(r"(?<=\|)[^\W\d_][\w' -]{1,24}\^[^\W\d_][\w' -]{1,24}(?:\^[A-Za-z]?\w{0,20})?")
_KEYED = re.compile(
    r"(?i:\b(?:(?:patient|full|first|last|family|given|middle|sur|fore|maiden|contact)[_ -]?name|name|patient|surname|author|signed_by|user_name|provider)[\"']?\s?[=:>]\s?[\"']?)([^\W\d_][\w.'’, -]{1,50}?)(?=[\"'<|;\n]|\s{2}|$|,\s?(?:\d|dob|born|[\"']))"
)


def folded(word: str) -> str:
    """Lower case, without marks."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize(
        "NFKD", word.lower().replace("ł", "l").replace("ø", "o").replace("đ", "d").replace("ı", "i")
    )
    return (
        "".join(mark for mark in plain if not unicodedata.combining(mark))
        .replace("æ", "ae")
        .replace("ß", "ss")
        .replace("’", "'")
    )


def names(text: str) -> Iterator[Finding]:
    """Names of people, without titles, degrees and the possessive ending."""
    yield from _forms(text)
    tokens = list(_TOKEN.finditer(text))
    ranks = [_rank(hit.group()) for hit in tokens]
    capitals = sum(hit.group()[0].isupper() for hit in tokens)
    cased = capitals > 0 and not text.isupper()
    place = 0
    while place < len(tokens):
        # A run begins at a name of the lists, or at anything behind a title.
        begin = tokens[place].start()
        before = text[max(0, begin - 24) : begin]
        strong = bool(_STRONG.search(before))
        if (ranks[place] < 1 and not strong) or folded(tokens[place].group()) in _NEVER:
            place += 1
            continue
        end = _run(text, tokens, ranks, place, strong, cased)
        if end > place:
            yield from _judged(text, tokens[place:end], ranks[place:end], before, strong, cased)
        place = max(end, place + 1)


def _rank(word: str) -> int:
    """3 a name and no word, 2 a name that is a word too, 1 unknown with a capital, 0 a word."""
    plain = folded(word)
    parts = [part for part in plain.split("-") if part]
    named = any(part in words("given") or part in words("family") for part in (plain, *parts))
    ordinary = plain in words("english")
    if len(plain) < 2:
        return 0
    if named:
        return 2 if ordinary or len(plain) < 3 else 3
    return 0 if ordinary or not word[0].isupper() else 1


def _run(text: str, tokens: list[re.Match[str]], ranks: list[int], place: int, strong: bool, cased: bool) -> int:
    """Behind the last token of the name that begins at ``place``."""
    end, last = place, place
    while last < len(tokens) and last - place < 6:
        word = tokens[last].group()
        if last > place and not re.fullmatch(r"\.?[ \n]{1,2}|\.", text[tokens[last - 1].end() : tokens[last].start()]):
            break
        if (
            last > place
            and "." in text[tokens[last - 1].end() : tokens[last].start()]
            and len(tokens[last - 1].group()) > 1
        ):
            break
        shaped = word[0].isupper() if cased and (end == place or tokens[place].group()[0].isupper()) else True
        initial = len(word) == 1 and word[0].isupper() == tokens[place].group()[0].isupper()
        if shaped and (
            ranks[last] >= 1 or initial or (strong and last == place and (word[0].isupper() or ranks[last]))
        ):
            last += 1
            end = last if not initial or strong else end
        elif folded(word) in _PARTICLES and last + 1 < len(tokens):
            last += 1
        else:
            break
    return end


def _judged(
    text: str, run: list[re.Match[str]], ranks: list[int], before: str, strong: bool, cased: bool
) -> Iterator[Finding]:
    start, end = run[0].start(), run[-1].end()
    if text[end - 2 : end] in ("'s", "’s"):
        end -= 2
    best, cued = max(ranks), bool(_TITLE.search(before))
    credential = bool(_CREDENTIAL.match(text, end))
    eponym = all(folded(hit.group()).removesuffix("'s") in words("eponyms") for hit in run)
    if _THING.match(text, end) and not strong:
        return
    if eponym and not strong and not cued and not credential and len(run) < 2:
        return
    sure = sum(rank == 3 for rank in ranks)
    if strong or credential:
        yield Finding(start, end, "name", "title" if strong else "degree", 0.9)
    elif sure >= 2 or (best == 3 and len(run) > 1):
        yield Finding(start, end, "name", "two names", 0.85)
    elif sure and len(text[start:end]) > 2:
        yield Finding(start, end, "name", "a name of the lists", 0.75 if cued else 0.6)
    elif cued and run[0].group()[0].isupper() and cased and best == 2 and before.rstrip()[-1:] not in ".":
        yield Finding(start, end, "name", "a word behind a cue", 0.55)
    elif len(run) > 1 and min(ranks) == 2 and cased:
        yield Finding(start, end, "name", "two words that are names", 0.55)


def _forms(text: str) -> Iterator[Finding]:
    for hit in _COMMA.finditer(text):
        parts = [_TOKEN.findall(hit[1]), _TOKEN.findall(hit[2])]
        ranks = [max((_rank(word) for word in part if folded(word) not in _PARTICLES), default=0) for part in parts]
        if min(ranks) >= 1 and max(ranks) == 3 and not all(folded(word) in words("towns") for word in parts[1]):
            yield Finding(*hit.span(), "name", "Last, First", 0.8)
    for hit in _INITIALS.finditer(text):
        if _INITIALS_CUE.search(text, max(0, hit.start() - 16), hit.start()):
            yield Finding(hit.start(), hit.start() + len(hit.group().rstrip()), "name", "initials", 0.8)
    yield from (Finding(*hit.span(), "name", "HL7", 0.9) for hit in _HL7.finditer(text))
    for hit in _KEYED.finditer(text):
        if any(_rank(word) in (1, 3) for word in _TOKEN.findall(hit[1])) and len(hit[1].split()) < 5:
            yield Finding(hit.start(1), hit.start(1) + len(hit[1].rstrip()), "name", "labelled", 0.8)
