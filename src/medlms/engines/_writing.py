"""Answers written by the own decoder: the batch stays full, since a row that ends makes room for the next one.

Prompts are read packed, sorted by their ids: what one begins with like the one before it is not read again, and its keys
and values are kept once, be it an instruction, worked examples, or the whole prompt where several answers to it are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch

from medlms.engines._row import Row
from medlms.models.decoder import Decoder
from medlms.models.load import available_memory
from medlms.models.pages import Pages, Text, needed, reading, shared
from medlms.types import Reply, Request

READ_TOKENS = 2048  # prompt tokens read at once
MEMORY = 0.5  # share of the free memory that keys and values may take
FULL = 0.875  # share of the batch below which new rows come in: reading a few prompts alone is slow


@dataclass
class _Written:
    """A row in the batch: its text in pages, how many it may have in the end, and the token that is read next."""

    row: Row
    text: Text
    most: int
    next: int = 0

    @property
    def promised(self) -> int:
        """Pages that it may still take."""
        return max(0, self.most - len(self.text.pages))


@dataclass
class Writer:
    """Writes answers, ``batch`` at once. ``row`` makes the record of a request's answer; it may refuse the request."""

    decoder: Decoder
    batch: int
    row: Callable[[Request], Row]
    _live: list[_Written] = field(default_factory=list)
    _kept: Text = field(default_factory=Text)
    _ids: Sequence[int] = ()

    def replies(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies as rows end; which rows share the batch changes nothing but rounding in 16 bits."""
        waiting = sorted((self.row(request) for request in requests), key=lambda row: list(row.prompt), reverse=True)
        if not waiting:
            return
        pages = self.decoder.pages(self._room(waiting))
        while waiting or self._live:
            if waiting and len(self._live) <= FULL * self.batch:
                yield from self._enter(waiting, pages)
            if self._live:
                yield from self._step(pages)

    def _room(self, rows: Sequence[Row]) -> int:
        """Pages to keep in hand: for a full batch of the longest, as far as memory goes, and for one row at the least."""
        sizes = sorted((needed(len(row.prompt) + row.limit) for row in rows), reverse=True)
        most = sum(sizes[: self.batch]) + sizes[0]
        fits = int(MEMORY * available_memory() / self.decoder.page_bytes) or most
        return max(min(most, fits), 2 * sizes[0])

    def _enter(self, waiting: list[Row], pages: Pages) -> Iterator[Reply]:
        """Read prompts of waiting rows until the batch or the memory is full."""
        while waiting and len(self._live) < self.batch:
            held: list[_Written] = []
            parts = []
            size = 0
            while waiting and len(self._live) + len(held) < self.batch and size < READ_TOKENS:
                row = waiting[-1]
                most = needed(len(row.prompt) + row.limit)
                if pages.free - self._promised(held) < most:
                    if held or self._live:
                        break
                    pages.drop(self._kept)
                    self._ids = ()
                waiting.pop()
                row.enter()
                text = pages.fork(self._kept, min(shared(self._ids, row.prompt), len(row.prompt) - 1))
                own = row.prompt[text.length :]
                # Pages that it shares may be many and hardly filled: what it can take counts from there.
                last = len(text.pages) + needed(len(own) + row.limit)
                parts.append((text, own, pages.grow(text, len(own))))
                held.append(_Written(row, text, last))
                size += len(own)
                # The next prompt may begin as this one: what both share must outlive this row.
                pages.drop(self._kept)
                self._kept, self._ids = pages.branch(text), row.prompt
            if not held:
                return
            yield from self._take(held, self._ends(parts, pages), pages)

    def _ends(self, parts: Sequence[tuple[Text, Sequence[int], Sequence[int]]], pages: Pages) -> torch.Tensor:
        """Hidden states [parts, width] of each part's last token."""
        hidden = self.decoder.read(reading(parts), pages)
        ends = torch.tensor([len(own) for _, own, _ in parts]).cumsum(0) - 1
        return hidden[ends]

    def _promised(self, more: Sequence[_Written]) -> int:
        """Pages that rows in the batch may still take."""
        return sum(held.promised for held in (*self._live, *more))

    def _step(self, pages: Pages) -> Iterator[Reply]:
        """Every row in the batch is given its next token."""
        parts = [(held.text, (held.next,), pages.grow(held.text, 1)) for held in self._live]
        live, self._live = self._live, []
        yield from self._take(live, self._ends(parts, pages), pages)

    def _take(self, rows: Sequence[_Written], hidden: torch.Tensor, pages: Pages) -> Iterator[Reply]:
        logits = self.decoder.logits(hidden)
        best, _ = self.decoder.passes.likeliest(logits, sums=False)
        ended = []
        for place, (held, token) in enumerate(zip(rows, best.tolist(), strict=True)):
            held.next = held.row.drawn(logits[place]) if held.row.draws else token
            if held.row.add(held.next):
                pages.drop(held.text)
                ended.append(held.row)
            else:
                self._live.append(held)
        for row in ended:
            yield row.reply()
