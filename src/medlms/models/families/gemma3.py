"""Gemma 3, the text models. Those that also read images (4B and more) are not covered."""

from __future__ import annotations

from medlms.models.families import Family
from medlms.models.families._formats import GATED_LAYERS, GEMMA

FAMILY = Family(
    name="gemma3",
    title="Gemma 3 (text)",
    model_types=("gemma3_text",),
    modules=GATED_LAYERS,
    chats=(GEMMA,),
    base_ends=("<eos>",),
    tied=True,
    window="sliding_window",
    fp16=False,
    traps=(
        "Activations leave fp16's range: bf16 or fp32 only.",
        "Five layers of six see a sliding window (512 tokens in 270M and 1B) and turn their positions with another base.",
        "Queries and keys are normed before they meet; the soft caps of Gemma 2 are gone, but the config still has the keys.",
        "Embeddings are scaled by the square root of the width, rounded to the working precision.",
        "The template has no system turn of its own: it writes the instruction before the first question.",
        "The vocabulary of 262,144 holds 63 % of the weights of 270M, and makes its table of logits very large.",
        "A base model's GGUF file brings no chat template: it is tuned with the plain one.",
    ),
)
