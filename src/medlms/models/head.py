"""The loss over learned positions only, in chunks: the full table of logits never exists."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 256  # positions whose logits exist at once: few enough to stay in a processor's cache
# In fp16 the gradient made here waits for the loss scale: until then it is lifted, so that small shares do not become 0.
LIFT = 1024.0


class _ChunkedLoss(torch.autograd.Function):
    """Sum of cross-entropies; the gradient for the hidden states (and the head, where it learns) is made in the forward pass.

    The gradient of a position is its shares times W less its target's row of W. The target's own share less one is minus the
    sum of the others: taken from there, since one minus a 16-bit share near one would have no digits left.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, softcap: float | None) -> Tensor:
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_head = torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        total = hidden.new_zeros((), dtype=torch.float32)
        space = hidden.new_empty(min(CHUNK, len(targets)), len(weight))
        ones = hidden.new_ones(len(weight), 1)
        lift = LIFT if hidden.dtype == torch.float16 else 1.0
        for low in range(0, len(targets), CHUNK):
            part, wanted = hidden[low : low + CHUNK], targets[low : low + CHUNK]
            place = torch.arange(len(part), device=part.device), wanted
            logits = torch.matmul(part, weight.t(), out=space[: len(part)])
            slope = None
            if softcap is not None:
                bent = logits.float().div_(softcap).tanh_()
                slope = 1 - bent.square()
                logits = bent.mul_(softcap)
            largest, where = logits.max(-1, keepdim=True)
            above = logits[place].float() - largest[:, 0].float()
            shares = logits.softmax(-1, dtype=torch.float32 if lift != 1 else None)
            # The largest share is 1 / sum(exp(logit - largest)): it gives the norm without another pass of exp.
            total -= (above + shares.gather(1, where)[:, 0].float().log()).sum()
            if grad is not None:
                shares[place] = 0
                others = shares @ ones.to(shares.dtype)
                if slope is not None:
                    shares.mul_(slope)
                    others.mul_(slope[place].unsqueeze(1))
                if lift != 1:
                    shares.mul_(lift)
                    others.mul_(lift)
                own = torch.matmul(shares.to(weight.dtype), weight, out=grad[low : low + CHUNK])
                own.addcmul_(weight[wanted], others.to(weight.dtype), value=-1)
                if grad_head is not None:
                    shares[place] = -others[:, 0]
                    grad_head += shares.to(weight.dtype).t() @ part
        ctx.grad, ctx.grad_head, ctx.lift = grad, grad_head, lift
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        scale = grad / ctx.lift
        head = None if ctx.grad_head is None else ctx.grad_head.mul_(scale).to(ctx.grad.dtype)
        return ctx.grad.mul_(scale.to(ctx.grad.dtype)), head, None, None


def answer_loss(hidden: Tensor, head: Tensor, targets: Tensor, *, softcap: float | None = None) -> Tensor:
    """Summed cross-entropy (nats, fp32 scalar) of hidden states [n, width] against token ids [n].

    ``head`` [vocabulary, width] gets a gradient where it learns.
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
