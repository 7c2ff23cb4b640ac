"""Qwen3, the dense models."""

from __future__ import annotations

from medlms.models.families import Chat, Family

FAMILY = Family(
    name="qwen3",
    title="Qwen3 (dense)",
    model_types=("qwen3",),
    modules=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    chats=(
        Chat(
            name="chatml",
            mark="<|im_start|>",
            wording="<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
            "<|im_start|>assistant\n{answer}<|im_end|>\n",
            ends=("<|im_end|>", "<|endoftext|>"),
        ),
    ),
    base_ends=("<|endoftext|>",),
    window="sliding_window",
    traps=(
        "Queries and keys are normed before they meet, and head_dim is 128 whatever the width.",
        "The template of the hybrid models writes an empty <think> block before an answer in training but not in a prompt.",
    ),
)
