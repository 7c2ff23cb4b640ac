"""Peak memory and seconds of the preparation of generated JSONL rows: 10,000, 100,000 and a million of them.

    python benchmarks/data_scale.py [--rows N ...] [--folder DIR] [--out benchmarks/results/data-scale.json]

Each size is prepared in a process of its own, with the copies that it makes of itself: read, cleaned, equal rows dropped,
grouped, near copies found, split, proven, accounted, and written as `medlms data prepare` writes it. Memory is that of all
its processes together; by stage, that of what the first one does itself. The scan for identifiers and exams are left out.
The rows come from a seed: made-up words, about ten rows a topic, a twentieth of them copies of earlier rows, as many near
copies, some reworded questions and some faulty lines. A million rows take about 1 GB in the folder (TMPDIR unless it is
named), and twice as much while they are prepared. Nothing is written unless ``--out`` is given. Exit code 1 where more memory
is taken than is promised.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

SIZES = (10_000, 100_000, 1_000_000)
WITHIN = 1_500_000_000  # bytes: what is promised for a million rows
EVERY = 0.2  # seconds between looks at the memory of all processes
BLOCK = 1000  # rows that are generated at once, and earlier ones that copies are made of
ASKED = (
    "What are the symptoms of {}?",
    "How is {} treated?",
    "What causes {}?",
    "Who is at risk of {}?",
    "How can {} be prevented in older people?",
    "Which tests are done for {} and what do they show?",
)
REWORDED = "Please tell me, what are the symptoms of {}?"
PLAIN = "the of and in to is a with for are that be by or as may can this from not have who it at on".split()


def generate(path: Path, count: int, seed: int = 13) -> None:
    """Write that many lines, the same ones for the same seed."""
    import numpy as np

    numbers = np.random.default_rng(seed)
    words = np.array(_words(40_000))
    often = 1 / np.arange(10, len(words) + 10)
    often[: len(PLAIN)] *= 12
    sums = np.cumsum(often / often.sum())
    kept: list[dict[str, str]] = []
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            lengths = numbers.integers(40, 121, size)
            drawn = words[np.searchsorted(sums, numbers.random(int(lengths.sum()))).clip(max=len(words) - 1)].tolist()
            topics = numbers.integers(0, max(1, count // 10), size).tolist()
            chances, picks = numbers.random(size).tolist(), numbers.integers(0, BLOCK, (size, 2)).tolist()
            ends = np.cumsum(lengths).tolist()
            block = []
            for row, (topic, end, length) in enumerate(zip(topics, ends, lengths.tolist(), strict=True)):
                answer = drawn[end - length : end]
                name = f"{words[1000 + topic % 30_000]} {words[2000 + topic // 7 % 37_000]} type {topic % 9 + 1}"
                made = {"question": ASKED[picks[row][0] % len(ASKED)].format(name), "answer": " ".join(answer) + "."}
                if chances[row] < 0.9:
                    made["topic"] = name
                block.append(_changed(made, kept, chances[row], *picks[row], name))
            file.writelines(json.dumps(made) + "\n" for made in block)
            kept = block if start % (5 * BLOCK) == 0 else kept


def _changed(
    made: dict[str, str], kept: list[dict[str, str]], chance: float, pick: int, other: int, name: str
) -> dict[str, str]:
    """The row as it is, or the copy of an earlier row, a near copy, a reworded question, or a fault."""
    early = kept[pick] if len(kept) == BLOCK and kept[pick]["answer"] else made
    if chance < 0.05:
        return early
    if chance < 0.10:
        words = early["answer"].split()
        words[other % len(words)] = "otherwise"
        return {**made, "answer": " ".join(words)}
    if chance < 0.12:
        return {**made, "question": REWORDED.format(name)}
    if chance < 0.13:
        return {**made, "answer": "<p>" + made["answer"] + " &amp; more</p>"}
    return {**made, "answer": ""} if chance < 0.135 else made


def _words(count: int) -> list[str]:
    parts = ["ka", "ri", "mo", "tel", "shu", "va", "ne", "dor", "pi", "lum", "be", "gas", "zo", "fi", "han", "cry"]
    longer: Iterator[tuple[str, ...]] = itertools.chain.from_iterable(
        itertools.product(parts, repeat=size) for size in (2, 3, 4)
    )
    return [*PLAIN, *("".join(item) for item in itertools.islice(longer, count - len(PLAIN)))]


def once(path: Path, folder: Path) -> dict[str, Any]:
    """Seconds, peak of memory and rows by stage and in all, in this process."""
    import data as stages

    from medlms import config
    from medlms import data as preparing
    from medlms.data import contamination
    from medlms.road import rows
    from medlms.run import Run

    found: dict[str, Any] = {}
    start = _memory()
    for stage, (module, function) in stages.STAGES.items():
        _watch(importlib.import_module(module), function, stage, found)
    contamination.at_hand = lambda **_: None
    read, _ = config.load({"model": "none", "data": [str(path)], "split": {"dev": 100, "eval": 100}})
    wall, processor = time.perf_counter(), sum(os.times()[:4])
    prepared = preparing.prepare(read, look=False)
    _watch(rows, "keep", "write", found)
    run = Run(folder)
    rows.keep(run, prepared)
    run.keep_rows("dropped.jsonl", prepared.dropped)
    run.write_json("data_report.json", prepared.report)
    seconds = {"wall": time.perf_counter() - wall, "processor": sum(os.times()[:4]) - processor}
    totals = {key: prepared.report["totals"][key] for key in ("rows_in", "kept", "dropped_rows", "train")}
    peak = max(_memory(), *(item["bytes"] for item in found.values()))
    return {"all": {**seconds, "bytes": peak}, "libraries": {"bytes": start}, **found, "rows": totals}


def _watch(module: Any, name: str, stage: str, found: dict[str, Any]) -> None:
    plain = getattr(module, name)

    def watched(*args: Any, **keys: Any) -> Any:
        _forget()
        wall, processor = time.perf_counter(), time.process_time()
        try:
            return plain(*args, **keys)
        finally:
            spent = found.setdefault(stage, {"wall": 0.0, "processor": 0.0, "bytes": 0})
            spent["wall"] += time.perf_counter() - wall
            spent["processor"] += time.process_time() - processor
            spent["bytes"] = max(spent["bytes"], _memory())

    setattr(module, name, watched)


def _memory() -> int:
    """The peak of this process's memory, in bytes, since the last time it was forgotten."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _forget() -> None:
    """Let the peak begin anew where the system can; elsewhere it is that of all stages so far."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def measured(sizes: list[int], folder: str | None) -> dict[int, dict[str, Any]]:
    made: dict[int, dict[str, Any]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            print(f"{size:,} rows", file=sys.stderr)
            path = Path(place) / "rows.jsonl"
            generate(path, size)
            command = [sys.executable, __file__, "--once", str(path)]
            said, peak = _watched(command)
            made[size] = {**json.loads(said.splitlines()[-1]), "file": path.stat().st_size}
            made[size]["all"]["bytes"] = max(peak, made[size]["all"]["bytes"])
    return made


def _watched(command: list[str]) -> tuple[str, int]:
    """What a command printed, and the most memory that its processes held together: shared pages count once."""
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_share, _family(process.pid))))
            time.sleep(EVERY)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(process.returncode)
    return said, peak


def _family(process: int) -> list[int]:
    """A process and the copies that it has made of itself; the process alone where the system does not say."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return [process]
    return [process, *(one for child in children for one in _family(int(child)))]


def _share(process: int) -> int:
    """Bytes of memory that are a process's part (PSS); 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def write(path: Path, made: dict[int, dict[str, Any]], words: list[str]) -> None:
    from medlms.bench.estimates import median
    from medlms.bench.machine import libraries, machine
    from medlms.bench.result import Result

    result = Result({**machine(), "libraries": libraries()}, shlex.join(["python", "benchmarks/data_scale.py", *words]))
    for size, found in made.items():
        for stage, item in found.items():
            if stage in ("file", "rows"):
                continue
            settings = {"rows": size, "stage": stage}
            result.add("ours", "peak_memory_bytes", median([item["bytes"]]), settings)
            for clock in ("wall", "processor"):
                if clock in item:
                    result.add("ours", "seconds", median([item[clock]]), {**settings, "clock": clock})
    result.extra["rows"] = {str(size): {**found["rows"], "file_bytes": found["file"]} for size, found in made.items()}
    result.extra["promised"] = {"bytes": WITHIN, "rows": max(SIZES)}
    result.complete = True
    result.write(path)


def shown(made: dict[int, dict[str, Any]]) -> str:
    from medlms.bench.result import table

    tables = []
    for size, found in made.items():
        rows = found["rows"]
        stages = [(stage, item) for stage, item in found.items() if stage not in ("file", "rows")]
        lines = [("stage", "peak MB", "wall s", "processor s")]
        for stage, item in stages:
            clocks = (f"{item[clock]:.1f}" if clock in item else "" for clock in ("wall", "processor"))
            lines.append((stage, f"{item['bytes'] / 1e6:,.0f}", *clocks))
        head = f"{size:,} rows ({found['file'] / 1e6:,.0f} MB): {rows['kept']:,} kept, {rows['dropped_rows']:,} dropped"
        tables.append(f"{head}\n{table(lines)}")
    return "\n\n".join(tables)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", help="where the rows are generated")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.once is not None:
        print(json.dumps(once(options.once, options.once.parent / "prepared")))
        return 0
    made = measured(options.rows, options.folder)
    print(shown(made))
    if options.out:
        write(options.out, made, words)
    return 0 if all(found["all"]["bytes"] <= WITHIN for size, found in made.items() if size <= max(SIZES)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
