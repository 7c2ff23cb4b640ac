"""Qwen3, the dense models."""

from __future__ import annotations

from dataclasses import replace

from medlms.models.families import Family
from medlms.models.families._formats import CHATML, GATED_LAYERS

FAMILY = Family(
    name="qwen3",
    title="Qwen3 (dense)",
    model_types=("qwen3",),
    modules=GATED_LAYERS,
    chats=(replace(CHATML, ends=("<|im_end|>", "<|endoftext|>")),),
    base_ends=("<|endoftext|>",),
    window="sliding_window",
    traps=(
        "Queries and keys are normed before they meet, and head_dim is 128 whatever the width.",
        "The template of the hybrid models writes an empty <think> block before an answer in training but not in a prompt.",
    ),
)
