"""The training loop: a generator of steps. Its caller logs, evaluates, saves and stops.

A step covers whole rows, read in blocks without padding; its gradient is that of the mean loss over all learned tokens
of the step, so that the size of the blocks changes memory and not the result.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from medlms.config import Train
from medlms.errors import TrainingError
from medlms.models.adapters import tensors
from medlms.models.dropout import Masks
from medlms.models.forward import hidden_states, output_head
from medlms.models.head import answer_loss
from medlms.text.pack import PlannedStep, pack, plan_steps
from medlms.train.processes import ALONE, Alone
from medlms.train.scaling import LossScale
from medlms.train.schedule import rate
from medlms.types import Step, Tokens


def plan(rows: Sequence[Tokens], config: Train, *, seed: int) -> list[PlannedStep]:
    """Every step of a run over these rows."""
    return plan_steps(
        [len(row.ids) for row in rows],
        epochs=config.epochs,
        tokens_per_step=config.tokens_per_step,
        rows_per_step=config.rows_per_step,
        block_tokens=config.micro_tokens,
        seed=seed,
    )


def optimiser(model: Any, config: Train) -> torch.optim.AdamW:
    """AdamW over the trainable tensors."""
    return torch.optim.AdamW(
        list(tensors(model).values()),
        lr=config.learning_rate,
        betas=(0.9, 0.999),
        weight_decay=config.weight_decay,
        foreach=True,
    )


def train(
    model: Any,
    rows: Sequence[Tokens],
    planned: Sequence[PlannedStep],
    config: Train,
    *,
    optimiser: torch.optim.Optimizer,
    masks: Masks | None,
    seed: int,
    start: int = 0,
    scale: LossScale | None = None,
    processes: Alone = ALONE,
) -> Iterator[Step]:
    """Yield a Step after each optimiser step, beginning behind step ``start``. The model is in training mode inside.

    Several ``processes`` share the blocks of each step and all take it. With ``scale`` (fp16) a step whose gradient
    overflows is skipped, and its Step says so. Raises TrainingError when a loss or gradient is no number, naming the rows.
    """
    parameters = list(tensors(model).values())
    sizes = Counter(step.epoch for step in planned)
    before = {epoch: sum(count for other, count in sizes.items() if other < epoch) for epoch in sizes}
    for number, step in enumerate(planned[start:], start + 1):
        if not processes.go_on(number):
            return
        began = time.perf_counter()
        model.train()
        learning_rate = rate(
            number, len(planned), peak=config.learning_rate, warmup=config.warmup, shape=config.schedule
        )
        for group in optimiser.param_groups:
            group["lr"] = learning_rate
        step_rows = [row for block in step.blocks for row in block]
        learned = sum(sum(rows[row].learn[1:]) for row in step_rows)
        tokens = sum(len(rows[row].ids) for row in step_rows)
        total = 0.0
        with processes.together():
            for index, block in processes.deal(step.blocks):
                # peft's own dropout (layers outside the fast path) draws from the global generator.
                torch.manual_seed(hash((seed, number, index)) % 2**63)
                if masks is not None:
                    masks.step, masks.block = number, index
                loss = processes.loss(block_loss, model, [rows[row] for row in block])
                if not math.isfinite(loss.item()):
                    raise TrainingError(
                        _no_number("loss", number, [rows[row].id for row in block]),
                        hint="Lower train.learning_rate, or look at these rows."
                        if scale is None
                        else "The model may leave the range of fp16: try precision: fp32. Or look at these rows.",
                    )
                (loss / learned if scale is None else loss / learned * scale.scale).backward()
                total += loss.item()
        total = processes.sum(parameters, total)
        if scale is not None:
            torch._foreach_div_([tensor.grad for tensor in parameters if tensor.grad is not None], scale.scale)
        norm = processes.clip(parameters, config.clip)
        finite = math.isfinite(norm)
        if not finite and scale is None:
            raise TrainingError(
                _no_number("gradient", number, [rows[row].id for row in step_rows]),
                hint="Lower train.learning_rate, or look at these rows.",
            )
        if finite:
            optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        used = None if scale is None else scale.scale
        if scale is not None:
            scale.after(finite)
        seconds = time.perf_counter() - began
        yield Step(
            step=number,
            epoch=round(step.epoch - 1 + (number - before[step.epoch]) / sizes[step.epoch], 4),
            loss=total / learned,
            tokens=tokens,
            learned_tokens=learned,
            tokens_per_second=tokens / seconds,
            learning_rate=learning_rate,
            grad_norm=norm if finite else None,
            seconds=seconds,
            peak_memory_bytes=peak_memory(),
            loss_scale=used,
            skipped=not finite,
        )


def block_loss(model: Any, rows: Sequence[Tokens]) -> Tensor:
    """Summed loss (nats) over the learned tokens of rows read together."""
    batch = pack(rows, device=next(model.parameters()).device)
    hidden = hidden_states(model, batch)
    weight, softcap = output_head(model)
    return answer_loss(hidden[batch.learned], weight, batch.targets, softcap=softcap)


def peak_memory() -> int:
    """The most memory this process has held, in bytes: on the GPU when there is one, else resident."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _no_number(what: str, step: int, rows: list[str]) -> str:
    return f"Step {step}: the {what} is not a number, in rows {', '.join(rows[:5])}{' and others' if len(rows) > 5 else ''}."
