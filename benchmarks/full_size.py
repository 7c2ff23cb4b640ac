"""Training steps of a model of 7 to 8 billion weights in NF4: ours against plain peft with bitsandbytes, taking turns.

    python benchmarks/full_size.py [--model llama-3-8b] [--base FOLDER] [--out benchmarks/results/full-size-training.json]

Weights are random and of the exact shape, quantised once and read from the same files by every system. The peer's settings
are searched first, at the shorter length; the best one and the usual one are then measured beside ours. One row a step.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.bench.estimates import Estimate, median, ratio  # noqa: E402
from medlms.bench.quiet import busy_share  # noqa: E402
from medlms.bench.result import Result, table  # noqa: E402
from medlms.bench.turns import Contender, Measured, take_turns  # noqa: E402
from medlms.bench.worker import Worker, WorkerFailed  # noqa: E402

Settings = dict[str, Any]

OURS: Settings = {"name": "ours", "system": "ours"}
# What peft's own quick start gives (adapters in 32 bits, all logits, activations made again as its k-bit preparation asks
# for), and what a careful user can turn: adapters in 16 bits, the head over answers only, activations kept.
USUAL: Settings = {"name": "plain_default", "head": "full", "adapters": "fp32", "checkpointing": True}
LEAN: Settings = {
    "name": "plain_answer_head_checkpointing",
    "head": "answer",
    "adapters": "fp32",
    "checkpointing": True,
}
"""What a careful user takes where memory is short: measured beside the fastest, which needs far more of it."""
SEARCH: tuple[Settings, ...] = (
    USUAL,
    LEAN,
    {"name": "plain_answer_head", "head": "answer", "adapters": "fp32", "checkpointing": False},
    {"name": "plain_answer_head_bf16_adapters", "head": "answer", "adapters": "bf16", "checkpointing": False},
)
LORA = {"r": 16, "alpha": 16, "dropout": 0.25}
WARM_UP, MOST, SEED = 16, 1800.0, 13


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    options = arguments(words)
    from medlms.bench.machine import machine

    shown = [Path(word).name if word.startswith("/") else word for word in words]
    result = Result(
        {**machine(), "threads": options.threads}, shlex.join(["python", "benchmarks/full_size.py", *shown])
    )
    with tempfile.TemporaryDirectory(prefix="bench-full-") as scratch:
        base = made(options, Path(scratch))
        steps = write_job(Path(scratch) / "job.json", options, base)
        result.extra = {
            "model": options.model,
            "lora": LORA,
            "weights": "random, NF4, exact shape",
            "busy": busy_share(),
        }
        best = search(options, result, Path(scratch), base)
        for tokens in options.tokens:
            peers = list({settings["name"]: settings for settings in (best, LEAN, USUAL)}.values())
            rounds(options, result, Path(scratch), base, [OURS, *peers], tokens, steps[tokens], best["name"])
            result.write(options.out)
    result.complete = True
    result.write(options.out)
    print(summary(result))
    return 0


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", default="llama-3-8b", help="a known model (default llama-3-8b)")
    add("--base", type=Path, help="folder to keep the random weights in, read again by the next run")
    add("--tokens", type=lambda text: [int(part) for part in text.split(",")], default=[64, 512], help="row lengths")
    add("--rounds", type=int, default=3, help="rounds at each length (default 3)")
    add("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads of every system (default 2)")
    add("--out", type=Path, default=ROOT / "benchmarks" / "results" / "full-size-training.json", help="the result")
    return parser.parse_args(words)


def made(options: argparse.Namespace, scratch: Path) -> Path:
    """The folder of quantised random weights, drawn when it is not there yet."""
    base: Path = options.base or scratch / "base"
    if not (base / "config.json").is_file():
        say(f"drawing {options.model}'s weights (some minutes)")
        with worker("make", options, scratch) as process:
            process.ask({"system": "make", "shape": options.model, "folder": str(base), "seed": SEED}, seconds=MOST)
    return base


def write_job(path: Path, options: argparse.Namespace, base: Path) -> dict[int, list[int]]:
    """Rows of random ids, one a step, three quarters learned, for every system; returns the steps of each length."""
    vocabulary = int(json.loads((base / "config.json").read_text(encoding="utf-8"))["vocab_size"])
    drawn = random.Random(SEED)
    lengths = [WARM_UP] + [tokens for tokens in options.tokens for _ in range(options.rounds + 1)]
    rows = [
        {
            "id": f"row-{number}",
            "ids": [drawn.randrange(vocabulary) for _ in range(length)],
            "learn": [int(place >= length // 4) for place in range(length)],
        }
        for number, length in enumerate(lengths)
    ]
    steps = [{"blocks": [[number]], "rows": [number]} for number in range(len(rows))]
    path.write_text(json.dumps({"rows": rows, "steps": steps, "dev": []}), encoding="utf-8")
    return {
        tokens: [number for number, length in enumerate(lengths) if number and length == tokens]
        for tokens in options.tokens
    }


def search(options: argparse.Namespace, result: Result, scratch: Path, base: Path) -> Settings:
    """The peer's fastest setting, by one step of the shorter length after a warm-up."""
    found: dict[str, float] = {}
    for settings in SEARCH:
        try:
            with launched(options, scratch, base, settings, [0, 1]) as process:
                process.ask({"do": "step", "count": 1}, seconds=MOST)
                measured = step(process)
        except WorkerFailed as error:
            say(f"{settings['name']}: left out: {error}")
            result.failed.append({"system": settings["name"], "error": str(error)})
            continue
        found[settings["name"]] = measured.rate
        say(f"{settings['name']}: {measured.seconds:.1f} s, {measured.peak_memory_bytes / 2**30:.2f} GiB")
        record(result, settings["name"], {0: measured}, {**settings, "phase": "search", "tokens": options.tokens[0]})
        result.write(options.out)
    if not found:
        raise SystemExit("every setting of the peer failed")
    return next(settings for settings in SEARCH if settings["name"] == max(found, key=lambda name: found[name]))


def rounds(
    options: argparse.Namespace,
    result: Result,
    scratch: Path,
    base: Path,
    systems: list[Settings],
    tokens: int,
    steps: list[int],
    best: str,
) -> None:
    """Interleaved steps of all systems at one length, each in a process of its own; the first step is warm-up."""
    with contextlib.ExitStack() as stack:
        processes = {s["name"]: stack.enter_context(launched(options, scratch, base, s, steps)) for s in systems}

        def run(name: str) -> Any:
            return lambda number: step(processes[name])

        def after(number: int, name: str, found: Measured) -> None:
            say(f"  {tokens} tokens, round {number + 1}: {name} {found.seconds:.1f} s")

        outcome = take_turns([Contender(name, run(name)) for name in processes], rounds=options.rounds, after=after)
    for name, error in outcome.failed.items():
        result.failed.append({"system": name, "error": error})
    for settings in systems:
        name = settings["name"]
        shown = "best_peer" if name == best else name
        where = {**settings, "phase": "rounds", "tokens": tokens}
        if outcome.measured[name]:
            record(result, shown, outcome.measured[name], where)
            if name != "ours" and (found := ratio(outcome.rates("ours"), outcome.rates(name))) is not None:
                result.compare("ours", f"{shown}, {tokens} tokens", "tokens_per_second", found)


def record(result: Result, system: str, measured: dict[int, Measured], settings: Settings) -> None:
    found = [*measured.values()]
    result.add(system, "tokens_per_second", median([item.rate for item in found]), settings)
    result.add(system, "seconds", median([item.seconds for item in found]), settings)
    peak = max(item.peak_memory_bytes for item in found)
    result.add(system, "peak_memory_bytes", Estimate(peak, None, None, 1), settings)


def step(process: Worker) -> Measured:
    answer = process.ask({"do": "step", "count": 1, "touch": True}, seconds=MOST)
    return Measured(answer["tokens"], answer["seconds"], answer["peak_memory_bytes"])


@contextlib.contextmanager
def launched(options: argparse.Namespace, scratch: Path, base: Path, settings: Settings, steps: list[int]) -> Any:
    """A system that has read its weights and waits."""
    start = {"system": "plain", "batch": 1, **{key: value for key, value in settings.items() if key != "name"}}
    start |= {"model": str(base), "job": str(scratch / "job.json"), "steps": steps, "seed": SEED}
    start |= {"lora": LORA, "learning_rate": 2e-4, "rows_per_step": 1}
    with worker(settings["name"], options, scratch) as process:
        process.ask(start, seconds=MOST)
        yield process


def worker(name: str, options: argparse.Namespace, scratch: Path) -> Worker:
    environment = {
        "OMP_NUM_THREADS": str(options.threads),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, str(Path(__file__).with_name("training_worker.py"))]
    return Worker(name, command, log=scratch / f"{name}.log", environment=environment)


def summary(result: Result) -> str:
    lines = [["tokens a step", "system", "seconds", "tokens/s", "peak GiB"]]
    rows = {
        (r.settings["tokens"], r.system, r.metric): r.median for r in result.rows if r.settings["phase"] == "rounds"
    }
    for tokens, system in dict.fromkeys((tokens, system) for tokens, system, _ in rows):
        seconds, speed, peak = (
            rows[tokens, system, metric] or 0.0 for metric in ("seconds", "tokens_per_second", "peak_memory_bytes")
        )
        lines.append([str(tokens), system, f"{seconds:.1f}", f"{speed:.2f}", f"{peak / 2**30:.2f}"])
    ratios = [f"ours / {found.b}: {found.value:.2f}" for found in result.ratios]
    return "\n".join([table(lines), *ratios])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
