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
from medlms.train.optimisers import put_state, state_of

STATE, NOTES = "state.safetensors", "state.json"
ANEW = "Start the run anew."


def save(folder: Path, model: Any, optimiser: torch.optim.Optimizer | None, notes: Mapping[str, Any]) -> None:
    """Replace the checkpoint in ``folder`` by the present state; ``notes`` (step, plan hash, ...) are JSON."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    part = folder.with_name(folder.name + ".part")
    old = folder.with_name(folder.name + ".old")
    names = tensors(model)
    held = {f"adapter/{name}": tensor.detach().contiguous() for name, tensor in names.items()}
    about = {"format": "pt"}
    if optimiser is not None:
        state = state_of(optimiser, names)
        held |= {f"optimiser/{place}": value for place, value in state.items()}
        about |= {"optimiser": type(optimiser).__name__, "state": str(len(state))}
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file(held, part / STATE, metadata=about)
        (part / NOTES).write_text(json.dumps(dict(notes), indent=2), encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)  # what was written of it takes the space that the one before may need
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
    """The notes of a checkpoint. ModelError when they can't be read."""
    path, why = folder / NOTES, "it holds no record"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict):
            return value
    except (OSError, ValueError) as error:
        why = str(error)
    raise ModelError(f"{path}: can't be read: {why}.", hint=ANEW)


def restore(folder: Path, model: Any, optimiser: torch.optim.Optimizer | None) -> dict[str, Any]:
    """Put a checkpoint's state into model and optimiser; returns its notes.

    ModelError for a file that is cut or holds less than was saved, or is of another model, settings or optimiser.
    """
    held, about = _read(folder)
    kind = about.get("optimiser")
    state = {place.removeprefix("optimiser/"): held[place] for place in held if place.startswith("optimiser/")}
    if (
        optimiser is not None
        and kind is not None
        and (kind != type(optimiser).__name__ or len(state) != int(about.get("state", len(state))))
    ):
        raise ModelError(
            f"{folder}: holds the state of {kind} over {about.get('state')} tensors, not of "
            f"{type(optimiser).__name__} over {len(state)}.",
            hint=ANEW,
        )
    if optimiser is not None and kind is None and not state:
        raise ModelError(f"{folder}: holds no optimiser's state, so nothing can go on from it.", hint=ANEW)
    found = notes(folder)
    put(model, {name.removeprefix("adapter/"): value for name, value in held.items() if name.startswith("adapter/")})
    if optimiser is not None:
        put_state(optimiser, tensors(model), state)
    return found


def _read(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors by name, and what was said about them when they were saved."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / STATE, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{folder}: the checkpoint can't be read: {error}.", hint=ANEW) from None
