"""Options scored by the own decoder: a question is read once, its options branch off behind it, many questions at a time.

An option sees its question and itself. What a question begins with like the one before it (an instruction, worked examples)
is not read again. The last token of an option is never read: nothing comes after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medlms.engines._options import reply
from medlms.models.decoder import Decoder
from medlms.models.head import CHUNK
from medlms.models.pages import WORTH, Text, needed, reading, shared
from medlms.types import Reply, Request

READ_TOKENS = 2048  # tokens read at once


@dataclass
class Asked:
    """A question as ids: those of prompt and option together for each option, the first ``size`` of them not scored.

    ``stem`` is what all begin with.
    """

    request: Request
    size: int
    whole: list[list[int]]
    stem: int = field(init=False)

    def __post_init__(self) -> None:
        first = self.whole[0]
        self.stem = min((shared(first, ids) for ids in self.whole[1:]), default=len(first))
        # Nothing is read behind an option's last token, and the stem must end where a branch may begin.
        self.stem = min(self.stem, min(len(ids) for ids in self.whole) - 1)

    @property
    def tokens(self) -> int:
        """Tokens to read where nothing is shared with another question."""
        return self.stem + sum(len(ids) - 1 - self.stem for ids in self.whole)

    @property
    def pages(self) -> int:
        """Pages that these take at most."""
        return needed(self.stem) + sum(needed(len(ids) - 1 - self.stem) for ids in self.whole)


def scored(decoder: Decoder, asked: Iterable[Asked]) -> Iterator[Reply]:
    """Yield one reply a question with the log-probabilities of its options."""
    waiting = sorted(asked, key=lambda one: one.whole[0][: one.stem])
    if not waiting:
        return
    longest = max(one.pages for one in waiting)
    chain = max(one.stem for one in waiting) // WORTH + 1  # pages of earlier questions that the last one may go on from
    pages = decoder.pages(chain + longest + sum(sorted((one.pages for one in waiting), reverse=True)[: _most(waiting)]))
    kept, ids = Text(), list[int]()
    while waiting:
        began = time.perf_counter()
        block: list[Asked] = []
        parts: list[tuple[Text, Sequence[int], Sequence[int]]] = []
        texts: list[Text] = []
        places: list[list[tuple[int, int]]] = []
        size = 0
        while waiting and (not block or size + waiting[-1].tokens <= READ_TOKENS):
            one = waiting.pop()
            stem = one.whole[0][: one.stem]
            text = pages.fork(kept, min(shared(ids, stem), len(stem) - 1, one.size - 1))
            begin = text.length
            own = stem[begin:]
            parts.append((text, own, pages.grow(text, len(own))))
            starts = [(size - begin, size + len(own) - one.stem)]
            size += len(own)
            texts.append(text)
            for option in one.whole:
                branch = option[one.stem : -1]
                starts.append((starts[0][0], size - one.stem))
                if branch:
                    fork = pages.branch(text)
                    parts.append((fork, branch, pages.grow(fork, len(branch))))
                    texts.append(fork)
                    size += len(branch)
            places.append(starts[1:])
            block.append(one)
            pages.drop(kept)
            kept, ids = pages.branch(text), stem
        hidden = decoder.read(reading(parts), pages)
        yield from _replies(decoder, block, places, hidden, began)
        for text in texts:
            pages.drop(text)


def _most(waiting: Sequence[Asked]) -> int:
    """Questions of a block at most."""
    return max(1, READ_TOKENS // min(one.tokens for one in waiting) + 1)


def _replies(
    decoder: Decoder, block: Sequence[Asked], places: Sequence[list[tuple[int, int]]], hidden: Tensor, began: float
) -> Iterator[Reply]:
    """Log-probabilities of all options of a block; a state that several options go on from meets the head once."""
    sources: list[int] = []
    targets: list[int] = []
    for one, starts in zip(block, places, strict=True):
        for option, (stem, branch) in zip(one.whole, starts, strict=True):
            for place in range(one.size, len(option)):
                sources.append(place - 1 + (stem if place <= one.stem else branch))
                targets.append(option[place])
    logs, greedy = target_logs(decoder, hidden, torch.tensor(sources), torch.tensor(targets))
    at = 0
    for one in block:
        sums, firsts = [], []
        for option in one.whole:
            count = len(option) - one.size
            sums.append(sum(logs[at : at + count]))
            firsts.append(all(greedy[at : at + count]))
            at += count
        yield reply(one.request, one.size, one.whole, (sums, firsts), began)


def target_logs(decoder: Decoder, hidden: Tensor, sources: Tensor, targets: Tensor) -> tuple[list[float], list[bool]]:
    """Log-probability of each target id behind the state [source], and whether it is the likeliest."""
    states, which = sources.unique(return_inverse=True)
    logs = torch.empty(len(targets), dtype=torch.float64)
    greedy = torch.empty(len(targets), dtype=torch.bool)
    for low in range(0, len(states), CHUNK):
        logits = decoder.logits(hidden[states[low : low + CHUNK]])
        best, whole = decoder.passes.likeliest(logits)
        assert whole is not None
        mine = ((which >= low) & (which < low + CHUNK)).nonzero()[:, 0]
        row = which[mine] - low
        own = logits[row, targets[mine]]
        logs[mine] = own.double() - whole[row].double()
        greedy[mine] = own >= logits[row, best[row]]
    return logs.tolist(), greedy.tolist()
