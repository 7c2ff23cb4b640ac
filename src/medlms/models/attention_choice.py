"""Which code computes a model's attention over packed rows: chosen once, when it is loaded, and said.

On CUDA torch's kernels are asked first, and each proves itself there: on three small rows of the model's own head shape
it must give what the own path gives, forward and backward, or the next one is taken. On a CPU the own path is the fast one.
Answers grow token by token over a cache through the own path everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medlms.models import attention
from medlms.models.attention import FLEX, PACKED, VARLEN
from medlms.models.precision import Hardware

STARTS = (0, 1, 71, 200)  # rows of a trial: one of a single token, and more than one block of a kernel
WINDOW = 40  # the window in a trial, where the model has one: shorter than its rows

_OWN = "attention over packed rows by own matrix products, row by row"
_SAID = {
    VARLEN: "attention over packed rows through torch's varlen flash kernels",
    FLEX: "attention over packed rows through torch's flex attention, compiled",
}


@dataclass(frozen=True, slots=True)
class AttentionPath:
    """``name`` is what transformers knows the code by (``attn_implementation``), ``said`` which it is and why, in words."""

    name: str
    said: str


ON_CPU = AttentionPath(PACKED, f"{_OWN} (on the processor)")


@dataclass(frozen=True, slots=True)
class Need:
    """What a model asks of its attention: heads, key heads, a head's size, windows (None: none), the soft cap, and the scale
    where it is not one over the root of the size.
    """

    heads: int
    groups: int
    size: int
    windows: tuple[int | None, ...] = (None,)
    softcap: float | None = None
    scale: float | None = None


Trial = Callable[[str, Need, torch.device, torch.dtype], str]


def choose(
    need: Need | None, *, device: torch.device, dtype: torch.dtype, hardware: Hardware, trial: Trial | None = None
) -> AttentionPath:
    """The code for a model that computes in ``dtype`` on ``device``; ``need`` is None where no family describes the model.

    ``trial`` says why a kernel does not work here, or nothing if it does (``try_out``).
    """
    if device.type != "cuda":
        return ON_CPU
    if need is None:
        return AttentionPath(PACKED, f"{_OWN} (no family says what this model's attention is like)")
    trial = trial or try_out
    reasons: list[str] = []
    for name, title in ((VARLEN, "varlen flash"), (FLEX, "flex attention")):
        reason = _no_flash(need, dtype, hardware) if name == VARLEN else ""
        reason = reason or trial(name, need, device, dtype)
        if not reason:
            because = f" ({'; '.join(reasons)})" if reasons else ""
            return AttentionPath(name, _SAID[name] + because)
        reasons.append(f"no {title}: {reason}")
    return AttentionPath(PACKED, f"{_OWN} ({'; '.join(reasons)})")


def need_of(config: Any) -> Need:
    """What a model's config asks of its attention."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    heads = int(text.num_attention_heads)
    size = int(getattr(text, "head_dim", None) or text.hidden_size // heads)
    divisor = getattr(text, "query_pre_attn_scalar", None) or size
    window = getattr(text, "sliding_window", None)
    kinds = set(getattr(text, "layer_types", None) or ())
    everywhere = window is not None and not kinds - {"sliding_attention"}
    return Need(
        heads=heads,
        groups=int(getattr(text, "num_key_value_heads", None) or heads),
        size=size,
        windows=(window,) if everywhere else (None,) if window is None else (None, window),
        softcap=getattr(text, "attn_logit_softcapping", None),
        scale=None if divisor == size else divisor**-0.5,
    )


def _no_flash(need: Need, dtype: torch.dtype, hardware: Hardware) -> str:
    """Why the flash kernels can't serve, as far as is known beforehand."""
    if need.softcap is not None:
        return "the model caps its scores"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"the model computes in {str(dtype).removeprefix('torch.')}"
    if need.size % 8 or need.size > 256:
        return f"heads of size {need.size}"
    if hardware.capability is not None and hardware.capability < (8, 0):
        major, minor = hardware.capability
        return f"the GPU's compute capability is {major}.{minor}"
    return ""


def try_out(name: str, need: Need, device: torch.device, dtype: torch.dtype) -> str:
    """Run a kernel on small random rows, forward and backward; returns why it can't be used, nothing if it can."""
    compute = attention.COMPUTE[name]
    bound = max(4 * torch.finfo(dtype).eps, 1e-3)
    for window in {None if window is None else WINDOW for window in need.windows}:
        inputs = _inputs(need, device, dtype)
        try:
            own = _outcome(attention.own_rows, [tensor.float() for tensor in inputs], need, window)
            found = _outcome(compute, inputs, need, window)
        except Exception as error:  # whatever a compiler or a kernel may raise
            return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        for one, other in zip(found, own, strict=True):
            gap = (one.float() - other).abs().max() / other.abs().max()
            if not gap <= bound:
                return f"in a trial it was off by {gap.item():.1e} of the largest number"
    return ""


def _inputs(need: Need, device: torch.device, dtype: torch.dtype) -> list[Tensor]:
    """Queries, keys, values, and the slope that is sent back."""
    random = torch.Generator().manual_seed(0)
    shapes = [(count, STARTS[-1], need.size) for count in (need.heads, need.groups, need.groups)]
    shapes.append((STARTS[-1], need.heads, need.size))
    return [torch.randn(shape, generator=random).to(device, dtype) for shape in shapes]


def _outcome(compute: attention.Rows, inputs: list[Tensor], need: Need, window: int | None) -> list[Tensor]:
    """The output and the gradients of queries, keys and values."""
    with torch.inference_mode(False), torch.enable_grad():
        q, k, v = leaves = [tensor.clone().requires_grad_(True) for tensor in inputs[:3]]
        scale = need.size**-0.5 if need.scale is None else need.scale
        out = compute(q, k, v, scale, window, need.softcap, list(STARTS))
        return [out.detach(), *torch.autograd.grad(out, leaves, inputs[3].clone())]
