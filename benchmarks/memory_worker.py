"""The measured side of benchmarks/memory.py: one configuration in one process, from an empty process to a graded batch.

Weights are random and come from a file, through the road's own loading; rows are random tokens. Run by the harness.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

from medlms.bench.worker import Line, own_peak_memory

STATUS = Path("/proc/self/status")


def main() -> None:
    line = Line()
    start = line.take()
    if start is None:
        return
    try:
        line.give({"make": make, "measure": measure}[start["do"]](start))
    except Exception as error:
        import traceback

        traceback.print_exc()
        line.give({"error": f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:400]}"})
        sys.exit(1)


def make(start: dict[str, Any]) -> dict[str, Any]:
    """Write a model of this shape with random 16-bit weights, and a tokenizer that nothing is asked of."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from medlms.testing import tiny_tokenizer

    shape = dict(start["shape"])
    config = AutoConfig.for_model(shape.pop("model_type"), **shape)
    config.bos_token_id = config.eos_token_id = config.pad_token_id = 0
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.generation_config.eos_token_id = 0
    model.save_pretrained(start["folder"])
    tiny_tokenizer("gpt2").save_pretrained(start["folder"])
    return {"parameters": sum(parameter.numel() for parameter in model.parameters())}


def measure(start: dict[str, Any]) -> dict[str, Any]:
    """Load, train ``steps`` steps, write and score one batch of answers; the resident peak after each."""
    from medlms.config import Config
    from medlms.models import adapters, fetch, load
    from medlms.models.fast_lora import fast_lora
    from medlms.train import loop

    anonymous = Sampled()
    libraries = imported()
    config = Config(**start["config"])
    loaded = load.load(fetch.locate(start["folder"]), precision=config.precision, load_in_4bit=config.load_in_4bit)
    peaks = {**libraries, "loading": own_peak_memory()}
    model = adapters.create(loaded, config.lora, seed=config.seed)
    rows = random_rows(start, loaded.model.config.vocab_size)
    planned = loop.plan(rows, config.train, seed=config.seed)[: start["steps"]]
    began = time.monotonic()
    with fast_lora(model, seed=config.seed) as (masks, _):
        optimiser = loop.optimiser(model, config.train)
        for _ in loop.train(model, rows, planned, config.train, optimiser=optimiser, masks=masks, seed=config.seed):
            pass
    peaks["training"] = own_peak_memory()
    seconds = time.monotonic() - began
    if start["answer"]:
        answer(loaded, model, start, config)
    peaks["grading"] = own_peak_memory()
    return {
        "peaks": peaks,
        "anonymous": anonymous.peak(),
        "trainable": sum(tensor.numel() for tensor in adapters.tensors(model).values()),
        "largest_block": max(sum(len(rows[row].ids) for row in block) for step in planned for block in step.blocks),
        "tokens": sum(len(rows[row].ids) for step in planned for block in step.blocks for row in block),
        "seconds": seconds,
        "dtype": str(loaded.dtype).removeprefix("torch."),
    }


def imported() -> dict[str, int]:
    """Resident bytes once every library is there, and once an optimiser has taken a step."""
    import peft  # noqa: F401
    import torch
    from transformers import AutoModelForCausalLM  # noqa: F401

    parameter = torch.nn.Parameter(torch.ones(8, 8))
    (parameter @ parameter).sum().backward()
    before = own_peak_memory()
    # An optimiser loads more of torch when it is first made and used.
    torch.optim.AdamW([parameter], foreach=True).step()
    return {"imported": before, "optimiser": own_peak_memory()}


def random_rows(start: dict[str, Any], vocabulary: int) -> list[Any]:
    """Rows of the wanted length in tokens, the last ``learned`` share of each of which is learned."""
    import numpy as np

    from medlms.types import Tokens

    random = np.random.default_rng(0)
    length = start["row"]
    asked = round(length * (1 - start["learned"]))
    count = -(-start["steps"] * start["config"]["train"]["tokens_per_step"] // length) + 1
    return [
        Tokens(
            f"row-{number}",
            tuple(int(token) for token in random.integers(1, vocabulary, length)),
            tuple(place >= asked for place in range(length)),
        )
        for number in range(count)
    ]


def answer(loaded: Any, model: Any, start: dict[str, Any], config: Any) -> None:
    """One batch of greedy answers that runs to the limit, as the local engine writes it, over random prompts."""
    import torch

    from medlms.engines.local import LocalEngine
    from medlms.text.template import template_of
    from medlms.types import Request

    engine = LocalEngine(loaded, template_of(loaded.tokenizer), model=model, batch=config.evaluate.batch)
    random = torch.Generator().manual_seed(0)
    prompt = torch.randint(1, loaded.model.config.vocab_size, (start["prompt"],), generator=random).tolist()
    # The tokenizer is no part of what is measured: every request has the same random tokens.
    engine._prompt = lambda request: prompt  # type: ignore[method-assign]
    requests = [
        Request(str(i), (), max_new_tokens=config.evaluate.max_new_tokens) for i in range(config.evaluate.batch)
    ]
    for _ in engine.answer(requests):
        pass


class Sampled:
    """The most memory that is no file's page, looked at every 20 ms: what a machine must really have."""

    def __init__(self) -> None:
        self._most = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def peak(self) -> int | None:
        """Bytes; None where the system does not tell."""
        return self._most or None

    def _watch(self) -> None:
        while True:
            try:
                text = STATUS.read_text(encoding="utf-8")
            except OSError:
                return
            for line in text.splitlines():
                if line.startswith("RssAnon:"):
                    self._most = max(self._most, int(line.split()[1]) * 1024)
            time.sleep(0.02)


if __name__ == "__main__":
    main()
