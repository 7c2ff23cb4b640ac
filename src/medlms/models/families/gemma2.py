"""Gemma 2."""

from __future__ import annotations

from medlms.models.families import Family
from medlms.models.families._formats import GATED_LAYERS, GEMMA

FAMILY = Family(
    name="gemma2",
    title="Gemma 2",
    model_types=("gemma2",),
    modules=GATED_LAYERS,
    chats=(GEMMA,),
    base_ends=("<eos>",),
    tied=True,
    window="sliding_window",
    fp16=False,
    traps=(
        "Activations leave fp16's range: bf16 or fp32 only.",
        "Soft caps: attention scores are bent by 50 * tanh(score / 50), logits by 30 * tanh(logit / 30). An attention that "
        "leaves the cap out computes another model.",
        "Every other layer sees a sliding window of 4,096 tokens.",
        "Attention is scaled by query_pre_attn_scalar, not by the size of a head.",
        "Embeddings are scaled by the square root of the width, rounded to the working precision.",
    ),
)
