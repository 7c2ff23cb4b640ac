"""The measured side of benchmarks/cost.py: one configuration in one process, stepped by messages over a pipe.

Rows are random tokens of the lengths that the harness names. ``ours`` is the step of ``medlms train``; ``plain_padded`` a
loop over peft's model as its documentation shows one, all rows of a step as one padded batch. Run by the harness.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training_worker import labels, learned_in, lora_config, ready, serve, tokens_in

from medlms.bench.worker import Line, own_peak_memory

Rows = list[dict[str, Any]]
SCORE_PRODUCTS = 7  # our attention: two forward; the scores again and four gradients backward


def main() -> None:
    line = Line()
    start = line.take()
    if start is None:
        return
    watch(start["most_bytes"])
    try:
        SYSTEMS[start["system"]](line, start)
    except Exception as error:  # whatever a peer raises is a finding: the harness records it and goes on
        import traceback

        traceback.print_exc()
        line.give({"error": f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:400]}"})
        sys.exit(1)


def watch(most: int) -> None:
    """End this process once it has held more than ``most`` bytes: the machine is not to swap or kill others for it."""

    def look() -> None:
        while own_peak_memory() <= most:
            time.sleep(0.1)
        print(f"stopped at the limit of {most / 1e9:.1f} GB", file=sys.stderr, flush=True)
        os._exit(3)

    threading.Thread(target=look, daemon=True).start()


def ready_to_train(model: Any, dtype: Any) -> dict[str, Any]:
    """What the harness records of a loaded model. From here on the peak counts anew where the kernel allows that.

    Reading weights takes more memory than a small step does, and would hide it.
    """
    from medlms.models import heap

    said = ready(model, dtype)
    heap.trim()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return said


def random_rows(start: dict[str, Any], vocabulary: int) -> Rows:
    """Rows of the wanted lengths, the last ``learned`` share of each of which is learned; the same for every system."""
    import numpy as np

    random = np.random.default_rng(start["seed"])
    return [
        {
            "id": f"row-{number}",
            "ids": random.integers(1, vocabulary, length).tolist(),
            "learn": [int(place >= round(length * (1 - start["learned"]))) for place in range(length)],
        }
        for number, length in enumerate(start["lengths"])
    ]


def loaded_model(start: dict[str, Any], *, peer: bool = False) -> Any:
    """The model as MedLMs loads it; the peer gets torch's own attention instead of ours."""
    from medlms.models import fetch, load

    located = fetch.locate(start["model"])
    loaded = load.load(located, precision=start["precision"], load_in_4bit=start["four_bit"])
    if peer:
        loaded.model.set_attn_implementation("sdpa")
    return loaded


def prepare(line: Line, start: dict[str, Any]) -> None:
    """Fetch and convert the model where that is still to be done, so that no measured process does it."""
    loaded = loaded_model(start)
    config = loaded.model.config
    line.give({"parameters": loaded.parameters, "layers": config.num_hidden_layers, "vocabulary": config.vocab_size})


def ours(line: Line, start: dict[str, Any]) -> None:
    """The road's own step: what ``medlms train`` runs."""
    from medlms.config import Lora
    from medlms.models import adapters
    from medlms.models.fast_lora import fast_lora

    loaded = loaded_model(start)
    rows = random_rows(start, loaded.model.config.vocab_size)
    share = attention_share(loaded.model, rows, start["lora"]["r"])
    model = adapters.create(loaded, Lora(**start["lora"]), seed=start["seed"])
    with fast_lora(model, seed=start["seed"]) as (masks, said):
        line.give({**ready_to_train(model, loaded.dtype), "path": said, "attention_share": share})
        serve(line, our_steps(model, start, rows, masks), model, rows)


def our_steps(model: Any, start: dict[str, Any], rows: Rows, masks: Any) -> Iterator[tuple[int, float]]:
    """A step over the largest block alone to warm up, then steps over all rows."""
    from medlms.config import Train
    from medlms.models import heap
    from medlms.text.pack import PlannedStep, blocks_of
    from medlms.train import loop
    from medlms.types import Tokens

    config = Train(
        learning_rate=start["learning_rate"], schedule="constant", warmup=0.0, micro_tokens=start["micro_tokens"]
    )
    lengths = [len(row["ids"]) for row in rows]
    blocks = blocks_of(range(len(rows)), lengths, config.micro_tokens)
    first = max(blocks, key=lambda block: sum(lengths[row] for row in block))
    planned = [PlannedStep((first,), 1, False)] * start["warm_up"] + [PlannedStep(blocks, 1, False)] * start["steps"]
    tokens = [Tokens(row["id"], tuple(row["ids"]), tuple(map(bool, row["learn"]))) for row in rows]
    optimiser, gaps = loop.optimiser(model, config), heap.Gaps()
    for step in loop.train(model, tokens, planned, config, optimiser=optimiser, masks=masks, seed=start["seed"]):
        gaps.after_step()
        yield step.tokens, step.loss


def attention_share(model: Any, rows: Rows, rank: int) -> float:
    """Share of a step's operations that attention's own products take, counted: the part that grows with a row's square.

    Frozen weights cost 4 operations a token, the head on learned positions only, a LoRA pair 6 r (in + out).
    """
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    from medlms.models.attention import blocks

    config, head = model.config, model.get_output_embeddings()
    linear_layers = [x for x in model.modules() if isinstance(x, nn.Linear) and x is not head]
    sizes = [(x.in_features, x.out_features) for x in linear_layers]
    sizes += [tuple(x.weight.shape) for x in model.modules() if isinstance(x, Conv1D)]
    body = sum(4 * into * out + 6 * rank * (into + out) for into, out in sizes)
    linear = body * tokens_in(rows) + 4 * head.in_features * head.out_features * learned_in(rows)
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    pairs = sum((end - low) * (end - key) for row in rows for low, end, key in blocks(len(row["ids"]), None))
    attention = SCORE_PRODUCTS * 2 * width * pairs * config.num_hidden_layers
    return float(attention / (attention + linear))


def plain_padded(line: Line, start: dict[str, Any]) -> None:
    """A loop over peft's model without a trainer: the rows of a step as one batch, padded to the longest, all logits."""
    import torch
    from peft import get_peft_model

    loaded = loaded_model(start, peer=True)
    rows = random_rows(start, loaded.model.config.vocab_size)
    torch.manual_seed(start["seed"])
    model = get_peft_model(loaded.model, lora_config(start))
    model.train()
    line.give(ready_to_train(model, loaded.dtype))
    serve(line, padded_steps(model, start, rows, loaded.dtype), model, rows)


def padded_steps(model: Any, start: dict[str, Any], rows: Rows, dtype: Any) -> Iterator[tuple[int, float]]:
    """A step over the shortest row to warm up, then steps over all rows."""
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=start["learning_rate"], weight_decay=0.0)
    shortest = min(rows, key=lambda row: len(row["ids"]))
    for held in [[shortest]] * start["warm_up"] + [rows] * start["steps"]:
        ids, mask, wanted = padded(held)
        with torch.autocast("cpu", torch.bfloat16) if dtype == torch.bfloat16 else contextlib.nullcontext():
            loss = model(input_ids=ids, attention_mask=mask, labels=wanted, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        yield tokens_in(held), loss.item()


def padded(rows: Rows) -> tuple[Any, Any, Any]:
    """ids, attention mask and labels [rows, longest], padded on the right."""
    import torch

    longest = max(len(row["ids"]) for row in rows)
    ids = torch.tensor([row["ids"] + [0] * (longest - len(row["ids"])) for row in rows])
    mask = torch.tensor([[1] * len(row["ids"]) + [0] * (longest - len(row["ids"])) for row in rows])
    wanted = torch.tensor([labels(row) + [-100] * (longest - len(row["ids"])) for row in rows])
    return ids, mask, wanted


SYSTEMS = {"prepare": prepare, "ours": ours, "plain_padded": plain_padded}

if __name__ == "__main__":
    main()
