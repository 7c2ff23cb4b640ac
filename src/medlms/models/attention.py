"""Attention over rows that lie behind one another without padding: no token sees a neighbour, cost grows with the rows.

Registered in transformers' attention interface under ``PACKED`` (and under ``VARLEN`` and ``FLEX`` with torch's GPU kernels
in the own function's place: ``attention_choice`` says which a model runs). A forward call passes ``row_starts`` (offsets of the
rows, ending with the number of tokens) and position ids that restart with each row. The fast function keeps queries,
keys and values, and computes the weights again in the backward pass, block by block.
While answers are written, a call passes ``row_lengths`` instead: one new token a row, over the keys of a ``RowCache``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from medlms.errors import ModelError
from medlms.models import attention_kernels

PACKED = "medlms_packed"
VARLEN = "medlms_packed_varlen"  # no name with "flash" in it: transformers would prepare what its own kernels need
FLEX = "medlms_packed_flex"
BLOCK = 128  # queries at once: what lies above the diagonal is not computed, and the score matrix stays small

# What transformers' layers pass along that changes no result: places, and what to return. Everything else is refused.
HARMLESS = frozenset({
    "position_ids", "cache_position", "use_cache", "output_attentions", "output_hidden_states", "return_dict",
    "output_router_logits", "num_items_in_batch", "is_causal", "past_key_values", "past_key_value", "layer_idx",
    "position_embeddings",
})  # fmt: skip
REASONS = {"s_aux": "sinks (s_aux)", "position_bias": "a bias by distance (position_bias)"}


Rows = Callable[[Tensor, Tensor, Tensor, float, int | None, float | None, list[int]], Tensor]
"""Causal attention within each row: queries [heads, tokens, size], keys and values [key heads, tokens, size], scale, window,
soft cap and the rows' offsets; gives [tokens, heads, size]."""


def register() -> None:
    """Make ``PACKED``, ``VARLEN`` and ``FLEX`` known to transformers as values of ``attn_implementation``."""
    from transformers import AttentionInterface

    # No mask function goes with them: transformers then builds no mask, which rows of their own do not need.
    for name, compute in COMPUTE.items():
        AttentionInterface.register(name, partial(packed_attention, compute=compute))


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    row_starts: Sequence[int] | None = None,
    row_lengths: Tensor | None = None,
    compute: Rows | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each row, by ``compute`` (``own_rows``).

    query [1, heads, tokens, size], key and value [1, key heads, tokens, size]; returns [1, tokens, heads, size].
    """
    _refuse(module, attention_mask, dropout, kwargs)
    scale = scaling if scaling is not None else 1 / math.sqrt(query.shape[-1])
    if row_lengths is not None:
        return _one_token(query, key, value, row_lengths, scale, sliding_window, softcap), None
    starts = list(row_starts) if row_starts is not None else [0, query.shape[2]]
    out = (compute or own_rows)(query[0], key[0], value[0], scale, sliding_window, softcap, starts)
    return out.unsqueeze(0), None


def own_rows(
    q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, softcap: float | None, starts: list[int]
) -> Tensor:
    """``Rows`` by own matrix products, block by block."""
    out: Tensor = _Rows.apply(q, k, v, scale, window, softcap, starts)
    return out


COMPUTE: dict[str, Rows] = {PACKED: own_rows, VARLEN: attention_kernels.varlen, FLEX: attention_kernels.flex}


def _refuse(module: nn.Module, mask: Tensor | None, dropout: float, rest: dict[str, Any]) -> None:
    """ModelError for whatever a model asks of its attention that would change the result and is not computed here."""
    asked = [name for name, value in rest.items() if name not in HARMLESS and value is not None and value is not False]
    if rest.get("is_causal") is False or getattr(module, "is_causal", True) is False:
        asked.append("is_causal=False")
    if mask is not None:
        asked.append("attention_mask")
    if dropout:
        asked.append(f"dropout={dropout:g}")
    if asked:
        known = [REASONS.get(name, name) for name in asked]
        raise ModelError(
            f"This model's attention needs what is not supported here: {', '.join(known)}.", hint="Use another model."
        )


def _one_token(
    query: Tensor, key: Tensor, value: Tensor, lengths: Tensor, scale: float, window: int | None, softcap: float | None
) -> Tensor:
    """One query a row [rows, heads, 1, size] over its own keys [rows, key heads, keys, size]; returns [rows, 1, heads, size]."""
    rows, heads, _, size = query.shape
    groups, keys = key.shape[1], key.shape[2]
    scores = (query.reshape(rows, groups, heads // groups, size) @ key.transpose(2, 3)).float().mul_(scale)
    if softcap is not None:
        scores = scores.div_(softcap).tanh_().mul_(softcap)
    places = torch.arange(keys, device=query.device)
    hidden = places >= lengths[:, None]
    if window is not None:
        hidden |= places < lengths[:, None] - window
    scores.masked_fill_(hidden[:, None, None], -math.inf)
    return (scores.softmax(-1).to(value.dtype) @ value).reshape(rows, 1, heads, size)


def blocks(length: int, window: int | None, size: int | None = None) -> list[tuple[int, int, int]]:
    """(first query, end of queries and keys, first key) of each block of ``size`` queries (BLOCK) of a row."""
    size = size or BLOCK
    return [
        (begin, min(begin + size, length), 0 if window is None else max(0, begin - window + 1))
        for begin in range(0, length, size)
    ]


@lru_cache(maxsize=64)  # the rows of one block pass through every layer, then never come again
def causal_bias(
    queries: int, before: int, groups: int, window: int | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """0 where a query may see a key and -inf where not, [groups * queries, before + queries]; ``before`` keys precede."""
    i = torch.arange(before, before + queries, device=device).unsqueeze(1)
    j = torch.arange(before + queries, device=device).unsqueeze(0)
    hidden = j > i if window is None else (j > i) | (j <= i - window)
    return torch.zeros(hidden.shape, dtype=dtype, device=device).masked_fill_(hidden, -math.inf).repeat(groups, 1)


def weights(
    queries: Tensor, keys: Tensor, scale: float, count: int, window: int | None, softcap: float | None = None
) -> tuple[Tensor, Tensor | None]:
    """Attention weights of the last ``count`` positions over the keys that they may see, and the soft cap's slope.

    queries [key heads, group * count, size], keys [key heads, keys, size]; weights [key heads, group * count, keys]. Sums
    inside the softmax are kept in fp32 by torch whatever the dtype.
    """
    scores = torch.baddbmm(queries.new_zeros(1), queries, keys.transpose(1, 2), beta=0, alpha=scale)
    slope = None
    if softcap is not None:
        bent = scores.div_(softcap).tanh_()
        slope = 1 - bent.square()
        scores = bent.mul_(softcap)
    # Without a window only the last keys can lie ahead of a query.
    before = 0 if window is None else keys.shape[1] - count
    bias = causal_bias(count, before, queries.shape[1] // count, window, queries.dtype, queries.device)
    scores[..., keys.shape[1] - bias.shape[1] :].add_(bias)
    return scores.softmax(-1), slope


def _spans(starts: list[int], window: int | None) -> list[tuple[int, int, int]]:
    """The blocks of all rows, counted from the first token."""
    return [
        (row + begin, row + stop, row + first)
        for row, end in pairwise(starts)
        for begin, stop, first in blocks(end - row, window)
    ]


class _Rows(torch.autograd.Function):
    """Weights are made again in the backward pass: kept are the queries, keys and values alone."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        scale: float,
        window: int | None,
        softcap: float | None,
        starts: list[int],
    ) -> Tensor:
        """Queries [heads, tokens, size], keys and values [key heads, tokens, size]; returns [tokens, heads, size]."""
        heads, tokens, size = q.shape
        groups = k.shape[0]
        out = q.new_empty(tokens, heads, size)
        for low, high, first in _spans(starts, window):
            qs = q[:, low:high].reshape(groups, -1, size)
            seen, _ = weights(qs, k[:, first:high], scale, high - low, window, softcap)
            out[low:high] = (seen @ v[:, first:high]).view(heads, high - low, size).transpose(0, 1)
        ctx.save_for_backward(q, k, v)
        ctx.settings = scale, window, softcap, starts
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for q, k and v."""
        q, k, v = ctx.saved_tensors
        scale, window, softcap, starts = ctx.settings
        heads, _, size = q.shape
        groups = k.shape[0]
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for low, high, first in _spans(starts, window):
            qs = q[:, low:high].reshape(groups, -1, size)
            ks, vs = k[:, first:high], v[:, first:high]
            g = grad[low:high].transpose(0, 1).reshape(groups, -1, size)
            seen, slope = weights(qs, ks, scale, high - low, window, softcap)
            dv[:, first:high] += seen.transpose(1, 2) @ g
            # aten's own softmax backward: w * (d - sum(w * d)), with the sum in fp32
            d = torch.ops.aten._softmax_backward_data(g @ vs.transpose(1, 2), seen, -1, q.dtype)
            if slope is not None:
                d.mul_(slope)
            dq[:, low:high] = (d @ ks).mul_(scale).view(heads, high - low, size)
            dk[:, first:high] += (d.transpose(1, 2) @ qs).mul_(scale)
        return dq, dk, dv, None, None, None, None
