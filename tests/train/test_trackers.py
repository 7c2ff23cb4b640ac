"""Trackers get the numbers of steps and epochs through accelerate; off by default, and nothing leaves the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from medlms.errors import AskedWrongly
from medlms.train import trackers


def test_off_means_nothing_is_made(tmp_path: Path) -> None:
    with trackers.tracked([], tmp_path, run="a", settings={}) as log:
        log({"loss": 1.0}, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trackers.PACKAGES, "mlflow", "no_such_package_1")
    with pytest.raises(AskedWrongly, match="mlflow is not installed") as caught:
        trackers.check(["mlflow"])
    assert caught.value.hint == "pip install no_such_package_1, or leave it out."


def test_a_tracker_gets_settings_and_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of accelerate's own kind stands in for the three, behind the same calls."""
    from accelerate.tracking import GeneralTracker

    class Kept(GeneralTracker):
        name = "kept"
        requires_logging_directory = False

        def __init__(self) -> None:
            super().__init__()
            self.held: list[Any] = []

        @property
        def tracker(self) -> Any:
            return self.held

        def store_init_configuration(self, values: dict[str, Any]) -> None:
            self.held.append(values)

        def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
            self.held.append((step, values))

        def finish(self) -> None:
            self.held.append("end")

    kept = Kept()
    monkeypatch.setattr(trackers, "tracker_of", lambda name: kept)
    settings = {"model": "m", "lora": {"r": 4, "targets": ["q_proj"]}, "rows": None}
    with (
        pytest.raises(KeyError),
        trackers.tracked(["tensorboard"], tmp_path, run="a", settings=settings) as log,
    ):
        log({"step": 3, "loss": 2.5, "grad_norm": None, "skipped": False}, 3)
        log({"epoch": 1, "dev_loss": {"value": 2.0, "low": 1.0}, "note": "x"}, 3)
        raise KeyError
    assert kept.held == [
        {"model": "m", "lora.r": 4, "lora.targets": "['q_proj']", "rows": "None"},
        (3, {"loss": 2.5}),
        (3, {"epoch": 1, "dev_loss": 2.0}),
        "end",
    ]


def test_wandb_is_offline_and_mlflow_local_unless_the_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(key, raising=False)
    assert trackers._options(["wandb"], tmp_path)["wandb"]["mode"] == "offline"
    with trackers._local(tmp_path):
        assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path.resolve() / 'mlflow.db'}"
    assert "MLFLOW_TRACKING_URI" not in os.environ
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracker.example")
    assert trackers._options(["wandb"], tmp_path)["wandb"]["mode"] == "online"
    with trackers._local(tmp_path):
        assert os.environ["MLFLOW_TRACKING_URI"] == "http://tracker.example"


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with trackers.tracked(["tensorboard"], tmp_path, run="a", settings={"lora": {"r": 4}}) as log:
        log({"loss": 2.5}, 1)
        log({"loss": 1.5}, 2)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (tmp_path / "trackers").iterdir()
    events = EventAccumulator(str(folder)).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 2.5), (2, 1.5)]
