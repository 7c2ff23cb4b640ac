"""GPT-2, DistilGPT2 and BioMedLM: base models, learned positions, layers stored the other way round."""

from __future__ import annotations

from medlms.models.families import Family

FAMILY = Family(
    name="gpt2",
    title="GPT-2, DistilGPT2, BioMedLM",
    model_types=("gpt2",),
    modules=("c_attn", "c_proj", "c_fc"),
    conv1d=("c_attn", "c_proj", "c_fc"),
    context=("n_positions",),
    fixed_context=True,
    base_ends=("<|endoftext|>",),
    tied=True,
    dropouts=("attn_pdrop", "embd_pdrop", "resid_pdrop"),
    traps=(
        "Layers are Conv1D, with weights [in, out], which peft calls fan_in_fan_out; 4-bit loading turns them into linear "
        "layers, so an adapter made there says fan_in_fan_out: false, and peft corrects it on the plain base.",
        "c_attn holds queries, keys and values in one; c_proj stands in the attention and in the feed-forward part.",
        "The table of positions ends at 1,024: a longer text has no position at all.",
        "No chat template, no turns, no pad token; beginning and end are one token, <|endoftext|>.",
        "The config has dropout of 0.1 in three places, which would be on while adapters are tuned.",
        "BioMedLM divides attention scores by the layer's number (scale_attn_by_inverse_layer_idx).",
    ),
)
