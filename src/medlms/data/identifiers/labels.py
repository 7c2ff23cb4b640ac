"""The words that say whose number follows: from a text before a code to the class of the code."""

from __future__ import annotations

import re
from typing import NamedTuple

from medlms.data.identifiers.label_words import BETWEEN, GENERAL, LABELS, MARKED_ONLY, NAMES_TOO, NEVER_NAMES

_WORD = re.compile(r"[^\W\d_]+")
_REACH = 56  # characters before a code in which its label is looked for
_ABBREVIATED = 4  # letters of a word whose dot need not end a sentence
_SHORT = 3  # digits of numbers that part no label from its code
_FAR = 8  # words before a code among which it may be
# What makes the word before it a label: 'no.', '#', a colon, the quote or bracket behind a key.
_MARK = re.compile(
    r"[#№=:\">º°]|(?<![^\W\d_])(?:no|nos|nr|num|number|numbers|numero|número|nummer|ids?|codes?|ref)(?![^\W\d_])"
)
_SURE = re.compile(
    r"[#№º°]|(?<![^\W\d_])(?:(?:no|nr|nos|id|ref)[.:]|(?:num|number|numero|número|nummer|id|ref)(?![^\W\d_]))"
)
_NUMBER = re.compile(r"(?<![\w./-])(?=[^ ]{0,12}[0-9])[\w./-]*[0-9]{2,}[\w./-]*")
_JOIN = re.compile(r"[ ,;/&|+('\"-]{0,4}(?:(?:and|or|y|und|then|also|to|old|formerly|was)\b)?[ ,:('\"-]{0,3}")
_KEY_ENDS = ("number", "nummer", "code", "num", "key", "nbr", "no", "nr", "id")
_SHORT_KEYS = frozenset(("fax", "mrn", "ssn", "npi", "vin", "dea"))  # that end keys in one piece: 'providerFax'
_NUMBERED = re.compile(r"\w+(?:nummer|number|nr|numero)")
_CODE = re.compile(r"[0-9](?:[./-]?[0-9]){5}|[0-9]{2,}-[0-9]{3}")  # surely no word's or enzyme's
_DOT = re.compile(r"[0-9][.;!?] ")  # 'SUV 6.4. FIGO IB2'
_INSURED = re.compile(r"(?<![a-z])(?:insur|subscriber|policy|plan\b|payer|pcn\b|rxbin|bin\b|coverage)")
_PER = frozenset(("dl", "l", "unit", "h"))  # behind a slash these are units
_KEY = re.compile(r"[_.-][\w.-]*[\"']? ?[:=]")  # the last word of a key: 'fax.pharmacy='
_MARKS = frozenset(("id", "ids", "s n", "sn", "serial", "mrn", "pid"))  # labels that are marks themselves
_UNCUT = frozenset("plan card case file bank bill unit test car van".split())  # short words that are no abbreviations
_LAB = ("specimen", "accession", "patholog", "microbiol", "radiolog", "biops", "cytolog", "culture", "lab ", "gross")
_TAGGED = ("asset", "workstation", "property", "bag", "belongings", "school", "hugs", "ear tag", "toe tag", "name tag")
_PAYING = tuple("visa,credit,debit,payment,paid,pay ,bank,mastercard,amex,charge,ending,receipt".split(","))


class Heading(NamedTuple):
    """What stands before a code: its class, its word, whether any mark stands between, and whether 'no.' or '#'."""

    kind: str
    word: str
    marked: bool
    numbered: bool = False


def _table() -> dict[str, str]:
    found: dict[str, str] = {}
    for kind, text in LABELS.items():
        singles, *phrases = text.split("|")
        for word in (*singles.split(), *phrases):
            found.setdefault(word.strip(), kind)
    return found


_KIND = _table()
# Words that no name holds: labels of forms, but for those that are names too.
LABEL_WORDS = (frozenset(word for word in _KIND if " " not in word) - NAMES_TOO) | NEVER_NAMES


def label(low: str, start: int) -> str:
    """The class that the words right before ``start`` give to a code there, or nothing."""
    return heading(low, start).kind


def heading(low: str, start: int) -> Heading:
    """The label right before ``start``; the class is empty where no word is known, the word is the nearest then."""
    before = _near(low, start)
    words = list(_WORD.finditer(before))[-_FAR:]
    general: Heading | None = None
    nearest: Heading | None = None
    for place in range(len(words) - 1, -1, -1):
        gap = before[words[place].end() :]
        if general is None and _ended(gap, words[place].group()):
            break
        kind, key = _known(words, place, _KIND)
        marked = _MARK.search(gap) is not None or (len(key) <= _ABBREVIATED and gap[:1] == ".") or key in _MARKS
        if kind and not low[start : start + 1].isalpha():
            loose = key in MARKED_ONLY and not marked and not (gap == " " and _CODE.match(low, start))
            kind = "" if loose or (key in _PER and before[words[place].start() - 1] == "/") else kind
        if key == "patient" and gap.lstrip()[:1] == ":":
            kind = ""  # who speaks
        if not kind and place == len(words) - 1:
            kind = _compound(words[place].group(), gap)
        if kind and key not in GENERAL:
            return Heading(_meant(low, key, kind), key, marked)
        if kind and general is None:
            general = Heading(kind, key, marked)
        if not kind and (general or words[place].group() not in BETWEEN):
            nearest = nearest or Heading("", words[place].group(), marked, _SURE.search(gap) is not None)
            if general or gap[:1] not in ("_", ".", "-") or not _KEY.match(gap):
                break
        if general and key not in GENERAL:
            break
    if general and general.kind == "other" and general.word in ("id", "ids") and _INSURED.search(before):
        general = general._replace(kind="plan")
    return general or nearest or Heading("", "", bool(_MARK.search(before)))


def _near(low: str, start: int) -> str:
    """The text before a code back to a paragraph, another speaker, or another number that no 'and' or comma joins to it."""
    before = low[max(0, start - _REACH) : start]
    cut = max(before.rfind("\n"), before.rfind("[doctor]"), before.rfind("[patient]"))
    before = before[cut + 1 :]
    end = len(before)
    for hit in reversed(list(_NUMBER.finditer(before))):
        if sum(map(str.isdigit, hit.group())) > _SHORT:
            if not _JOIN.fullmatch(before, hit.end(), end):
                return before[hit.end() :]
            end = hit.start()
    return before


def _ended(gap: str, word: str) -> bool:
    """Whether a sentence ends right behind a word: a dot behind a short one is one of an abbreviation."""
    return (
        gap[:1] in (";", "!", "?")
        or _DOT.search(gap) is not None
        or (gap[:2] == ". " and ((len(word) > _ABBREVIATED and not word.endswith("nr")) or word in _UNCUT))
    )


def _known(words: list[re.Match[str]], place: int, kinds: dict[str, str]) -> tuple[str, str]:
    """The class and the longest known phrase of up to three words that ends at ``place``."""
    for size in (3, 2, 1):
        if place + 1 >= size:
            key = " ".join(word.group() for word in words[place + 1 - size : place + 1])
            if kind := kinds.get(key, ""):
                return kind, key
    return "", words[place].group()


def _compound(word: str, gap: str) -> str:
    """The class of a key in one piece, such as 'patientAccount' or 'memberNumber', and of words that end in 'number'."""
    stem = next((word.removesuffix(end) for end in _KEY_ENDS if word.endswith(end) and len(word) > len(end) + 3), word)
    if gap[:1] in ("_", '"', "'", "=", ":", ">", "^") or stem != word:
        for size in range(len(stem), 2, -1):
            if (kind := _KIND.get(stem[-size:], "")) and (size > 3 or stem[-3:] in _SHORT_KEYS):
                return kind
    return "other" if _NUMBERED.fullmatch(word) else ""


def _meant(low: str, key: str, kind: str) -> str:
    """'Acc' is an accession beside specimens, a card with which nobody pays a patient's, a bag's tag its own."""
    if key == "acc":
        return "other" if any(word in low for word in _LAB) else kind
    if key in ("tag", "tags"):
        return "other" if any(word in low for word in _TAGGED) else kind
    return "mrn" if key == "card" and not any(word in low for word in _PAYING) else kind


_BEHIND = re.compile(
    r"(?: ?\(| - | = |,? (?:is|was|as|for|being|,) (?:the |my |his |her |your |their |our |a |an )?|, (?:the|my|his|her) "
    r")((?:[^\W\d_]+['s]*[ ,)]? ?){1,3})"
)


def label_behind(low: str, end: int) -> str:
    """The class that the words right behind ``end`` give to a code there: '4471902 is the record number', '4471902 (MRN)'."""
    hit = _BEHIND.match(low, end)
    return label(hit[1] + " ", len(hit[1]) + 1) if hit else ""
