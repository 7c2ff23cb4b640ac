"""Every test here runs with an empty cache and without MEDLMS_DATA, so none can reach the network by accident."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MEDLMS_DATA", raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setenv("MEDLMS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
