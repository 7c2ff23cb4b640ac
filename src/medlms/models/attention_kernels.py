"""Attention over rows behind one another through torch's own GPU kernels: variable-length flash, and flex attention.

Both take what ``attention.own_rows`` takes and give what it gives; ``attention_choice`` says which of them a model runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from medlms.errors import ModelError

SIDE = 128  # tokens a block of the flex mask has: what the compiled kernels expect
VARIANTS = 64  # kernels compiled in one process (models, with and without gradients) before it is an error


def varlen(
    q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, softcap: float | None, starts: Sequence[int]
) -> Tensor:
    """Causal attention within each row by ``torch.nn.attention.varlen``: fp16 and bf16 on CUDA only.

    q [heads, tokens, size], k and v [key heads, tokens, size]; returns [tokens, heads, size]. ModelError for a soft cap,
    which these kernels leave out.
    """
    from torch.nn.attention.varlen import varlen_attn

    if softcap is not None:
        raise ModelError("The varlen flash kernels know no soft cap on scores.", hint="Use another model.")
    offsets, longest = row_offsets(tuple(starts), q.device)
    # Theirs counts the keys before a query, ours the query too.
    reach = -1 if window is None or window >= longest else window - 1
    said = varlen_attn(
        q.transpose(0, 1),
        k.transpose(0, 1),
        v.transpose(0, 1),
        offsets,
        offsets,
        longest,
        longest,
        scale=scale,
        window_size=(reach, 0),
        enable_gqa=q.shape[0] != k.shape[0],
    )
    assert isinstance(said, Tensor)
    return said


def flex(
    q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, softcap: float | None, starts: Sequence[int]
) -> Tensor:
    """As ``varlen``, by ``torch.nn.attention.flex_attention``: any dtype, any soft cap; compiled on CUDA."""
    from torch._dynamo import config as compiler

    # The compiler would make a variable of a scale or soft cap that is another than the model's before, and then fail.
    with compiler.patch(specialize_float=True, recompile_limit=VARIANTS):
        said = _flex(q.device.type)(
            q[None],
            k[None],
            v[None],
            score_mod=None if softcap is None else _capped(softcap),
            block_mask=block_mask(tuple(starts), window, q.device),
            scale=scale,
            enable_gqa=q.shape[0] != k.shape[0],
        )
    out: Tensor = said[0].transpose(0, 1)
    return out


@lru_cache(maxsize=8)  # the rows of one block pass through every layer, then never come again
def row_offsets(starts: tuple[int, ...], device: torch.device) -> tuple[Tensor, int]:
    """The offsets of the rows [rows + 1] in int32, and the longest row."""
    with torch.inference_mode(False):  # also after answers: they are kept for a backward pass later
        offsets = torch.tensor(starts, dtype=torch.int32, device=device)
    return offsets, max(high - low for low, high in pairwise(starts))


def first_keys(starts: Sequence[int], window: int | None) -> Tensor:
    """The first key that each token may see [tokens], counted from the first token of all."""
    begins = torch.tensor(starts)
    first = begins[:-1].repeat_interleave(begins.diff())
    return first if window is None else first.maximum(torch.arange(len(first)) - window + 1)


@lru_cache(maxsize=8)
def block_mask(starts: tuple[int, ...], window: int | None, device: torch.device) -> Any:
    """The ``BlockMask`` of these rows, made block by block: torch's own way makes a matrix of tokens times tokens.

    What a token sees are the keys from its ``first_keys`` up to itself. That place never falls from one token to the next,
    so the key blocks of a query block lie side by side, and those that are seen whole do too.
    """
    from torch.nn.attention.flex_attention import BlockMask

    with torch.inference_mode(False):
        first, tokens = first_keys(starts, window), starts[-1]
        block = torch.arange(-(-tokens // SIDE))
        top = block * SIDE
        low = first[top] // SIDE
        whole = (first[(top + SIDE).clamp(max=tokens) - 1] + SIDE - 1) // SIDE
        whole = torch.where(top + SIDE <= tokens, whole, block)  # torch counts no block of a cut one as whole
        keys = block[None]
        full = (keys >= whole[:, None]) & (keys < block[:, None])
        partly = (keys >= low[:, None]) & (keys <= block[:, None]) & ~full
        held = first.int().to(device)

        def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            return (key <= query) & (key >= held[query])

        return BlockMask.from_kv_blocks(
            *_ordered(partly, device),
            *_ordered(full, device),
            BLOCK_SIZE=SIDE,
            mask_mod=sees,
            seq_lengths=(tokens, tokens),
        )


def _ordered(chosen: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """How many key blocks each query block has, and which, the chosen ones first; [1, 1, blocks] and [1, 1, blocks, blocks]."""
    places = chosen.int().argsort(dim=-1, descending=True, stable=True)
    return chosen.sum(-1).int()[None, None].to(device), places.int()[None, None].to(device)


@lru_cache(maxsize=8)  # the same function each time: torch compiles anew for another
def _capped(softcap: float) -> Callable[..., Tensor]:
    def capped(score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return softcap * torch.tanh(score / softcap)

    return capped


@lru_cache(maxsize=2)
def _flex(kind: str) -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    # Whole or not at all: in parts it would run unfused without a word, with a matrix of all pairs.
    return torch.compile(flex_attention, fullgraph=True) if kind == "cuda" else flex_attention
