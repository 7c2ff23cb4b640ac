"""Processes behind pipes: answers, errors, deaths, time limits; and nothing that they print gets into the answers."""

import sys
import time
from pathlib import Path

import pytest

from medlms.bench.worker import TooSlow, Worker, WorkerFailed

PROCESS = """
import os, sys, time
from medlms.bench.worker import Line, own_peak_memory
line = Line()
while (message := line.take()) is not None:
    print("noise of a library"); os.write(1, b"noise from below\\n")
    if message["do"] == "echo":
        line.give({"said": message["text"], "memory": own_peak_memory()})
    elif message["do"] == "fail":
        line.give({"error": "ValueError: no such setting"})
    elif message["do"] == "sleep":
        time.sleep(message["seconds"]); line.give({})
    elif message["do"] == "grow":
        held = bytearray(120_000_000); held[::4096] = b"x" * len(held[::4096]); line.give({"memory": own_peak_memory()})
    else:
        sys.exit("last words")
"""


@pytest.fixture
def process(tmp_path):
    script = tmp_path / "process.py"
    script.write_text(PROCESS, encoding="utf-8")
    import medlms

    source = str(Path(medlms.__file__).parents[1])
    with Worker("it", [sys.executable, str(script)], log=tmp_path / "log", environment={"PYTHONPATH": source}) as found:
        yield found


def test_answers_are_kept_apart_from_noise(process):
    assert process.ask({"do": "echo", "text": "é\n"}, seconds=120)["said"] == "é\n"
    assert process.ask({"do": "echo", "text": "again"})["said"] == "again"
    assert "noise from below" in process.log.read_text(encoding="utf-8")


def test_memory_is_the_process_own(process):
    before = process.ask({"do": "echo", "text": ""}, seconds=120)["memory"]
    after = process.ask({"do": "grow"}, seconds=120)["memory"]
    assert 100e6 < after - before < 200e6
    if sys.platform == "linux":
        assert process.peak_memory() == pytest.approx(after, rel=0.05)


def test_an_error_is_said_and_the_process_goes_on(process):
    with pytest.raises(WorkerFailed, match="it: ValueError: no such setting"):
        process.ask({"do": "fail"}, seconds=120)
    assert process.ask({"do": "echo", "text": "x"}, seconds=120)["said"] == "x"


def test_a_death_names_code_and_last_words(process):
    with pytest.raises(WorkerFailed, match="ended with code 1: last words"):
        process.ask({"do": "die"}, seconds=120)
    with pytest.raises(WorkerFailed, match="ended with code 1"):
        process.ask({"do": "echo", "text": "x"}, seconds=120)


def test_a_killed_process_is_told_from_one_that_ended(process):
    process.ask({"do": "echo", "text": "x"}, seconds=120)
    process.kill()
    assert process.peak_memory() == 0
    with pytest.raises(WorkerFailed, match="signal 9"):
        process.ask({"do": "echo", "text": "x"}, seconds=120)


def test_a_slow_one_is_not_waited_for(process):
    process.ask({"do": "echo", "text": "x"}, seconds=120)
    began = time.monotonic()
    with pytest.raises(TooSlow, match="no answer"):
        process.ask({"do": "sleep", "seconds": 60}, seconds=0.3)
    assert time.monotonic() - began < 5
    process.kill()
