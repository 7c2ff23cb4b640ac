"""Numbers of a run for TensorBoard, MLflow and Weights & Biases, through accelerate. Off unless asked for; files stay here.

Each tracker writes under ``trackers/`` in the run's folder. Nothing leaves the machine: W&B runs offline, and MLflow writes a
local database, unless the user's own environment (WANDB_MODE, MLFLOW_TRACKING_URI) says otherwise.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medlms.errors import AskedWrongly

FOLDER = "trackers"
PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
Log = Callable[[Mapping[str, Any], int], None]
"""Called with numbers by name and the step they belong to."""


def check(names: Sequence[str]) -> None:
    """AskedWrongly when a tracker's library is not installed."""
    for name in names:
        if importlib.util.find_spec(PACKAGES[name]) is None:
            raise AskedWrongly(
                f"trackers: {name} is not installed.", hint=f"pip install {PACKAGES[name]}, or leave it out."
            )


@contextmanager
def tracked(names: Sequence[str], folder: Path, *, run: str, settings: Mapping[str, Any]) -> Iterator[Log]:
    """Yield a function that logs numbers to all ``names``; ``settings`` (nested) are told once, as the run's parameters."""
    if not names:
        yield lambda values, step: None
        return
    from accelerate import Accelerator

    root = folder / FOLDER
    root.mkdir(exist_ok=True)
    with _local(root):
        accelerator = Accelerator(
            cpu=_on_cpu(), log_with=[tracker_of(name) for name in names], project_dir=root, mixed_precision="no"
        )
        accelerator.init_trackers(run, config=_flat(settings), init_kwargs=_options(names, root))
        try:
            yield lambda values, step: accelerator.log(_numbers(values), step=step)
        finally:
            for tracker in accelerator.trackers:
                tracker.finish()


def tracker_of(name: str) -> Any:
    """What accelerate takes for a tracker: its name."""
    return name


def _on_cpu() -> bool:
    import torch

    return not torch.cuda.is_available()


def _options(names: Sequence[str], root: Path) -> dict[str, dict[str, Any]]:
    options = {
        "wandb": {"dir": str(root), "mode": os.environ.get("WANDB_MODE", "offline")},
        "mlflow": {"logging_dir": (root / "mlflow").resolve().as_uri()},
    }
    return {name: options[name] for name in names if name in options}


@contextmanager
def _local(root: Path) -> Iterator[None]:
    """MLflow's database lies in the run's folder where the user has named no server."""
    key = "MLFLOW_TRACKING_URI"
    given = os.environ.get(key)
    if not given:
        os.environ[key] = f"sqlite:///{(root / 'mlflow.db').resolve()}"
    try:
        yield
    finally:
        if not given:
            del os.environ[key]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``lora.r``: numbers, switches and texts; what is not one is written as text."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value if isinstance(value, int | float | str) else str(value)
    return flat


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a line of steps.jsonl or epochs.jsonl; an interval's value stands for it."""
    out: dict[str, float] = {}
    for key, value in values.items():
        value = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(value, int | float) and key not in ("step", "skipped"):
            out[key] = value
    return out
