"""Frozen layers with nothing on them, through the same nodes as adapted ones: a soft prompt's gradient passes through all.

To the fused step they are adapted layers of rank 0: q, k and v, and gate and up, are one product each, and attention and the
gated feed-forward keep what ``fast_layers`` keeps. Layers that it does not know run as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from medlms.models import fast_layers
from medlms.models.fast_lora import Group, stack
from medlms.models.four_bit import PackedWeights, is_four_bit


class FrozenGroup(Group):
    """Layers without adapters that read one input."""

    def _stacked(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        width = self.layers[0].in_features
        device = self.layers[0].weight.device
        return torch.zeros(0, width, dtype=dtype, device=device), torch.zeros(
            sum(self.bounds), 0, dtype=dtype, device=device
        )


@contextmanager
def fast_frozen(model: nn.Module) -> Iterator[str]:
    """Run the frozen layers of ``model`` through the nodes inside the ``with`` block; yields which do, in words."""
    groups: dict[nn.Module, Group] = {}
    for module in model.modules():
        kind = type(module).__name__
        if kind in fast_layers.GATED:
            _add(groups, module, "gate_proj", "up_proj")
            _add(groups, module, "down_proj")
        elif kind in fast_layers.ATTENTIONS:
            _add(groups, module, "q_proj", "k_proj", "v_proj")
    undo, count = fast_layers.override(model, groups)
    try:
        yield (
            f"{count} frozen norms, attentions and feed-forwards run as one node each"
            if count
            else "transformers' own layers"
        )
    finally:
        for restore in reversed(undo):
            restore()


def _add(groups: dict[nn.Module, Group], module: nn.Module, *names: str) -> None:
    layers: list[Any] = [getattr(module, name) for name in names]
    packed = [is_four_bit(layer) for layer in layers]
    plain = all(type(layer) is nn.Linear and layer.weight.is_floating_point() for layer in layers)
    biases = [layer.bias.data for layer in layers if layer.bias is not None]
    if not (plain or all(packed)) or len(biases) not in (0, len(layers)):
        return
    weight: Tensor | PackedWeights
    if all(packed):
        weight = PackedWeights(layers)
    else:
        weight = stack(layers, [layer.weight.data for layer in layers], [False] * len(layers))
    group = FrozenGroup(
        layers=layers,
        index=len(groups),
        adapter="",
        masks=None,
        weight=weight,
        bias=torch.cat(biases) if biases else None,
        bounds=[int(layer.out_features) for layer in layers],
        scale=1.0,
    )
    groups.update(dict.fromkeys(layers, group))
