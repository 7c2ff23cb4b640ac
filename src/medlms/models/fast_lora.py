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

import numpy as np
import torch
from torch import Tensor, nn

from medlms.models.four_bit import PackedWeights, is_four_bit

SHARED_INPUTS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


@dataclass
class Masks:
    """Dropout masks as a function of (seed, step, row block, layer): nothing to save, the same again after a resume."""

    seed: int
    keep: float
    step: int = 0
    block: int = 0

    def draw(self, layer: int, shape: torch.Size) -> Tensor:
        """Keep-mask of ``shape`` (bool); each entry is True with probability ``keep`` rounded to 1/65536."""
        count = shape.numel()
        random = np.random.Generator(np.random.SFC64([self.seed, self.step, self.block, layer]))
        if (self.keep * 256).is_integer():
            drawn = np.frombuffer(random.bytes(count), dtype=np.uint8) < int(self.keep * 256)
        else:
            drawn = np.frombuffer(random.bytes(2 * count), dtype=np.uint16) < round(self.keep * 65536)
        return torch.from_numpy(drawn).view(shape)


class _SharedLora(torch.autograd.Function):
    """All adapted layers that read one input, as one node of the graph."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mask: Tensor | None, weight: Tensor | PackedWeights, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        """``weight`` [out, in] and ``a`` [rank, in] are stacked over layers, ``b`` [out, rank] is block diagonal."""
        low = (x if mask is None else x * mask) @ a.t()
        out = x @ weight.t() if isinstance(weight, Tensor) else weight.product(x)
        out.addmm_(low, b.t(), alpha=scale)
        ctx.save_for_backward(x, mask, low, a, b)
        ctx.weight, ctx.scale = weight, scale  # frozen: autograd need not watch it
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for x, a and b; the base weight is frozen."""
        x, mask, low, a, b = ctx.saved_tensors
        weight = ctx.weight
        grad_low = (grad @ b).mul_(ctx.scale)
        grad_a = grad_low.t() @ (x if mask is None else x * mask)
        grad_b = (grad.t() @ low).mul_(ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            through = grad_low @ a
            if mask is not None:
                through.mul_(mask)
            grad_x = through.addmm_(grad, weight) if isinstance(weight, Tensor) else weight.add_back(through, grad)
        return grad_x, None, None, grad_a, grad_b, None


@dataclass
class _Group:
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
        flat = x.reshape(-1, x.shape[-1])
        a, b = self._stacked(flat.dtype)
        training = self.masks is not None and self.layers[0].training
        mask = self.masks.draw(self.index, flat.shape).to(flat.device, flat.dtype) if training and self.masks else None
        scale = self.scale / self.masks.keep if training and self.masks else self.scale
        out = _SharedLora.apply(flat, mask, self.weight, a, b, scale)
        if self.bias is not None:
            out = out + self.bias
        return [part.view(*x.shape[:-1], -1) for part in out.split(self.bounds, dim=-1)]

    def _stacked(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A [sum of ranks, in] and block-diagonal B [out, sum of ranks]; kept where nothing is being learned."""
        if self.stacked is not None and not torch.is_grad_enabled():
            return self.stacked
        a = torch.cat([layer.lora_A[self.adapter].weight for layer in self.layers]).to(dtype)
        b = torch.block_diag(*[layer.lora_B[self.adapter].weight for layer in self.layers]).to(dtype)
        self.stacked = None if torch.is_grad_enabled() else (a, b)
        return a, b


@contextmanager
def fast_lora(model: nn.Module, *, adapter: str = "default", seed: int = 0) -> Iterator[tuple[Masks | None, str]]:
    """Run the adapters of a peft model through this module's forward and backward inside the ``with`` block.

    Yields the dropout masks (set ``step`` and ``block`` before each forward; None without dropout) and a sentence that
    says how many layers run which path. Layers that it does not know (8-bit, other adapter methods) stay peft's own.
    """
    groups, left = _groups(model, adapter, seed)
    undo: list[Callable[[], None]] = []
    for group in groups:
        for position, layer in enumerate(group.layers):
            undo.append(_override(layer, group, position))
    count = sum(len(group.layers) for group in groups)
    said = f"{count} adapted layers in {len(groups)} shared-input groups run the fused LoRA step"
    packed = sum(len(group.layers) for group in groups if isinstance(group.weight, PackedWeights))
    said += f", {packed} of them over 4-bit weights" if packed else ""
    said += f"; {left} run peft's own forward" if left else ""
    try:
        yield (groups[0].masks if groups else None), said
    finally:
        for restore in undo:
            restore()


def _override(layer: Any, group: _Group, position: int) -> Callable[[], None]:
    def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if layer.disable_adapters:
            base: Tensor = layer.get_base_layer()(x)
            return base
        return group.forward(position, x)

    before = layer.__dict__.get("forward")
    layer.forward = forward

    def restore() -> None:
        if before is None:
            del layer.forward
        else:
            layer.forward = before

    return restore


def _groups(model: nn.Module, adapter: str, seed: int) -> tuple[list[_Group], int]:
    from peft.tuners.lora import LoraLayer

    adapted = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    known = {name: layer for name, layer in adapted.items() if _is_known(layer, adapter)}
    rates = {_dropout(layer, adapter) for layer in known.values()}
    masks = Masks(seed, 1 - max(rates)) if rates and max(rates) > 0 else None
    groups: list[_Group] = []
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


def _stack(bases: list[Any], weights: list[Tensor], turned: list[bool]) -> Tensor:
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


def _group(layers: list[Any], index: int, adapter: str, masks: Masks | None) -> _Group:
    bases = [layer.get_base_layer() for layer in layers]
    weight: Tensor | PackedWeights
    if is_four_bit(bases[0]):
        weight = PackedWeights(bases)
        bounds = weight.rows
    else:
        turned = [bool(layer.fan_in_fan_out) for layer in layers]
        weights = [base.weight.data.t() if turn else base.weight.data for base, turn in zip(bases, turned, strict=True)]
        weight = _stack(bases, weights, turned)
        bounds = [part.shape[0] for part in weights]
    biases = [base.bias.data for base in bases if base.bias is not None]
    return _Group(
        layers=layers,
        index=index,
        adapter=adapter,
        masks=masks if _dropout(layers[0], adapter) > 0 else None,
        weight=weight,
        bias=torch.cat(biases) if biases else None,
        bounds=bounds,
        scale=float(layers[0].scaling[adapter]),
    )
