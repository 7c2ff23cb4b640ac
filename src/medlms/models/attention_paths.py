"""Ways to compute the attention of a training step, among which a measurement may choose; all give the same but for rounding.

fused: the one node of ``fast_layers``; packed: transformers' layer around ``attention.packed_attention``; rows: transformers'
layer around torch's own attention, called once for each row. Only a model whose attention runs fused has a choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from medlms.models import attention, fast_layers, overriding

FUSED, WRAPPED, ROWS = "fused", "packed", "rows"
PATHS = (FUSED, WRAPPED, ROWS)
SAID = {ROWS: "attention over packed rows by torch's own, called once for each row"}
_ROWS = "medlms_rows"


def offered(model: nn.Module) -> tuple[str, ...]:
    """The paths that a model can take, the usual one first; asked inside ``fast_lora``. Empty where there is no choice."""
    found = _fused(model)
    return PATHS if found and all(module.o_proj.weight.device.type == "cpu" for module in found) else ()


@contextmanager
def taken(model: nn.Module, path: str | None) -> Iterator[None]:
    """Let training steps take ``path`` inside the ``with`` block, to be entered behind ``fast_lora``; None changes nothing.

    Passes without a gradient (answers) run as before. A model that has no choice takes its only path.
    """
    undo = [_override(module, path) for module in _fused(model)] if path in (WRAPPED, ROWS) else []
    if undo:
        _register()
    try:
        yield
    finally:
        for restore in reversed(undo):
            restore()


def _fused(model: nn.Module) -> list[Any]:
    return [
        module
        for module in model.modules()
        if type(module).__name__ in fast_layers.ATTENTIONS and "forward" in module.__dict__
    ]


def _override(module: Any, path: str | None) -> Callable[[], None]:
    fused, plain = module.forward, type(module).forward
    name = _ROWS if path == ROWS else attention.PACKED

    def forward(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return fused(*args, **kwargs)
        config = module.config
        held = config._attn_implementation
        config._attn_implementation = name
        try:
            return plain(module, *args, **kwargs)
        finally:
            config._attn_implementation = held

    return overriding.override(module, forward)


def _register() -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(_ROWS, rows_attention)


def rows_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    row_starts: Sequence[int] | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """As ``attention.packed_attention``, by torch's attention row by row; what that can't do is left to the packed function."""
    longest = max((high - low for low, high in pairwise(row_starts)), default=0) if row_starts is not None else 0
    window = kwargs.get("sliding_window")
    narrow = window is not None and window < longest
    if row_starts is None or narrow or kwargs.get("softcap") is not None or kwargs.get("row_lengths") is not None:
        return attention.packed_attention(
            module, query, key, value, attention_mask, scaling=scaling, row_starts=row_starts, **kwargs
        )
    scale = scaling if scaling is not None else 1 / math.sqrt(query.shape[-1])
    times = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
    parts = [
        scaled_dot_product_attention(
            query[:, :, low:high], key[:, :, low:high], value[:, :, low:high], is_causal=True, scale=scale
        )
        for low, high in pairwise(row_starts)
    ]
    return torch.cat(parts, 2).transpose(1, 2).contiguous(), None
