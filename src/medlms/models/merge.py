"""An adapter folded into its base's weights, layer by layer in fp32; bases in 4 bit are unpacked into plain layers first.

peft does the folding, so every method and layer that it knows (Conv1D among them) is folded as it was tuned.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medlms.errors import ModelError
from medlms.models import adapters, four_bit
from medlms.models.load import Loaded


def in_four_bit(model: Any) -> bool:
    """Whether layers of the base lie in 4 bit."""
    return any(four_bit.is_four_bit(module) for module in model.modules())


def in_eight_bit(model: Any) -> bool:
    """Whether layers of the base lie in 8 bit (bitsandbytes), whose products round what they read as well."""
    return any(type(module).__name__ == "Linear8bitLt" for module in model.modules())


def compute_in_fp32(model: Any) -> None:
    """Make a base in 4 bit answer in fp32 (in place): the same codes and scales, unpacked without rounding to 16 bits."""
    for module in model.modules():
        if four_bit.is_four_bit(module):
            module.compute_dtype, module.compute_type_is_set = torch.float32, True
            module.weight.quant_state.dtype = torch.float32
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point() and getattr(tensor, "quant_state", None) is None:
            tensor.data = tensor.data.float()


def without_adapter(loaded: Loaded) -> None:
    """Take the adapter off again (in place); the base's weights are as they were."""
    if loaded.adapted is not None:
        loaded.model = loaded.adapted.unload()
        loaded.adapted = None


def unpack(loaded: Loaded, dtype: torch.dtype) -> None:
    """Put linear layers with the unpacked weights, in ``dtype``, in the place of 4-bit ones (in place), one at a time."""
    model = loaded.model
    for name, module in list(model.named_modules()):
        if not four_bit.is_four_bit(module):
            continue
        with torch.device("meta"):
            plain = nn.Linear(module.in_features, module.out_features, bias=module.bias is not None, dtype=dtype)
        weight = torch.empty(module.out_features, module.in_features, dtype=dtype, device=module.weight.device)
        for low, rows in four_bit.unpacked(module, torch.float32):
            weight[low : low + len(rows)] = rows
        plain.weight = nn.Parameter(weight, requires_grad=False)
        if module.bias is not None:
            plain.bias = nn.Parameter(module.bias.data.to(dtype), requires_grad=False)
        model.set_submodule(name, plain)
        # The list still holds the module: its packed weights must go before the next ones are unpacked.
        module.register_parameter("weight", None)
    _forget_quantisation(model)


def _forget_quantisation(model: Any) -> None:
    """Take off the marks by which transformers and peft know a quantised model."""
    model.config.__dict__.pop("quantization_config", None)
    model.hf_quantizer = None
    model.is_quantized = model.is_loaded_in_4bit = False
    for name in ("quantization_method", "_is_quantized_training_enabled", "_pre_quantization_dtype"):
        model.__dict__.pop(name, None)


def merge(loaded: Loaded, adapter: Path) -> Any:
    """Fold the adapter of a folder into a plain base (in place, each layer in fp32, rounded once); returns the model.

    ModelError when the adapter does not fit, holds numbers that are none, or changes nothing.
    """
    tied = _tied(loaded.model)
    adapted = loaded.adapted if loaded.adapted is not None else adapters.attach(loaded, adapter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            folded = sum(_fold(module) for module in adapted.modules() if _is_layer(module))
            loaded.model = adapted.merge_and_unload(safe_merge=True)
        except ValueError as error:
            raise ModelError(
                f"{adapter}: can't be merged: {(str(error).splitlines() or ['?'])[0]}",
                hint="Did training diverge? Take an earlier adapter.",
            ) from None
    loaded.adapted = None
    if not folded:
        raise ModelError(f"{adapter}: the adapter has no layer in this model that could be merged.")
    if tied and not _tied(loaded.model):
        raise ModelError(
            "This base's head is its embedding, and the adapter changed one of them alone.",
            hint="Use it as an adapter: it can't be merged into one file of weights.",
        )
    loaded.model.requires_grad_(False)
    return loaded.model.eval()


def _is_layer(module: Any) -> bool:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return isinstance(module, BaseTunerLayer) and hasattr(module, "merge")


def _fold(module: Any) -> int:
    """Merge one layer in fp32 and give its weights their type back; returns 1."""
    own = {name: parameter.dtype for name, parameter in module.get_base_layer().named_parameters(recurse=False)}
    module.float()
    module.merge(safe_merge=True)
    for name, parameter in module.get_base_layer().named_parameters(recurse=False):
        parameter.data = parameter.data.to(own[name])
    return 1


def _tied(model: Any) -> bool:
    head, words = model.get_output_embeddings(), model.get_input_embeddings()
    return head is not None and head.weight is words.weight
