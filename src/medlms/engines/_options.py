"""Options scored by transformers' layers: each read behind its prompt as a row of its own, letters behind one reading.

The path for architectures that the own decoder does not cover, and what that decoder is held against.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from medlms.models.forward import hidden_states, output_head
from medlms.models.head import CHUNK
from medlms.text.pack import pack
from medlms.types import Reply, Request, Tokens


@torch.inference_mode()
def one_by_one(
    model: Any, request: Request, size: int, whole: Sequence[Sequence[int]], device: torch.device
) -> tuple[list[float], list[bool]]:
    """The log-probability of each option, and whether greedy decoding would write it.

    ``whole`` are the ids of prompt and option together, of which the first ``size`` are not scored.
    """
    weight, softcap = output_head(model)
    sums, greedy = [], []
    for ids in whole:
        batch = pack([Tokens(request.id, tuple(ids), (False,) * len(ids))], device=device)
        hidden = hidden_states(model, batch)[size - 1 : -1]
        found, likeliest = log_probabilities(hidden, weight, batch.ids[0, size:], softcap)
        sums.append(float(found.sum()))
        greedy.append(bool(likeliest.all()))
    return sums, greedy


def one_token_each(size: int, whole: Sequence[Sequence[int]]) -> bool:
    """Whether every option is one token behind the same prompt, as letters are: then one reading of the prompt tells all."""
    return bool(whole) and all(len(ids) == size + 1 and ids[:size] == whole[0][:size] for ids in whole)


@torch.inference_mode()
def behind_prompts(
    model: Any, asked: Sequence[tuple[Request, int, Sequence[Sequence[int]]]], device: torch.device
) -> Iterator[tuple[list[float], list[bool]]]:
    """As ``one_by_one`` for several requests with ``one_token_each``, whose prompts are read together, each once."""
    weight, softcap = output_head(model)
    prompts = [Tokens(request.id, tuple(whole[0][:size]), (False,) * size) for request, size, whole in asked]
    batch = pack(prompts, device=device)
    last = hidden_states(model, batch)[torch.tensor(batch.starts[1:], device=device) - 1]
    for hidden, (_, _, whole) in zip(last, asked, strict=True):
        ids = torch.tensor([option[-1] for option in whole], device=device)
        found, likeliest = log_probabilities(hidden.expand(len(ids), -1), weight, ids, softcap)
        yield found.tolist(), likeliest.tolist()


def log_probabilities(
    hidden: Tensor, weight: Tensor, targets: Tensor, softcap: float | None = None
) -> tuple[Tensor, Tensor]:
    """Log-probability (fp64 [n]) of each target id [n] behind hidden states [n, width], and whether it is the likeliest.

    ``weight`` [vocabulary, width] is the head's. Logits exist for ``CHUNK`` positions at a time.
    """
    logs, likeliest = [], []
    for low in range(0, len(targets), CHUNK):
        wanted = targets[low : low + CHUNK]
        logits = (hidden[low : low + CHUNK] @ weight.t()).float()
        if softcap is not None:
            logits = logits.div_(softcap).tanh_().mul_(softcap)
        own = logits.gather(1, wanted[:, None])[:, 0]
        logs.append((own - logits.logsumexp(-1)).double())
        likeliest.append(own >= logits.amax(-1))
    return torch.cat(logs), torch.cat(likeliest)


def reply(
    request: Request, size: int, whole: Sequence[Sequence[int]], found: tuple[list[float], list[bool]], began: float
) -> Reply:
    """What an engine says of scored options."""
    seconds = time.perf_counter() - began
    return Reply(
        id=request.id,
        text="",
        finish_reason="scored",
        prompt_tokens=size,
        new_tokens=0,
        seconds=seconds,
        first_token_seconds=seconds,
        option_logprobs=tuple(found[0]),
        option_tokens=tuple(len(ids) - size for ids in whole),
        option_greedy=tuple(found[1]),
    )
