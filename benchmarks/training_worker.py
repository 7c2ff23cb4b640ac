"""The measured side of benchmarks/training.py: one system in one process, stepped by messages over a pipe.

Every system reads the same tokenised rows in the same steps, starts from the same adapters (same seed), and learns with
the same AdamW settings. ``SYSTEMS`` at the end names them. Run by the harness, not by hand.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medlms.bench.worker import Line, own_peak_memory

Rows = list[dict[str, Any]]
PAGE = 4096  # bytes
SHORT = 96  # tokens: warm-up rows are no longer than this where there are enough of them


def main() -> None:
    line = Line()
    start = line.take()
    if start is None:
        return
    try:
        SYSTEMS[start["system"]](line, start)
    except Exception as error:  # whatever a peer raises is a finding: the harness records it and goes on
        import traceback

        traceback.print_exc()
        line.give({"error": f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:400]}"})
        sys.exit(1)


# -- what all share ---------------------------------------------------------------------------------------------------


def loaded_model(start: dict[str, Any], *, peer: bool) -> Any:
    """The model as MedLMs loads it; peers get torch's own attention instead of ours."""
    from medlms.models import fetch, load

    loaded = load.load(fetch.locate(start["model"]), precision=start.get("precision", "auto"))
    if peer:
        loaded.model.set_attn_implementation("sdpa")
    return loaded


def lora_config(start: dict[str, Any]) -> Any:
    from peft import LoraConfig

    lora = start["lora"]
    return LoraConfig(
        r=lora["r"],
        lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def steps_of(start: dict[str, Any], job: dict[str, Any]) -> list[Rows]:
    """The rows of each step that this process will take, sorted by length within a step where its setting asks for it."""
    steps = [[job["rows"][row] for row in job["steps"][number]["rows"]] for number in start["steps"]]
    if start.get("sorted"):
        steps = [sorted(rows, key=lambda row: len(row["ids"])) for rows in steps]
    return steps


def labels(row: dict[str, Any]) -> list[int]:
    return [token if learn else -100 for token, learn in zip(row["ids"], row["learn"], strict=True)]


def tokens_in(rows: Rows) -> int:
    return sum(len(row["ids"]) for row in rows)


def learned_in(rows: Rows) -> int:
    return sum(sum(row["learn"][1:]) for row in rows)


def ready(model: Any, dtype: Any) -> dict[str, Any]:
    """What the harness checks and records: the adapters' starting point and the memory of a loaded model."""
    import torch

    total = sum(float(p.detach().double().abs().sum()) for name, p in model.named_parameters() if p.requires_grad)
    return {
        "adapters": round(total, 3),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "loaded_memory_bytes": own_peak_memory(),
    }


def held_out_loss(model: Any, rows: Rows) -> dict[str, Any]:
    """Mean loss over learned tokens of held-out rows, read one at a time: the same code for every system."""
    import torch
    import torch.nn.functional as F

    whole = model.get_base_model()
    head = whole.get_output_embeddings().weight
    training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row["ids"]])
            hidden = whole.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
            wanted = torch.tensor(labels(row))[1:]
            place = (wanted != -100).nonzero()[:, 0]
            for part in place.split(256):
                logits = (hidden[part] @ head.t()).float()
                total += float(F.cross_entropy(logits, wanted[part], reduction="sum"))
            count += len(place)
    model.train(training)
    return {"dev_loss": total / count, "learned_tokens": count}


def serve(line: Line, steps: Iterator[tuple[int, float]], model: Any, dev: Rows) -> None:
    """Answer messages for a system that is a plain iterator of (tokens, loss)."""
    while (message := line.take()) is not None:
        if message["do"] == "loss":
            line.give(held_out_loss(model, dev))
            continue
        if message.get("touch"):
            touch(model)
        began = time.perf_counter()
        found = [next(steps) for _ in range(message["count"])]
        line.give(timed(began, sum(tokens for tokens, _ in found), found[-1][1]))


def touch(model: Any) -> None:
    """Read a byte of every page of the weights.

    The system may take pages from a process that waits for its turn; getting gigabytes of them back is no part of a step.
    """
    import torch

    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_contiguous():
            tensor.detach().view(-1).view(torch.uint8)[::PAGE].sum()


def timed(began: float, tokens: int, loss: float) -> dict[str, Any]:
    return {
        "seconds": time.perf_counter() - began,
        "tokens": tokens,
        "loss": loss,
        "peak_memory_bytes": own_peak_memory(),
    }


# -- systems ----------------------------------------------------------------------------------------------------------


def ours(line: Line, start: dict[str, Any]) -> None:
    """The road's own step: what ``medlms train`` runs."""
    from medlms.config import Lora, Train
    from medlms.models import adapters
    from medlms.models.fast_lora import fast_lora
    from medlms.text.pack import PlannedStep
    from medlms.train import loop
    from medlms.types import Tokens

    job = read_job(start)
    loaded = loaded_model(start, peer=False)
    model = adapters.create(loaded, Lora(**start["lora"]), seed=start["seed"])
    config = Train(learning_rate=start["learning_rate"], schedule="constant", warmup=0.0)
    rows = [Tokens(row["id"], tuple(row["ids"]), tuple(map(bool, row["learn"]))) for row in job["rows"]]
    planned = [
        PlannedStep(tuple(tuple(block) for block in job["steps"][number]["blocks"]), 1, False)
        for number in start["steps"]
    ]
    optimiser = loop.optimiser(model, config)
    with fast_lora(model, seed=start["seed"]) as (masks, said):
        line.give({**ready(model, loaded.dtype), "path": f"{said}; {loaded.attention.said}"})
        steps = loop.train(model, rows, planned, config, optimiser=optimiser, masks=masks, seed=start["seed"])
        serve(line, ((step.tokens, step.loss) for step in steps), model, job["dev"])


def plain(line: Line, start: dict[str, Any]) -> None:
    """A loop over peft's model without any trainer, as a careful user writes it."""
    import torch
    from peft import get_peft_model

    job = read_job(start)
    loaded = loaded_model(start, peer=True)
    torch.manual_seed(start["seed"])
    model = get_peft_model(loaded.model, lora_config(start), autocast_adapter_dtype=start["adapters"] == "fp32")
    if start.get("checkpointing"):
        model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    line.give(ready(model, loaded.dtype))
    serve(line, plain_steps(model, start, steps_of(start, job), loaded.dtype), model, job["dev"])


def plain_steps(model: Any, start: dict[str, Any], steps: list[Rows], dtype: Any) -> Iterator[tuple[int, float]]:
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=start["learning_rate"], weight_decay=0.0)
    mixed = dtype == torch.bfloat16 and start["adapters"] == "fp32"
    loss_of = {"answer": answer_head_loss, "full": full_logits_loss}[start["head"]]
    for rows in steps:
        learned, total = learned_in(rows), 0.0
        for low in range(0, len(rows), start["batch"]):
            with torch.autocast("cpu", torch.bfloat16) if mixed else contextlib.nullcontext():
                loss = loss_of(model, rows[low : low + start["batch"]]) / learned
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        yield tokens_in(rows), total


def flattened(rows: Rows) -> tuple[Any, Any, Any]:
    """Rows behind one another: ids and positions [1, tokens], targets [tokens] (of the next token, -100 elsewhere)."""
    import torch

    ids = torch.tensor([[token for row in rows for token in row["ids"]]])
    positions = torch.cat([torch.arange(len(row["ids"])) for row in rows])[None]
    targets = torch.tensor([label for row in rows for label in [*labels(row)[1:], -100]])
    return ids, positions, targets


def answer_head_loss(model: Any, rows: Rows) -> Any:
    """Summed loss; the head reads learned positions only. transformers keeps flattened rows apart by their positions."""
    import torch.nn.functional as F

    whole = model.get_base_model()
    ids, positions, targets = flattened(rows)
    hidden = whole.base_model(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state[0]
    learned = targets != -100
    logits = whole.get_output_embeddings()(hidden[learned])
    return F.cross_entropy(logits.float(), targets[learned], reduction="sum")


def full_logits_loss(model: Any, rows: Rows) -> Any:
    """Summed loss from the whole table of logits."""
    import torch.nn.functional as F

    ids, positions, targets = flattened(rows)
    logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
    return F.cross_entropy(logits.float(), targets, reduction="sum")


def trl(line: Line, start: dict[str, Any]) -> None:
    """TRL's SFTTrainer with a peft config. Its own loop runs; a callback holds it between steps until the next message."""
    import torch
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    job = read_job(start)
    loaded = loaded_model(start, peer=True)
    steps = steps_of(start, job)
    packing = bool(start.get("packing"))
    rows = [row for rows in (steps[1:] if packing else steps) for row in rows]
    data = Dataset.from_list([{"input_ids": row["ids"], "labels": labels(row)} for row in rows])
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=start["batch"],
            gradient_accumulation_steps=1 if packing else start["rows_per_step"] // start["batch"],
            # One pack of 2,048 tokens comes nearest to a step of eight rows.
            packing=packing,
            padding_free=bool(start.get("padding_free")),
            max_length=2048 if packing else None,
            # Packs are made longest first; in that order the first steps would not be like the others.
            train_sampling_strategy="random" if packing else "sequential",
            learning_rate=start["learning_rate"],
            lr_scheduler_type="constant",
            max_steps=10_000 if packing else len(steps),
            bf16=loaded.dtype == torch.bfloat16,
            use_cpu=True,
            seed=start["seed"],
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **({} if start.get("checkpointing") is None else {"gradient_checkpointing": start["checkpointing"]}),
        )
        torch.manual_seed(start["seed"])
        trainer = SFTTrainer(
            model=loaded.model,
            args=config,
            train_dataset=data,
            processing_class=loaded.tokenizer,
            peft_config=lora_config(start),
        )
        line.give(ready(trainer.model, loaded.dtype))
        hold_between_steps(trainer, line, job["dev"])


def hold_between_steps(trainer: Any, line: Line, dev: Rows) -> None:
    """Run the trainer's own loop, stopped between steps; its clock also holds collation and what follows a step."""
    from transformers import TrainerCallback

    class Hold(TrainerCallback):
        left = began = counted = 0.0

        def wait(self, control: Any) -> None:
            while (message := line.take()) is not None and message["do"] == "loss":
                line.give(held_out_loss(trainer.model, dev))
            if message is None:
                control.should_training_stop = True
                return
            self.left, self.began = message["count"], time.perf_counter()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.wait(control)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.left -= 1
            if self.left:
                return
            # TRL counts the tokens that it reads without padding, which holds for packs too.
            tokens = trainer._total_train_tokens - self.counted
            self.counted = trainer._total_train_tokens
            # The trainer's loss is an average over what it logs; the harness reads held-out loss instead.
            line.give(timed(self.began, int(tokens), math.nan) | {"loss": None})
            self.wait(control)

    trainer.add_callback(Hold())
    trainer.train()


# -- what the harness needs beside systems ----------------------------------------------------------------------------


def prepare(line: Line, start: dict[str, Any]) -> None:
    """Tokenise real rows as the road does and write the job file that every system reads."""
    from medlms import data
    from medlms.config import Config
    from medlms.models import fetch, load
    from medlms.road import grading
    from medlms.text.template import template_of
    from medlms.text.tokenise import tokenise

    config = Config(**start["config"])
    prepared = data.prepare(config)
    loaded = load.load(fetch.locate(config.model), precision=start.get("precision", "auto"))
    template, task = template_of(loaded.tokenizer), grading.task_of(config)

    def tokens(part: Any) -> list[Any]:
        said = ((r.id, r.place, task.messages(r, instruction=config.instruction), task.answer(r)) for r in part)
        length = min(config.max_length, loaded.context)
        return list(tokenise(loaded.tokenizer, template, said, max_length=length, stops=loaded.stops).rows)

    job = job_of(tokens(prepared.train), start)
    # Held-out rows of middling length, so that twelve of them take seconds.
    dev = [row for row in tokens(prepared.dev) if len(row.ids) <= start["dev_length"]][: start["dev_rows"]]
    job["dev"] = [as_json(row) for row in dev]
    Path(start["job"]).write_text(json.dumps(job), encoding="utf-8")
    measured = [job["rows"][row] for step in job["steps"][1:] for row in step["rows"]]
    line.give(
        {
            "sources": [item.source for item in config.data],
            "template_sha256": template.hash,
            "train_rows": len(prepared.train),
            "steps": [sum(len(job["rows"][row]["ids"]) for row in step["rows"]) for step in job["steps"]],
            "learned_share": learned_in(measured) / tokens_in(measured),
            "tokens_per_row": tokens_in(measured) / len(measured),
            "longest_row": max(len(row["ids"]) for row in measured),
            "dev_rows": len(job["dev"]),
            "dev_tokens": tokens_in(job["dev"]),
        }
    )


def job_of(rows: list[Any], start: dict[str, Any]) -> dict[str, Any]:
    """Steps for all systems: one of short rows to warm up, then those of an epoch whose size is nearest to the median.

    Rows are drawn whole and at random as in training; taking steps of like size keeps rounds comparable.
    """
    from medlms.text.pack import plan_steps

    settings = {"epochs": 1, "tokens_per_step": 1, "rows_per_step": start["rows_per_step"], "seed": start["seed"]}
    lengths = [len(row.ids) for row in rows]
    planned = plan_steps(lengths, block_tokens=start["micro_tokens"], **settings)
    planned = [step for step in planned if sum(map(len, step.blocks)) == start["rows_per_step"]]
    sizes = [sum(lengths[row] for block in step.blocks for row in block) for step in planned]
    middle = sorted(sizes)[len(sizes) // 2] if sizes else 0
    nearest = sorted(range(len(planned)), key=lambda step: (abs(sizes[step] - middle), step))
    chosen = [planned[step] for step in nearest[: start["wanted"]]]
    used = {row for step in chosen for block in step.blocks for row in block}
    spare = sorted((row for row in range(len(rows)) if row not in used), key=lambda row: (lengths[row] > SHORT, row))
    short = spare if len(spare) >= start["rows_per_step"] else sorted(used)
    short = short[: start["rows_per_step"]]
    together = sum(lengths[row] for row in short) <= start["micro_tokens"]
    steps = [[short] if together else [[row] for row in short], *([list(b) for b in step.blocks] for step in chosen)]
    kept = sorted(used | set(short))
    place = {row: number for number, row in enumerate(kept)}
    blocks = [[[place[row] for row in block] for block in step] for step in steps]
    return {
        "rows": [as_json(rows[row]) for row in kept],
        "steps": [{"blocks": step, "rows": [row for block in step for row in block]} for step in blocks],
    }


def as_json(row: Any) -> dict[str, Any]:
    return {"id": row.id, "ids": list(row.ids), "learn": [int(learn) for learn in row.learn]}


def read_job(start: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = json.loads(Path(start["job"]).read_text(encoding="utf-8"))
    return job


def roofline(line: Line, start: dict[str, Any]) -> None:
    """Measured speed of matrix products at the shapes of this model, as fast as our step could call them."""
    loaded = loaded_model(start, peer=False)
    shapes = shapes_of(loaded.model)
    line.give({"dtype": str(loaded.dtype).removeprefix("torch."), "parameters": loaded.parameters})
    while (message := line.take()) is not None:
        found = [
            {**shape, "gflops": product_speed(shape, message["tokens"], loaded.dtype, message["seconds"])}
            for shape in shapes
        ]
        line.give({"matrices": found})


def shapes_of(model: Any) -> list[dict[str, Any]]:
    """Distinct weights of the body and the head; layers that read one input count as one matrix."""
    from collections import Counter

    from torch import nn

    from medlms.models.fast_lora import SHARED_INPUTS

    head = model.get_output_embeddings()
    layers = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.Linear) and module is not head
    }
    found: Counter[tuple[str, int, int, int]] = Counter()
    done: set[str] = set()
    for name, layer in layers.items():
        if name in done:
            continue
        parent, _, leaf = name.rpartition(".")
        family = next((names for names in SHARED_INPUTS if leaf in names), (leaf,))
        members = [f"{parent}.{other}" for other in family if f"{parent}.{other}" in layers]
        done.update(members)
        rows = sum(layers[member].out_features for member in members)
        found["+".join(member.rpartition(".")[2] for member in members), rows, layer.in_features, len(members)] += 1
    keys = ("name", "rows", "columns", "adapters")
    shapes = [dict(zip(keys, shape, strict=True)) | {"count": count, "head": False} for shape, count in found.items()]
    size, width = head.weight.shape
    return [*shapes, {"name": "head", "rows": size, "columns": width, "adapters": 0, "count": 1, "head": True}]


def product_speed(shape: dict[str, Any], tokens: int, dtype: Any, seconds: float) -> float:
    """GFLOP/s of a forward product and the backward one that follows it, best of the repeats within ``seconds``."""
    import torch

    tokens = min(tokens, 512) if shape["head"] else tokens
    weight = torch.randn(shape["rows"], shape["columns"], dtype=dtype)
    x = torch.randn(tokens, shape["columns"], dtype=dtype)
    grad = torch.randn(tokens, shape["rows"], dtype=dtype)
    best, end, repeats = math.inf, time.perf_counter() + seconds, 0
    with torch.inference_mode():
        while repeats < 3 or time.perf_counter() < end:
            began = time.perf_counter()
            x @ weight.t()
            grad @ weight
            best = min(best, time.perf_counter() - began)
            repeats += 1
    return 4 * tokens * shape["rows"] * shape["columns"] / best / 1e9


def make(line: Line, start: dict[str, Any]) -> None:
    """Draw a model of a known shape in NF4 and save it for every system to read."""
    from medlms import testing
    from medlms.models import random_weights
    from medlms.road.prove import shape_of

    dtype, _ = random_weights.in_working_precision("auto")
    model = random_weights.skeleton(shape_of(start["shape"]), dtype)
    random_weights.fill(model, dtype=dtype, four_bit=True, seed=start["seed"])
    random_weights.save(model, testing.tiny_tokenizer("llama"), Path(start["folder"]))
    line.give({"parameters": sum(parameter.numel() for parameter in model.parameters())})


SYSTEMS = {"ours": ours, "plain": plain, "trl": trl, "prepare": prepare, "roofline": roofline, "make": make}

if __name__ == "__main__":
    main()
