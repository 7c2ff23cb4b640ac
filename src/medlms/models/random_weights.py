"""A model of an exact shape with random weights, made layer by layer, so that it never needs more memory than when loaded.

Linear layers are quantised to NF4 as soon as they are drawn; embeddings, head and norms stay in the working precision.
The same seed gives the same weights.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medlms.errors import AskedWrongly, ModelError
from medlms.models import attention, heap, load
from medlms.models.fetch import Located
from medlms.models.load import Loaded


@dataclass(frozen=True)
class Sizes:
    """What the weights of a shape are: those that 4 bit shrinks, and the others, tied ones counted once."""

    linear: int
    other: int


def skeleton(shape: Mapping[str, Any], dtype: torch.dtype) -> Any:
    """The model without any weights (on the meta device); ``shape`` holds transformers' config keys, model_type included."""
    load.quiet()
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    attention.register()
    try:
        keys = {name: value for name, value in shape.items() if name not in ("model_type", "transformers_version")}
        config = AutoConfig.for_model(str(shape["model_type"]), **keys)
        load.settle_family(config, lambda _: None)
        with init_empty_weights(include_buffers=False):
            model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention.PACKED)
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"transformers makes no model of this shape: {error}", hint="Is model_type right?") from None
    model.tie_weights()
    return model.eval().requires_grad_(False)


def sizes(model: Any) -> Sizes:
    """The weights of a skeleton."""
    linear = sum(module.weight.numel() for _, module in _linear(model))
    return Sizes(linear, sum(parameter.numel() for parameter in model.parameters()) - linear)


def fill(
    model: Any, *, dtype: torch.dtype, four_bit: bool, seed: int, progress: Callable[[int, int], None] = lambda *_: None
) -> Any:
    """Give a skeleton random weights (in place), 4 bit where asked and possible; returns the model.

    A model without a layer that can be quantised (GPT-2's Conv1D) stays in ``dtype``.
    """
    chosen = dict(_linear(model)) if four_bit else {}
    modules = [(name, module) for name, module in model.named_modules() if list(module.parameters(recurse=False))]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for done, (name, module) in enumerate(modules):
            progress(done, len(modules))
            if all(parameter.device.type != "meta" for parameter in module.parameters(recurse=False)):
                continue  # tied to what was drawn already
            module.to_empty(device="cpu", recurse=False)
            model._init_weights(module)
            if name in chosen:
                parent, _, leaf = name.rpartition(".")
                setattr(model.get_submodule(parent), leaf, _quantised(module, dtype))
                module.register_parameter("weight", None)  # the list above still holds the module
                heap.trim()  # what quantising freed would pile up, in gaps too small for the next matrix
            elif isinstance(module, nn.Embedding):
                model.tie_weights()  # a head that shares these weights must not be drawn anew
        progress(len(modules), len(modules))
    if chosen:
        _as_if_loaded(model, dtype)
    return model.eval().requires_grad_(False)


def loaded(model: Any, name: str, dtype: torch.dtype, why: str, tokenizer: Any) -> Loaded:
    """The model as the other rooms take it."""
    family = load.settle_family(model.config, lambda _: None)
    return Loaded(
        located=Located(name=name, folder=Path(), note="random weights"),
        model=model,
        tokenizer=tokenizer,
        device=torch.device("cpu"),
        dtype=dtype,
        why=why,
        context=load.context_of(model.config, family, lambda _: None),
        stops=frozenset({tokenizer.eos_token_id}),
        family=family,
    )


def in_working_precision(asked: str) -> tuple[torch.dtype, str]:
    """The working precision of this processor and why: what ``load`` would choose."""
    return load.choose_dtype(asked, torch.device("cpu"))


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write weights (in shards, so that no copy of all is made), config and tokenizer as ``load`` reads them."""
    model.save_pretrained(folder, max_shard_size="1GB")
    tokenizer.save_pretrained(folder)


def checksum(model: Any) -> int:
    """CRC-32 over the bytes of the base weights and their quantisation scales; adapters are left out."""
    value = 0
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            continue
        state = getattr(parameter, "quant_state", None)
        parts = [parameter.data] if state is None else [parameter.data, state.absmax]
        if state is not None and state.nested:
            parts += [state.state2.absmax, state.offset]
        for part in parts:
            value = zlib.crc32(part.detach().contiguous().reshape(-1).view(torch.uint8).numpy(), value)
    return value


def _linear(model: Any) -> list[tuple[str, nn.Linear]]:
    """The layers that loading in 4 bit quantises: every linear one but the head."""
    head = model.get_output_embeddings()
    return [
        (name, module) for name, module in model.named_modules() if type(module) is nn.Linear and module is not head
    ]


def _quantised(module: nn.Linear, dtype: torch.dtype) -> Any:
    try:
        from bitsandbytes.nn import Linear4bit, Params4bit
    except ImportError:
        raise AskedWrongly("4 bit needs bitsandbytes.", hint="pip install 'medlms[4bit]'") from None
    new = Linear4bit(
        module.in_features,
        module.out_features,
        bias=module.bias is not None,
        compute_dtype=dtype,
        quant_type="nf4",
        device="meta",
    )
    new.weight = Params4bit(module.weight.data, requires_grad=False, quant_type="nf4", module=new).to("cpu")
    new.bias = module.bias
    return new


def _as_if_loaded(model: Any, dtype: torch.dtype) -> None:
    """Marks by which peft and transformers know a model whose layers are in 4 bit, for adapters and for saving."""
    from transformers.quantizers import AutoHfQuantizer

    model.hf_quantizer = AutoHfQuantizer.from_config(load.four_bit_config(dtype), pre_quantized=True)
    model.config.quantization_config = model.hf_quantizer.quantization_config
    model.is_loaded_in_4bit = True
    load.keep_four_bit(model)
