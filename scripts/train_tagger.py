"""Fit the tagger of names and places and write its weights.

    MEDLMS_DATA=FOLDER PYTHONPATH=src:scripts:. python scripts/train_tagger.py [--out FILE] [--held STEM] [--copies 6]

``--held ward`` leaves out the texts of one author (a file of tests/identifiers/reach, or ``first``), to measure with them
afterwards: benchmarks of what the tagger says of an author it hasn't read. One seed, one thread: the same numpy makes the same file.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tagger_texts import ROOT, HIDDEN, Marked, Names, first_set, reach, real, styled, swapped, thinned

from medlms.data.identifiers import features, tagger
from medlms.data.identifiers.scan import by_rules
from medlms.data.identifiers.view import view

OUT = ROOT / "src/medlms/data/identifiers" / tagger.FILE
SIZE = 1 << 18
SEED = 26
WIDTH = features.OWN + features.CONTEXT
BATCH, PASSES, RATE, SHRUNK, DROPPED = 4096, 6, 0.15, 5e-4, 0.15
NO, NAME, PLACE, ASIDE = 0, 1, 2, -1


class Rows:
    """Tokens of many texts: buckets [n, WIDTH], classes, weights, texts, and the texts' tokens for the second look."""

    def __init__(self) -> None:
        self.buckets = array("i")
        self.classes: list[int] = []
        self.weights: list[float] = []
        self.groups: list[str] = []
        self.texts: list[tuple[int, int, features.Tokens, list[int]]] = []
        self._known: dict[tuple[int, tuple[str, ...]], int] = {}

    def add(self, row: Marked) -> None:
        """Reads a text."""
        seen = view(row.text)
        these = features.tokens(seen, by_rules(seen))
        around = features.Context(these)
        chosen = features.candidates(these)
        classes = np.zeros(len(row.text) + 1, dtype=np.int8)
        for start, end, kind in row.spans:
            classes[start:end] = {"name": NAME, "place": PLACE}.get(kind, ASIDE)
        begin = len(self.classes)
        marked = bool(row.spans) or not row.group.startswith("real")
        for place in chosen:
            self.buckets.extend(self._row(around, place))
            said = int(classes[these.starts[place]])
            if not marked and these.found[place]:
                said = ASIDE
            self.classes.append(said)
            self.weights.append(row.weight)
            self.groups.append(row.group)
        self.texts.append((begin, len(self.classes), these, chosen))

    def _row(self, around: features.Context, place: int) -> list[int]:
        own = [(trait,) for trait in features.own(around.these.said[place], around.these.cased)]
        found = []
        for template, trait in enumerate([*own, *features.traits(around, place)]):
            key = (template, trait)
            if key not in self._known:
                self._known[key] = tagger.bucket(template, trait, SIZE)
            found.append(self._known[key])
        return found

    def forget(self) -> None:
        """Drops what is remembered of traits."""
        self._known.clear()


def read(copies: int, negatives: int, held: str = "") -> Rows:
    """All texts with their copies: half of them with thinned lists."""
    chance = random.Random(SEED)
    sources = first_set()
    for path in sorted((ROOT / "tests/identifiers/reach").glob("*.txt")):
        sources += reach(path)
    names = Names()
    whole: list[Marked] = []
    thin: list[Marked] = []
    for row in sources:
        ours = row.group.startswith("first/")
        whole.append(row)
        for number in range(1 if ours else copies):
            copy = styled(swapped(row, names, chance), chance)
            (thin if number % 2 == 0 else whole).append(copy)
    for number, row in enumerate(real(chance, negatives)):
        if chance.random() < 0.15:
            row = row._replace(text=row.text.lower() if len(row.text.lower()) == len(row.text) else row.text)
        (thin if number % 4 == 0 else whole).append(row)
    rows = Rows()
    for row in whole:
        rows.add(row)
    for salt in (1, 2):
        with thinned(HIDDEN, salt):
            for row in thin[salt - 1 :: 2]:
                rows.add(row)
    rows.forget()
    return rows


def fit_first(buckets: Any, classes: Any, weights: Any, seed: int = SEED) -> Any:
    """Weights [SIZE, 2] of a logistic regression, by AdaGrad over small batches, traits dropped at random."""
    chance = np.random.default_rng(seed)
    values = np.zeros((SIZE + 1, 2))
    squares = np.full((SIZE + 1, 2), 1e-3)
    order = np.flatnonzero(classes != ASIDE)
    for number in range(PASSES):
        chance.shuffle(order)
        rate = RATE * (1 - number / PASSES) + RATE * 0.05
        for begin in range(0, len(order), BATCH):
            some = order[begin : begin + BATCH]
            ids = buckets[some].astype(np.int64)
            ids[chance.random(ids.shape) < DROPPED] = SIZE
            values[SIZE] = 0
            error = shares_of(values[ids].sum(1))
            error[:, 0] -= classes[some] == NAME
            error[:, 1] -= classes[some] == PLACE
            error *= weights[some, None]
            flat = ids.ravel()
            values *= 1 - SHRUNK * rate / RATE
            for column in (0, 1):
                slope = np.bincount(flat, np.repeat(error[:, column], WIDTH), SIZE + 1)
                squares[:, column] += slope**2
                values[:, column] -= rate * slope / np.sqrt(squares[:, column])
    values[SIZE] = 0
    return values[:SIZE] * (1 - DROPPED)


def shares_of(sums: Any) -> Any:
    """Shares of name and place [n, 2] from sums against neither."""
    top = np.maximum(sums.max(1, keepdims=True), 0)
    raised = np.exp(sums - top)
    return raised / (raised.sum(1, keepdims=True) + np.exp(-top))


def small(values: Any) -> tuple[Any, float]:
    """``values`` in steps that fit one byte; tiny ones vanish, so that the file packs well."""
    step = float(np.quantile(np.abs(values[values != 0]), 0.9995)) / 127
    return np.clip(np.rint(values / step), -127, 127).astype(np.int8), step


def looked_again(rows: Rows, sums: Any, which: Sequence[int]) -> Any:
    """What the second look weighs [n, SECOND], for the texts ``which``."""
    found = np.zeros((len(rows.classes), tagger.SECOND))
    for number in which:
        begin, _, these, chosen = rows.texts[number]
        of_text = {place: (float(sums[begin + n, 0]), float(sums[begin + n, 1])) for n, place in enumerate(chosen)}
        for n, (_, looked) in enumerate(tagger.second(these, of_text)):
            found[begin + n] = looked
    return found


def fit_second(looked: Any, classes: Any, weights: Any) -> Any:
    """Weights [2, SECOND] by gradient descent with momentum from 'the token's own sums'."""
    values = np.zeros((2, tagger.SECOND))
    values[0, 1] = values[1, 2] = 1
    kept = (classes != ASIDE) & (looked[:, 0] == 1)
    x, y, w = looked[kept], classes[kept], weights[kept, None]
    moved = np.zeros_like(values)
    scale = np.maximum(np.abs(x).mean(0), 0.1)
    for _ in range(600):
        error = shares_of(x @ values.T)
        error[:, 0] -= y == NAME
        error[:, 1] -= y == PLACE
        slope = (error * w).T @ x / w.sum()
        moved = 0.9 * moved - 0.2 * slope / scale**2
        values += moved
    return values


def fit(rows: Rows, held: str = "", folds: int = 3) -> tagger.Weights:
    """Both looks; the second is fitted to sums of texts that the first has not read."""
    buckets = np.frombuffer(rows.buckets, dtype=np.int32).reshape(-1, WIDTH)
    classes, weights = np.array(rows.classes), np.array(rows.weights)
    names, numbers = np.unique(rows.groups, return_inverse=True)
    real_ones = np.array([name.startswith("real/") for name in names])[numbers]
    out = np.array([bool(held) and name.startswith(f"{held}/") for name in names])[numbers]
    fold = np.array([int(hashlib.sha256(str(name).encode()).hexdigest(), 16) % folds for name in names])[numbers]
    fold = np.where(real_ones, np.arange(len(fold)) // 4000 % folds, fold)
    sums = np.zeros((len(classes), 2))
    for part in range(folds):
        inner = np.where((fold == part) | out, ASIDE, classes)
        values = fit_first(buckets, inner, weights)
        chosen = np.flatnonzero(fold == part)
        for begin in range(0, len(chosen), 1 << 16):
            some = chosen[begin : begin + (1 << 16)]
            sums[some] = values[buckets[some]].sum(1)
    sums = np.clip(sums, -tagger.SURE, tagger.SURE)
    looked = looked_again(rows, sums, range(len(rows.texts)))
    second = fit_second(looked, np.where(out, ASIDE, classes), weights)
    values, step = small(fit_first(buckets, np.where(out, ASIDE, classes), weights))
    return tagger.Weights(values, second.astype(np.float32), step)


def main() -> None:
    """Read, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--held", default="")
    parser.add_argument("--copies", type=int, default=6)
    parser.add_argument("--negatives", type=int, default=2500)
    chosen = parser.parse_args()
    began = time.perf_counter()
    rows = read(chosen.copies, chosen.negatives)
    print(f"{len(rows.texts)} texts, {len(rows.classes)} tokens, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    weights = fit(rows, chosen.held)
    command = f"python scripts/train_tagger.py --copies {chosen.copies} --negatives {chosen.negatives}"
    np.savez_compressed(
        chosen.out, first=weights.first, second=weights.second, step=np.float64(weights.step),
        made=np.array(f"{command}; tests/identifiers (test, reach/), MedQuAD, wikidoc, PubMedQA"),
    )  # fmt: skip
    print(f"{chosen.out}: {chosen.out.stat().st_size} bytes, {time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
