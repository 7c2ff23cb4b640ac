"""Answers written a second: ours against transformers' generate at its best batch size, on the same questions of MedQuAD.

    python benchmarks/generation.py [--rows 64] [--limit 256] [--batches 8,16,32,64] [--out benchmarks/results/generation.json]

Both read the same prompts in bf16 and stop at the same limit; tokens behind an answer's end count on neither side. The peer's
rows are sorted by length, and its batch size is found by search; then all take turns. Ours in 8 bits is measured beside it, with
how far its answers' first tokens and the references' probabilities are from those in bf16.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from asked import Bench, parser, say

PEER = "best_peer"


def main(words: list[str]) -> int:
    options = parser(__doc__, "generation.json")
    options.add_argument("--rows", type=int, default=64)
    options.add_argument("--limit", type=int, default=256)
    options.add_argument("--batch", type=int, default=64, help="ours")
    options.add_argument("--batches", default="8,16,32,64", help="the peer's, searched")
    chosen = options.parse_args(words)
    bench = Bench(chosen, words)
    requests = questions(chosen.rows, chosen.limit)
    from medlms.engines.local import LocalEngine
    from medlms.text.template import template_of

    template = template_of(bench.loaded.tokenizer)
    engines = {
        name: LocalEngine(bench.loaded, template, batch=chosen.batch, kind=kind)
        for name, kind in (("ours", None), ("ours_int8", "int8"))
    }
    systems: dict[str, Any] = {name: (lambda own=own: written(own, requests)) for name, own in engines.items()}
    settings: dict[str, Any] = {
        name: {"batch": chosen.batch, "rows": chosen.rows, "limit": chosen.limit, "path": own.path}
        for name, own in engines.items()
    }
    model = bench.theirs()
    speeds = {}
    for batch in map(int, chosen.batches.split(",")):
        part = requests[: max(batch, min(len(requests), 16))]
        found = bench.measured(lambda b=batch, p=part: theirs(model, bench.loaded, template, p, b))
        speeds[batch] = found.rate
        say(f"generate, batch {batch}: {found.rate:.1f} tokens/s")
    best = max(speeds, key=lambda batch: speeds[batch])
    bench.result.extra["search"] = speeds
    systems[PEER] = lambda: theirs(model, bench.loaded, template, requests, best)
    settings[PEER] = {"batch": best, "rows": chosen.rows, "limit": chosen.limit, "path": "transformers generate, sdpa"}
    one = bench.speeds(chosen.batch)
    bench.result.roofline = {
        "batch": chosen.batch,
        "tokens_per_second": chosen.batch / (one["body"] + one["head"]),
        "said": "matrix products of the body and the head alone, at this batch, by the faster of two kernels",
    }
    bench.compare(systems, "tokens_per_second", settings, PEER)
    bench.result.extra["int8_quality"] = quality(engines, requests)
    bench.result.complete = True
    bench.result.write(chosen.out)
    for row in bench.result.rows:
        print(f"{row.system:12} {row.median:9.1f} tokens/s")
    for item in bench.result.ratios:
        print(f"{item.a} / {item.b}: {item.value:.2f}")
    print(bench.result.roofline, bench.result.extra["int8_quality"])
    return 0


def questions(count: int, limit: int) -> list[Any]:
    from medlms import datasets
    from medlms.config import INSTRUCTION, DataSource
    from medlms.types import Message, Request

    rows = sorted(datasets.load(DataSource(source="medquad")).examples, key=lambda row: row.id)
    chosen = random.Random(13).sample([row for row in rows if row.answer], count)
    return [
        Request(row.id, (Message("system", INSTRUCTION), Message("user", row.question)), limit, row.answer[:1500])
        for row in chosen
    ]


def written(engine: Any, requests: list[Any]) -> float:
    return float(sum(reply.new_tokens for reply in engine.answer(requests)))


def theirs(model: Any, loaded: Any, template: Any, requests: list[Any], batch: int) -> float:
    """Tokens before each answer's end that generate writes."""
    import torch

    from medlms.text.tokenise import prompt_ids

    prompts = sorted((prompt_ids(loaded.tokenizer, template, request.messages) for request in requests), key=len)
    useful = 0
    for start in range(0, len(prompts), batch):
        part = prompts[start : start + batch]
        longest = max(map(len, part))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in part])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in part])
        with torch.inference_mode():
            out = model.generate(
                ids,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=requests[0].max_new_tokens,
                eos_token_id=sorted(loaded.stops),
                pad_token_id=0,
            )
        for row in out[:, longest:].tolist():
            useful += next((place for place, token in enumerate(row) if token in loaded.stops), len(row))
    return float(useful)


def quality(engines: dict[str, Any], requests: list[Any]) -> dict[str, float]:
    """Mean log-probability of the references' tokens in bf16 and in 8 bits, as options behind their prompts."""
    from dataclasses import replace

    asked = [replace(request, options=(request.reference,)) for request in requests]
    found = {}
    for name, engine in engines.items():
        replies = list(engine.choose(asked))
        found[f"{name}_nats_per_token"] = -sum(sum(r.option_logprobs) for r in replies) / sum(
            sum(r.option_tokens) for r in replies
        )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
