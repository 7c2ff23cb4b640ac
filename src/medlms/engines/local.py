"""The local engine: answers and scores from a model in this process.

Llama-shaped models run through the own decoder (``models/decoder.py``), all others through transformers' layers; ``path``
says which. There prompts of a batch are read packed, without padding, and finished rows leave the batch. The same code
answers for the base model, the tuned one, and `medlms ask`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from medlms.engines._branches import Asked, scored
from medlms.engines._options import behind_prompts, one_by_one, one_token_each, reply
from medlms.engines._row import Row
from medlms.engines._writing import Writer
from medlms.errors import AskedWrongly
from medlms.models import methods, soft_prompt
from medlms.models.cache import RowCache
from medlms.models.decoder import Decoder, decoder_of, state
from medlms.models.forward import body_of, hidden_states, output_head, row_losses
from medlms.models.load import Loaded
from medlms.models.products import Kind
from medlms.text.pack import pack
from medlms.text.template import Template
from medlms.text.tokenise import conversation, option_ids, prompt_ids
from medlms.types import Reply, Request, Tokens

SCORE_TOKENS = 2048  # tokens scored at once


class LocalEngine:
    """Answers from ``model`` (the loaded base, or a peft model on it). ``batch`` answers are written at once.

    ``own`` False leaves all to transformers' layers. ``kind`` is how the own decoder holds weights: "plain" as they lie,
    "packed" copied into the order that is fastest (the default where memory allows), "int8" in 8 bits. ``merged`` adds
    adapters to its copy of the weights, which is faster and rounds them once more.
    """

    def __init__(
        self,
        loaded: Loaded,
        template: Template,
        *,
        model: Any = None,
        name: str = "local",
        batch: int = 32,
        own: bool = True,
        kind: Kind | None = None,
        merged: bool = False,
    ) -> None:
        self.name = name
        self.loaded = loaded
        self.template = template
        self.model = loaded.model if model is None else model
        self.batch = batch
        self.adapted = self.model is not loaded.model
        self.places = soft_prompt.length_of(self.model)
        """Places of the context that a soft prompt takes."""
        self._own, self._kind, self._merged = own, kind, merged
        self._decoder: Decoder | None = None
        self._state: object = None
        what = methods.kind(self.model, loaded.model)
        decoder = self._decoding()
        shape = type(loaded.model).__name__
        if decoder is not None:
            if decoder.merged:
                what = what.replace("not merged", "merged")
            self.path = f"own decoder for {shape}, {what}, {loaded.why}, {decoder.said}"
        else:
            how = f"{loaded.why}, {loaded.attention.said}, own loop"
            self.path = f"transformers {shape}, {what}, {how} (no own decoder: {self._without})"

    @torch.inference_mode()
    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies as rows finish; with transformers' layers batch by batch."""
        decoder = self._decoding()
        if decoder is not None:
            began = time.perf_counter()
            yield from Writer(decoder, self.batch, lambda request: self._row(request, began)).replies(requests)
            return
        for start in range(0, len(requests), self.batch):
            yield from self._batch(requests[start : start + self.batch])

    def score(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies with the log-probability of each reference, its end of turn included.

        A reference that does not fit into the model's context beside its question has none: ``too long``.
        """
        held: list[tuple[Request, Tokens]] = []
        size = 0
        for request in requests:
            ids, learn = conversation(
                self.loaded.tokenizer, self.template, request.messages, request.reference, stops=self.loaded.stops
            )
            if len(ids) + self.places > self.loaded.context:
                yield _unscored(request.id, len(ids) - sum(learn))
                continue
            tokens = Tokens(request.id, tuple(ids), tuple(learn))
            if held and size + len(tokens.ids) + self.places > SCORE_TOKENS:
                yield from self._score(held)
                held, size = [], 0
            held.append((request, tokens))
            size += len(tokens.ids) + self.places
        if held:
            yield from self._score(held)

    def choose(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Yield replies with the log-probability of each option behind its prompt, without an end of turn.

        Where the prompt and the longest option do not fit into the model's context together, none is scored: ``too long``.
        """
        decoder = self._decoding()
        asked: list[Asked] = []
        letters: list[tuple[Request, int, list[list[int]]]] = []
        for request in requests:
            began = time.perf_counter()
            size, whole = option_ids(self.loaded.tokenizer, self.template, request.messages, request.options)
            if max(map(len, whole), default=size) + self.places > self.loaded.context:
                yield _unscored(request.id, size)
            elif decoder is not None and whole:
                asked.append(Asked(request, size, whole))
            elif one_token_each(size, whole):
                letters.append((request, size, whole))
                if sum(length + self.places for _, length, _ in letters) > SCORE_TOKENS:
                    yield from self._letters(letters)
                    letters = []
            else:
                self.model.eval()
                with self._weights():
                    found = one_by_one(self.model, request, size, whole, self.loaded.device)
                yield reply(request, size, whole, found, began)
        if letters:
            yield from self._letters(letters)
        if decoder is not None:
            with torch.inference_mode():
                yield from scored(decoder, asked)

    def _letters(self, asked: list[tuple[Request, int, list[list[int]]]]) -> Iterator[Reply]:
        began = time.perf_counter()
        self.model.eval()
        with self._weights():
            found = list(behind_prompts(self.model, asked, self.loaded.device))
        for (request, size, whole), item in zip(asked, found, strict=True):
            yield reply(request, size, whole, item, began)

    def _decoding(self) -> Decoder | None:
        """The own decoder, made anew where weights have changed since; None where it does not cover the model."""
        if not self._own:
            self._without = "switched off"
            return None
        if self._state != state(self.model):
            if not self.adapted:
                with self._weights():  # refuses where tuning has changed the base itself
                    pass
            self._decoder, self._without = decoder_of(
                self.model, self.loaded.model, device=self.loaded.device, kind=self._kind, merged=self._merged
            )
            self._state = state(self.model)  # plain weights that are read together were laid over one another
        return self._decoder

    def _score(self, held: list[tuple[Request, Tokens]]) -> list[Reply]:
        began = time.perf_counter()
        self.model.eval()
        batch = pack([tokens for _, tokens in held], device=self.loaded.device)
        with self._weights():
            sums, counts = row_losses(self.model, batch)
        seconds = time.perf_counter() - began
        return [
            Reply(
                id=request.id,
                text="",
                finish_reason="scored",
                prompt_tokens=len(tokens.ids) - count,
                new_tokens=0,
                seconds=seconds,
                first_token_seconds=seconds,
                reference_logprob=-total,
                reference_tokens=count,
            )
            for (request, tokens), total, count in zip(held, sums, counts, strict=True)
        ]

    def _weights(self) -> AbstractContextManager[Any]:
        """The tuned engine's fast path; for the base, adapters that were put on its model meanwhile are left out."""
        if self.adapted:
            return methods.running(self.model, learning=False)
        if self.loaded.adapted is not None:
            return methods.without(self.loaded.adapted)
        return nullcontext()

    def _batch(self, requests: Sequence[Request]) -> Iterator[Reply]:
        began = time.perf_counter()
        self.model.eval()
        with self._weights():
            yield from self._write(requests, began)

    def _write(self, requests: Sequence[Request], began: float) -> Iterator[Reply]:
        live = [self._row(request, began) for request in requests]
        packed = pack(
            [Tokens(row.request.id, tuple(row.prompt), (False,) * len(row.prompt)) for row in live],
            device=self.loaded.device,
        )
        cache = RowCache(soft_prompt.longer_starts(packed.starts, self.places), self.loaded.device)
        hidden = hidden_states(self.model, packed, past_key_values=cache)
        ends = torch.tensor(packed.starts[1:], device=self.loaded.device) - 1
        token = self._next(live, hidden[ends])
        body, _ = body_of(self.model)
        while True:
            stay = []
            for place, (row, chosen) in enumerate(zip(live, token.tolist(), strict=True)):
                if row.add(chosen):
                    yield row.reply()
                else:
                    stay.append(place)
            if not stay:
                return
            if len(stay) < len(live):
                rows = torch.tensor(stay, device=self.loaded.device)
                cache.keep(rows)
                token = token[rows]
                live = [live[place] for place in stay]
            positions = cache.lengths[:, None]
            cache.advance()
            out = body(
                input_ids=token[:, None],
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                row_lengths=cache.lengths,
            )
            token = self._next(live, out.last_hidden_state[:, -1])

    def _next(self, live: Sequence[Row], hidden: Tensor) -> Tensor:
        """The next token of each row [rows] behind hidden states [rows, width]."""
        weight, softcap = output_head(self.model)
        logits = hidden @ weight.t()
        token = logits.argmax(-1)  # a soft cap does not change which is the largest
        for place, row in enumerate(live):
            if row.draws:
                found = logits[place].float()
                token[place] = row.drawn(found if softcap is None else (found / softcap).tanh() * softcap)
        return token

    def _row(self, request: Request, began: float) -> Row:
        prompt = self._prompt(request)
        return Row(
            request,
            prompt,
            tokenizer=self.loaded.tokenizer,
            stops=self.loaded.stops,
            limit=min(request.max_new_tokens, self.loaded.context - self.places - len(prompt)),
            began=began,
        )

    def _prompt(self, request: Request) -> list[int]:
        ids = prompt_ids(self.loaded.tokenizer, self.template, request.messages)
        room = self.loaded.context - self.places
        if len(ids) >= room:
            raise AskedWrongly(
                f"{request.id}: the question has {len(ids)} tokens, this model reads {room}.",
                hint="Shorten the question.",
            )
        return ids


def _unscored(name: str, prompt: int) -> Reply:
    return Reply(
        id=name,
        text="",
        finish_reason="too long",
        prompt_tokens=prompt,
        new_tokens=0,
        seconds=0.0,
        first_token_seconds=0.0,
    )
