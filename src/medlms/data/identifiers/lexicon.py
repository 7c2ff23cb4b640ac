"""What a word may be: a given name, a family name, an ordinary or medical word, an eponym, a place."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from medlms.data.identifiers.words import words

NAME, UNKNOWN, WORD_NAME, WORD = 3, 2, 1, 0

_ENDING = re.compile(
    r".{2,}(?:itis|osis|oses|emia|aemia|emic|oma|omas|omata|ectomy|otomy|ostomy|oscopy|scopic|graphy|"
    r"graphic|gram|pathy|pathic|algia|uria|plasty|plegia|paresis|rrhea|rrhage|rrhagic|therapy|lysis|"
    r"lytic|"
    r"genesis|genic|trophy|trophic|phobia|philia|cyte|cytes|cytic|blast|blastic|tion|tions|tional|"
    r"sion|sions|ment|ments|ness|ity|ities|ances?|ences?|able|ible|ical|ically|ological|ology|ologist|"
    r"ologists|"
    r"iatric|iatrics|pril|olol|sartan|statin|mycin|micin|cillin|azole|idone|dipine|parin|xaban|"
    r"gliptin|glutide|gliflozin|triptan|setron|caine|barbital|azepam|azolam|mab|tinib|ciclib|vir|"
    r"vudine|floxacin|cycline|"
    r"amide|oxide|chloride|sulfate|phosphate|acetate|amine|azine|oxine|thyroxine|ism|isms|ious|eous|"
    r"ative|itive|ctive|sive|ular|oral|ural|ental|ional|ingly|edly|ously|fully|ally|ics|ology|ectasis|"
    r"penia|stasis|"
    r"sterone|steroid|estradiol|gestrel|zyme|ase|iform|oid|oids|wards?|less|ful|fully|ship|hood|work|"
    r"ware|proof|room|like|wise)"
)
_SUFFIXES = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "'s", "n't", "y", "ies", "ier", "est", "al", "ic", "n")
_SPECIAL = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "ß": "ss", "œ": "oe", "þ": "th"})


def folded(word: str) -> str:
    """Lower case, without marks."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.lower().translate(_SPECIAL))
    return "".join(mark for mark in plain if not unicodedata.combining(mark))


@cache
def all_names() -> frozenset[str]:
    """Every given and family name of the lists."""
    return words("given") | words("family")


@lru_cache(maxsize=65536)
def rank(word: str) -> int:
    """NAME: a name and no word; WORD_NAME: both; UNKNOWN: neither; WORD: a word. ``word`` in lower case."""
    plain = folded(word).removesuffix("'s").removesuffix("'")
    if len(plain) < 2 or plain.endswith("n't"):
        return WORD
    ordinary = word.isascii() and is_word(plain)
    if plain in all_names():
        return WORD_NAME if ordinary or len(plain) < 3 else NAME
    if "-" in plain or "'" in plain:
        parts = [part for part in re.split("['-]", word.lower()) if part]
        ranks = [rank(part) for part in parts if len(part) > 1]
        whole = plain.replace("'", "").replace("-", "") in all_names()
        known = any(
            rank(part) == NAME and (len(part) > 3 or ranks.count(UNKNOWN) == 0) for part in parts if len(part) > 1
        )
        if ranks and (known or whole) and (WORD not in ranks or "'" in plain):
            return NAME
        if ranks and min(ranks) == WORD:
            return WORD
        return WORD_NAME if ranks and max(ranks) == WORD_NAME else UNKNOWN
    return WORD if ordinary else UNKNOWN


def is_word(plain: str) -> bool:
    """Whether a word, its endings taken off, is an ordinary one, or ends as medical and learned words do."""
    listed = words("common")
    if plain in listed:
        return True
    if ends_learned(plain):
        return plain not in all_names()
    return is_inflected(plain)


def is_inflected(plain: str) -> bool:
    """Whether it is a word of the list with an ending."""
    listed = words("common")
    if (
        plain in all_names()
    ):  # endings are too weak a sign against the lists: 'Jones' is no plural, 'Christine' no substance
        return False
    for suffix in _SUFFIXES:
        if plain.endswith(suffix):
            stem = plain[: -len(suffix)]
            if len(stem) > 2 and (
                stem in listed
                or stem + "e" in listed
                or stem + "y" in listed
                or (stem[-1] == stem[-2] and stem[:-1] in listed)
            ):
                return True
    return False


def ends_learned(plain: str) -> bool:
    """Whether it ends as words of medicine and of books do. Some names do too: 'Harkness'."""
    return bool(_ENDING.fullmatch(plain))


def firm_rank(word: str, cased: bool = True) -> int:
    """As ``rank``, but words that only their ending makes one count as unknown: they may be names behind a title."""
    found = rank(word)
    if found != WORD or len(word) < 4:
        return found
    plain = folded(word).removesuffix("'s")
    known = any(part in words("common") for part in plain.split("-"))
    return WORD if known or (not cased and is_inflected(plain)) else UNKNOWN


def is_given(word: str) -> bool:
    """Whether the lists hold it as a given name."""
    return folded(word) in words("given")


def is_place(word: str) -> bool:
    """Whether it is a town or a country of the lists."""
    return word in words("towns")
