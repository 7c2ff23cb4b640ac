"""Surrogates of streets, towns and post codes: what kind of place it is stays, its name and numbers change."""

from __future__ import annotations

import re

from medlms.data.surrogates import codes, fiction
from medlms.data.surrogates.group import Group, cased, folded

_KINDS = frozenset(
    "street st avenue ave road rd drive dr lane ln boulevard blvd court ct circle cir place pl terrace ter parkway pkwy "
    "highway hwy way trail trl square sq crescent close grove alley loop row mews gardens walk hill pike turnpike crossing nagar "
    "marg path quay parade esplanade apt apartment unit suite ste lot flat floor fl room rm bldg no plot po box p.o house calle "
    "rua via rue avenida carrera blk block bis chemin impasse quai cours allee county district parish borough township of de "
    "la las los del des du d l n s e w ne nw se sw".split()
)
_JOINED = re.compile(
    r"(?:stra(?:ß|ss)e|str|weg|gasse|platz|allee|ring|damm|ufer|gatan|vägen|veien|straat|laan)$", re.IGNORECASE
)
_PIECE = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\w*\d\w*", re.UNICODE)
_POST = re.compile(r"[A-Z]{0,2}\d[A-Z\d]{0,4}(?:[\s-]?\d?[A-Z\d]{2,4})?", re.IGNORECASE)


def place(group: Group, original: str) -> str:
    """Another place of the same kind and shape."""
    if any(mark.isdigit() for mark in original) and _POST.fullmatch(original.strip()):
        return codes.post_code(group, original)
    made: list[str] = []
    end = 0
    for start, stop in _runs(original):
        piece = original[start:stop]
        made += [
            original[end:start],
            codes.code(group, piece) if any(map(str.isdigit, piece)) else _named(group, piece),
        ]
        end = stop
    return "".join(made) + original[end:]


def _runs(text: str) -> list[tuple[int, int]]:
    """Where names stand (words beside one another are one name) and where numbers do; words for kinds of places are left out."""
    runs: list[tuple[int, int]] = []
    joined = False
    pieces = list(_PIECE.finditer(text))
    alone = all(folded(hit.group()) in _KINDS for hit in pieces)
    for number, hit in enumerate(pieces):
        word = hit.group()
        if any(map(str.isdigit, word)):
            runs.append(hit.span())
            joined = False
        elif folded(word) in _KINDS and not (alone and number == 0):
            joined = False
        elif joined and not text[runs[-1][1] : hit.start()].strip():
            runs[-1] = (runs[-1][0], hit.end())
        else:
            runs.append(hit.span())
            joined = True
    return runs


def _named(group: Group, words: str) -> str:
    ending = _JOINED.search(words)
    stem = words[: ending.start()] if ending and ending.start() > 2 else words
    rest = words[len(stem) :]
    return cased(group.one("place", folded(stem), fiction.town), stem) + rest
