"""Llama 2, Llama 3 and the models of their architecture, such as SmolLM2."""

from __future__ import annotations

from medlms.models.families import Chat, Family
from medlms.models.families._formats import CHATML, GATED_LAYERS

FAMILY = Family(
    name="llama",
    title="Llama 2 and 3, SmolLM2",
    model_types=("llama",),
    modules=GATED_LAYERS,
    chats=(
        Chat(
            name="llama-3",
            mark="<|start_header_id|>",
            wording="<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\n{question}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n{answer}<|eot_id|>",
            ends=("<|eot_id|>", "<|end_of_text|>"),
        ),
        Chat(
            name="llama-2",
            mark="<<SYS>>",
            wording="<s>[INST] <<SYS>>\n{system}\n<</SYS>>\n\n{question} [/INST] {answer} </s>",
            ends=("</s>",),
        ),
        CHATML,
    ),
    base_ends=("</s>", "<|end_of_text|>", "<|endoftext|>"),
    traps=(
        "Llama 3 has two ends: <|eot_id|> ends a turn and <|end_of_text|> a text; early copies of the Instruct model name "
        "only the second, and answers then never stop.",
        "Llama 2 and 3 bring no pad token; rows are packed here, so none is needed.",
        "Llama 2's template writes the beginning of the text itself: a tokenizer that adds one too gives two.",
        "SmolLM2 reads numbers digit by digit; a GGUF file's tokenizer loses that step in transformers.",
        "SmolLM2's chat template puts in a system message of its own where none is given.",
    ),
)
