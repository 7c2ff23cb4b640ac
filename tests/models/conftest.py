"""No test of this folder sees this machine's cache, models or network."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("MEDLMS_HOME", str(home))
    monkeypatch.delenv("MEDLMS_MODELS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return home
