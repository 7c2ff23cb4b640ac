"""Norm, rotary attention and gated feed-forward of Llama-shaped layers as one node of the graph each, while training.

transformers builds them from dozens of small operations that each keep their operands; these keep what the backward pass
can't cheaply make again. Covered are the classes named below, whose forward passes were read and are the same; all others
run as they are. The weights of norms and base layers are frozen. ``tests/models/test_fast_layers.py`` holds each against
transformers' own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from medlms.models import attention, native, overriding
from medlms.models.dropout import Mask, mask_of
from medlms.models.four_bit import PackedWeights
from medlms.models.lora_step import dropped, lora_backward, lora_forward, low_gradients, through_base

if TYPE_CHECKING:
    from medlms.models.fast_lora import Group

NORMS = {"LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm"}
ATTENTIONS = {"LlamaAttention", "MistralAttention", "Qwen2Attention"}
GATED = {"LlamaMLP", "MistralMLP", "Qwen2MLP", "Qwen3MLP"}

NATIVE_BLOCK = 256  # queries at once where what lies above the diagonal costs a product, but no exponential
KEPT = 512  # tokens of a row up to which its attention weights are kept for the backward pass

Forward = Callable[..., Any]


def override(model: nn.Module, groups: Mapping[nn.Module, Group]) -> tuple[list[Callable[[], None]], int]:
    """Put the forward passes below in place; ``groups`` tells by which group an adapted layer is computed.

    Returns what undoes it, and how many modules run through here. Passes without a gradient are left to transformers.
    """
    undo: list[Callable[[], None]] = []
    for module in model.modules():
        made = _made(module, groups)
        if made is not None:
            undo.append(_replace(module, made))
    return undo, len(undo)


def _made(module: Any, groups: Mapping[nn.Module, Group]) -> Forward | None:
    kind = type(module).__name__
    if kind in NORMS and not module.weight.requires_grad:
        return _norm(module)
    if kind in GATED and module.act_fn(torch.tensor(1.0)) == silu(torch.tensor(1.0)):
        joint, last = _group(module, groups, "gate_proj", "up_proj"), _group(module, groups, "down_proj")
        return _gated(module, joint, last) if joint and last and last.bias is None else None
    if kind in ATTENTIONS and module.config._attn_implementation == attention.PACKED:
        joint = _group(module, groups, "q_proj", "k_proj", "v_proj")
        return _attention(module, joint) if joint else None
    return None


def _group(module: Any, groups: Mapping[nn.Module, Group], *names: str) -> Group | None:
    """The group that computes just these layers of a module, in this order."""
    layers = [getattr(module, name) for name in names]
    group = groups.get(layers[0])
    return group if group is not None and group.layers == layers else None


def _replace(module: nn.Module, made: Forward) -> Callable[[], None]:
    own = module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return (made if torch.is_grad_enabled() else own)(*args, **kwargs)

    return overriding.override(module, forward)


def _norm(module: Any) -> Forward:
    def forward(x: Tensor) -> Tensor:
        out: Tensor = _Norm.apply(x, module.weight, module.variance_epsilon)
        return out

    return forward


class _Norm(torch.autograd.Function):
    """Root-mean-square norm, computed in fp32; kept is the input and one number a token."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """``x`` [..., width], ``weight`` [width]."""
        library = native.of(x, weight)
        if library is not None:
            out, inverse = library.norm(x, weight, epsilon)
            ctx.save_for_backward(x, weight, inverse)
            return out
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        inverse = size.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        normed: Tensor = (x * inverse).to(x.dtype) * weight
        return normed

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """With g = grad * weight and r the inverse: r * g - x * r^3 * mean(g * x)."""
        x, weight, inverse = ctx.saved_tensors
        library = native.of(x, weight, grad)
        if library is not None:
            return library.norm_back(grad, x, weight, inverse), None, None
        g = (grad * weight).float()
        along = (g * x).sum(-1, keepdim=True).mul_(inverse.pow(3)).div_(-x.shape[-1])
        return g.mul_(inverse).addcmul_(x, along).to(x.dtype), None, None


def _gated(module: Any, joint: Group, last: Group) -> Forward:
    def forward(x: Tensor) -> Tensor:
        both = joint.joint(x.reshape(-1, x.shape[-1]))
        shape = torch.Size((both.shape[0], both.shape[1] // 2))
        out: Tensor = _Gated.apply(both, *last.parts(shape, both.dtype, both.device))
        return out.view(*x.shape[:-1], -1)

    return forward


class _Gated(torch.autograd.Function):
    """silu(gate) * up and the adapted layer behind it; the product is made again in the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, both: Tensor, mask: Mask | None, weight: Tensor | PackedWeights, a: Tensor, b: Tensor, scale: float
    ) -> Tensor:
        """``both`` [tokens, 2 * inner] holds gate and up beside one another; the rest as in ``lora_forward``."""
        library = native.of(both)
        if library is not None:
            inner, seen = library.gated(both, mask)
        else:
            gate, up = both.chunk(2, dim=-1)
            inner = silu(gate).mul_(up)
            seen = dropped(inner, mask)
        out, low = lora_forward(inner, seen, weight, a, b, scale)
        ctx.save_for_backward(both, low, a, b, None if mask is None else mask.words)
        ctx.mask = None if mask is None else (mask.shape, mask.keep)
        ctx.weight, ctx.scale = weight, scale
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for gate and up, a and b."""
        both, low, a, b, words = ctx.saved_tensors
        mask = mask_of(words, ctx.mask)
        library = native.of(both)
        if library is not None:
            grad_low, grad_b = low_gradients(grad, low, b, ctx.scale)
            seen = grad_low @ a
            out = library.gated_back(both, through_base(grad, ctx.weight), seen, mask)
            return out, None, None, grad_low.t() @ seen, grad_b, None
        gate, up = both.chunk(2, dim=-1)
        bent = silu(gate)
        inner, grad_a, grad_b = lora_backward(grad, mask, bent * up, low, ctx.weight, a, b, ctx.scale, through=True)
        assert inner is not None
        out = torch.empty_like(both)
        grad_gate, grad_up = out.chunk(2, dim=-1)
        torch.mul(inner, bent, out=grad_up)
        torch.ops.aten.silu_backward.grad_input(inner.mul_(up), gate, grad_input=grad_gate)
        return out, None, None, grad_a, grad_b, None


def _attention(module: Any, joint: Group) -> Forward:
    own = module.forward
    size = int(module.head_dim)
    window = getattr(module, "sliding_window", None)
    if type(module).__name__ == "MistralAttention":
        window = getattr(module.config, "sliding_window", None)
    heads = joint.bounds[0] // size, joint.bounds[1] // size

    def forward(hidden_states: Tensor, position_embeddings: Any = None, *args: Any, **kwargs: Any) -> Any:
        starts = kwargs.get("row_starts")
        cosine, sine = position_embeddings
        if starts is None or kwargs.get("past_key_values") is not None or cosine.shape[-1] != size:
            return own(hidden_states, position_embeddings, *args, **kwargs)
        turn = cosine[0, :, : size // 2], sine[0, :, : size // 2]
        both = joint.joint(hidden_states[0])
        usable = size <= native.LARGEST_HEAD and native.of(both) is not None and cosine.dtype == both.dtype
        node = _NativeAttention if usable else _Attention
        out = node.apply(both, *turn, heads, module.scaling, window, list(starts))
        return module.o_proj(out.unsqueeze(0)), None

    return forward


class _Attention(torch.autograd.Function):
    """Rotary embedding and causal attention within each row, from the joint output of q, k and v to the input of o.

    Each row's queries, keys and values are kept behind one another in a buffer of their own; the weights too where the
    row is short, else they are made again in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any,
        joint: Tensor,
        cosine: Tensor,
        sine: Tensor,
        heads: tuple[int, int],
        scale: float,
        window: int | None,
        starts: list[int],
    ) -> Tensor:
        """``joint`` [tokens, (heads + 2 * key heads) * size], cosine and sine [tokens, size / 2].

        Returns [tokens, heads * size].
        """
        total, (count, groups) = joint.shape[0], heads
        size = joint.shape[1] // (count + 2 * groups)
        parts = joint.view(total, -1, size)
        turned = _turn(parts[:, : count + groups], cosine, sine)
        kept = torch.empty_like(joint)
        out = joint.new_empty(total, count, size)
        short: list[Tensor] = []
        for low, high in pairwise(starts):
            row = kept[low:high].view(count + 2 * groups, high - low, size)
            row[: count + groups].copy_(turned[low:high].transpose(0, 1))
            row[count + groups :].copy_(parts[low:high, count + groups :].transpose(0, 1))
            q, k, v = row.split((count, groups, groups))
            for begin, end, first in attention.blocks(high - low, window):
                queries = q[:, begin:end].reshape(groups, -1, size)
                weights, _ = attention.weights(queries, k[:, first:end], scale, end - begin, window)
                said = weights @ v[:, first:end]
                out[low + begin : low + end] = said.view(count, end - begin, size).transpose(0, 1)
                if high - low <= KEPT:
                    short.append(weights)
        ctx.save_for_backward(kept, cosine, sine, *short)
        ctx.settings = heads, size, scale, window, starts
        return out.view(total, -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient for ``joint``."""
        kept, cosine, sine, *rest = ctx.saved_tensors
        short = iter(rest)
        (count, groups), size, scale, window, starts = ctx.settings
        total = kept.shape[0]
        grad = grad.view(total, count, size)
        out = torch.empty_like(kept)
        parts = out.view(total, -1, size)
        turned = kept.new_empty(total, count + groups, size)
        for low, high in pairwise(starts):
            q, k, v = kept[low:high].view(count + 2 * groups, high - low, size).split((count, groups, groups))
            dk, dv = torch.zeros_like(k), torch.zeros_like(v)
            for begin, end, first in attention.blocks(high - low, window):
                place = slice(low + begin, low + end)
                queries, keys, values = q[:, begin:end].reshape(groups, -1, size), k[:, first:end], v[:, first:end]
                if high - low <= KEPT:
                    weights = next(short)
                else:
                    weights, _ = attention.weights(queries, keys, scale, end - begin, window)
                g = grad[place].transpose(0, 1).reshape(groups, -1, size)
                dv[:, first:end].baddbmm_(weights.transpose(1, 2), g)
                # aten's own softmax backward: w * (d - sum(w * d)), with the sum in fp32
                d = torch.ops.aten._softmax_backward_data(g @ values.transpose(1, 2), weights, -1, kept.dtype)
                dq = torch.baddbmm(d.new_zeros(1), d, keys, beta=0, alpha=scale)
                turned[place, :count] = dq.view(count, end - begin, size).transpose(0, 1)
                dk[:, first:end].baddbmm_(d.transpose(1, 2), queries, alpha=scale)
            turned[low:high, count:] = dk.transpose(0, 1)
            parts[low:high, count + groups :] = dv.transpose(0, 1)
        parts[:, : count + groups] = _turn(turned, cosine, -sine)
        return out, None, None, None, None, None, None


class _NativeAttention(torch.autograd.Function):
    """As ``_Attention``, with what lies between its matrix products in one pass each.

    Queries and outputs lie apart by block, keys and values by row, so that every matrix product reads and writes whole blocks.
    """

    @staticmethod
    def forward(
        ctx: Any,
        joint: Tensor,
        cosine: Tensor,
        sine: Tensor,
        heads: tuple[int, int],
        scale: float,
        window: int | None,
        starts: list[int],
    ) -> Tensor:
        """As ``_Attention``'s."""
        library = native.of(joint)
        assert library is not None
        total, (count, groups) = joint.shape[0], heads
        size = joint.shape[1] // (count + 2 * groups)
        turn = cosine.contiguous(), sine.contiguous()
        spread = _Spread(starts, window, count, groups, size)
        by_block, by_row = spread.places
        q = library.heads_apart(joint, 0, count, by_block, turn, size)
        k = library.heads_apart(joint, count, groups, by_row, turn, size)
        v = library.heads_apart(joint, count + groups, groups, by_row, None, size)
        said = torch.empty_like(q)
        short: list[Tensor] = []
        for block in spread.blocks:
            weights = block.weights(library, q, k, scale, window)
            torch.bmm(weights, block.seen(v), out=block.own(said))
            if block.length <= KEPT:
                short.append(weights)
        out = joint.new_empty(total, count * size)
        library.heads_joined(said, by_block, None, size, out, 0)
        ctx.save_for_backward(q, k, v, *turn, *short)
        ctx.settings = heads, size, scale, window, spread
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient for ``joint``."""
        q, k, v, cosine, sine, *rest = ctx.saved_tensors
        (count, groups), size, scale, window, spread = ctx.settings
        grad = grad.contiguous()
        library = native.of(grad)
        assert library is not None
        by_block, by_row = spread.places
        g = library.heads_apart(grad, 0, count, by_block, None, size)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        kept = list(rest)
        for block in reversed(spread.blocks):  # without a window the last block of a row sees all its keys
            weights = kept.pop() if block.length <= KEPT else block.weights(library, q, k, scale, window)
            own = block.own(g)
            d = own @ block.seen(v).transpose(1, 2)
            library.softmax_back(weights, d, block.queries, block.before, window, scale)
            torch.bmm(d, block.seen(k), out=block.own(dq))
            block.add(dv, weights.transpose(1, 2), own)
            block.add(dk, d.transpose(1, 2), block.own(q))
        out = grad.new_empty(grad.shape[0], (count + 2 * groups) * size)
        library.heads_joined(dq, by_block, (cosine, sine), size, out, 0)
        library.heads_joined(dk, by_row, (cosine, sine), size, out, count)
        library.heads_joined(dv, by_row, None, size, out, count + groups)
        return out, None, None, None, None, None, None


@dataclass(frozen=True, slots=True)
class _Block:
    """Some queries of a row and the keys that they may see; ``row`` and the other places count tokens of all rows."""

    row: int
    length: int
    begin: int
    end: int
    first: int
    groups: int
    per_group: int
    size: int

    @property
    def queries(self) -> int:
        return self.end - self.begin

    @property
    def before(self) -> int:
        return self.begin - self.first

    def own(self, x: Tensor) -> Tensor:
        """The block's part [groups, per group * queries, size] of what lies apart by block."""
        width = self.groups * self.per_group * self.size
        part = x[(self.row + self.begin) * width : (self.row + self.end) * width]
        return part.view(self.groups, self.per_group * self.queries, self.size)

    def _row(self, x: Tensor) -> Tensor:
        width = self.groups * self.size
        return x[self.row * width : (self.row + self.length) * width].view(self.groups, self.length, self.size)

    def seen(self, x: Tensor) -> Tensor:
        """The part [groups, keys, size] that this block sees of what lies apart by row."""
        return self._row(x)[:, self.first : self.end]

    def weights(self, library: native.Native, q: Tensor, k: Tensor, scale: float, window: int | None) -> Tensor:
        scores = self.own(q) @ self.seen(k).transpose(1, 2)
        return library.causal_softmax(scores, self.queries, self.before, window, scale)

    def add(self, x: Tensor, one: Tensor, other: Tensor) -> None:
        """Add a product to what this block sees of ``x``; the last block of a row, which comes first, begins it."""
        seen = self.seen(x)
        if self.end < self.length:
            seen.baddbmm_(one, other)
            return
        self._row(x)[:, : self.first] = 0
        torch.bmm(one, other, out=seen) if seen.is_contiguous() else seen.copy_(one @ other)


class _Spread:
    """The blocks of rows, and where their heads lie apart."""

    def __init__(self, starts: list[int], window: int | None, count: int, groups: int, size: int) -> None:
        self.blocks = [
            _Block(low, high - low, begin, end, first, groups, count // groups, size)
            for low, high in pairwise(starts)
            for begin, end, first in attention.blocks(high - low, window, NATIVE_BLOCK)
        ]
        edges = tuple(block.row + block.begin for block in self.blocks)
        self.places = _places((*edges, starts[-1]), count, size), _places(tuple(starts), groups, size)


@lru_cache(maxsize=64)  # the same in every layer
def _places(edges: tuple[int, ...], heads: int, size: int) -> Tensor:
    """Where a token's first head lies, and how far the next, where heads of each stretch lie apart: int64 [tokens, 2]."""
    lengths = torch.tensor(edges).diff()
    begin = torch.tensor(edges[:-1]).repeat_interleave(lengths)
    token = torch.arange(edges[-1])
    apart = lengths.repeat_interleave(lengths) * size
    return torch.stack([begin * heads * size + (token - begin) * size, apart], 1).contiguous()


def _turn(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn pairs (i, i + size / 2) of ``x`` [tokens, heads, size] by the angles of their positions."""
    cosine, sine = cosine.unsqueeze(1), sine.unsqueeze(1)
    one, two = x.chunk(2, dim=-1)
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    first, second = out.chunk(2, dim=-1)
    torch.mul(one, cosine, out=first).addcmul_(two, sine, value=-1)
    torch.mul(two, cosine, out=second).addcmul_(one, sine)
    return out
