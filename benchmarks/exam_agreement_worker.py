"""The peer's side of exam_agreement.py: log-probabilities of continuations by lm-evaluation-harness. Runs in its own process.

Reads a JSON file of {"model": folder, "dtype", "batch", "context", "tests": [[{"context", "options"}]], "medqa": [{"doc",
"prompt"}]} and writes one of {"version", "tests": [{"values": [[log-probability]], "greedy": [[...]], "seconds"}], "medqa":
prompts that are equal}.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main(source: str, target: str) -> None:
    """Score what ``source`` holds, and write the values to ``target``."""
    from lm_eval.models.huggingface import HFLM

    asked: dict[str, Any] = json.loads(Path(source).read_text(encoding="utf-8"))
    model = HFLM(
        pretrained=asked["model"],
        dtype=asked["dtype"],
        batch_size=asked["batch"],
        device="cpu",
        max_length=asked["context"],
        softmax_dtype="float32",
    )
    result = {
        "version": version("lm_eval"),
        "transformers": version("transformers"),
        "tests": [_scored(model, items) for items in asked["tests"]],
        "medqa": _equal_prompts(asked["medqa"]),
    }
    Path(target).write_text(json.dumps(result), encoding="utf-8")


def _scored(model: Any, items: list[dict[str, Any]]) -> dict[str, Any]:
    from lm_eval.api.instance import Instance

    contexts = [_once_begun(model, item["context"]) for item in items]
    instances = [
        Instance(request_type="loglikelihood", doc={}, arguments=(context, option), idx=0)
        for context, item in zip(contexts, items, strict=True)
        for option in item["options"]
    ]
    began = time.perf_counter()
    found = iter(model.loglikelihood(instances, disable_tqdm=True))
    seconds = time.perf_counter() - began
    pairs = [[next(found) for _ in item["options"]] for item in items]
    return {
        "values": [[float(value) for value, _ in row] for row in pairs],
        "greedy": [[bool(greedy) for _, greedy in row] for row in pairs],
        "seconds": seconds,
    }


def _once_begun(model: Any, context: str) -> str:
    """The context without a first token that the harness puts there itself."""
    bos = model.tokenizer.bos_token
    adds = bos is not None and model.tok_encode("a")[:1] == [model.tokenizer.bos_token_id]
    return context.removeprefix(bos) if adds else context


def _equal_prompts(rows: list[dict[str, Any]]) -> int:
    """How many prompts are, letter for letter, those of the harness's own task medqa_4options."""
    from lm_eval.tasks.medqa.preprocess_medqa import doc_to_text

    return sum(doc_to_text(row["doc"]) == row["prompt"] for row in rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
