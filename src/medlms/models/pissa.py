"""PiSSA adapters (arXiv:2404.02948): A and B begin as the largest parts of a weight, the base keeps the rest.

While training, the base weights are not the original ones. What is saved is peft's conversion, a LoRA adapter of twice the
rank whose second half takes the beginning away again, so that it opens on the original base.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

INIT = "pissa_niter_16"  # a randomised decomposition: seconds instead of minutes, drawn with the run's seed
FIRST = "pissa_first"


def remember(model: Any, factors: Mapping[str, Tensor]) -> None:
    """Keep A and B as they are at the start: without them nothing that opens on the original base can be saved."""
    setattr(model, FIRST, {name: tensor.detach().clone() for name, tensor in factors.items()})


def changed_base(model: Any) -> bool:
    """Whether the base weights under these adapters are what PiSSA left of them."""
    return FIRST in getattr(model, "__dict__", {})


@contextmanager
def conversion(model: Any, factors: Mapping[str, Tensor]) -> Iterator[dict[str, Any]]:
    """What ``save_pretrained`` must be told so that it converts; nothing for other adapters."""
    if not changed_base(model):
        yield {}
        return
    first = getattr(model, FIRST)
    learned = {name: tensor.detach().clone() for name, tensor in factors.items()}
    with tempfile.TemporaryDirectory(prefix="medlms-") as folder:
        place = Path(folder) / FIRST
        _copy(factors, first)
        try:
            model.save_pretrained(place, save_embedding_layers=False)
        finally:
            _copy(factors, learned)
        yield {"path_initial_model_for_weight_conversion": str(place)}


@torch.no_grad()
def _copy(into: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    for name, tensor in into.items():
        tensor.copy_(values[name])
