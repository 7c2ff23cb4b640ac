"""A merged model of the Llama kind as one GGUF file, written tensor by tensor, and opened again through transformers.

Architectures are a table: what GGUF calls them, and whether queries and keys lie interleaved there (llama.cpp turns pairs
that lie side by side where transformers turns halves).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medlms.errors import ModelError
from medlms.models import gguf_vocabulary
from medlms.models.load import Loaded

KINDS = ("f16", "bf16", "f32", "q8_0")
SHORTEST_WINDOW = 1024


@dataclass(frozen=True)
class _Architecture:
    name: str
    interleaved: bool = False


_ARCHITECTURES = {
    "llama": _Architecture("llama", interleaved=True),
    "mistral": _Architecture("llama", interleaved=True),
    "qwen2": _Architecture("qwen2"),
    "qwen3": _Architecture("qwen3"),
}


def check(model: Any, tokenizer: Any) -> list[str]:
    """Refuse, before any work, what can't be written (ModelError); returns notes on what is written otherwise."""
    config = model.config
    if config.model_type not in _ARCHITECTURES:
        raise ModelError(
            f"GGUF is written for {', '.join(_ARCHITECTURES)}; this model is a {config.model_type}.",
            hint="Use `medlms merge`, and llama.cpp's own converter on the folder.",
        )
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") != "default":
        raise ModelError(f"GGUF is not written for rotary embeddings of type {rope['rope_type']!r}.")
    if config.model_type != "qwen2" and (getattr(config, "attention_bias", 0) or getattr(config, "mlp_bias", 0)):
        raise ModelError(
            f"GGUF is not written for a {config.model_type} with biases: transformers does not read them back."
        )
    gguf_vocabulary.vocabulary(tokenizer, config.vocab_size)
    window = _window(config)
    if not window:
        return []
    if window < SHORTEST_WINDOW:
        raise ModelError(f"llama.cpp ignores the sliding window, which is {window} tokens here: not written.")
    return [f"llama.cpp ignores the sliding window: the file allows {window} tokens, within which nothing changes"]


def write(loaded: Loaded, tokenizer: Any, path: Path, *, kind: str, name: str, licence: str, base: str) -> None:
    """Write the model (merged, its weights in fp32 or 16 bits) to ``path``; matrices as ``kind``, vectors in fp32."""
    import gguf

    config = loaded.model.config
    architecture = _ARCHITECTURES[config.model_type]
    writer = gguf.GGUFWriter(path, architecture.name)
    try:
        writer.add_type("model")
        writer.add_name(name)
        writer.add_finetune("medlms")
        if licence:
            writer.add_license(licence)
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, base)
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        writer.add_file_type(getattr(gguf.LlamaFileType, _FILE_TYPES[kind]))
        _shape(writer, config)
        _vocabulary(writer, loaded, tokenizer)
        weights = dict(_tensors(loaded.model, architecture))
        types = {key: _type(tuple(tensor.shape), kind) for key, tensor in weights.items()}
        for key, tensor in weights.items():
            size = int(np.prod(gguf.quant_shape_to_byte_shape(tuple(tensor.shape), types[key])))
            writer.add_tensor_info(key, tuple(tensor.shape), np.dtype(np.float32), size, raw_dtype=types[key])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for key, tensor in weights.items():
            writer.write_tensor_data(_quantised(_array(key, tensor, config, architecture), types[key]))
    finally:
        writer.close()


_FILE_TYPES = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "q8_0": "MOSTLY_Q8_0"}
_PLAIN = (0, 1)  # GGML's numbers of F32 and F16


def open_alone(path: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """The model (in ``dtype``) and tokenizer of a GGUF file through transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        dtype=dtype,
        quantization_config=GgufConfig(dequantize=True),
        attn_implementation="eager",
        local_files_only=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, local_files_only=True)
    return model.to(dtype).eval(), tokenizer


def _window(config: Any) -> int:
    used = getattr(config, "use_sliding_window", True)
    return int(getattr(config, "sliding_window", None) or 0) if used else 0


def _shape(writer: Any, config: Any) -> None:
    heads = config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    rope = getattr(config, "rope_parameters", None) or {}
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(_window(config) or config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or getattr(config, "rope_theta", None) or 10_000.0))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _vocabulary(writer: Any, loaded: Loaded, tokenizer: Any) -> None:
    held = gguf_vocabulary.vocabulary(tokenizer, loaded.model.config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(held.pre)
    writer.add_token_list(held.tokens)
    writer.add_token_types(held.kinds)
    writer.add_token_merges(held.merges)
    for add, number in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
    ):
        if number is not None:
            add(number)
    others = sorted(loaded.stops - {tokenizer.eos_token_id})
    if others:
        writer.add_eot_token_id(others[0])
    natural = tokenizer("a")["input_ids"]
    writer.add_add_bos_token(bool(natural) and natural[0] == tokenizer.bos_token_id)
    writer.add_chat_template(tokenizer.chat_template)


def _tensors(model: Any, architecture: _Architecture) -> Iterator[tuple[str, Any]]:
    """(GGUF's name, parameter); a head that is the embedding is left out. ModelError for one that GGUF has no name for."""
    import gguf

    number = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture.name)
    names = gguf.get_tensor_name_map(number, model.config.num_hidden_layers)
    for own, parameter in model.named_parameters():  # tied ones come once
        name = names.get_name(own, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ModelError(f"GGUF has no name for {own} of this model.", hint="Use `medlms merge`.")
        yield name, parameter


def _array(name: str, parameter: Any, config: Any, architecture: _Architecture) -> Any:
    array = parameter.detach().float().cpu().numpy()
    if architecture.interleaved and (".attn_q." in name or ".attn_k." in name):
        heads = config.num_attention_heads if ".attn_q." in name else config.num_key_value_heads
        array = interleaved(array, heads)
    return array


def interleaved(array: Any, heads: int) -> Any:
    """Rows of queries or keys [heads * size, ...] in GGUF's order: number i of a head's first half before that of its second."""
    halves = array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:])
    return halves.swapaxes(1, 2).reshape(array.shape)


def _type(shape: tuple[int, ...], kind: str) -> Any:
    """Vectors stay in fp32; rows that blocks of 32 do not fill go as f16 where ``q8_0`` is asked."""
    from gguf import GGMLQuantizationType

    if len(shape) < 2:
        return GGMLQuantizationType.F32
    fitting = "f16" if kind == "q8_0" and shape[-1] % 32 else kind
    return GGMLQuantizationType[fitting.upper()]


def _quantised(array: Any, kind: Any) -> Any:
    from gguf import quants

    array = np.ascontiguousarray(array)
    if kind in _PLAIN:
        return array.astype(np.float32 if kind == 0 else np.float16)
    return quants.quantize(array, kind)
