"""Norms in fp32 inside a model of 16-bit floats: their squares leave the range of fp16."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def keep_in_fp32(model: nn.Module, dtype: torch.dtype) -> int:
    """Let every norm of ``model`` hold its weights, and compute, in fp32, and hand on ``dtype``; returns how many."""
    count = 0
    for module in model.modules():
        if type(module).__name__.endswith("Norm"):
            module.float()
            module.register_forward_pre_hook(_widen)
            module.register_forward_hook(_narrow_to(dtype))
            count += 1
    return count


def _widen(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.float() if isinstance(value, Tensor) else value for value in inputs)


def _narrow_to(dtype: torch.dtype) -> Any:
    def narrow(module: nn.Module, inputs: tuple[Any, ...], out: Tensor) -> Tensor:
        return out.to(dtype)

    return narrow
