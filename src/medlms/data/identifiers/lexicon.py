"""What a word may be: a name, a word that is a name too, an ordinary or medical word, or a word that no list knows."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from medlms.data.identifiers.words import words

# How far a word is a name: on no list of names; a name and an ordinary word; on no list at all; a name and nothing else.
WORD, BOTH, UNKNOWN, NAME = range(4)

# How learned and medical words end that a dictionary may lack.
_LEARNED = re.compile(
    r".{2,}(?:itis|osis|oses|a?emia|a?emic|oma|omas|omata|ectomy|otomy|ostomy|oscopy|scopic|graphy|graphic|gram|path(?:y|ic)|"
    r"algia|uria|plasty|plegia|paresis|rrhea|rrhage|therapy|ly[st]i[sc]|gen(?:esis|ic|ous)|troph(?:y|ic)|phobia|philia|"
    r"cyt(?:e|es|ic)|"
    r"blasts?|tions?|tional|sions?|ments?|ness|ity|ities|[ae]nces?|able|ible|icall?y?|olog(?:y|ist|ists|ical)|iatrics?|"
    r"pril|olol|sartan|statin|mycin|micin|cillin|azole|idone|dipine|parin|xaban|gliptin|glutide|gliflozin|triptan|setron|caine|"
    r"barbital|aze?pam|azolam|mabs?|tinib|ciclib|vir|vudine|floxacin|cycline|amide|oxide|chloride|sulfate|phosphate|"
    r"acetate|amine|"
    r"azine|oxine|thyroxine|isms?|ious|eous|[acit]tive|sive|ular|oral|ural|[nt]al|ingly|edly|ously|fully|ally|ectasis|"
    r"penia|stasis|"
    r"sterone|steroid|estradiol|gestrel|zyme|ase|iform|oids?|wards?|less|ful|ship|hood|proof|like|wise|virus|viridae|"
    r"coccus|bacter|kinesia|osus|osum|dactyly|derma|dema|melia|plakia|cephalus|sarcoma|tensin|globin|ectopia)"
)
_SUFFIXES = ("s", "es", "ed", "d", "ing", "ly", "er", "ers", "'s", "ies", "ied", "ier", "est")
_SPECIAL = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "ß": "ss", "œ": "oe", "þ": "th"})
_PARTS = re.compile("['-]")
_SHORTEST = 2


@lru_cache(maxsize=1 << 16)
def folded(word: str) -> str:
    """Lower case, without marks."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word.lower().translate(_SPECIAL))
    return "".join(mark for mark in plain if not unicodedata.combining(mark))


def given_names() -> frozenset[str]:
    """Given names of all lists."""
    return words("given", "faker_given")


def family_names() -> frozenset[str]:
    """Family names of all lists."""
    return words("family", "faker_family")


@lru_cache(maxsize=1 << 17)
def rank(word: str) -> int:
    """What ``word`` (in lower case) is to the lists; of a joined word, what its parts make it."""
    plain = folded(word).removesuffix("'s").removesuffix("'")
    if len(plain) < _SHORTEST or plain.endswith("n't"):
        return WORD
    if (plain in given_names() or plain in family_names()) and not _is_noise(plain):
        return BOTH if _is_also_word(plain) else NAME
    if "-" in plain or "'" in plain:
        return _joined(plain)
    return WORD if word.isascii() and is_word(plain) else UNKNOWN


def _is_noise(name: str) -> bool:
    """Common words that only the large lists hold as names: 'more', 'read'."""
    return name in words("common", "medical") and name not in words("given", "family")


def _is_also_word(name: str) -> bool:
    """Common words are; rarer ones only where the name is no given name of ours ('mary' is in dictionaries, too)."""
    if name in words("common", "medical") or len(name) <= _SHORTEST:
        return True
    return name in words("english") and name not in words("given")


def _joined(plain: str) -> int:
    """'Smith-Jones' and "O'Neil" are names if a part is one; 'Savage-Battle' may be one; 'x-ray' is a word."""
    if plain in words("common"):
        return WORD
    if len(plain) > 4 and plain.replace("'", "").replace("-", "") in family_names():
        return NAME
    ranks = [rank(part) for part in _PARTS.split(plain) if len(part) > 1]
    if WORD in ranks and len(ranks) > 1:
        named = any(part in given_names() or part in family_names() for part in _PARTS.split(plain) if len(part) > 3)
        return BOTH if max(ranks) in (BOTH, NAME) or (named and WORD not in ranks[1:]) else WORD
    return max(ranks, default=WORD)


def is_word(plain: str) -> bool:
    """Whether a word is an ordinary or medical one, or ends as learned words do."""
    if plain in words("english", "common", "medical"):
        return True
    return is_learned(plain)


def is_inflected(plain: str) -> bool:
    """Whether it is a common word with an ending."""
    listed = words("common", "medical")
    for suffix in _SUFFIXES:
        stem = plain.removesuffix(suffix)
        if stem != plain and len(stem) > _SHORTEST:
            if stem in listed or stem + "e" in listed or stem + "y" in listed:
                return True
            if stem[-1] == stem[-2] and stem[:-1] in listed:
                return True
    return False


def is_learned(plain: str) -> bool:
    """Whether it ends as words of medicine and of books do."""
    return bool(_LEARNED.fullmatch(plain))


@lru_cache(maxsize=1 << 15)
def is_common(word: str) -> bool:
    """Whether it is one of the words that notes are made of, or one of them with an ending."""
    return word in words("common", "medical") or (word.isascii() and rank(word) != NAME and is_inflected(word))


@lru_cache(maxsize=1 << 15)
def is_given(word: str) -> bool:
    """Whether the lists hold it, or its first part, as a given name; of ordinary words only those that we listed ourselves."""
    plain = folded(word).removesuffix("'s")
    parts = (plain, plain.partition("-")[0])
    return any(part in words("given") or (part in given_names() and not _is_also_word(part)) for part in parts)


@lru_cache(maxsize=1 << 15)
def is_family(word: str) -> bool:
    """Whether any list holds it as a family name, ordinary word or not; eponyms were people's names as well."""
    plain = folded(word)
    return plain in family_names() or plain in words("eponyms")


@lru_cache(maxsize=1 << 15)
def is_eponym(word: str) -> bool:
    """Whether a disease, a sign, a device or a drug has this name; of a joined word, whether two parts of it are such names."""
    plain = folded(word).removesuffix("'s").removesuffix("'")
    parts = plain.split("-")
    return (
        plain in words("eponyms")
        or plain.removesuffix("s") in words("eponyms")
        or sum(part in words("eponyms") for part in parts) > 1
    )


@cache
def towns() -> frozenset[str]:
    """Towns of all lists; names of several words with blanks."""
    return words("towns", "geonames")


@cache
def town_openings() -> frozenset[str]:
    """First words of towns whose names have several."""
    return frozenset(re.split("[ -]", town)[0] for town in towns() if " " in town or "-" in town)


@cache
def town_words() -> frozenset[str]:
    """Every town of one word, and the first words of the others."""
    return town_openings() | frozenset(town for town in towns() if " " not in town)


@lru_cache(maxsize=1 << 15)
def is_town(words_of_it: str) -> bool:
    """Whether the lists hold a town of this name (lower case, blanks between words)."""
    plain = folded(words_of_it).replace(".", "")
    return (
        plain in towns()
        or (" " not in plain and plain.replace("-", " ") in towns())
        or plain.replace("st ", "saint ") in towns()
    )
