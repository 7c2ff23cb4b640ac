"""Work beside this process: its result and its errors arrive, and it is done here where no copy can do it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from medlms import aside
from medlms.errors import DataError


def test_the_result_of_a_copy(tmp_path: Path) -> None:
    def work() -> tuple[int, list[str]]:
        return os.getpid(), ["done"]

    held = aside.Aside(work)
    process, found = held.result()
    assert found == ["done"] and held.result() is held.result()
    assert (process != os.getpid()) == aside._safe()


def test_an_error_is_raised_with_its_hint_each_time() -> None:
    def work() -> None:
        raise DataError("It leaks.", hint="Mend it.")

    held = aside.Aside(work)
    for _ in range(2):
        with pytest.raises(DataError, match="It leaks") as error:
            held.result()
        assert error.value.hint == "Mend it."


def test_work_whose_copy_is_killed_is_done_here(tmp_path: Path) -> None:
    here = os.getpid()

    def work() -> str:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return "done"

    assert aside.Aside(work).result() == "done"


def test_what_can_not_be_sent_is_made_here() -> None:
    assert aside.Aside(lambda: lambda: 3).result()() == 3


def test_without_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "_safe", lambda: False)
    begun: list[float] = []
    held = aside.Aside(lambda: begun.append(time.time()))
    assert not begun, "it is done when its result is wanted"
    held.result()
    held.result()
    assert len(begun) == 1
