"""What the tests of this folder share: rows to run on, what two runs must have in common, and someone to press Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = ("seconds", "first_token_seconds", "tokens_per_second", "peak_memory_bytes", "check")
"""What a clock or the system measures, and so differs from run to run; and the fingerprint of a line that holds such."""


SYSTEMS = ["base", "best_prompt", "tuned", "nearest", "sentence"]
"""Who is graded unless a config says otherwise."""


def write_table(path: Path, rows: int = 40) -> Path:
    """A CSV file of questions and answers, each on a topic of its own."""
    lines = [
        f"What is illness {n}?,Illness {n} makes the body warm. Rest for {n % 9 + 1} days.,illness {n}"
        for n in range(rows)
    ]
    path.write_text("\n".join(["question,answer,topic", *lines]) + "\n")
    return path


def write_talks(path: Path, count: int = 20) -> Path:
    """Dialogues of one to four questions, and one row that ends in a question."""
    rows = []
    for number in range(count):
        said = [
            text
            for turn in range(1 + number % 4)
            for text in (f"Question {turn} on illness {number}? 🤒", f"Illness {number}, answer {turn}: rest. 💧")
        ]
        rows.append([{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(said)])
    rows.append(rows[0][:1])
    path.write_text("".join(json.dumps({"conversations": row}) + "\n" for row in rows), encoding="utf-8")
    return path


def measured_apart(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what is measured."""
    return [{key: value for key, value in row.items() if key not in SECONDS} for row in rows]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def essence(folder: Path) -> dict[str, Any]:
    """What two runs of one config must have in common, to the bit."""
    return {
        "adapter": (folder / "adapter/adapter_model.safetensors").read_bytes(),
        "steps": measured_apart(lines(folder / "steps.jsonl")),
        "epochs": lines(folder / "epochs.jsonl"),
        "splits": {path.name: path.read_bytes() for path in sorted((folder / "splits").iterdir())},
        "predictions": {
            path.relative_to(folder).as_posix(): measured_apart(lines(path))
            for path in sorted((folder / "predictions").rglob("*.jsonl"))
        },
        "metrics": [system["metrics"] for system in json.loads((folder / "report.json").read_text())["systems"]],
    }


class Stopper:
    """Listens to the road and presses Ctrl-C when the bar ``title`` reaches ``at``; keeps all that was said."""

    def __init__(self, title: str = "", at: int = 0) -> None:
        self.title, self.at = title, at
        self.said: list[str] = []
        self.bars: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Callable[[int, int], None]]:
        self.bars.append(title)

        def advance(done: int, wanted: int) -> None:
            if title == self.title and done >= self.at:
                self.title = ""
                os.kill(os.getpid(), signal.SIGINT)

        yield advance
