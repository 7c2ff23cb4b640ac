"""Seconds from the files of a data set to rows that are prepared, without copies and split, by stage, wall and processor.

    python benchmarks/data.py [SOURCE ...] [--rounds 5] [--train 1900] [--out benchmarks/results/data.json]

MedQuAD unless sources are named; their originals must be here (MEDLMS_DATA, or `medlms data get`). Each round is a process of its
own. Exams are left out (they are compared only where they lie on the machine), and so are imports. Nothing is written unless
``--out`` is given. Exit code 1 when the median is above what is promised.
"""

from __future__ import annotations

import argparse
import json
import resource
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

WITHIN = 10.0  # seconds: what is promised for MedQuAD on two cores
STAGES = {
    "read": ("medlms.data.prepared", "_load"),
    "clean": ("medlms.data.clean", "clean"),
    "equal rows": ("medlms.data.duplicates", "drop"),
    "name topics": ("medlms.data.topics", "name"),
    "group": ("medlms.data.split", "grouped"),
    "near copies": ("medlms.data.copies", "find"),
    "account of copies": ("medlms.data.copies", "account"),
    "split": ("medlms.data.split", "parts"),
    "prove": ("medlms.data.leaks", "prove"),
    "account": ("medlms.data.report", "build"),
}
"""Stages by the function that does them; none runs inside another."""


def once(sources: list[str], train: int) -> dict[str, dict[str, float]]:
    """Wall and processor seconds of each stage and of the whole, and the peak of memory in bytes, in this process."""
    import importlib

    from medlms import config, data
    from medlms.data import contamination

    found: dict[str, dict[str, float]] = {}
    for stage, (module, function) in STAGES.items():
        _time(importlib.import_module(module), function, stage, found)
    contamination.at_hand = lambda **_: None
    read, _ = config.load({"model": "none", "data": sources, "split": {"train": train, "dev": 100, "eval": 100}})
    wall, processor = time.perf_counter(), time.process_time()
    prepared = data.prepare(read, offline=True)
    found["all"] = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    assert len(prepared.train) == train
    found["memory"] = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    return found


def _time(module: Any, name: str, stage: str, found: dict[str, dict[str, float]]) -> None:
    plain = getattr(module, name)

    def timed(*args: Any, **keys: Any) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        try:
            return plain(*args, **keys)
        finally:
            spent = found.setdefault(stage, {"wall": 0.0, "processor": 0.0})
            spent["wall"] += time.perf_counter() - wall
            spent["processor"] += time.process_time() - processor

    setattr(module, name, timed)


def measured(sources: list[str], train: int, rounds: int) -> list[dict[str, dict[str, float]]]:
    command = [sys.executable, __file__, *sources, "--train", str(train), "--once"]
    made = []
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        made.append(json.loads(done.stdout.splitlines()[-1]))
    return made


def write(path: Path, made: list[dict[str, dict[str, float]]], words: list[str], sources: list[str]) -> None:
    from medlms.bench.estimates import median
    from medlms.bench.machine import libraries, machine
    from medlms.bench.result import Result

    result = Result({**machine(), "libraries": libraries()}, shlex.join(["python", "benchmarks/data.py", *words]))
    for stage in made[0]:
        for clock in made[0][stage]:
            metric = "peak_memory_bytes" if clock == "bytes" else "seconds"
            settings = {"sources": sources, "stage": stage, "clock": clock}
            result.add("ours", metric, median([one[stage][clock] for one in made]), settings)
    result.complete = True
    result.write(path)


def shown(made: list[dict[str, dict[str, float]]]) -> str:
    from medlms.bench.result import table

    lines = [("stage", "wall s", "low", "high", "processor s")]
    for stage in (name for name in made[0] if name != "memory"):
        walls = [one[stage]["wall"] for one in made]
        processor = statistics.median(one[stage]["processor"] for one in made)
        lines.append((stage, *(f"{v:.2f}" for v in (statistics.median(walls), min(walls), max(walls), processor))))
    peak = max(one["memory"]["bytes"] for one in made) / 2**20
    return f"{table(lines)}\nat most {peak:,.0f} MiB of memory"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", metavar="SOURCE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--train", type=int, default=1900)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    sources = options.sources or ["medquad"]
    if options.once:
        print(json.dumps(once(sources, options.train)))
        return 0
    made = measured(sources, options.train, max(1, options.rounds))
    print(shown(made))
    if options.out:
        write(options.out, made, words, sources)
    return 0 if statistics.median(one["all"]["wall"] for one in made) <= WITHIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
