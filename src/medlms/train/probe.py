"""How fast the training step is here in a few ways: threads, path of attention, tokens read at once.

What is timed is the step itself, ``loop.block_loss`` forward and backward with its dropout masks, over rows of drawn ids and
usual lengths. It runs through the first few layers alone: a model's layers are alike, so that ways compare as they do through
all of them, and seconds suffice. Nothing random that a run draws is touched, and no weight.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from medlms.models import attention_paths
from medlms.models.adapters import tensors
from medlms.models.dropout import Masks
from medlms.models.forward import body_of
from medlms.text.pack import blocks_of
from medlms.train import loop
from medlms.train.memory import out_of_memory, release
from medlms.types import Tokens

LENGTHS = (448, 352, 288, 256, 224, 192, 160, 128)
"""Tokens of the rows: 2,048 in all, spread as questions with answers of medical sites are."""
MARGIN = 0.04
"""A way must take this share less time than the usual one to be preferred: what differs less is noise."""
ROUNDS = 2
SLOW = 1.25  # times the best: not measured again
LAYERS = 8  # at most


@dataclass(frozen=True, slots=True)
class Way:
    """One way to compute a step; ``threads`` and ``attention`` are None where they stay as they are."""

    threads: int | None
    attention: str | None
    micro_tokens: int


@dataclass
class Timed:
    """Seconds of the same rows in each way, by what was varied; ``layers`` of the model's layers were passed."""

    layers: int = 0
    threads: dict[int, float] = field(default_factory=dict)
    attention: dict[str, float] = field(default_factory=dict)
    blocks: dict[int, float] = field(default_factory=dict)


def best(seconds: dict[Any, float], usual: Any) -> Any:
    """The fastest, unless it saves less than ``MARGIN`` of the usual one's time."""
    if usual not in seconds:
        return usual
    fastest = min(seconds, key=lambda name: seconds[name])
    return fastest if seconds[fastest] < (1 - MARGIN) * seconds[usual] else usual


def rows(longest: int, vocabulary: int) -> list[Tokens]:
    """Rows of drawn ids, none over ``longest`` tokens, about 2,048 tokens in all. One in sixteen is learned: the head costs
    the same in every way.
    """
    drawn, total = random.Random(0), 0
    made: list[Tokens] = []
    while total < sum(LENGTHS):
        size = min(LENGTHS[len(made) % len(LENGTHS)], longest)
        learn = tuple(place >= size - max(1, size // 16) for place in range(size))
        made.append(Tokens(f"row-{len(made)}", tuple(drawn.randrange(vocabulary) for _ in range(size)), learn))
        total += size
    return made


def measure(
    model: Any,
    masks: Masks | None,
    *,
    usual: Way,
    threads: Sequence[int] = (),
    blocks: Sequence[int] = (),
    longest: int,
    seconds: float,
) -> Timed:
    """Time the ways to compute a step of ``model``, inside ``methods.running``, in about ``seconds``.

    First threads, then paths of attention, then blocks, each with the best of what came before. Where the seconds don't
    suffice for one layer, nothing is measured and ``layers`` is 0.
    """
    made = rows(longest, int(body_of(model)[1].config.vocab_size))
    paths = attention_paths.offered(model)
    ways = sum(len(names) for names in (threads, paths, blocks) if len(names) > 1)
    found = Timed()
    with _untouched(model, masks):
        until = time.perf_counter() + seconds
        with shortened(model, 1):
            one = _one_layer(model, masks, made, usual, seconds / max(1, ways * ROUNDS))
        found.layers = min(LAYERS, _depth(model), int((until - time.perf_counter()) / (one * max(1, ways * ROUNDS))))
        if not found.layers or not ways:
            return Timed()
        with shortened(model, found.layers):
            race = _Race(model, masks, made, until)
            if len(threads) > 1:
                found.threads = race.run({count: replace(usual, threads=count) for count in threads})
                usual = replace(usual, threads=best(found.threads, usual.threads))
            if len(paths) > 1:
                found.attention = race.run({path: replace(usual, attention=path) for path in paths})
                usual = replace(usual, attention=best(found.attention, usual.attention or paths[0]))
            if len(blocks) > 1:
                found.blocks = race.run({size: replace(usual, micro_tokens=size) for size in blocks})
    return found


@contextmanager
def running(model: Any, way: Way) -> Iterator[None]:
    """Compute steps in this way inside the ``with`` block; threads are given back after it."""
    with _threads(way.threads), attention_paths.taken(model, way.attention):
        yield


@contextmanager
def shortened(model: Any, layers: int) -> Iterator[None]:
    """The model without all but its first ``layers`` layers, for as long as the block lasts."""
    holder, name, whole = _stack(model)
    setattr(holder, name, nn.ModuleList(list(whole)[:layers]))
    try:
        yield
    finally:
        setattr(holder, name, whole)


def threads_now() -> int:
    """Threads that torch's operations use."""
    return torch.get_num_threads()


def matrix_speed(model: Any, dtype: torch.dtype, *, seconds: float = 0.1) -> dict[str, float]:
    """Operations a second of the model's widest product with 1,024 tokens, by number format: its own, and on a processor
    bf16 and fp32.
    """
    config = body_of(model)[1].config
    width = int(config.hidden_size)
    inner = int(getattr(config, "intermediate_size", None) or 4 * width)
    device, drawn = next(model.parameters()).device, torch.Generator().manual_seed(0)
    found = {}
    others = (torch.bfloat16, torch.float32) if device.type == "cpu" else ()
    for kind in dict.fromkeys((dtype, *others)):
        x = torch.randn(1024, width, generator=drawn).to(device, kind)
        weight = torch.randn(2 * inner, width, generator=drawn).to(device, kind)
        x @ weight.t()
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            x @ weight.t()
            _wait(device)
            count += 1
        found[str(kind).removeprefix("torch.")] = 2 * x.numel() * len(weight) * count / (time.perf_counter() - began)
    return found


@dataclass
class _Race:
    """Times ways by turns, so that what else the machine does falls on all of them; counts is the best of each."""

    model: Any
    masks: Masks | None
    made: list[Tokens]
    until: float

    def run(self, ways: dict[Any, Way]) -> dict[Any, float]:
        """Seconds of each way; nothing where time ran out before all were measured once."""
        found: dict[Any, float] = {}
        for turn in range(ROUNDS):
            for name, way in ways.items():
                if time.perf_counter() > self.until:
                    return found if turn else {}
                if turn and found[name] > SLOW * min(found.values()):
                    continue
                found[name] = min(found.get(name, math.inf), self.one(way))
        return found

    def one(self, way: Way) -> float:
        """Seconds in one way; infinite where memory does not suffice."""
        try:
            with running(self.model, way):
                return _pass(self.model, self.masks, self.made, way.micro_tokens)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
        release()
        return math.inf


def _one_layer(model: Any, masks: Masks | None, made: list[Tokens], way: Way, bearable: float) -> float:
    """Seconds of all rows; only reckoned from the last and smallest one where that alone says that they take too long."""
    last = made[-1:]
    with running(model, way):
        _pass(model, masks, last, way.micro_tokens)  # what is done once
        seconds = _pass(model, masks, last, way.micro_tokens) / len(last[0].ids) * sum(len(row.ids) for row in made)
        # A small row is slow for its tokens, by less than twice.
        return seconds if seconds > 2 * bearable else _pass(model, masks, made, way.micro_tokens)


def _pass(model: Any, masks: Masks | None, made: Sequence[Tokens], micro_tokens: int) -> float:
    lengths = [len(row.ids) for row in made]
    began = time.perf_counter()
    for block in blocks_of(range(len(made)), lengths, micro_tokens):
        if masks is not None:
            masks.rows = [(row, lengths[row]) for row in block]
        loop.block_loss(model, [made[row] for row in block]).backward()
    _wait(next(model.parameters()).device)
    return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _untouched(model: Any, masks: Masks | None) -> Iterator[None]:
    """Leave random state, gradients, masks and mode as they were."""
    training, held = body_of(model)[1].training, None if masks is None else (masks.step, masks.rows)
    try:
        with torch.random.fork_rng():
            model.train()
            yield
    finally:
        model.train(training)
        for tensor in tensors(model).values():
            tensor.grad = None
        if masks is not None and held is not None:
            masks.step, masks.rows = held
        release()


def _threads(count: int | None) -> Any:
    return nullcontext() if count is None or count == torch.get_num_threads() else _these_threads(count)


@contextmanager
def _these_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _depth(model: Any) -> int:
    return len(_stack(model)[2])


def _stack(model: Any) -> tuple[Any, str, nn.ModuleList]:
    """The list of a model's layers, and where it hangs."""
    body, _ = body_of(model)
    found = [
        (holder, name, part)
        for holder in body.modules()
        for name, part in holder.named_children()
        if isinstance(part, nn.ModuleList)
    ]
    return max(found, key=lambda place: len(place[2]))
