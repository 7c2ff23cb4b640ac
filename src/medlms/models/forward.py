"""One forward pass over rows that lie behind one another, and what stands on top of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from medlms.models import soft_prompt
from medlms.models.head import token_losses
from medlms.text.pack import Batch


def body_of(model: Any) -> tuple[Any, Any]:
    """The decoder without its head, and the causal model that holds both; peft's wrapping is looked through."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    return whole.base_model, whole


def hidden_states(model: Any, batch: Batch, **extra: Any) -> Tensor:
    """Last hidden states [tokens, width] of packed rows; a soft prompt before them has none."""
    body, _ = body_of(model)
    prompt = soft_prompt.vectors(model)
    if prompt is not None:
        use_cache = extra.get("past_key_values") is not None
        return soft_prompt.hidden_states(body, prompt, batch, use_cache=use_cache, **extra)
    out = body(
        input_ids=batch.ids,
        position_ids=batch.positions,
        row_starts=batch.starts,
        use_cache=extra.get("past_key_values") is not None,
        **extra,
    )
    states: Tensor = out.last_hidden_state[0]
    return states


def output_head(model: Any) -> tuple[Tensor, float | None]:
    """The head's weight [vocabulary, width] and the soft cap on its logits, if the model has one."""
    _, whole = body_of(model)
    head = whole.get_output_embeddings()
    cap = getattr(whole.config, "final_logit_softcapping", None)
    return head.weight, cap


@torch.inference_mode()
def row_losses(model: Any, batch: Batch) -> tuple[list[float], list[int]]:
    """Summed loss (nats) and number of learned tokens of each row."""
    hidden = hidden_states(model, batch)
    weight, softcap = output_head(model)
    losses = token_losses(hidden[batch.learned], weight, batch.targets, softcap=softcap).double()
    count = len(batch.starts) - 1
    sums = torch.zeros(count, dtype=torch.float64, device=losses.device).index_add_(0, batch.rows, losses)
    numbers = torch.bincount(batch.rows, minlength=count)
    return sums.tolist(), numbers.tolist()
