"""Gemma 1 and 1.1."""

from __future__ import annotations

from medlms.models.families import Family
from medlms.models.families._formats import GATED_LAYERS, GEMMA

FAMILY = Family(
    name="gemma",
    title="Gemma 1 and 1.1",
    model_types=("gemma",),
    modules=GATED_LAYERS,
    chats=(GEMMA,),
    base_ends=("<eos>",),
    tied=True,
    fp16=False,
    traps=(
        "Activations leave fp16's range: bf16 or fp32 only.",
        "Embeddings are scaled by the square root of the width, rounded to the working precision: fp32 and bf16 differ there.",
        "Norms multiply by 1 + weight: a weight of zero is the identity, and an average of two files is not what it seems.",
        "Without its <bos> the model answers badly; the template writes it, so the tokenizer must not add another.",
        "The vocabulary of 256,000 makes the table of logits the largest tensor of a step.",
        "The exact head_dim is 256, not hidden_size / heads (7B: 3,072 wide, 16 heads).",
    ),
)
