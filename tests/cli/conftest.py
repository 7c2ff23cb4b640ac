"""Runs command lines in this process, in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, stdout and stderr."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDLMS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("MEDLMS_DATA", "MEDLMS_DEBUG", "MEDLMS_MODELS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def medlms(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """``medlms("data", "list")`` runs that command; whatever happens, no traceback may reach the user."""
    from medlms.cli import main

    def run(*words: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(list(words))
        said = capsys.readouterr()
        done = Done(int(left.value.code or 0), said.out, said.err)
        assert "Traceback" not in done.out + done.err
        assert "MedLMs itself has a fault" not in done.err, done.err
        return done

    return run


@pytest.fixture
def table(here: Path) -> Path:
    """A CSV file of forty questions and answers on forty topics."""
    path = here / "my.csv"
    lines = [
        f"What is illness {n}?,Illness {n} makes the body warm for {n % 9 + 1} days.,illness {n}" for n in range(40)
    ]
    path.write_text("\n".join(["question,answer,topic", *lines]) + "\n")
    return path
