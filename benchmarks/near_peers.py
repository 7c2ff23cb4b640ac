"""Near copies among texts as datasketch finds them: MinHash signatures, banding, then whole sets compared."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

WIDTH, SHORTEST, JACCARD = 5, 20, 0.8  # as medlms.data.near has them


def default(texts: Sequence[str]) -> list[int]:
    """Datasketch as its documentation shows it: 128 permutations, sha1, one run after another, a threshold of 0.8."""
    from datasketch import MinHash, MinHashLSH

    def sign(runs: Sequence[bytes]) -> Any:
        made = MinHash(num_perm=128)
        for run in runs:
            made.update(run)
        return made

    return _clusters(texts, MinHashLSH(threshold=JACCARD, num_perm=128), lambda sets: [sign(runs) for runs in sets])


def tuned(texts: Sequence[str]) -> list[int]:
    """Datasketch at its best: signatures in bulk, a checksum for a hash, 64 permutations in 16 bands of 4.

    Of pairs just at the border such bands miss one in 5,000.
    """
    from datasketch import MinHash, MinHashLSH

    def sign(sets: Sequence[Sequence[bytes]]) -> list[Any]:
        return list(MinHash.bulk(sets, num_perm=64, hashfunc=zlib.crc32))

    return _clusters(texts, MinHashLSH(num_perm=64, params=(16, 4)), sign)


def _clusters(texts: Sequence[str], lsh: Any, sign: Callable[[Sequence[Sequence[bytes]]], list[Any]]) -> list[int]:
    """For each text the number of the first one that a chain of near copies leads to; pairs joined already are not compared."""
    sets = {}
    for number, text in enumerate(texts):
        words = text.split()
        if len(words) >= SHORTEST:
            sets[number] = {" ".join(words[at : at + WIDTH]).encode() for at in range(len(words) - WIDTH + 1)}
    parent = list(range(len(texts)))

    def root(text: int) -> int:
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    signatures = sign([list(runs) for runs in sets.values()])
    for number, signature in zip(sets, signatures, strict=True):
        for other in lsh.query(signature):
            if root(number) == root(other):
                continue
            common = len(sets[number] & sets[other])
            if common >= JACCARD * (len(sets[number]) + len(sets[other]) - common):
                low, high = sorted((root(number), root(other)))
                parent[high] = low
        lsh.insert(number, signature)
    return [root(number) for number in range(len(texts))]
