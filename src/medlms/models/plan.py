"""Will it fit, and how long will it take: asked before the work starts. Rough on purpose, and said to be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch

from medlms.errors import ResourceError
from medlms.models.load import Loaded, available_memory


def training_bytes(loaded: Loaded, *, trainable: int, block_tokens: int) -> int:
    """Memory that training adds to the loaded weights: adapters in fp32 with gradients and two moments, and activations."""
    config: Any = loaded.model.config
    layers = int(getattr(config, "num_hidden_layers", 0) or getattr(config, "n_layer", 12))
    width = int(getattr(config, "hidden_size", 0) or getattr(config, "n_embd", 768))
    inner = int(getattr(config, "intermediate_size", 0) or 4 * width)
    element = torch.finfo(loaded.dtype).bits // 8
    # What a layer keeps for its backward pass: about twelve tensors of the width and four of the inner width.
    kept = layers * (12 * width + 4 * inner) * element
    logits = 512 * int(config.vocab_size) * 10
    return 16 * trainable + block_tokens * kept + logits


def check_memory(loaded: Loaded, *, trainable: int, block_tokens: int) -> str:
    """A sentence on the memory that training will need; ResourceError when this machine has not got it."""
    needed = training_bytes(loaded, trainable=trainable, block_tokens=block_tokens)
    free = available_memory()
    if free and needed > free:
        raise ResourceError(
            f"Training needs about {needed / 1e9:.1f} GB of memory beside the weights, {free / 1e9:.1f} GB are free.",
            hint="Lower train.micro_tokens or max_length, or use a smaller model.",
        )
    return f"about {needed / 1e9:.1f} GB of memory beside the weights" + (
        f" ({free / 1e9:.1f} GB are free)" if free else ""
    )


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


def training_seconds(loaded: Loaded, lengths: Sequence[int], *, learned: int, epochs: int) -> float:
    """Seconds that training on rows of these lengths will take, from a measured matrix product. Good to a factor of two."""
    embedding = loaded.model.get_input_embeddings().weight.numel()
    body = loaded.parameters - embedding
    flops = 4 * body * sum(lengths) + 4 * embedding * learned
    # Half of the matrix speed reaches a training step; the rest is attention, dropout and element-wise work.
    return float(epochs * flops / (0.5 * matmul_flops(loaded.dtype, loaded.device)))
