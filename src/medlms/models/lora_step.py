"""The arithmetic of adapted layers that read one input: forward, and backward by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from medlms.models import native
from medlms.models.dropout import Mask, mask_, masked
from medlms.models.four_bit import PackedWeights


def lora_forward(
    x: Tensor, seen: Tensor, weight: Tensor | PackedWeights, a: Tensor, b: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Output [tokens, out] and low-rank activations [tokens, rank] of layers over ``x`` [tokens, in].

    ``seen`` is what the adapters see of x behind dropout. ``weight`` [out, in] (whole or in 4 bit) and ``a`` [rank, in] are
    stacked over layers, ``b`` [out, rank] is block diagonal.
    """
    low = seen @ a.t()
    out = x @ weight.t() if isinstance(weight, Tensor) else weight.product(x)
    return out.addmm_(low, b.t(), alpha=scale), low


def lora_backward(
    grad: Tensor,
    mask: Mask | None,
    x: Tensor,
    low: Tensor,
    weight: Tensor | PackedWeights,
    a: Tensor,
    b: Tensor,
    scale: float,
    *,
    through: bool,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Gradients for x (where ``through``), a and b; the base weight is frozen."""
    opened = None if mask is None or native.of(x) is not None else mask.opened()
    grad_low, grad_b = low_gradients(grad, low, b, scale)
    grad_a = grad_low.t() @ dropped(x, mask, opened)
    if not through:
        return None, grad_a, grad_b
    grad_x = dropped(grad_low @ a, mask, opened, in_place=True)
    return add_back(grad_x, grad, weight), grad_a, grad_b


def dropped(x: Tensor, mask: Mask | None, opened: Tensor | None = None, *, in_place: bool = False) -> Tensor:
    """``x`` with dropped entries set to 0; ``opened`` is the mask's, where it was opened already."""
    if mask is None:
        return x
    library = native.of(x)
    if library is not None:
        return library.dropped(x, mask, x if in_place else torch.empty_like(x))
    opened = mask.opened() if opened is None else opened
    return mask_(x, opened) if in_place else masked(x, opened)


def low_gradients(grad: Tensor, low: Tensor, b: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Gradients for the low-rank activations and for b."""
    return (grad @ b).mul_(scale), (low.t() @ grad).mul_(scale).t()


def add_back(out: Tensor, grad: Tensor, weight: Tensor | PackedWeights) -> Tensor:
    """``out`` [tokens, in], in place, plus ``grad`` [tokens, out] times the base weight."""
    return out.addmm_(grad, weight) if isinstance(weight, Tensor) else weight.add_back(out, grad)


def through_base(grad: Tensor, weight: Tensor | PackedWeights) -> Tensor:
    """``grad`` [tokens, out] times the base weight: [tokens, in]."""
    return grad @ weight if isinstance(weight, Tensor) else weight.back(grad)
