"""Matrix products with base weights that lie in 4 bit (bitsandbytes' layout): unpacked strip by strip, nothing kept.

bitsandbytes' own kernel unpacks: vectorised, several times faster than a table lookup in torch, and a fifth of the product's
time at 64 tokens. Smaller strips that stay in the cache were slower: matrix products want large matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from medlms.models import native

# Bytes unpacked at once on a CPU (a GPU unpacks a whole matrix): the C library takes larger buffers from the system anew
# each time, and the first touch of such memory costs as much as the unpacking.
STRIP = 1 << 24


def is_four_bit(layer: Any) -> bool:
    """Whether a linear layer's weights lie packed in 4 bit, in the layout that they were quantised to."""
    state = _state(layer)
    return (
        state is not None
        and state.quant_type in ("nf4", "fp4")
        and len(state.shape) == 2
        and tuple(state.shape) == (layer.out_features, layer.in_features)
        and not getattr(state, "packing_format_for_cpu", False)
    )


class PackedWeights:
    """The 4-bit weights of layers that read one input, as one matrix [sum of their rows, in]."""

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = list(layers)
        self.rows = [int(layer.out_features) for layer in layers]

    def product(self, x: Tensor) -> Tensor:
        """``x`` [tokens, in] times the transposed weights: [tokens, rows], in the type of ``x``."""
        out = x.new_empty(x.shape[0], sum(self.rows))
        for low, part in self._strips(x.dtype):
            torch.mm(x, part.t(), out=out[:, low : low + part.shape[0]])
        return out

    def back(self, grad: Tensor) -> Tensor:
        """``grad`` [tokens, rows] times the weights: [tokens, in]."""
        return self.add_back(grad.new_zeros(grad.shape[0], int(self.layers[0].in_features)), grad)

    def add_back(self, out: Tensor, grad: Tensor) -> Tensor:
        """``out`` [tokens, in] plus ``grad`` [tokens, rows] times the weights; sums over strips are held in fp32."""
        total: Tensor | None = None
        for low, part in self._strips(grad.dtype):
            if part.shape[0] == grad.shape[1]:
                return out.addmm_(grad, part)
            total = out.float() if total is None else total
            total += grad[:, low : low + part.shape[0]] @ part
        return out if total is None else total.to(out.dtype)

    def _strips(self, dtype: torch.dtype) -> Iterator[tuple[int, Tensor]]:
        """(first row of the stacked matrix, unpacked rows) until all rows have come."""
        first = 0
        for layer, rows in zip(self.layers, self.rows, strict=True):
            for low, part in unpacked(layer, dtype, lasting=False):
                yield first + low, part
            first += rows


_space: dict[torch.dtype, Tensor] = {}
"""Memory for one strip that stays, by dtype: what is unpacked there lasts until the next strip."""


def _place(rows: int, width: int, dtype: torch.dtype) -> Tensor:
    held = _space.get(dtype)
    if held is None or held.numel() < rows * width:
        held = _space[dtype] = torch.empty(max(rows * width, STRIP // dtype.itemsize), dtype=dtype)
    return held[: rows * width].view(rows, width)


def unpacked(layer: Any, dtype: torch.dtype, *, lasting: bool = True) -> Iterator[tuple[int, Tensor]]:
    """(first row, rows [n, in] in ``dtype``) of a 4-bit layer, strip by strip. Strips that need not be ``lasting`` may share
    one place in memory, each until the next one comes.
    """
    from bitsandbytes.functional import dequantize_blockwise

    state = _state(layer)
    rows, width = state.shape
    packed = layer.weight.data.view(torch.uint8).reshape(-1)
    scales = state.absmax
    if state.nested:
        scales = dequantize_blockwise(scales, state.state2) + state.offset
    scales = scales.float()
    block, step = state.blocksize, _rows_at_once(layer, rows, width * dtype.itemsize)
    for low in range(0, rows, step):
        high = min(low + step, rows)
        places = packed[low * width // 2 : (high * width + 1) // 2]
        scale = scales[low * width // block : -(-high * width // block)]
        library = None if lasting or width % block or dtype not in native.KINDS else native.of(scale)
        if library is not None:
            part = library.unpacked(places, scale, state.code, block, _place(high - low, width, dtype))
        else:
            part = torch.ops.bitsandbytes.dequantize_4bit.default(
                places, scale, block, state.quant_type, (high - low, width), dtype
            )
        yield low, part


def _rows_at_once(layer: Any, rows: int, row_bytes: int) -> int:
    """A strip must begin where a block of weights does; one that can't is the whole matrix."""
    if layer.weight.device.type != "cpu" or layer.in_features % _state(layer).blocksize:
        return rows
    step = STRIP // row_bytes
    return max(1, min(rows, step - step % 64 if step > 64 else step))  # products want even sizes


def _state(layer: Any) -> Any:
    """The quantisation state, wherever bitsandbytes has left it; None for other layers."""
    state = getattr(getattr(layer, "weight", None), "quant_state", None)
    return state if state is not None else getattr(layer, "quant_state", None)
