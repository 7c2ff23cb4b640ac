"""Will it fit, and how long will it take: asked before the work starts, and again when it does.

``costs`` and ``times`` do the arithmetic; here are the measured rates, and the checks of a model that is in memory.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from medlms.config import Config
from medlms.errors import ModelError, ResourceError
from medlms.models import costs
from medlms.models.costs import Rows, Work
from medlms.models.load import Loaded, available_memory
from medlms.models.shapes import shape_of
from medlms.models.times import Seconds, again_flop, ranged, step_flop, training_time


def work_in_memory(
    loaded: Loaded, *, block_tokens: int, config: Config | None = None, longest: int | None = None
) -> Work:
    """The work of training a model that is in memory, in blocks of ``block_tokens``. ModelError for an unknown shape.

    ``longest`` is the longest row's tokens where it is known. The weights themselves may still be missing.
    """
    chosen = config or Config(model="in memory", data=["none"])
    work = costs.work_of(
        shape_of(loaded.model.config.to_dict()),
        chosen,
        element=torch.finfo(loaded.dtype).bits // 8,
        rows=Rows(longest=min(longest or block_tokens, block_tokens, chosen.max_length)),
        cuda=loaded.device.type == "cuda",
        fp16=loaded.dtype == torch.float16,
    )
    return replace(work, block=block_tokens, learned=block_tokens)


def one_step(loaded: Loaded, config: Config, *, tokens: int) -> dict[str, float]:
    """What one step over one row of ``tokens`` needs: bytes of the base weights, adapter weights, bytes at the peak, seconds.

    For a model whose weights are made in memory, or are yet to be made. ModelError for an unknown shape.
    """
    work = work_in_memory(loaded, block_tokens=tokens, config=config)
    rows = Rows(train=1, mean=tokens, longest=tokens)
    learned = round(rows.learned * tokens)
    alone = replace(work, row=tokens, lengths=(tokens,), learned=learned, blocks=1, epochs=1, rows=rows)
    training = next(phase for phase in costs.phases(alone) if phase.name == "training")
    seconds = training_time(alone, flops=matmul_flops(loaded.dtype, loaded.device))
    return {
        "base_bytes": costs.weight_bytes(work.shape, work.weights, element=work.element),
        "trainable": work.adapter,
        "peak_memory_bytes": training.needed,
        "step_seconds": seconds.middle,
    }


def training_bytes(
    loaded: Loaded,
    *,
    trainable: int,
    block_tokens: int,
    config: Config | None = None,
    longest: int | None = None,
    recomputed: bool | None = None,
) -> int:
    """Memory that training adds to the loaded weights: what learns with gradients and moments, activations, logits.

    ``recomputed`` says whether activations are made again in the backward pass; as configured when None.
    """
    work = work_in_memory(loaded, block_tokens=block_tokens, config=config, longest=longest)
    work = work if recomputed is None else replace(work, recomputed=recomputed)
    return costs.beside_weights(work, trainable)


def checkpoints_gradients(
    loaded: Loaded, *, trainable: int, block_tokens: int, config: Config, longest: int | None = None
) -> bool:
    """Whether activations are made again in the backward pass: as configured; ``auto``: where memory asks for it."""
    wish = config.train.checkpoint_gradients
    free = free_memory(loaded.device)
    if wish != "auto" or not free:
        return wish == "on"
    sizes: dict[str, Any] = {"trainable": trainable, "block_tokens": block_tokens, "longest": longest}
    try:
        return training_bytes(loaded, **sizes, config=config, recomputed=False) > free
    except ModelError:
        return False


def check_memory(
    loaded: Loaded, *, trainable: int, block_tokens: int, config: Config | None = None, longest: int | None = None
) -> str:
    """A sentence on the memory that training will need; ResourceError when this machine has not got it."""
    sizes: dict[str, Any] = {"trainable": trainable, "block_tokens": block_tokens, "longest": longest}
    recomputed = config is not None and checkpoints_gradients(loaded, **sizes, config=config)
    try:
        needed = training_bytes(loaded, **sizes, config=config, recomputed=recomputed)
    except ModelError:
        return "memory can't be foretold for a model of this kind"
    free = free_memory(loaded.device)
    if free and needed > free:
        other = "" if config is None or config.method != "full" else " LoRA needs far less: method: lora."
        raise ResourceError(
            f"Training needs about {needed / 1e9:.1f} GB of memory beside the weights, {free / 1e9:.1f} GB are free.",
            hint=_what_fits(loaded, trainable, block_tokens, config, free) + other,
        )
    return (
        f"about {needed / 1e9:.1f} GB of memory beside the weights"
        + (f" ({free / 1e9:.1f} GB are free)" if free else "")
        + (", with activations made again in the backward pass" if recomputed else "")
    )


def _what_fits(loaded: Loaded, trainable: int, block_tokens: int, config: Config | None, free: int) -> str:
    again = config is not None and config.train.checkpoint_gradients != "off"
    tokens = block_tokens // 2
    while tokens >= 64:
        if training_bytes(loaded, trainable=trainable, block_tokens=tokens, config=config, recomputed=again) <= free:
            if config is not None and config.places:
                return (
                    f"Blocks of {tokens} tokens would fit, {config.places} vectors before each row among them: lower "
                    "train.micro_tokens, max_length or soft_prompt.length."
                )
            return f"Blocks of {tokens} tokens would fit: train.micro_tokens={tokens} max_length={tokens}."
        tokens //= 2
    return "Lower train.micro_tokens or max_length, or use a smaller model."


def free_memory(device: torch.device) -> int:
    """Bytes that can be had on the device that computes; 0 when the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return available_memory()


def matmul_flops(dtype: torch.dtype, device: torch.device) -> float:
    """Measured floating-point operations a second of a matrix product in ``dtype`` (a fifth of a second)."""
    a = torch.randn(1024, 576 * 2, dtype=dtype, device=device)
    b = torch.randn(576 * 2, 1536, dtype=dtype, device=device)
    a @ b
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 0.2:
        a @ b
        rounds += 1
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 2 * a.numel() * b.shape[1] * rounds / (time.perf_counter() - began)


def weight_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Measured bytes of weights a second that pass by one token: what bounds an answer that is written alone."""
    weight = torch.randn(2048, 16384, device=device).to(dtype)  # larger than most caches
    token = torch.randn(1, 16384, device=device).to(dtype)
    token @ weight.t()
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 0.2:
        token @ weight.t()
        rounds += 1
    if device.type == "cuda":
        torch.cuda.synchronize()
    return weight.nbytes * rounds / (time.perf_counter() - began)


def training_range(
    loaded: Loaded,
    lengths: Sequence[int],
    *,
    learned: int,
    epochs: int,
    trainable: int = 0,
    full: bool = False,
    recomputed: bool = False,
) -> Seconds:
    """Seconds that training on rows of these lengths will take, from a measured matrix product, with the range it stands for."""
    tokens = sum(lengths)
    row = sum(length * length for length in lengths) / max(1, tokens)
    try:
        shape = shape_of(loaded.model.config.to_dict())
        adapter = 0 if full else trainable
        flop = step_flop(shape, tokens, learned=learned, row=row, adapter=adapter, full=full)
        flop += again_flop(shape, tokens, row=row, adapter=adapter) if recomputed else 0.0
    except ModelError:  # a kind that is not known here: as if all its weights were passed by every token
        flop = (6.0 if full else 4.0) * loaded.parameters * tokens
    return ranged(flop, matmul_flops(loaded.dtype, loaded.device)) * epochs
