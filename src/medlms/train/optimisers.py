"""The optimisers that ``train.optimiser`` names, and their state as tensors that a checkpoint can hold.

The 8-bit ones are bitsandbytes': both moments in 8 bit, with a scale for each block of 256; tensors of fewer than 4,096
weights keep theirs in 32. They run on a processor too, where a step takes several times as long as AdamW's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from medlms.config import Train
from medlms.errors import AskedWrongly, ModelError

BETAS = (0.9, 0.999)
_OTHER = "Resume with the run's own config."


def create(groups: Sequence[dict[str, Any]], config: Train) -> torch.optim.Optimizer:
    """The optimiser of a config over groups of trainable tensors (``params``; what else a group holds is kept with it).

    AskedWrongly where this machine has not what it needs: bitsandbytes, or for the paged one a CUDA GPU.
    """
    held = [dict(group) for group in groups]
    if config.optimiser == "adamw":
        return torch.optim.AdamW(
            held, lr=config.learning_rate, betas=BETAS, weight_decay=config.weight_decay, foreach=True
        )
    if config.optimiser == "paged_adamw_8bit" and any(
        tensor.device.type != "cuda" for group in held for tensor in group["params"]
    ):
        raise AskedWrongly(
            "train.optimiser: paged_adamw_8bit moves its state between a CUDA GPU and the main memory; no such GPU is used "
            "here.",
            hint="Use adamw_8bit, which keeps the same state beside the weights that learn, or adamw.",
        )
    try:
        from bitsandbytes import optim
    except ImportError:
        raise AskedWrongly(
            f"train.optimiser: {config.optimiser} needs bitsandbytes.", hint="pip install 'medlms[4bit]', or use adamw."
        ) from None
    kind = optim.PagedAdamW8bit if config.optimiser == "paged_adamw_8bit" else optim.AdamW8bit
    made: torch.optim.Optimizer = kind(held, lr=config.learning_rate, betas=BETAS, weight_decay=config.weight_decay)
    return made


def state_of(optimiser: torch.optim.Optimizer, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state by ``KEY/NAME``, numbers as tensors of one entry. Code tables are the library's own and are left out."""
    held = {}
    for name, tensor in parameters.items():
        for key, value in optimiser.state.get(tensor, {}).items():
            if key.startswith("qmap"):
                continue
            plain = value.detach() if isinstance(value, Tensor) else torch.tensor(value)
            held[f"{key}/{name}"] = plain.reshape(-1) if plain.dim() == 0 else plain.contiguous()
    return held


def put_state(optimiser: torch.optim.Optimizer, parameters: Mapping[str, Tensor], held: Mapping[str, Tensor]) -> None:
    """Put ``state_of``'s tensors back, to the bit. ModelError when they are not those of this optimiser and tensors."""
    by_name: dict[str, dict[str, Tensor]] = {}
    for label, value in held.items():
        key, _, name = label.partition("/")
        by_name.setdefault(name, {})[key] = value
    if unknown := sorted(set(by_name) - set(parameters)):
        raise ModelError(f"The optimiser's state is of another model: it has {unknown[0]}.", hint=_OTHER)
    optimiser.state.clear()
    if not by_name:  # saved before the first step that learned
        return
    if missing := [name for name in parameters if name not in by_name]:
        raise ModelError(f"The optimiser's state is not whole: {missing[0]} has none.", hint="Start the run anew.")
    for place, (name, tensor) in _places(optimiser, parameters).items():
        _put_one(optimiser, place, name, tensor, by_name[name])


def _places(
    optimiser: torch.optim.Optimizer, parameters: Mapping[str, Tensor]
) -> dict[tuple[int, int], tuple[str, Tensor]]:
    """Each trainable tensor by its group and place in it, as bitsandbytes counts them."""
    names = {id(tensor): name for name, tensor in parameters.items()}
    return {
        (group_number, number): (names[id(tensor)], tensor)
        for group_number, group in enumerate(optimiser.param_groups)
        for number, tensor in enumerate(group["params"])
    }


def _put_one(
    optimiser: torch.optim.Optimizer, place: tuple[int, int], name: str, tensor: Tensor, values: Mapping[str, Tensor]
) -> None:
    fresh = _fresh(optimiser, place, tensor)
    wanted = {key for key in fresh if not key.startswith("qmap")}
    fits = wanted == set(values) and all(
        value.numel() == fresh[key].numel() and value.dtype == fresh[key].dtype
        if isinstance(fresh[key], Tensor)
        else value.numel() == 1
        for key, value in values.items()
    )
    if not fits:
        raise ModelError(f"The optimiser's state is of another optimiser or model: {name}.", hint=_OTHER)
    for key, value in values.items():
        if isinstance(fresh[key], Tensor):
            fresh[key].copy_(value.reshape(fresh[key].shape))
        else:
            fresh[key] = type(fresh[key])(value.item())
    optimiser.state[tensor] = fresh


def _fresh(optimiser: torch.optim.Optimizer, place: tuple[int, int], tensor: Tensor) -> dict[str, Any]:
    """The state that a tensor has before its first step."""
    if isinstance(optimiser, torch.optim.AdamW):
        # The step is counted in fp32 on the CPU, as torch does; it has no means of its own to make a state.
        return {
            "step": torch.zeros((), dtype=torch.float32),
            "exp_avg": torch.zeros_like(tensor, memory_format=torch.preserve_format),
            "exp_avg_sq": torch.zeros_like(tensor, memory_format=torch.preserve_format),
        }
    group = optimiser.param_groups[place[0]]
    optimiser.init_state(group, tensor, *place)  # type: ignore[attr-defined]
    made: dict[str, Any] = optimiser.state[tensor]
    return made
