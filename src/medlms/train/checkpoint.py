"""Resumable state on disk: adapters, optimiser, step. Written beside, then moved into place: a crash leaves the old one whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from medlms.errors import ModelError, ResourceError
from medlms.models.adapters import put, tensors

STATE, NOTES = "state.safetensors", "state.json"


def save(folder: Path, model: Any, optimiser: torch.optim.Optimizer | None, notes: Mapping[str, Any]) -> None:
    """Replace the checkpoint in ``folder`` by the present state; ``notes`` (step, plan hash, ...) are JSON."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part = folder.with_name(folder.name + ".part")
    old = folder.with_name(folder.name + ".old")
    names = tensors(model)
    held = {f"adapter/{name}": tensor.detach().contiguous() for name, tensor in names.items()}
    if optimiser is not None:
        for name, tensor in names.items():
            for key, value in optimiser.state[tensor].items():
                held[f"optimiser/{key}/{name}"] = (
                    value.detach().reshape(-1) if value.dim() == 0 else value.detach().contiguous()
                )
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file(held, part / STATE)
        (part / NOTES).write_text(json.dumps(dict(notes), indent=2), encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise ResourceError(
            f"{folder}: the checkpoint can't be written: {getattr(error, 'strerror', None) or error}.",
            hint="Free some disk space; the previous checkpoint is whole.",
        ) from None


def exists(folder: Path) -> bool:
    """Whether a whole checkpoint lies here; one that a crash left under its old name is put back."""
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and (old / NOTES).is_file():
        old.rename(folder)
    return (folder / NOTES).is_file()


def notes(folder: Path) -> dict[str, Any]:
    """The notes of a checkpoint."""
    try:
        value: dict[str, Any] = json.loads((folder / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / NOTES}: can't be read: {error}.", hint="Start the run anew.") from None
    return value


def restore(folder: Path, model: Any, optimiser: torch.optim.Optimizer | None) -> dict[str, Any]:
    """Put a checkpoint's state into model and optimiser; returns its notes."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held = load_file(folder / STATE)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{folder}: the checkpoint can't be read: {error}.", hint="Start the run anew.") from None
    put(model, {name.removeprefix("adapter/"): value for name, value in held.items() if name.startswith("adapter/")})
    if optimiser is not None:
        for name, tensor in tensors(model).items():
            keys = [
                key.split("/", 2)[1] for key in held if key.startswith("optimiser/") and key.split("/", 2)[2] == name
            ]
            state = {key: held[f"optimiser/{key}/{name}"] for key in keys}
            if "step" in state:
                state["step"] = state["step"].reshape(())
            optimiser.state[tensor] = {key: value.clone() for key, value in state.items()}
    return notes(folder)
