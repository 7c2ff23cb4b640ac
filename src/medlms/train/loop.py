"""The training loop: a generator of steps. Its caller logs, evaluates, saves and stops.

A step covers whole rows, read in blocks without padding; its gradient is that of the mean loss over all learned tokens
of the step, so that the size of the blocks changes memory and not the result. ``memory`` knows what follows from that when
memory runs out, ``watch`` what to say of numbers that are none.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from medlms.config import Train
from medlms.errors import MedLMsError, ResourceError, TrainingError
from medlms.models.adapters import tensors
from medlms.models.dropout import Masks
from medlms.models.forward import hidden_states, output_head
from medlms.models.head import answer_loss
from medlms.text.pack import PlannedStep, pack, plan_steps
from medlms.train import optimisers
from medlms.train.memory import Blocks, Room, out_of_memory
from medlms.train.processes import ALONE, Alone, Elsewhere
from medlms.train.scaling import LossScale
from medlms.train.schedule import rate
from medlms.train.watch import no_number, rows_without_gradient, rows_without_loss
from medlms.types import Step, Tokens


def plan(rows: Sequence[Tokens], config: Train, *, seed: int) -> list[PlannedStep]:
    """Every step of a run over these rows."""
    return plan_steps(
        [len(row.ids) for row in rows],
        epochs=config.epochs,
        tokens_per_step=config.tokens_per_step,
        rows_per_step=config.rows_per_step,
        block_tokens=config.at_once,
        seed=seed,
    )


def optimiser(model: Any, config: Train, groups: Sequence[dict[str, Any]] = ()) -> torch.optim.Optimizer:
    """The optimiser of a config over the trainable tensors, or ``groups`` of them whose learning rates differ (``times``)."""
    return optimisers.create(groups or [{"params": list(tensors(model).values())}], config)


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
    room: Room | None = None,
    processes: Alone = ALONE,
) -> Iterator[Step]:
    """Yield a Step after each optimiser step, beginning behind step ``start``. The model is in training mode inside.

    Several ``processes`` share the blocks of each step and all take it. With ``scale`` (fp16) a step whose gradient
    overflows is skipped, and its Step says so. With ``room`` a step for which memory does not suffice is done again in
    smaller blocks, by all processes, except where weights are sharded.
    Raises TrainingError when a loss or gradient is no number, naming the rows, and ResourceError when memory runs out.
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
            group["lr"] = learning_rate * group.get("times", 1.0)
        step_rows = [row for block in step.blocks for row in block]
        learned = sum(sum(rows[row].learn[1:]) for row in step_rows)
        tokens = sum(len(rows[row].ids) for row in step_rows)
        sums = _Sums(model, rows, number, seed, learned, masks, scale, processes)
        while True:
            blocks = step.blocks if room is None else room.blocks(number, step)
            unfit = sums.all(blocks, catch=room is not None and not processes.sharded)
            if unfit is None:
                break
            assert room is not None
            optimiser.zero_grad(set_to_none=True)
            with processes.together():
                room.shrink(number, blocks[unfit])
        total = processes.sum(parameters, sums.total)
        if scale is not None:
            torch._foreach_div_([tensor.grad for tensor in parameters if tensor.grad is not None], scale.scale)
        norm = processes.clip(parameters, config.clip)
        finite = math.isfinite(norm)
        if not finite and scale is None:
            raise _no_gradient(sums, blocks)
        if finite:
            _move(optimiser, number)
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
            micro_tokens=None if room is None else room.at(number),
        )


@dataclass
class _Sums:
    """Adds up loss and gradient of a step's blocks: the mean over its ``learned`` tokens."""

    model: Any
    rows: Sequence[Tokens]
    number: int
    seed: int
    learned: int
    masks: Masks | None
    scale: LossScale | None
    processes: Alone
    total: float = 0.0

    def all(self, blocks: Blocks, *, catch: bool) -> int | None:
        """Add up all blocks that are this process's. With ``catch``, the index of a block, in any process, for which memory
        does not suffice.
        """
        self.total, unfit = 0.0, None
        with self.processes.together():
            for index, block in self.processes.deal(blocks):
                try:
                    self.total += self.one(index, block)
                except (RuntimeError, MemoryError) as error:
                    if not out_of_memory(error):
                        raise
                    if self.processes.sharded:
                        raise _no_room(self.number) from None
                    if not catch:
                        raise
                    unfit = index
                    break
        return self.processes.earliest(unfit) if catch else None

    def one(self, index: int, block: Sequence[int]) -> float:
        """Add a block's gradient; returns its summed loss. TrainingError when that is no number."""
        # peft's own dropout (layers outside the fast path) draws from the global generator.
        torch.manual_seed(hash((self.seed, self.number, index)) % 2**63)
        if self.masks is not None:
            self.masks.step = self.number
            self.masks.rows = [(row, len(self.rows[row].ids)) for row in block] or None  # none: a filler
        held = [self.rows[row] for row in block]
        loss = self.processes.loss(block_loss, self.model, held)
        if not math.isfinite(loss.item()):
            raise TrainingError(
                no_number("loss", self.number, self._without_loss(held)),
                hint="Lower train.learning_rate, or look at these rows."
                if self.scale is None
                else "The model may leave the range of fp16: try precision: fp32. Or look at these rows.",
            )
        (loss / self.learned if self.scale is None else loss / self.learned * self.scale.scale).backward()
        return loss.item()

    def _without_loss(self, held: Sequence[Tokens]) -> list[str]:
        # One process alone can't ask a model of which it holds a part.
        return [row.id for row in held] if self.processes.sharded else rows_without_loss(self.model, held)


def _no_room(number: int) -> ResourceError:
    return ResourceError(
        f"Step {number}: memory ran out.",
        hint="Where weights are sharded a step can't be done again in smaller blocks: lower train.micro_tokens.",
    )


def _no_gradient(sums: _Sums, blocks: Blocks) -> MedLMsError:
    """What is raised in a process when the gradient of all is no number: the first one says it."""
    processes = sums.processes
    if not processes.first:
        return Elsewhere(TrainingError.exit_code)
    if processes.sharded:
        named = [sums.rows[row].id for block in blocks for row in block]
    else:
        named = rows_without_gradient(sums.model, sums.rows, blocks, sums.one)
    return TrainingError(
        no_number("gradient", sums.number, named), hint="Lower train.learning_rate, or look at these rows."
    )


def _move(optimiser: torch.optim.Optimizer, number: int) -> None:
    """The optimiser's step. What it has moved when memory runs out can't be taken back: ResourceError."""
    try:
        optimiser.step()
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise ResourceError(
            f"Step {number}: memory does not suffice for the optimiser's step.",
            hint="Let fewer weights learn (lora.r, method), set train.optimiser=adamw_8bit, or use a smaller model.",
        ) from None


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
