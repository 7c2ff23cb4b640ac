"""The command line starts fast and loads nothing heavy for a light command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = frozenset(
    """
    torch transformers peft accelerate safetensors tokenizers huggingface_hub gguf bitsandbytes datasets trl
    scipy sacrebleu rouge_score nltk sklearn pandas pyarrow openpyxl altair vl_convert matplotlib fastapi uvicorn
    """.split()
)
LIGHT = [["--help"], ["train", "--help"], ["data", "list"]]
SECONDS = 0.3


def start(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run ``python -m medlms`` in a fresh process."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    source = str(Path(__file__).parent.parent / "src")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [source, environment.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, *options, "-m", "medlms", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )


def loaded(report: str) -> set[str]:
    """Top-level packages in the output of ``-X importtime``."""
    lines = [line for line in report.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_light_commands_load_nothing_heavy(arguments: list[str]) -> None:
    done = start(*arguments, options=("-X", "importtime"))
    assert done.returncode == 0, done.stderr[-2000:]
    names = loaded(done.stderr)
    assert "medlms" in names, "importtime reported nothing, so nothing was tested"
    assert not names & HEAVY


def test_help_does_not_load_numpy() -> None:
    done = start("--help", options=("-X", "importtime"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "numpy" not in loaded(done.stderr)


def test_help_is_there_within_a_third_of_a_second() -> None:
    start("--help")  # writes the bytecode
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        done = start("--help")
        times.append(time.perf_counter() - begin)
        assert done.returncode == 0, done.stderr[-2000:]
    assert min(times) < SECONDS, f"best of five: {min(times):.3f} s"


def test_help_names_the_first_commands() -> None:
    text = start("--help").stdout
    assert all(verb in text for verb in ("train", "ask", "init", "demo"))
