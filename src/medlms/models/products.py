"""A layer's matrix product for reading alone: plain, in the order that the processor's kernels like best, or in 8 bits.

Layers that read one input are one product. LoRA adapters are applied beside the weights in their low-rank form, or added to
them first (``merged``), which is exact but for one rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from medlms.models.decoder_passes import Passes
from medlms.models.fast_lora import stack

Kind = Literal["plain", "packed", "int8"]
ROWS = 128  # tokens at once for which kernels order the weights
FEWEST = 17  # rows that torch's 8-bit product takes at least


class Product(Protocol):
    """A product with fixed weights."""

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` [tokens, in] to [tokens, out]."""
        ...


@dataclass(frozen=True)
class Plain:
    """The weight [out, in] as it lies."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """As ``Product``."""
        return linear(x, self.weight, self.bias)


@dataclass(frozen=True)
class Packed:
    """A copy of the weight in oneDNN's own order."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """As ``Product``."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return out


@dataclass(frozen=True)
class EightBit:
    """A copy of the weight [in, out] in int8 with a scale for each output; inputs are cut to 8 bits token by token."""

    weight: Tensor
    scales: Tensor
    bias: Tensor | None
    passes: Passes

    def __call__(self, x: Tensor) -> Tensor:
        """As ``Product``, with two roundings more."""
        low, steps = self.passes.eight_bit(x)
        rows = len(x)
        if rows < FEWEST:
            low = torch.cat([low, low.new_zeros(FEWEST - rows, low.shape[1])])
        sums = torch._int_mm(low, self.weight)[:rows]
        out = self.passes.opened(sums, steps, self.scales, x.dtype)
        return out if self.bias is None else out.add_(self.bias)


@dataclass(frozen=True)
class WithLora:
    """A product and, beside it, adapters: ``down`` [rank, in], ``up`` [out, rank] with their scale in it."""

    base: Product
    down: Tensor
    up: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """As ``Product``."""
        return self.base(x).addmm_(x @ self.down.t(), self.up.t())


@dataclass(frozen=True)
class Layers:
    """Linear layers that read one input, and the adapter on each that is active, if any."""

    bases: tuple[Any, ...]
    adapters: tuple[tuple[Tensor, Tensor, float] | None, ...]

    @property
    def weight(self) -> Tensor:
        """The weights over one another: a copy where there are several."""
        return torch.cat([base.weight.data for base in self.bases]) if len(self.bases) > 1 else self.only

    @property
    def only(self) -> Tensor:
        """The weights over one another, and the layers looking into them from now on: memory holds them once."""
        weights = [base.weight.data for base in self.bases]
        return stack(list(self.bases), weights, [False] * len(weights))

    @property
    def bias(self) -> Tensor | None:
        """The biases behind one another."""
        if all(base.bias is None for base in self.bases):
            return None
        parts = [
            base.bias.data if base.bias is not None else base.weight.new_zeros(len(base.weight)) for base in self.bases
        ]
        return torch.cat(parts)

    def merged(self) -> Tensor:
        """The weights with the adapters added to them, rounded once."""
        parts = []
        for base, adapter in zip(self.bases, self.adapters, strict=True):
            weight = base.weight.data
            if adapter is not None:
                down, up, scale = adapter
                weight = (weight.float() + scale * (up.float() @ down.float())).to(weight.dtype)
            parts.append(weight)
        return torch.cat(parts)

    def low_rank(self, dtype: torch.dtype) -> tuple[Tensor, Tensor] | None:
        """All adapters as one pair: ``down`` [ranks, in] and ``up`` [out, ranks]."""
        if not any(self.adapters):
            return None
        downs = [adapter[0] for adapter in self.adapters if adapter]
        ups = [
            adapter[1] * adapter[2] if adapter else base.weight.new_zeros(len(base.weight), 0, dtype=torch.float32)
            for base, adapter in zip(self.bases, self.adapters, strict=True)
        ]
        return torch.cat(downs).to(dtype), torch.block_diag(*ups).to(dtype)


def layers(modules: Sequence[Any], adapter: str | None) -> Layers | None:
    """Modules as ``Layers``; None where one of them is more than a linear layer with a LoRA adapter."""
    bases: list[Any] = []
    adapters: list[tuple[Tensor, Tensor, float] | None] = []
    for module in modules:
        base = module.get_base_layer() if hasattr(module, "get_base_layer") else module
        if type(base) is not nn.Linear or not base.weight.is_floating_point():
            return None
        found = None
        if adapter is not None and base is not module:
            if not _known(module, adapter):
                return None
            if adapter in module.lora_A:
                found = (
                    module.lora_A[adapter].weight.data,
                    module.lora_B[adapter].weight.data,
                    float(module.scaling[adapter]),
                )
        bases.append(base)
        adapters.append(found)
    return Layers(tuple(bases), tuple(adapters))


def made(layers: Layers, kind: Kind, passes: Passes, *, merged: bool) -> Product:
    """The product of layers in the form asked for; ``merged`` adapters (always in 8 bits) cost nothing while reading."""
    pair = None if merged or kind == "int8" else layers.low_rank(layers.bases[0].weight.dtype)
    unchanged = pair is not None or not any(layers.adapters)
    weight = layers.merged() if not unchanged else layers.only if kind == "plain" else layers.weight
    base: Product
    if kind == "int8":
        values, scales = eight_bit(weight)
        base = EightBit(values.t(), scales, layers.bias, passes)
    elif kind == "packed":
        base = Packed(torch.ops.mkldnn._reorder_linear_weight(weight, ROWS), layers.bias)
    else:
        base = Plain(weight, layers.bias)
    return base if pair is None else WithLora(base, *pair)


def eight_bit(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A weight [out, in] as int8, and what one step is worth for each output (fp32 [out])."""
    wide = weight.float()
    scales = wide.abs().amax(1).clamp_(min=1e-12) / 127
    return (wide / scales[:, None]).round_().to(torch.int8), scales


def _known(module: Any, adapter: str) -> bool:
    """Whether a peft layer is LoRA as it is here: W x + s B A x."""
    return bool(
        type(module).__module__ == "peft.tuners.lora.layer"
        and adapter not in getattr(module, "lora_variant", {})
        and not module.merged
        and not module.disable_adapters
        and not module.use_dora.get(adapter, False)
        and not module.lora_bias.get(adapter, False)
        and list(module.active_adapters) == [adapter]
    )
