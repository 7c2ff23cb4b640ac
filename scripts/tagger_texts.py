"""Texts for the tagger: those with marked identifiers, copies of them with other names and styles, and real ones without."""

from __future__ import annotations

import contextlib
import importlib
import json
import random
import re
import subprocess
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.identifiers import reach_set

from medlms import datasets
from medlms.data.identifiers import lexicon, tokens, weigh
from medlms.data.identifiers.states import SHORT_STATES
from medlms.data.identifiers.words import words

ROOT = Path(__file__).resolve().parent.parent
KEPT = frozenset(
    "street road avenue lane drive court way close place square terrace highway boulevard county parish district township "
    "village city creek falls hill hills springs grove valley lake island bay beach park heights hollow ridge point port "
    "mount north south east west upper lower old new great little saint st rd ave dr ln ct blvd hwy box flat apt unit no "
    "calle rua rue via avenida av de del la las los da do dos van von der den y e al el bin ibn jr sr the of and".split()
)
MARKOV = 3  # letters from which the next is drawn
HIDDEN = 40  # of a hundred words of the lists of names and places are taken from them while half of the texts are read
ORDINARY = 0.08  # of the names are ordinary words
INVENTED = 0.3  # of the names are put together letter by letter


class Marked(NamedTuple):
    """A text, its identifiers (start, end, class), the file or carrier it is from, and what a token of it weighs."""

    text: str
    spans: list[tuple[int, int, str]]
    group: str
    weight: float


def first_set() -> list[Marked]:
    """The first test set, which is spent: built anew."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.jsonl"
        command = [sys.executable, "-m", "tests.identifiers.build", "--split", "test", "--out", str(out)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    return [
        Marked(
            row["text"],
            [(i["start"], i["end"], i["class"]) for i in row["identifiers"]],
            f"first/{row['carrier']}",
            0.5,
        )
        for row in rows
    ]


def reach(path: Path) -> list[Marked]:
    """A file of texts with marks."""
    return [Marked(row.text, row.spans, f"{path.stem}/{place}", 1.0) for place, row in enumerate(reach_set.read(path))]


class Names:
    """Names and places to put in: from the lists, put together, and ordinary words."""

    def __init__(self) -> None:
        self.given = sorted(words("given", "faker_given"))
        self.family = sorted(words("family", "faker_family"))
        self.towns = sorted(town for town in words("towns", "geonames") if " " not in town)
        self.plain = sorted(word for word in words("english") if 3 < len(word) < 9)
        self.eponyms = sorted(words("eponyms"))
        self.chains = {kind: _chain(getattr(self, kind)) for kind in ("given", "family", "towns")}

    def draw(self, kind: str, chance: random.Random) -> str:
        """A word in lower case; ``kind``: given, family or towns."""
        lot = chance.random()
        if lot < ORDINARY:
            return chance.choice(self.plain)
        if lot < ORDINARY + INVENTED:
            return _invented(self.chains[kind], chance)
        return str(chance.choice(getattr(self, kind)))


def _chain(listed: Sequence[str]) -> dict[str, list[str]]:
    chain: dict[str, list[str]] = defaultdict(list)
    for word in listed:
        padded = "^" * MARKOV + word + "$"
        for place in range(MARKOV, len(padded)):
            chain[padded[place - MARKOV : place]].append(padded[place])
    return chain


def _invented(chain: dict[str, list[str]], chance: random.Random) -> str:
    while True:
        word = "^" * MARKOV
        while not word.endswith("$") and len(word) < 16:
            word += chance.choice(chain[word[-MARKOV:]])
        word = word.strip("^$")
        if len(word) > 3 and word.replace("-", "").replace("'", "").isalpha():
            return word


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|[0-9]+")


def swapped(row: Marked, names: Names, chance: random.Random) -> Marked:
    """``row`` with other names, places and numbers in its spans, the same for the same; eponyms change now and then."""
    drawn: dict[str, str] = {}
    pieces: list[str] = []
    spans: list[tuple[int, int, str]] = []
    size = last = 0
    for start, end, kind in sorted(row.spans):
        between = _other_eponyms(row.text[last:start], names, chance)
        said = row.text[start:end]
        if kind in ("name", "place"):
            said = _WORD.sub(lambda hit, kind=kind: _other(hit[0], kind, drawn, names, chance), said)
        pieces += [between, said]
        size += len(between)
        spans.append((size, size + len(said), kind))
        size += len(said)
        last = end
    pieces.append(_other_eponyms(row.text[last:], names, chance))
    return row._replace(text="".join(pieces), spans=spans)


def _other(word: str, kind: str, drawn: dict[str, str], names: Names, chance: random.Random) -> str:
    low = word.lower()
    if low.isdigit():
        return "".join(
            chance.choice("0123456789") if place else chance.choice("123456789") for place, _ in enumerate(low)
        )
    if len(word) == 1:
        return chance.choice("abcdefghijklmnoprstvwyz").upper() if word.isupper() else word
    if (low in KEPT and chance.random() < 0.85) or (word.isupper() and low in SHORT_STATES and kind == "place"):
        return word
    if len(word) < 4 and word.isupper() and kind == "name" and not lexicon.is_given(low) and not lexicon.is_family(low):
        return "".join(chance.choice("ABCDEFGHIJKLMNOPRSTVWYZ") for _ in word)
    if low not in drawn:
        given = lexicon.is_given(low) if chance.random() < 0.8 else chance.random() < 0.5
        drawn[low] = names.draw("towns" if kind == "place" else "given" if given else "family", chance)
    other = drawn[low]
    return other.upper() if word.isupper() else other if word.islower() else _titled(other)


def _titled(word: str) -> str:
    return re.sub(r"(^|[-'])(\w)", lambda hit: hit[1] + hit[2].upper(), word)


def _other_eponyms(text: str, names: Names, chance: random.Random) -> str:
    def change(hit: re.Match[str]) -> str:
        if not lexicon.is_eponym(hit[0].lower()) or hit[0].isupper() or chance.random() < 0.5:
            return hit[0]
        other = chance.choice(names.eponyms) if chance.random() < 0.6 else names.draw("family", chance)
        return _titled(other)

    return re.sub(r"[A-Z][a-z]{3,}", change, text)


STYLES = ("plain",) * 11 + ("lower",) * 4 + ("upper",) * 2 + ("wrapped",) * 2 + ("folded",)


def styled(row: Marked, chance: random.Random) -> Marked:
    """``row`` in a style: small letters, capitals, wrapped lines, without marks; places stay."""
    style = chance.choice(STYLES)
    text = row.text
    if style in ("lower", "upper"):
        changed = (getattr(mark, style)() for mark in text)
        text = "".join(new if len(new) == 1 else old for old, new in zip(text, changed, strict=True))
    elif style == "wrapped":
        width, line, marks = chance.randrange(50, 90), 0, list(text)
        for place, mark in enumerate(marks):
            if mark == "\n":
                line = place
            elif mark == " " and place - line > width:
                marks[place] = "\n"
                line = place
        text = "".join(marks)
    elif style == "folded":
        text = "".join(new if mark.islower() and len(new := lexicon.folded(mark)) == 1 else mark for mark in text)
    return row._replace(text=text)


@contextlib.contextmanager
def thinned(share: int, salt: int) -> Iterator[None]:
    """Lists of names and towns without ``share`` of a hundred words while this lasts, so that there are words of no list."""
    hidden = {"given", "family", "faker_given", "faker_family", "towns", "geonames"}

    def thin(*lists: str) -> frozenset[str]:
        if (key := lists) not in kept:
            whole = words(*lists)
            if hidden & set(lists):
                whole = frozenset(word for word in whole if zlib.crc32(f"{salt} {word}".encode()) % 100 >= share)
            kept[key] = whole
        return kept[key]

    kept: dict[tuple[str, ...], frozenset[str]] = {}
    modules = (lexicon, weigh)
    for module in modules:
        module.words = thin
    _forget()
    try:
        yield
    finally:
        for module in modules:
            module.words = words
        _forget()


def _forget() -> None:
    tokens.forget()
    for module in (lexicon, tokens):
        for name in dir(module):
            if hasattr(value := getattr(module, name), "cache_clear"):
                value.cache_clear()


# Sets of texts without marks, and how many of their rows for each row that was asked for.
SETS = {"medquad": 2.5, "wikidoc": 0.5, "wikidoc_patient_information": 0.4, "pubmedqa": 0.4, "medqa": 0.4}


LONGEST = 3000  # characters of a real text


def real(chance: random.Random, rows: int) -> list[Marked]:
    """Real texts without marks; what the rules find in them is left aside, all else counts as no identifier."""
    found: list[Marked] = []
    for name, share in SETS.items():
        if name in datasets.exams():
            asked = [f"{one.question}\n{one.context}".strip() for one in datasets.exam(name, offline=True).rows]
        else:
            examples = importlib.import_module(f"medlms.datasets.{name}").read(offline=True).examples
            asked = [f"{one.question}\n{one.answer}" if chance.random() < 0.3 else one.answer for one in examples]
        some = chance.sample(asked, min(len(asked), int(rows * share)))
        found += [Marked(text[:LONGEST], [], f"real/{name}", 0.7) for text in some]
    return found


def numbered(row: Marked, chance: random.Random) -> Marked:
    """``row`` with other digits in its spans but for names, places and dates, and other capitals in runs of mixed signs."""
    text = list(row.text)
    for start, end, kind in row.spans:
        if kind in ("name", "place", "date", "email", "url"):
            continue
        mixed = any(map(str.isdigit, text[start:end]))
        for place in range(start, end):
            mark = text[place]
            if mark in "0123456789":
                text[place] = chance.choice("0123456789")
            elif mixed and mark.isascii() and mark.isupper() and chance.random() < 0.3:
                text[place] = chance.choice("ABCDEFGHJKLMNPRSTUVWXYZ")
    return row._replace(text="".join(text))
