"""The whole road in miniature: a random model and forty rows, trained in seconds, bit for bit the same each time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from road_runs import write_table


@contextmanager
def no_published_sets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MEDLMS_DATA", raising=False)
        yield


@pytest.fixture(scope="module", autouse=True)
def nothing_at_hand() -> Iterator[None]:
    """Runs of the tests are not compared with the exams that happen to lie on this machine, which takes seconds each."""
    with no_published_sets():
        yield


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native_folder: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "native").symlink_to(native_folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDLMS_HOME", str(home))
    return tmp_path


@pytest.fixture(scope="session")
def config(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of a run that takes a few seconds. Absolute paths, so that it can run from any folder."""
    return {
        "model": str(tiny_folder("llama")),
        "data": [{"source": str(write_table(tmp_path_factory.mktemp("table") / "my.csv"))}],
        "split": {"dev": 4, "eval": 6},
        "identifier_scan": "quick",
        "instruction": "Answer.",
        "max_length": 200,
        "precision": "fp32",
        "lora": {"r": 2, "alpha": 4, "dropout": 0.1},
        "train": {"epochs": 2, "rows_per_step": 3, "learning_rate": 0.01, "evaluate_rows": 2, "checkpoint_minutes": 0},
        "evaluate": {"max_new_tokens": 6, "latency_rows": 1, "resamples": 100, "batch": 4, "cache": False},
        "prompts": ["When should I see a doctor?"],
        "run": "a",
    }


@pytest.fixture(scope="session")
def finished(config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was not stopped. Not to be written to."""
    import medlms

    with no_published_sets():
        return medlms.train({**config, "run": str(tmp_path_factory.mktemp("road") / "runs/a")}).run.folder
