"""Chat formats and layers that several families share."""

from __future__ import annotations

from medlms.models.families import Chat

GATED_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

CHATML = Chat(
    name="chatml",
    mark="<|im_start|>",
    wording="<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
    "<|im_start|>assistant\n{answer}<|im_end|>\n",
    ends=("<|im_end|>",),
)
GEMMA = Chat(
    name="gemma",
    mark="<start_of_turn>",
    wording="<bos><start_of_turn>user\n{question}<end_of_turn>\n<start_of_turn>model\n{answer}<end_of_turn>\n",
    ends=("<end_of_turn>", "<eos>"),
)
