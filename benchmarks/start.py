"""Where the seconds go between the start of a run and its first optimiser step.

    python benchmarks/start.py [CONFIG.yaml] [key=value ...] [--rounds 3] [--out benchmarks/results/start.json]

Each round is a process of its own: libraries are imported, then the run goes its usual way, without grading, up to its first
step, and is stopped there. Weights must be here already. Nothing is written unless ``--out`` is given.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

WITHIN = 10.0  # seconds: what is promised, libraries imported
UNGRADED = ("train.evaluate_every=never", "evaluate.systems=[tuned]", "prompts=[]")
STAGES = {
    "read the data": ("medlms.data", "prepare"),
    "find the model": ("medlms.models.fetch", "locate"),
    "load the model": ("medlms.models.load", "load"),
    "hash the weights": ("medlms.models.load", "weights_hashes"),
    "manifest": ("medlms.road.training", "manifest"),
    "tokenise": ("medlms.road.training", "_tokenised"),
    "check memory and disk": ("medlms.road.training", "_check_fit"),
    "check questions": ("medlms.road.training", "_check_questions"),
    "adapters": ("medlms.models.methods", "create"),
    "choose or measure the way": ("medlms.road.probing", "way_of"),
    "fingerprint": ("medlms.road.tuning", "_fingerprint"),
    "foretell": ("medlms.road.tuning", "_announce"),
}
"""Stages by the function that does them; none runs inside another."""


class _Enough(BaseException):
    """The first step is done."""


class _Talk:
    """Hears of the first step."""

    def __init__(self) -> None:
        self.first = 0.0

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)

    @contextmanager
    def bar(self, title: str) -> Iterator[Callable[[int, int], None]]:
        def advance(done: int, wanted: int) -> None:
            if title == "training" and done == 0:
                self.first = time.perf_counter()
            elif title == "training":
                raise _Enough

        yield advance


def once(config: str, settings: list[str]) -> dict[str, float]:
    """Seconds of imports, of each stage, of the first step, and of all behind the imports, in this process."""
    import importlib

    began = time.perf_counter()
    for name in (
        "torch",
        "transformers",
        "peft",
        "accelerate",
        *dict.fromkeys(module for module, _ in STAGES.values()),
    ):
        importlib.import_module(name)
    importlib.import_module("transformers.models.auto.modeling_auto")
    found = {"imports": time.perf_counter() - began}
    for stage, (module, function) in STAGES.items():
        _time(importlib.import_module(module), function, stage, found)
    import medlms

    talk = _Talk()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with suppress(_Enough):
            medlms.train(config, [*settings, *UNGRADED, f"run={folder}/start"], talk=talk)
        ended = time.perf_counter()
    found["first step"] = ended - talk.first
    named = sum(seconds for stage, seconds in found.items() if stage != "imports")
    return {**found, "other": ended - began - named, "seconds": ended - began}


def _time(module: Any, name: str, stage: str, found: dict[str, float]) -> None:
    plain = getattr(module, name)

    def timed(*args: Any, **keys: Any) -> Any:
        began = time.perf_counter()
        try:
            return plain(*args, **keys)
        finally:
            found[stage] = found.get(stage, 0.0) + time.perf_counter() - began

    setattr(module, name, timed)


def measured(config: str, settings: list[str], rounds: int) -> list[dict[str, float]]:
    command = [sys.executable, __file__, config, *settings, "--once"]
    made = []
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        made.append(json.loads(done.stdout.splitlines()[-1]))
    return made


def write(path: Path, made: list[dict[str, float]], words: list[str], config: str) -> None:
    from medlms.bench.estimates import Estimate
    from medlms.bench.machine import libraries, machine
    from medlms.bench.result import Result

    result = Result({**machine(), "libraries": libraries()}, shlex.join(["python", "benchmarks/start.py", *words]))
    for stage in made[0]:
        values = [one[stage] for one in made]
        found = Estimate(statistics.median(values), min(values), max(values), len(values))
        name = "all" if stage == "seconds" else stage
        result.add("ours", "seconds", found, {"config": config, "stage": name})
    result.complete = True
    result.write(path)


def shown(made: list[dict[str, float]]) -> str:
    from medlms.bench.result import table

    lines = [("stage", "seconds", "low", "high")]
    for stage in made[0]:
        values = [one[stage] for one in made]
        name = "all behind the imports" if stage == "seconds" else stage
        lines.append((name, *(f"{value:.2f}" for value in (statistics.median(values), min(values), max(values)))))
    return table(lines)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="CONFIG.yaml | key=value")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    configs = [word for word in options.words if "=" not in word] or [str(ROOT / "configs" / "demo.yaml")]
    settings = [word for word in options.words if "=" in word]
    if options.once:
        print(json.dumps(once(configs[0], settings)))
        return 0
    made = measured(configs[0], settings, max(1, options.rounds))
    print(shown(made))
    if options.out:
        write(options.out, made, words, Path(configs[0]).name)
    return 0 if statistics.median(one["seconds"] for one in made) <= WITHIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
