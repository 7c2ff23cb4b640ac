"""Mistral 7B and the models of its architecture."""

from __future__ import annotations

from medlms.models.families import Chat, Family
from medlms.models.families._formats import GATED_LAYERS

FAMILY = Family(
    name="mistral",
    title="Mistral 7B",
    model_types=("mistral",),
    modules=GATED_LAYERS,
    chats=(
        Chat(
            name="mistral",
            mark="[INST]",
            wording="<s>[INST] {question} [/INST] {answer}</s>",
            ends=("</s>",),
        ),
    ),
    base_ends=("</s>",),
    tied=False,
    window="sliding_window",
    traps=(
        "No system turn: the instruction stands before the first question.",
        "v0.1 sees 4,096 tokens back (sliding window), v0.2 all 32,768; the window has to be in the mask, also in the cache.",
        "No pad token; rows are packed here, so none is needed.",
    ),
)
