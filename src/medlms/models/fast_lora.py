"""The LoRA forward and backward that adapted layers run through while training: exact, with dropout, over shared inputs.

peft makes, stores and merges the adapters; this module only replaces how its layers compute. Layers that read the same
input (q, k and v; gate and up) are computed together: one dropout mask, one matrix product with their base weights, one
with their A matrices. Only the input, the mask and the rank-r activations are kept for the backward pass.

Base weights in 4 bit (NF4) are unpacked strip by strip in both passes, and nothing of what was unpacked is kept.

For input x [tokens, in], mask m in {0, 1}, keep probability p and layer i:  y_i = x W_i^T + b_i + (s_i / p) (m * x) A_i^T B_i^T
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from medlms.models import fast_layers, native, overriding
from medlms.models.dropout import Mask, Masks, mask_of
from medlms.models.four_bit import PackedWeights, is_four_bit
from medlms.models.lora_step import dropped, lora_backward, lora_forward

SHARED_INPUTS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class _SharedLora(torch.autograd.Function):
    """All adapted layers that read one input, as one node of the graph."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mask: Mask | None, weight: Tensor | PackedWeights, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        """As ``lora_forward``, behind the dropout of ``mask``."""
        out, low = lora_forward(x, dropped(x, mask), weight, a, b, scale)
        # The mask's words too: gradient checkpointing lets go of what is kept here, and of nothing else.
        ctx.save_for_backward(x, low, a, b, None if mask is None else mask.words)
        ctx.mask = None if mask is None else (mask.shape, mask.keep)
        ctx.weight, ctx.scale = weight, scale  # weights are frozen: autograd need not watch them
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for x, a and b."""
        x, low, a, b, words = ctx.saved_tensors
        mask, through = mask_of(words, ctx.mask), ctx.needs_input_grad[0]
        grad_x, grad_a, grad_b = lora_backward(grad, mask, x, low, ctx.weight, a, b, ctx.scale, through=through)
        return grad_x, None, None, grad_a, grad_b, None


@dataclass
class Group:
    """Adapted layers that read one input. The first that is called computes all; the others take their share."""

    layers: list[Any]
    index: int
    adapter: str
    masks: Masks | None
    weight: Tensor | PackedWeights
    bias: Tensor | None
    bounds: list[int]
    scale: float
    pending: dict[int, Tensor] = field(default_factory=dict)
    source: Tensor | None = None
    stacked: tuple[Tensor, Tensor] | None = None

    def forward(self, position: int, x: Tensor) -> Tensor:
        """The output of the layer at ``position`` for ``x`` [..., in]."""
        if self.source is x and position in self.pending:
            return self._take(position)
        self.pending = dict(enumerate(self._all(x)))
        self.source = x
        return self._take(position)

    def _take(self, position: int) -> Tensor:
        out = self.pending.pop(position)
        if not self.pending:
            self.source = None
        return out

    def _all(self, x: Tensor) -> list[Tensor]:
        out = self.joint(x.reshape(-1, x.shape[-1]))
        return [part.view(*x.shape[:-1], -1) for part in out.split(self.bounds, dim=-1)]

    def joint(self, x: Tensor) -> Tensor:
        """Outputs of all layers beside one another [tokens, sum of outs] for ``x`` [tokens, in]."""
        out: Tensor = _SharedLora.apply(x, *self.parts(x.shape, x.dtype, x.device))
        return out if self.bias is None else out + self.bias

    def parts(
        self, shape: torch.Size, dtype: torch.dtype, device: torch.device
    ) -> tuple[Mask | None, Tensor | PackedWeights, Tensor, Tensor, float]:
        """What ``lora_forward`` takes behind its input of this shape: mask, base weight, A, B, scale."""
        a, b = self._stacked(dtype)
        if self.masks is None or not self.layers[0].training:
            return None, self.weight, a, b, self.scale
        mask = self.masks.draw(self.index, shape, device)
        return mask, self.weight, a, b, self.scale / self.masks.keep

    def _stacked(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A [sum of ranks, in] and block-diagonal B [out, sum of ranks]; kept where nothing is being learned."""
        if self.stacked is not None and not torch.is_grad_enabled():
            return self.stacked
        a = torch.cat([layer.lora_A[self.adapter].weight for layer in self.layers]).to(dtype)
        b = torch.block_diag(*[layer.lora_B[self.adapter].weight for layer in self.layers]).to(dtype)
        self.stacked = None if torch.is_grad_enabled() else (a, b)
        return a, b


@contextmanager
def fast_lora(
    model: nn.Module, *, adapter: str = "default", seed: int = 0, compiled: bool | None = True
) -> Iterator[tuple[Masks | None, str]]:
    """Run the adapters of a peft model through this module's forward and backward inside the ``with`` block.

    Yields the dropout masks (set ``step`` and ``rows`` before each forward; None without dropout) and a sentence that
    says how many layers run which path. Layers that it does not know (8-bit, other adapter methods) stay peft's own.
    ``compiled``: what lies between matrix products runs through native.c where that can be built; None where nothing is
    learned, so that only 4-bit weights gain by it.
    """
    groups, left = _groups(model, adapter, seed)
    undo: list[Callable[[], None]] = []
    for group in groups:
        for position, layer in enumerate(group.layers):
            undo.append(_override(layer, group, position))
    whole, fused = fast_layers.override(model, {layer: group for group in groups for layer in group.layers})
    undo += whole
    count = sum(len(group.layers) for group in groups)
    said = f"{count} adapted layers in {len(groups)} shared-input groups run the fused LoRA step"
    packed = sum(len(group.layers) for group in groups if isinstance(group.weight, PackedWeights))
    said += f", {packed} of them over 4-bit weights" if packed else ""
    said += f", {fused} norms, attentions and feed-forwards run as one node each" if fused else ""
    said += f"; {left} run peft's own forward" if left else ""
    library, how = _library(groups, compiled)
    said += f"; between matrix products: {how}" if how else ""
    try:
        with native.using(library):
            yield (groups[0].masks if groups else None), said
    finally:
        for restore in reversed(undo):
            restore()


def _library(groups: list[Group], compiled: bool | None) -> tuple[native.Native | None, str]:
    packed = any(isinstance(group.weight, PackedWeights) for group in groups)
    if (
        not groups
        or groups[0].layers[0].get_base_layer().weight.device.type != "cpu"
        or (compiled is None and not packed)
    ):
        return None, ""
    if compiled is False:
        return None, "torch, as asked"
    library, how = native.built()
    said = f"own code ({how})" if library else f"torch ({how})"
    return library, "" if compiled is None else said


def shared_inputs(model: nn.Module, adapter: str = "default", *, seed: int = 0) -> tuple[list[list[Any]], Masks | None]:
    """Adapted layers that share an input and so a mask, in the order of their masks' numbers; and the masks."""
    groups, _ = _groups(model, adapter, seed)
    return [group.layers for group in groups], groups[0].masks if groups else None


def _override(layer: Any, group: Group, position: int) -> Callable[[], None]:
    def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if layer.disable_adapters:
            base: Tensor = layer.get_base_layer()(x)
            return base
        return group.forward(position, x)

    return overriding.override(layer, forward)


def _groups(model: nn.Module, adapter: str, seed: int) -> tuple[list[Group], int]:
    from peft.tuners.lora import LoraLayer

    adapted = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    known = {name: layer for name, layer in adapted.items() if _is_known(layer, adapter)}
    rates = {_dropout(layer, adapter) for layer in known.values()}
    masks = Masks(seed, 1 - max(rates)) if rates and max(rates) > 0 else None
    groups: list[Group] = []
    done: set[str] = set()
    for name, layer in known.items():
        if name in done:
            continue
        parent, _, leaf = name.rpartition(".")
        family = next((names for names in SHARED_INPUTS if leaf in names), (leaf,))
        members = [f"{parent}.{other}" for other in family if f"{parent}.{other}" in known]
        members = [member for member in members if _joins(known[member], layer, adapter)]
        done.update(members)
        groups.append(_group([known[member] for member in members], len(groups), adapter, masks))
    return groups, len(adapted) - len(known)


def _is_known(layer: Any, adapter: str) -> bool:
    from transformers.pytorch_utils import Conv1D

    base = layer.get_base_layer()
    plain = type(base) in (nn.Linear, Conv1D) and base.weight.is_floating_point()
    return bool(
        (plain or is_four_bit(base))
        and adapter in layer.lora_A
        and not layer.use_dora.get(adapter, False)
        and not layer.lora_bias.get(adapter, False)
        and not layer.merged
        and not layer.disable_adapters
    )


def _joins(layer: Any, first: Any, adapter: str) -> bool:
    same = layer.scaling[adapter] == first.scaling[adapter] and _dropout(layer, adapter) == _dropout(first, adapter)
    one, other = layer.get_base_layer(), first.get_base_layer()
    return bool(same and (one.bias is None) == (other.bias is None) and is_four_bit(one) == is_four_bit(other))


def _dropout(layer: Any, adapter: str) -> float:
    return float(getattr(layer.lora_dropout[adapter], "p", 0.0))


def stack(bases: list[Any], weights: list[Tensor], turned: list[bool]) -> Tensor:
    """The weights [out, in] of several layers as one; the layers then look into it, so that memory holds them once."""
    first = weights[0]
    if len(weights) == 1:
        return first
    ends = [weight.data_ptr() + weight.nbytes for weight in weights]
    if all(weight.is_contiguous() for weight in weights) and ends[:-1] == [weight.data_ptr() for weight in weights[1:]]:
        storages = {weight.untyped_storage().data_ptr() for weight in weights}
        if len(storages) == 1:
            return first.as_strided((sum(weight.shape[0] for weight in weights), first.shape[1]), (first.shape[1], 1))
    with torch.inference_mode(False):  # also after answers: what is stacked here may be trained through later
        stacked = torch.cat(weights)
    start = 0
    for base, weight, turn in zip(bases, weights, turned, strict=True):
        part = stacked[start : start + weight.shape[0]]
        base.weight.data = part.t() if turn else part
        start += weight.shape[0]
    return stacked


def _group(layers: list[Any], index: int, adapter: str, masks: Masks | None) -> Group:
    bases = [layer.get_base_layer() for layer in layers]
    weight: Tensor | PackedWeights
    if is_four_bit(bases[0]):
        weight = PackedWeights(bases)
        bounds = weight.rows
    else:
        turned = [bool(layer.fan_in_fan_out) for layer in layers]
        weights = [base.weight.data.t() if turn else base.weight.data for base, turn in zip(bases, turned, strict=True)]
        weight = stack(bases, weights, turned)
        bounds = [part.shape[0] for part in weights]
    biases = [base.bias.data for base in bases if base.bias is not None]
    return Group(
        layers=layers,
        index=index,
        adapter=adapter,
        masks=masks if _dropout(layers[0], adapter) > 0 else None,
        weight=weight,
        bias=torch.cat(biases) if biases else None,
        bounds=bounds,
        scale=float(layers[0].scaling[adapter]),
    )
