"""Attention over rows that lie behind one another without padding: no token sees a neighbour, cost grows with the rows.

Registered in transformers' attention interface under ``PACKED``; a forward call passes ``row_starts`` (offsets of the
rows, ending with the number of tokens) and position ids that restart with each row. The fast function keeps queries,
keys, values and one number a query, and computes the probabilities again in the backward pass, block by block.
While answers are written, a call passes ``row_lengths`` instead: one new token a row, over the keys of a ``RowCache``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

PACKED = "medlms_packed"
BLOCK = 512  # queries at once: bounds the score matrix for long rows


def register() -> None:
    """Make ``attn_implementation=PACKED`` known to transformers."""
    from transformers import AttentionInterface

    # No mask function goes with it: transformers then builds no mask, which rows of their own do not need.
    AttentionInterface.register(PACKED, packed_attention)


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
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each row.

    query [1, heads, tokens, size], key and value [1, key heads, tokens, size]; returns [1, tokens, heads, size].
    """
    scale = scaling if scaling is not None else 1 / math.sqrt(query.shape[-1])
    if row_lengths is not None:
        return _one_token(query, key, value, row_lengths, scale, sliding_window, softcap), None
    starts = list(row_starts) if row_starts is not None else [0, query.shape[2]]
    out = _Rows.apply(query[0], key[0], value[0], scale, sliding_window, softcap, starts)
    return out.unsqueeze(0), None


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


def _spans(starts: list[int], window: int | None) -> list[tuple[int, int, int]]:
    """(first query, end of queries, first key) of each block of each row."""
    spans = []
    for row, end in zip(starts, starts[1:], strict=False):
        for low in range(row, end, BLOCK):
            first = row if window is None else max(row, low - window + 1)
            spans.append((low, min(low + BLOCK, end), first))
    return spans


def _scores(q: Tensor, k: Tensor, scale: float, softcap: float | None, hidden: Tensor) -> Tensor:
    """Masked scores in fp32: q [key heads, group * queries, size], k [key heads, keys, size]."""
    scores = (q @ k.transpose(1, 2)).float().mul_(scale)
    if softcap is not None:
        scores = scores.div_(softcap).tanh_().mul_(softcap)
    heads, _, keys = scores.shape
    scores.view(heads, -1, hidden.shape[0], keys).masked_fill_(hidden, -math.inf)
    return scores


def _hidden(low: int, high: int, first: int, window: int | None, device: torch.device) -> Tensor:
    """True where query i (low..high) must not see key j (first..high)."""
    i = torch.arange(low, high, device=device).unsqueeze(1)
    j = torch.arange(first, high, device=device).unsqueeze(0)
    return j > i if window is None else (j > i) | (j <= i - window)


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, softcap: float | None, starts: list[int]
    ) -> Tensor:
        heads, tokens, size = q.shape
        groups = k.shape[0]
        out = q.new_empty(tokens, heads, size)
        sums = torch.empty(heads, tokens, dtype=torch.float32, device=q.device)
        for low, high, first in _spans(starts, window):
            length = high - low
            qs = q[:, low:high].reshape(groups, -1, size)
            scores = _scores(qs, k[:, first:high], scale, softcap, _hidden(low, high, first, window, q.device))
            total = torch.logsumexp(scores, dim=-1, keepdim=True)
            weights = scores.sub_(total).exp_().to(v.dtype)
            part = weights @ v[:, first:high]
            out[low:high] = part.view(heads, length, size).transpose(0, 1)
            sums[:, low:high] = total.view(heads, length)
        ctx.save_for_backward(q, k, v, out, sums)
        ctx.settings = scale, window, softcap, starts
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        q, k, v, out, sums = ctx.saved_tensors
        scale, window, softcap, starts = ctx.settings
        heads, _, size = q.shape
        groups = k.shape[0]
        dq = torch.empty_like(q)
        dk = torch.zeros_like(k)
        dv = torch.zeros_like(v)
        # sum over the size of grad * out: the part of the softmax gradient that is equal along a row of scores
        shared = (grad.float() * out.float()).sum(-1).t()
        for low, high, first in _spans(starts, window):
            length = high - low
            qs = q[:, low:high].reshape(groups, -1, size)
            ks, vs = k[:, first:high], v[:, first:high]
            g = grad[low:high].transpose(0, 1).reshape(groups, -1, size)
            scores = _scores(qs, ks, scale, softcap, _hidden(low, high, first, window, q.device))
            slope = None if softcap is None else 1 - (scores / softcap).square_().nan_to_num_(posinf=1.0)
            weights = scores.sub_(sums[:, low:high].reshape(groups, -1, 1)).exp_()
            dv[:, first:high] += weights.to(g.dtype).transpose(1, 2) @ g
            d = (g @ vs.transpose(1, 2)).float().sub_(shared[:, low:high].reshape(groups, -1, 1)).mul_(weights).mul_(scale)
            if slope is not None:
                d.mul_(slope)
            d = d.to(q.dtype)
            dq[:, low:high] = (d @ ks).view(heads, length, size)
            dk[:, first:high] += d.transpose(1, 2) @ qs
        return dq, dk, dv, None, None, None, None
