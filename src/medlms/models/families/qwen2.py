"""Qwen2 and Qwen2.5."""

from __future__ import annotations

from dataclasses import replace

from medlms.models.families import Family
from medlms.models.families._formats import CHATML, GATED_LAYERS

FAMILY = Family(
    name="qwen2",
    title="Qwen2 and Qwen2.5",
    model_types=("qwen2",),
    modules=GATED_LAYERS,
    chats=(replace(CHATML, ends=("<|im_end|>", "<|endoftext|>")),),
    base_ends=("<|endoftext|>",),
    window="sliding_window",
    traps=(
        "q_proj, k_proj and v_proj have a bias, the other layers none.",
        "The config names a sliding window that use_sliding_window turns off.",
        "Base and Instruct carry the same chat template: a base model looks like a chat model.",
        "No beginning-of-text token; the template puts in a system message of its own where none is given.",
        "The vocabulary of the config (151,936) is larger than the tokenizer's: the last rows are never used.",
    ),
)
