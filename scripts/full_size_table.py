"""The course project's five models at full size as a page: what the plan said, what was measured, what was never run.

    python scripts/full_size_table.py

Reads benchmarks/results/full-size.json (one `medlms models prove NAME` a model) and benchmarks/results/memory.json; writes
docs/results/full-size.md. Quality stands empty where a model's real weights were never run, beside the command that fills it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results" / "full-size.md"
MODELS = {
    "mistral-7b-v0.1": "mistral-7b",
    "llama-3-8b": "llama-3-8b",
    "llama-2-7b": "llama-2-7b",
    "gemma-1.1-7b-it": "gemma-1.1-7b",
    "distilgpt2": "distilgpt2",
}
HEAD = """# The five models at full size

Random weights of each model's exact shape, drawn layer by layer and quantised to NF4; LoRA of rank 16 on all linear layers,
dropout 0.25; two training steps of one row, 16 tokens of an answer, all saved, read again and compared. Weights were never
downloaded, so nothing here says how well a model answers: those cells are empty, and the command beside them fills them.
"""
MIDDLE = """
Peak memory is the training stage's, of the whole process; "all" adds reading a second model from disk beside what the
first one left, which no other command does. Seconds of a step are of {tokens} tokens, from low to high; the plan's time
rests on a matrix product measured in that moment. In every row what was saved and read again gave the same answer and the
same log-probability, and the base weights were the same before and after training.

## The plan against measured memory

Each row is a process of its own: loading, two steps of two blocks, one batch of answers (`python benchmarks/memory.py`). Two
numbers of the plan (what the libraries take at their first step, and what the heap holds beyond tensors) were fitted to
these twelve rows; the five above had no part in that.
"""


def main() -> None:
    """Write the page."""
    held = json.loads((RESULTS / "full-size.json").read_text(encoding="utf-8"))
    memory = json.loads((RESULTS / "memory.json").read_text(encoding="utf-8"))
    PAGE.write_text(page(held, memory), encoding="utf-8")
    print(PAGE)


def page(held: dict[str, Any], memory: dict[str, Any]) -> str:
    """The whole page as Markdown."""
    proofs = {proof["model"]: proof for proof in held["proofs"]}
    machine = held["machine"]
    tokens = next(iter(proofs.values()))["tokens"]
    lines = [HEAD, f"{machine['processor']}, {machine['cores']} cores, torch {machine['torch']}.", ""]
    lines += [
        "| model | weights | plan, GB | measured, GB | error | all, GB | plan, s a step | measured, s a step | "
        "16 tokens, s | token F1, base | token F1, tuned | command |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [proved(proofs[name], config) for name, config in MODELS.items() if name in proofs]
    lines += [MIDDLE.format(tokens=tokens), "| configuration | measured, GB | plan, GB | error |", "|---|---|---|---|"]
    for row in memory["rows"]:
        foretold = row["settings"]["predicted_bytes"]
        lines.append(
            f"| {row['system']} | {row['median'] / 1e9:.2f} | {foretold / 1e9:.2f} | {off(foretold, row['median'])} |"
        )
    return "\n".join(lines) + "\n"


def proved(proof: dict[str, Any], config: str) -> str:
    """One model's line."""
    foretold, found = proof["predicted"], proof["measured"]
    steps = sorted(step["seconds"] for step in proof["steps"])
    answer = next(stage["seconds"] for stage in proof["stages"] if stage["name"] == "generate")
    peak, plan = found["peak_memory_bytes"], foretold["peak_memory_bytes"]
    cells = [
        proof["model"],
        f"{proof['parameters'] / 1e9:.2f} billion, {'NF4' if proof['four_bit'] else '16 bit'}",
        f"{plan / 1e9:.2f}",
        f"{peak / 1e9:.2f}",
        off(plan, peak),
        f"{found['peak_memory_bytes_of_all'] / 1e9:.2f}",
        f"{foretold['step_seconds']:.1f}",
        f"{steps[0]:.1f} to {steps[-1]:.1f}",
        f"{answer:.1f}",
        "",
        "",
        f"`medlms train configs/{config}.yaml`",
    ]
    return "| " + " | ".join(cells) + " |"


def off(foretold: float, measured: float) -> str:
    """How far the plan lay from what was measured."""
    return f"{100 * (foretold / measured - 1):+.0f} %"


if __name__ == "__main__":
    main()
