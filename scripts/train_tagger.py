"""Fit the tagger of names and places and write its weights.

    MEDLMS_DATA=FOLDER PYTHONPATH=src:scripts:. python scripts/train_tagger.py [--out FILE] [--held STEM]

``--held ward`` leaves out the texts of one author (a file of tests/identifiers/reach, or ``first``), to measure with them
afterwards. One seed, one thread: the same numpy makes the same file.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import random
import sys
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medlms.data.identifiers import features, tagger, tokens
from medlms.data.identifiers.scan import by_rules
from medlms.data.identifiers.view import view
from tagger_texts import HIDDEN, ROOT, SETS, Marked, Names, first_set, reach, real, styled, swapped, thinned

OUT = ROOT / "src/medlms/data/identifiers" / tagger.FILE
SIZE = 1 << 19
ROWS = 200_000  # of the weights that are kept, those that count most
SEED = 26
WIDTH = features.WIDTH
GLANCE = features.OWN + features.GLANCED
BATCH, PASSES, RATE, SHRUNK, DROPPED = 8192, 7, 0.1, 5e-4, 0.4
NO, NAME, PLACE, ASIDE = 0, 1, 2, -1
PORTION = 250  # texts that a process reads at a time


class Rows:
    """Tokens of many texts: buckets [n, WIDTH], classes, weights, texts, and the texts' tokens for the second look."""

    def __init__(self) -> None:
        self.buckets = array("i")
        self.classes: list[int] = []
        self.weights: list[float] = []
        self.groups: list[str] = []
        self.texts: list[tuple[int, int, tokens.Tokens, list[int]]] = []
        self._known: dict[tuple[int, tuple[str, ...]], int] = {}

    def add(self, row: Marked) -> None:
        """Reads a text."""
        seen = view(row.text)
        these = tokens.tokens(seen, by_rules(seen))
        around = features.Context(seen, these)
        chosen = tokens.candidates(these)
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
        for template, trait in enumerate([*own, *features.glanced(around, place), *features.traits(around, place)]):
            key = (template, trait)
            if key not in self._known:
                self._known[key] = tagger.bucket(template, trait, SIZE)
            found.append(self._known[key])
        return found

    def extend(self, others: Rows) -> None:
        """Puts other rows behind these."""
        begin = len(self.classes)
        self.buckets.extend(others.buckets)
        self.classes += others.classes
        self.weights += others.weights
        self.groups += others.groups
        self.texts += [(begin + first, begin + last, these, chosen) for first, last, these, chosen in others.texts]

    def forget(self) -> None:
        """Drops what is remembered of traits."""
        self._known.clear()


def read(copies: int, negatives: int, processes: int) -> Rows:
    """All texts with their copies, half of these with thinned lists; the same however many processes read."""
    chance = random.Random(SEED)
    names = Names()
    parts: dict[int, list[Marked]] = {0: [], 1: [], 2: []}  # whole lists, and twice thinned ones
    for number, row in enumerate(first_set()):
        parts[number % 3].append(styled(swapped(row, names, chance), chance) if number % 3 else row)
    for path in sorted((ROOT / "tests/identifiers/reach").glob("*.txt")):
        for row in reach(path):
            parts[0].append(row)
            for number in range(copies):
                parts[(1, 0, 2, 0)[number % 4]].append(styled(swapped(row, names, chance), chance))
    for number, row in enumerate(real(chance, negatives)):
        if chance.random() < 0.15 and len(row.text.lower()) == len(row.text):
            row = row._replace(text=row.text.lower())
        parts[(0, 0, 1, 2)[number % 4]].append(row)
    jobs = [
        (salt, some[begin : begin + PORTION]) for salt, some in parts.items() for begin in range(0, len(some), PORTION)
    ]
    rows = Rows()
    with multiprocessing.Pool(processes) as pool:
        for done in pool.imap(_read_some, jobs):
            rows.extend(done)
    return rows


def _read_some(job: tuple[int, list[Marked]]) -> Rows:
    salt, some = job
    rows = Rows()
    with thinned(HIDDEN, salt) if salt else contextlib.nullcontext():
        for row in some:
            rows.add(row)
    rows.forget()
    return rows


def fit_first(buckets: Any, classes: Any, weights: Any, seed: int = SEED) -> Any:
    """Weights [SIZE, 2] of a logistic regression, by AdaGrad over small batches, traits dropped at random.

    The traits of a glance are fitted to tell alone, too: what they are sure of is looked at no further.
    """
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
            rows = values[ids]
            nearest = _error(rows[:, :GLANCE].sum(1), classes[some], weights[some])
            error = np.repeat(_error(rows.sum(1), classes[some], weights[some])[:, None], WIDTH, 1)
            error[:, :GLANCE] += nearest[:, None]
            flat = ids.ravel()
            values *= 1 - SHRUNK * rate / RATE
            for column in (0, 1):
                slope = np.bincount(flat, error[:, :, column].ravel(), SIZE + 1)
                squares[:, column] += slope**2
                values[:, column] -= rate * slope / np.sqrt(squares[:, column])
    values[SIZE] = 0
    return values[:SIZE] * (1 - DROPPED)


def _error(sums: Any, classes: Any, weights: Any) -> Any:
    error = shares_of(sums)
    error[:, 0] -= classes == NAME
    error[:, 1] -= classes == PLACE
    return error * weights[:, None]


def shares_of(sums: Any) -> Any:
    """Shares of name and place [n, 2] from sums against neither."""
    top = np.maximum(sums.max(1, keepdims=True), 0)
    raised = np.exp(sums - top)
    return raised / (raised.sum(1, keepdims=True) + np.exp(-top))


def small(values: Any, buckets: Any) -> tuple[Any, float]:
    """The ``ROWS`` weights that move most sums, in steps that fit one byte; all others become nothing."""
    counts = np.bincount(buckets.ravel(), minlength=SIZE)
    moved = np.abs(values).max(1) * np.sqrt(np.minimum(counts, 1000))
    kept = values * (moved >= np.partition(moved, -ROWS)[-ROWS])[:, None]
    step = float(np.quantile(np.abs(kept[kept != 0]), 0.9995)) / 127
    return np.clip(np.rint(kept / step), -127, 127).astype(np.int8), step


def looked_again(rows: Rows, sums: Any, which: Sequence[int]) -> Any:
    """What the second look weighs [n, SECOND], for the texts ``which``."""
    found = np.zeros((len(rows.classes), tagger.SECOND))
    for number in which:
        begin, _, these, chosen = rows.texts[number]
        of_text = {
            place: (float(sums[begin + n, 0]), float(sums[begin + n, 1]))
            for n, place in enumerate(chosen)
            if not np.isnan(sums[begin + n, 0])
        }
        numbers = {place: begin + n for n, place in enumerate(chosen)}
        for place, looked in tagger.second(these, of_text):
            found[numbers[place]] = looked
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


def fit(rows: Rows, held: str = "", folds: int = 2) -> tagger.Weights:
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
            glance = values[buckets[some, :GLANCE]].sum(1).max(1)
            sums[some[glance < tagger.GLANCE]] = np.nan
    lost = np.isnan(sums[:, 0])
    print(
        f"told at a glance: {lost.mean():.3f} of all, {lost[classes > NO].mean():.4f} of names and places",
        file=sys.stderr,
    )
    sums = np.clip(sums, -tagger.SURE, tagger.SURE)
    looked = looked_again(rows, sums, range(len(rows.texts)))
    second = fit_second(looked, np.where(out, ASIDE, classes), weights)
    values, step = small(fit_first(buckets, np.where(out, ASIDE, classes), weights), buckets)
    return tagger.Weights(values, second.astype(np.float32), step)


def main() -> None:
    """Read, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--held", default="")
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--negatives", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    began = time.perf_counter()
    rows = read(chosen.copies, chosen.negatives, chosen.processes)
    print(f"{len(rows.texts)} texts, {len(rows.classes)} tokens, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    weights = fit(rows, chosen.held)
    command = f"python scripts/train_tagger.py --copies {chosen.copies} --negatives {chosen.negatives}"
    kept = np.flatnonzero(weights.first.any(1))
    np.savez_compressed(
        chosen.out, first=weights.first[kept], behind=np.diff(kept, prepend=0).astype(np.uint16), size=np.int64(SIZE),
        second=weights.second, step=np.float64(weights.step),
        made=np.array(f"{command}; tests/identifiers (test, reach/); {', '.join(SETS)}"),
    )  # fmt: skip
    print(f"sha256 {hashlib.sha256(chosen.out.read_bytes()).hexdigest()}", file=sys.stderr)
    print(f"{chosen.out}: {chosen.out.stat().st_size} bytes, {time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
