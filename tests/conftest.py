"""Miniature models for the tests of all rooms. torch is loaded only by tests that ask for one, and uses one thread."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs deaf to Ctrl-C, and so would be all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def native_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the code built for this machine lies: one folder for all tests, or every process they start would build its own."""
    folder = tmp_path_factory.getbasetemp().parent / "native"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a miniature model, made once a session for each family and settings. Not to be written to."""
    import torch

    from medlms import testing

    torch.set_num_threads(1)
    made: dict[str, Path] = {}

    def folder(family: str = "llama", **settings: Any) -> Path:
        key = json.dumps([family, settings], sort_keys=True)
        if key not in made:
            made[key] = testing.tiny_model(tmp_path_factory.mktemp("tiny") / family, family, **settings)
        return made[key]

    return folder


@pytest.fixture
def tiny(tiny_folder: Callable[..., Path]) -> Callable[..., Any]:
    """A miniature model loaded anew in fp32, so that a test may put adapters on it."""
    from medlms.models.fetch import locate
    from medlms.models.load import load

    def loaded(family: str = "llama", **settings: Any) -> Any:
        return load(locate(str(tiny_folder(family, **settings))), precision="fp32")

    return loaded
