"""Full fine-tuning: every weight learns, in fp32.

A model whose working precision is 16 bit keeps computing in it: its weights are then copies of fp32 ones that the optimiser
steps, and the gradient of each block of rows is added up in fp32.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from medlms.errors import ResourceError
from medlms.models.load import Loaded
from medlms.run import write_whole


class FullModel:
    """A model all of whose weights learn. To the loop it looks like a peft model whose trainable tensors are the fp32 weights."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._weights: dict[str, nn.Parameter] = {}
        self._copies: list[tuple[nn.Parameter, nn.Parameter]] = []
        self._hooks: list[Any] = []
        for name, own in model.named_parameters():
            own.requires_grad_(True)
            self._weights[name] = own
            if own.dtype != torch.float32:
                weight = nn.Parameter(own.detach().float())
                self._weights[name] = weight
                self._copies.append((own, weight))
                self._hooks.append(own.register_post_accumulate_grad_hook(_into(weight)))

    def get_base_model(self) -> Any:
        """The model that computes."""
        return self._model

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The weights that learn, by name."""
        yield from self._weights.items()

    def parameters(self) -> Iterator[nn.Parameter]:
        """The weights that learn."""
        yield from self._weights.values()

    def modules(self) -> Iterator[nn.Module]:
        """The layers of the model that computes."""
        yield from self._model.modules()

    def train(self, mode: bool = True) -> FullModel:
        """Get ready for a step: the working copies are brought up to date. They are in ``eval`` too."""
        self._refresh()
        self._model.train(mode)
        return self

    def eval(self) -> FullModel:
        """Get ready to answer."""
        return self.train(False)

    @torch.no_grad()
    def release(self) -> None:
        """End learning: what computes stays, the fp32 weights and gradients go."""
        self._refresh()
        for hook in self._hooks:
            hook.remove()
        self._copies, self._hooks = [], []
        self._weights = dict(self._model.named_parameters())
        for weight in self._weights.values():
            weight.requires_grad_(False)
            weight.grad = None

    @torch.no_grad()
    def _refresh(self) -> None:
        for own, weight in self._copies:
            own.copy_(weight)


def _into(weight: nn.Parameter) -> Any:
    """Moves the gradient of a working copy to the weight that learns."""

    def move(own: Tensor) -> None:
        # Let go of first: what stayed here when memory runs out below would be added to the step's next try.
        grad, own.grad = own.grad, None
        if grad is None:
            return
        if weight.grad is None:
            weight.grad = grad.float()
        else:
            weight.grad.add_(grad)

    return move


def create(loaded: Loaded) -> FullModel:
    """Let every weight of a loaded model learn (in place)."""
    loaded.adapted = FullModel(loaded.model)
    return loaded.adapted  # type: ignore[no-any-return]


def save(model: FullModel, tokenizer: Any, folder: Path, *, extra: Mapping[str, Any]) -> None:
    """Write a model's folder that transformers opens by itself, in the working precision, and what MedLMs must know again."""
    from safetensors import SafetensorError

    model.eval()
    whole = model.get_base_model()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        whole.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except (OSError, SafetensorError) as error:
        raise ResourceError(
            f"{folder}: the model can't be written: {getattr(error, 'strerror', None) or error}.",
            hint="Free some disk space and resume the run.",
        ) from None
    write_whole(folder / "medlms.json", json.dumps(dict(extra), indent=2).encode())
