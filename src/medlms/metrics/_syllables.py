"""Words, sentences and syllables of English text by rule, without a dictionary: what a reading grade counts."""

from __future__ import annotations

import functools
import re

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+(?:['’][A-Za-zÀ-ÖØ-öø-ÿ]+)*")
_END = re.compile(r"[.!?]+(?=[\s\"'”’)\]]|$)|\n+")

_VOWELS = re.compile(r"[aeiouyà-æè-ïò-öø-ýÿ]+")
# Written vowels that are not said: eye, something, everyone, young, and an e that ends a word or stands before an ending.
_UNSAID = re.compile(
    r"e(?=ye)|(?<=^som)e|(?<=^ev)e(?=ry)|^y(?=[aeiou])|(?<=[qg])ue$|(?<=[^aeiouyl])e$|(?<=[aeiouy]l)e$"
    r"|(?<=[^aeioutdyl])ed$|(?<=[aeiouy]l)ed$|(?<=ll)ed$|(?<=[^aeiouysxzcghl])es$|(?<=[aeiouyt]h)es$|(?<=[aeiouy]l)es$"
    r"|(?<=[^aeiou])e(?=(?:ly|ment|ful|less|ness)s?$)"
)
# Two vowels said as one, which would be parted otherwise: infec-tion, pa-tient, qual-i-ty, cou-ra-geous.
_TOGETHER = re.compile(r"(?:[ctgsx]i(?!um)[aou]|[ct]ie(?=n)|[qg]u[aeiou]|geo(?=[nu])|ceo)u?")
# Two vowels that are two syllables: di-et, nu-cle-us, flu-id, cy-a-no-sis, are-a, re-act; and an m that is one.
_APART = re.compile(
    r"i[aou]|ie(?=t|r$|rs$)|[aeo]i(?=ng$)|eo(?!ple)|eu(?=[ms]$)|ua|ue(?=[nl])|uo|(?<=[fs]l)ui(?=d)|ui(?=t[iy])"
    r"|(?<=[^aeiou])y(?=[aeiou])|ea$|(?<=^r)ea(?=c)|(?<=cr)ea(?=t)|pnea|sms?$|thms?$"
)


def words(text: str) -> list[str]:
    """Runs of Latin letters; numbers are left out, since how they are read is not written."""
    return _WORD.findall(text)


def sentences(text: str) -> int:
    """Stretches that hold a word, between full stops, question and exclamation marks and ends of lines; at least one."""
    return max(1, sum(bool(_WORD.search(part)) for part in _END.split(text)))


@functools.lru_cache(maxsize=65536)
def syllables(word: str) -> int:
    """The estimated syllables of a word, at least 1: groups of vowels, some of them parted, silent e left out."""
    spoken = _UNSAID.sub("", word.casefold())
    joined = _TOGETHER.sub(lambda found: found[0][0] + "e", spoken)
    return max(1, len(_VOWELS.findall(joined)) + len(_APART.findall(joined)))
