"""The arithmetic of adapted layers that read one input: forward, and backward by hand."""

from __future__ import annotations

from torch import Tensor

from medlms.models.dropout import Mask, mask_, masked
from medlms.models.four_bit import PackedWeights


def lora_forward(
    x: Tensor, mask: Mask | None, weight: Tensor | PackedWeights, a: Tensor, b: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Output [tokens, out] and low-rank activations [tokens, rank] of layers over ``x`` [tokens, in].

    ``weight`` [out, in] (whole or in 4 bit) and ``a`` [rank, in] are stacked over layers, ``b`` [out, rank] is block diagonal.
    """
    low = (x if mask is None else masked(x, mask.opened())) @ a.t()
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
    opened = None if mask is None else mask.opened()
    grad_low = (grad @ b).mul_(scale)
    grad_a = grad_low.t() @ (x if opened is None else masked(x, opened))
    grad_b = (low.t() @ grad).mul_(scale).t()
    if not through:
        return None, grad_a, grad_b
    grad_x = grad_low @ a
    if opened is not None:
        mask_(grad_x, opened)
    grad_x = grad_x.addmm_(grad, weight) if isinstance(weight, Tensor) else weight.add_back(grad_x, grad)
    return grad_x, grad_a, grad_b
