"""Seconds from the files of a data set to rows that are prepared, without copies and split, by stage, wall and processor.

    python benchmarks/data.py [SOURCE ...] [--rounds 5] [--train 1900] [--no-peers] [--out benchmarks/results/data.json]

MedQuAD unless sources are named; their originals must be here (MEDLMS_DATA, or `medlms data get`). Each round is a process
of its own: all of it as users have it, some work beside the rest, then again in one process, for the stages. Exams are left
out (they are compared only where they lie on the machine), and so are imports and the scan for identifiers. Then near copies
among the same answers are looked for anew, by ours and by datasketch (`pip install datasketch`; left out where it is not
installed), each round beginning with another. Nothing is written unless ``--out`` is given. Exit code 1 when the median is
above what is promised.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

BUSY = 0.1  # share of the processors above which other work is warned about
WITHIN = 10.0  # seconds: what is promised for MedQuAD on two cores
STAGES = {
    "read and clean": ("medlms.data.reading", "read"),
    "equal rows": ("medlms.data.duplicates", "drop"),
    "name topics": ("medlms.data.topics", "name"),
    "group": ("medlms.data.split", "grouped"),
    "copies": ("medlms.data.copies", "find"),
    "account of copies": ("medlms.data.copies", "account"),
    "split": ("medlms.data.split", "parts"),
    "prove": ("medlms.data.leaks", "prove"),
    "overlaps of graded rows": ("medlms.data.graded", "account"),
    "account": ("medlms.data.report", "build"),
}
"""Stages by the function that does them; none runs inside another."""


PEERS = {"best_peer": "tuned", "datasketch_default": "default"}
"""Systems beside ours in the search for near copies, and their functions in near_peers.py."""
PROMISED = "medquad"


def once(sources: list[str], train: int, peers: bool, turn: int) -> dict[str, dict[str, float]]:
    """Wall and processor seconds of each stage and of the whole, and the peak of memory in bytes, in this process.

    ``near copies: SYSTEM`` are those of each system's search, with the number of texts in clusters that it ``found``.
    """
    from medlms import aside, config
    from medlms.bench.quiet import busy_share
    from medlms.data import contamination, copies

    found: dict[str, dict[str, float]] = {}
    busy = busy_share()
    contamination.at_hand = lambda **_: None
    read, _ = config.load({"model": "none", "data": sources, "split": {"train": train, "dev": 100, "eval": 100}})
    found["all"] = _prepared(read)
    seen: list[Any] = []
    plain = copies.find
    copies.find = lambda rows: seen.append(rows) or plain(rows)  # type: ignore[func-returns-value]
    for stage, (module, function) in STAGES.items():
        _time(importlib.import_module(module), function, stage, found)
    aside._safe = lambda: False
    found["all in one process"] = _prepared(read)
    found["memory"] = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if busy is not None:
        found["others"] = {"busy": busy}
    texts = list(dict.fromkeys(text for row in seen[0] for text in copies.answers(row)))
    names = ["ours", *(PEERS if peers else ())]
    for name in [*names[turn % len(names) :], *names[: turn % len(names)]]:
        found[f"near copies: {name}"] = _search(name, texts)
    return found


def _prepared(read: Any) -> dict[str, float]:
    """Seconds until the rows are there and their account is made; the processor's of all processes."""
    from medlms import data

    wall, processor = time.perf_counter(), sum(os.times()[:4])
    prepared = data.prepare(read, offline=True, look=False)
    assert len(prepared.train) == read.split.train and prepared.report
    return {"wall": time.perf_counter() - wall, "processor": sum(os.times()[:4]) - processor}


def _search(name: str, texts: list[str]) -> dict[str, float]:
    import near_peers

    from medlms.data import near

    search = near.clusters if name == "ours" else getattr(near_peers, PEERS[name])
    wall, processor = time.perf_counter(), time.process_time()
    first = [int(number) for number in search(texts)]
    spent = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    sizes = Counter(first)
    return {**spent, "found": sum(size for size in sizes.values() if size > 1), "texts": len(texts)}


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


def measured(sources: list[str], train: int, rounds: int, peers: bool) -> list[dict[str, dict[str, float]]]:
    command = [sys.executable, __file__, *sources, "--train", str(train), *([] if peers else ["--no-peers"])]
    made = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        done = subprocess.run([*command, "--once", str(number)], stdout=subprocess.PIPE, text=True, check=True)
        made.append(json.loads(done.stdout.splitlines()[-1]))
    return made


def write(path: Path, made: list[dict[str, dict[str, float]]], words: list[str], sources: list[str]) -> None:
    from medlms.bench.estimates import median, ratio
    from medlms.bench.machine import libraries, machine
    from medlms.bench.result import Result

    result = Result({**machine(), "libraries": libraries()}, shlex.join(["python", "benchmarks/data.py", *words]))
    for stage, clock in ((name, key) for name, item in made[0].items() for key in item):
        values = [one[stage][clock] for one in made]
        if clock in ("wall", "processor"):
            system, name = _system(stage)
            settings = {"sources": sources, "stage": name, "clock": clock}
            counted = {key: made[0][stage][key] for key in ("found", "texts") if key in made[0][stage]}
            result.add(system, "seconds", median(values), settings | counted)
        elif clock == "bytes":
            result.add("ours", "peak_memory_bytes", median(values), {"sources": sources, "stage": "all"})
    for peer in PEERS:
        if (stage := f"near copies: {peer}") in made[0]:
            both = ("near copies: ours", stage)
            ours, theirs = ({turn: one[name]["processor"] for turn, one in enumerate(made)} for name in both)
            if found := ratio(theirs, ours):
                result.compare(peer, "ours", "processor_seconds_near_copies", found)
    busy = [one["others"]["busy"] for one in made if "others" in one]
    result.extra["busy_before_each_round"] = busy
    if busy and max(busy) > BUSY:
        result.warnings.append(
            f"Other work took up to {max(busy):.0%} of the processors while this waited: trust the processor's seconds, "
            "not the wall."
        )
    result.extra["promised"] = {"seconds": WITHIN, "sources": [PROMISED], "clock": "wall"}
    result.complete = True
    result.write(path)


def _system(stage: str) -> tuple[str, str]:
    """The system that did a stage, and the stage's own name."""
    name, _, system = stage.partition(": ")
    return (system, name) if system else ("ours", name)


def shown(made: list[dict[str, dict[str, float]]]) -> str:
    from medlms.bench.result import table

    lines = [("stage", "wall s", "low", "high", "processor s")]
    for stage in (name for name in made[0] if "wall" in made[0][name]):
        walls = [one[stage]["wall"] for one in made]
        processor = statistics.median(one[stage]["processor"] for one in made)
        lines.append((stage, *(f"{v:.2f}" for v in (statistics.median(walls), min(walls), max(walls), processor))))
    peak = max(one["memory"]["bytes"] for one in made) / 2**20
    found = [f"{_system(stage)[0]} {item['found']:,}" for stage, item in made[0].items() if "found" in item]
    return f"{table(lines)}\ntexts found to have a near copy: {', '.join(found)}\nat most {peak:,.0f} MiB of memory"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", metavar="SOURCE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--train", type=int, default=1900)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-peers", action="store_true", help="measure ours alone")
    parser.add_argument("--once", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    sources = options.sources or [PROMISED]
    peers = not options.no_peers and importlib.util.find_spec("datasketch") is not None
    if options.once is not None:
        print(json.dumps(once(sources, options.train, peers, options.once)))
        return 0
    if not peers and not options.no_peers:
        print("datasketch is not installed, so ours is measured alone", file=sys.stderr)
    made = measured(sources, options.train, max(1, options.rounds), peers)
    print(shown(made))
    if options.out:
        write(options.out, made, words, sources)
    return 0 if statistics.median(one["all"]["wall"] for one in made) <= WITHIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
