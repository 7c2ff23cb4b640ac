"""The plan against the machine: predicted and measured peak memory, each configuration in a process of its own.

    python benchmarks/memory.py [--only NAME,NAME] [--again] [--out benchmarks/results/memory.json]

Models have the public shapes with random weights, written once to a scratch folder and read by the road's own loading.
The file is written after every configuration, and those that stand in it are not measured again: a run that was stopped
goes on with the same command.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from medlms.bench.estimates import Estimate  # noqa: E402
from medlms.bench.result import Result, read, table  # noqa: E402
from medlms.bench.worker import Worker, WorkerFailed  # noqa: E402
from medlms.config import Config  # noqa: E402
from medlms.models import costs  # noqa: E402
from medlms.models.shapes import shape_of  # noqa: E402

WITHIN = 0.2  # the error that the plan promises
MOST = 3600.0  # seconds after which a process counts as hung
LLAMA = {"model_type": "llama", "vocab_size": 49152, "max_position_embeddings": 8192, "tie_word_embeddings": True}
SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-135m": LLAMA
    | {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
    },
    "smollm2-360m": LLAMA
    | {
        "hidden_size": 960,
        "intermediate_size": 2560,
        "num_hidden_layers": 32,
        "num_attention_heads": 15,
        "num_key_value_heads": 5,
    },
    "distilgpt2": {
        "model_type": "gpt2",
        "vocab_size": 50257,
        "n_embd": 768,
        "n_layer": 6,
        "n_head": 12,
        "n_positions": 1024,
    },
    "gemma3-270m": {
        "model_type": "gemma3_text",
        "vocab_size": 262144,
        "hidden_size": 640,
        "intermediate_size": 2048,
        "num_hidden_layers": 18,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "head_dim": 256,
        "max_position_embeddings": 32768,
        "sliding_window": 512,
    },
}


@dataclass(frozen=True)
class Case:
    """A configuration: a shape, and what its config says beside the defaults. Rows have ``row`` tokens."""

    name: str
    shape: str
    micro_tokens: int = 1024
    rank: int = 16
    precision: str = "bf16"
    four_bit: bool = False
    row: int = 256
    batch: int = 8
    settings: dict[str, Any] = field(default_factory=dict)

    def config(self, folder: str) -> dict[str, Any]:
        return {
            "model": folder,
            "data": ["random"],
            "precision": self.precision,
            "load_in_4bit": self.four_bit,
            "lora": {"r": self.rank},
            # Two blocks a step, so that gradients lie beside the second one's activations as in a real run.
            "train": {"micro_tokens": self.micro_tokens, "tokens_per_step": 2 * self.micro_tokens},
            "evaluate": {"batch": self.batch, "max_new_tokens": 32},
            **self.settings,
        }


CASES = (
    Case("135m_micro_512", "smollm2-135m", micro_tokens=512),
    Case("135m_micro_1024", "smollm2-135m"),
    Case("135m_micro_2048", "smollm2-135m", micro_tokens=2048),
    Case("135m_micro_4096", "smollm2-135m", micro_tokens=4096),
    Case("135m_rank_4", "smollm2-135m", rank=4),
    Case("135m_rank_64", "smollm2-135m", rank=64),
    Case("135m_fp32", "smollm2-135m", precision="fp32"),
    Case("135m_nf4", "smollm2-135m", four_bit=True),
    Case("360m_micro_1024", "smollm2-360m"),
    Case("distilgpt2_micro_1024", "distilgpt2"),
    Case("gemma3_270m_micro_512", "gemma3-270m", micro_tokens=512),
    Case("gemma3_270m_micro_1024", "gemma3-270m"),
)


def main(words: list[str] | None = None) -> int:
    words = sys.argv[1:] if words is None else words
    options = arguments(words)
    result = begun(options, words)
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as scratch:
        for case in options.cases:
            if case.name in measured(result):
                say(f"{case.name}: measured before")
                continue
            try:
                found = measure(case, Path(scratch), options.threads)
            except WorkerFailed as error:
                say(f"{case.name}: {error}")
                result.failed.append({"system": case.name, "error": str(error)})
            else:
                add(result, case, found)
            result.write(options.out)
    result.complete = not result.failed and measured(result) >= {case.name for case in CASES}
    result.write(options.out)
    print(shown(result))
    return 1 if result.failed else 0


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_one = parser.add_argument
    add_one("--only", help="only these configurations, by name, with commas between")
    add_one("--again", action="store_true", help="measure anew what stands in the file already")
    add_one("--out", type=Path, default=ROOT / "benchmarks" / "results" / "memory.json", help="where the result goes")
    add_one("--threads", type=int, default=min(2, os.cpu_count() or 1), help="threads of the measured process")
    options = parser.parse_args(words)
    names = [name.strip() for name in options.only.split(",")] if options.only else [case.name for case in CASES]
    unknown = sorted(set(names) - {case.name for case in CASES})
    if unknown:
        parser.error(f"--only: there is no {', '.join(unknown)}; there are {', '.join(case.name for case in CASES)}")
    options.cases = [case for case in CASES if case.name in names]
    return options


def begun(options: argparse.Namespace, words: list[str]) -> Result:
    """The file that is there, its measurements beside what the plan says of them now, or a new one."""
    from medlms.road.manifest import libraries, machine

    command = shlex.join(["python", "benchmarks/memory.py", *words])
    result = Result({**machine(), "libraries": libraries()}, command)
    if options.out.is_file() and not options.again:
        cases = {case.name: case for case in CASES}
        for row in read(options.out)["rows"]:
            if row["system"] in cases:
                add(result, cases[row["system"]], {**row["settings"]["found"]})
    return result


def measured(result: Result) -> set[str]:
    return {row.system for row in result.rows}


def measure(case: Case, scratch: Path, threads: int) -> dict[str, Any]:
    """One process that makes the weights (when they are not there yet), and one that is measured."""
    folder = scratch / case.shape
    if not folder.is_dir():
        with worker("make", scratch, threads) as maker:
            maker.ask({"do": "make", "shape": SHAPES[case.shape], "folder": str(folder)}, seconds=MOST)
    say(f"{case.name}: measuring")
    with worker(case.name, scratch, threads) as process:
        return process.ask(
            {
                "do": "measure",
                "folder": str(folder),
                "config": case.config(str(folder)),
                "steps": 2,
                "row": case.row,
                "learned": 0.75,
                "prompt": 64,
                "answer": True,
            },
            seconds=MOST,
        )


def worker(name: str, scratch: Path, threads: int) -> Worker:
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(ROOT / "src"),
    }
    command = [sys.executable, str(ROOT / "benchmarks" / "memory_worker.py")]
    return Worker(name, command, log=scratch / f"{name}.log", environment=environment)


def predicted(case: Case, *, element: int) -> costs.Work:
    """The plan's work for a case, from its shape and config alone."""
    rows = costs.Rows(
        train=100, dev=0, eval=case.batch, mean=case.row, longest=case.row, learned=0.75, prompt=64, known=True
    )
    config = Config(**case.config("random"))
    return replace(costs.work_of(shape_of(SHAPES[case.shape]), config, element=element, rows=rows))


def add(result: Result, case: Case, found: dict[str, Any]) -> None:
    work = predicted(case, element=4 if found["dtype"] == "float32" else 2)
    said = {"needed": costs.peak(work).needed, "resident": costs.resident_peak(work)}
    peak = found["peaks"]["grading"]
    settings = {
        "shape": case.shape,
        "micro_tokens": case.micro_tokens,
        "rank": case.rank,
        "precision": found["dtype"],
        "four_bit": case.four_bit,
        "row_tokens": case.row,
        "predicted_bytes": said["resident"],
        "error": said["resident"] / peak - 1,
        "predicted_needed_bytes": said["needed"],
        "found": found,
        "predicted_block": work.block,
        "phases": {phase.name: {"parts": phase.parts, "pages": phase.pages} for phase in costs.phases(work)},
    }
    result.add(case.name, "peak_memory_bytes", Estimate(peak, None, None, 1), settings)
    say(f"{case.name}: {peak / 1e9:.2f} GB measured, {said['resident'] / 1e9:.2f} GB predicted")


def shown(result: Result) -> str:
    lines = [("configuration", "measured GB", "predicted GB", "error", "")]
    for row in result.rows:
        error = row.settings["error"]
        lines.append(
            (
                row.system,
                f"{(row.median or 0) / 1e9:.2f}",
                f"{row.settings['predicted_bytes'] / 1e9:.2f}",
                f"{100 * error:+.0f} %",
                "" if abs(error) <= WITHIN else "outside",
            )
        )
    return table(lines)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
