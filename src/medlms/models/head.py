"""The loss over learned positions only, in chunks: the full table of logits never exists."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 512  # positions whose logits exist at once
# In fp16 the gradient made here waits for the loss scale: until then it is lifted, so that small shares do not become 0.
LIFT = 1024.0


class _ChunkedLoss(torch.autograd.Function):
    """Sum of cross-entropies; the gradient for the hidden states is made in the forward pass, the head is frozen."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, softcap: float | None) -> Tensor:
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        total = hidden.new_zeros((), dtype=torch.float32)
        lift = LIFT if hidden.dtype == torch.float16 else 1.0
        for low in range(0, len(targets), CHUNK):
            part, wanted = hidden[low : low + CHUNK], targets[low : low + CHUNK, None]
            logits = part @ weight.t()
            if softcap is not None:
                logits = logits.float().div_(softcap).tanh_()
                slope = 1 - logits.square()
                logits = logits.mul_(softcap)
            shares = torch.softmax(logits, dim=-1, dtype=torch.float32)
            # The largest share is 1 / sum(exp(logit - largest logit)): it gives the norm without another pass of exp.
            norm = logits.amax(-1, keepdim=True).float() - shares.amax(-1, keepdim=True).log()
            total += (norm - logits.gather(1, wanted).float()).sum()
            if grad is not None:
                shares.scatter_add_(1, wanted, torch.full_like(wanted, -1.0, dtype=torch.float32))
                if softcap is not None:
                    shares.mul_(slope)
                if lift != 1:
                    shares.mul_(lift)
                torch.matmul(shares.to(weight.dtype), weight, out=grad[low : low + CHUNK])
        ctx.grad, ctx.lift = grad, lift
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.grad.mul_((grad / ctx.lift).to(ctx.grad.dtype)), None, None, None


def answer_loss(hidden: Tensor, head: Tensor, targets: Tensor, *, softcap: float | None = None) -> Tensor:
    """Summed cross-entropy (nats, fp32 scalar) of hidden states [n, width] against token ids [n].

    ``head`` [vocabulary, width] is frozen.
    """
    out: Tensor = _ChunkedLoss.apply(hidden, head, targets, softcap)
    return out


def token_losses(hidden: Tensor, head: Tensor, targets: Tensor, *, softcap: float | None = None) -> Tensor:
    """Cross-entropy (nats, fp32 [n]) of each position, without a gradient; logits exist for one chunk at a time."""
    parts = []
    for low in range(0, len(targets), CHUNK):
        logits = (hidden[low : low + CHUNK] @ head.t()).float()
        if softcap is not None:
            logits = logits.div_(softcap).tanh_().mul_(softcap)
        parts.append(torch.nn.functional.cross_entropy(logits, targets[low : low + CHUNK], reduction="none"))
    return torch.cat(parts) if parts else hidden.new_zeros(0, dtype=torch.float32)
