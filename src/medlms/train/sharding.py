"""FSDP2: a model whose weights are parted among processes, and its way back into a whole one.

Sharded by torch's ``fully_shard`` on every device alike: accelerate's own switch does nothing on a CPU and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from medlms.errors import AskedWrongly
from medlms.models.adapters import tensors
from medlms.models.dropout import Masks
from medlms.models.fast_lora import shared_inputs
from medlms.models.forward import body_of


def shard(module: nn.Module, model: Any, device: torch.device, count: int) -> None:
    """Part ``module``, which holds ``model``, in place: block by block, and what is left as one more part."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (count,))
    for block in blocks_of(model):
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)


def blocks_of(model: Any) -> Iterator[nn.Module]:
    """The model's decoder blocks, by the class names that transformers says must not be split."""
    _, whole = body_of(model)
    names = set(getattr(whole, "_no_split_modules", None) or ())
    yield from [module for module in whole.modules() if type(module).__name__ in names]


def check(model: Any) -> None:
    """AskedWrongly for weights that can't be parted: packed ones of 4 or 8 bit."""
    if any(not parameter.is_floating_point() for parameter in model.parameters()):
        raise AskedWrongly(
            "Weights of 4 or 8 bit can't be sharded here.",
            hint="Leave FSDP off: each process then holds them all (DDP).",
        )


def is_sharded(value: Any) -> bool:
    """Whether this is a tensor of which this process holds a part only."""
    return hasattr(value, "full_tensor")


def gather(model: Any, optimiser: torch.optim.Optimizer, whole: Any, state: torch.optim.Optimizer | None) -> None:
    """Copy trainable tensors and optimiser state from sharded ``model`` into ``whole``. All processes call this at once;
    those that hold no whole model give None for it.
    """
    targets = tensors(whole) if whole is not None else {}
    for name, tensor in tensors(model).items():
        value = _full(tensor)
        held = {key: _full(item) for key, item in optimiser.state[tensor].items()}
        if whole is None or state is None:
            continue
        with torch.no_grad():
            targets[name].copy_(value)
        state.state[targets[name]] = held


def spread(optimiser: torch.optim.Optimizer, parameters: Mapping[str, Tensor], held: Mapping[str, Tensor]) -> None:
    """Put whole AdamW state, labelled as ``optimisers.state_of`` does, on sharded parameters: each takes its part."""
    from torch.distributed.tensor import distribute_tensor

    for label, value in held.items():
        key, _, name = label.partition("/")
        own: Any = parameters[name]
        part = value.reshape(()) if key == "step" else distribute_tensor(value, own.device_mesh, own.placements)
        optimiser.state[own][key] = part


def _full(value: Any) -> Any:
    return value.full_tensor().clone() if is_sharded(value) else value


class PlacedDropout(nn.Module):
    """peft's dropout on an adapter's input, with the masks that the fused step draws at the same place."""

    def __init__(self, masks: Masks, layer: int) -> None:
        super().__init__()
        self.masks, self.layer = masks, layer

    def forward(self, x: Tensor) -> Tensor:
        """``x`` [..., in] with its dropped entries 0 and the others scaled up."""
        if not self.training:
            return x
        flat = x.reshape(-1, x.shape[-1])
        mask = self.masks.draw(self.layer, flat.shape, x.device)
        return (flat * mask.kept() / self.masks.keep).view(x.shape)


def place_dropout(model: Any, *, seed: int, adapter: str = "default") -> Masks | None:
    """Give the adapters of a peft model the fused step's masks; before it is sharded. None where nothing is dropped."""
    groups, masks = shared_inputs(model, adapter, seed=seed)
    for index, layers in enumerate(groups):
        for layer in layers:
            if masks is not None and not isinstance(layer.lora_dropout[adapter], nn.Identity):
                layer.lora_dropout[adapter] = PlacedDropout(masks, index)
    return masks
