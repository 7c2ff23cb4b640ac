"""Soft prompts: learned vectors before every prompt of a frozen model, in peft's prompt tuning format.

peft puts them before the first token of a text, its BOS included, and counts positions from the first vector. Here every
row of a packed batch gets them at its head, so that each row is computed as peft computes it alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from medlms.config import SoftPrompt
from medlms.models.load import Loaded
from medlms.text.pack import Batch


def create(loaded: Loaded, settings: SoftPrompt, *, instruction: str, seed: int) -> Any:
    """Put a new soft prompt before a loaded model (frozen, in place) and return the peft model."""
    from peft import PromptTuningConfig, get_peft_model

    config = PromptTuningConfig(num_virtual_tokens=settings.length, task_type="CAUSAL_LM")
    torch.manual_seed(seed)
    first = _beginning(loaded, settings, instruction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded.adapted = get_peft_model(loaded.model, config)
    embedding = loaded.adapted.prompt_encoder[loaded.adapted.active_adapter].embedding
    embedding.weight = torch.nn.Parameter(first)
    return loaded.adapted


def vectors(model: Any) -> Tensor | None:
    """The soft prompt [length, width] of a peft model; None where there is none."""
    encoder = getattr(model, "prompt_encoder", None)
    if encoder is None:
        return None
    weight: Tensor = encoder[model.active_adapter].embedding.weight
    return weight


def length_of(model: Any) -> int:
    """Places that the soft prompt of a model takes in every row; 0 where there is none."""
    held = vectors(model)
    return 0 if held is None else len(held)


def longer_starts(starts: Sequence[int], length: int) -> list[int]:
    """Offsets of packed rows (and their end) once each has ``length`` places more at its head."""
    return [start + number * length for number, start in enumerate(starts)]


def hidden_states(body: Any, prompt: Tensor, batch: Batch, **extra: Any) -> Tensor:
    """Last hidden states [tokens, width] of the text tokens of packed rows, each behind the vectors [length, width].

    States of the vectors themselves are left out, so that the places of ``batch`` hold.
    """
    embedded = body.get_input_embeddings()(batch.ids)[0]
    length = len(prompt)
    parts: list[Tensor] = []
    for start, end in pairwise(batch.starts):
        # Cast a row at a time: gradients of the rows are then summed in the precision of the vectors.
        parts += [prompt.to(embedded.dtype), embedded[start:end]]
    starts = longer_starts(batch.starts, length)
    device = embedded.device
    positions = torch.cat([torch.arange(end - start, device=device) for start, end in pairwise(starts)])
    out = body(inputs_embeds=torch.cat(parts)[None], position_ids=positions[None], row_starts=starts, **extra)
    states: Tensor = out.last_hidden_state[0]
    return states[positions >= length]


@torch.no_grad()
def _beginning(loaded: Loaded, settings: SoftPrompt, instruction: str) -> Tensor:
    """What the vectors begin as, in fp32."""
    embeddings = loaded.model.get_input_embeddings()
    if settings.init == "instruction":
        ids = list(loaded.tokenizer(instruction, add_special_tokens=False)["input_ids"])
        ids = (ids * -(-settings.length // len(ids)))[: settings.length]
    else:
        ids = torch.randint(0, embeddings.num_embeddings, (settings.length,)).tolist()
    first: Tensor = embeddings(torch.tensor(ids, device=loaded.device))
    return first.detach().float().clone()
