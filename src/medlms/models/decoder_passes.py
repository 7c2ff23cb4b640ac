"""The passes of decoder.c, called on torch's tensors: contiguous, on the processor, fp32 or bf16."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from medlms.models.native import KINDS, LARGEST_HEAD, Native

PAGE = 64  # keys in a page, as in decoder.c
BLOCK = 16  # tokens whose queries are computed together, as in decoder.c

_I, _P, _F, _K = ctypes.c_int64, ctypes.c_void_p, ctypes.c_float, ctypes.c_int
ARGUMENTS: dict[str, list[type]] = {
    "keep": [_P, _P, _P, _P, _P, _P, _P, _I, _I, _I, _I, _P, _P, _F, _K],
    "attend": [_P, _P, _P, _P, _P, _P, _P, _I, _I, _I, _I, _I, _I, _F, _K],
    "add_norm": [_P, _P, _P, _P, _I, _I, _F, _K],
    "likeliest": [_P, _P, _P, _I, _I, _K],
    "eight_bit": [_P, _P, _P, _I, _I, _K],
    "opened": [_P, _P, _P, _P, _I, _I, _K],
}


@dataclass(frozen=True)
class Heads:
    """How a model's heads lie: ``count`` of queries, ``groups`` of keys and values, ``size`` numbers each."""

    count: int
    groups: int
    size: int

    @property
    def fit(self) -> bool:
        """Whether decoder.c computes on heads of this size."""
        return self.size % 16 == 0 and self.size <= LARGEST_HEAD and self.count % self.groups == 0


@dataclass(frozen=True)
class Reading:
    """Where the tokens of one forward pass stand: ``positions`` and ``slots`` int64 [tokens], and ``blocks`` int64 [n, 5],
    ``pages`` and ``bases`` int32, as ``attend`` in decoder.c takes them.
    """

    ids: Tensor
    positions: Tensor
    slots: Tensor
    blocks: Tensor
    pages: Tensor
    bases: Tensor


class Passes:
    """decoder.c on tensors."""

    def __init__(self, native: Native) -> None:
        self.native = native
        for name, arguments in ARGUMENTS.items():
            function = getattr(native.library, name)
            function.argtypes, function.restype = arguments, None
        self._c = native.library

    def keep(
        self,
        both: Tensor,
        angles: tuple[Tensor, Tensor],
        reading: Reading,
        cache: tuple[Tensor, Tensor],
        heads: Heads,
        norms: tuple[Tensor, Tensor] | None,
        epsilon: float,
    ) -> None:
        """Turn the queries of ``both`` [tokens, (count + 2 groups) * size] in place; keep keys and values in ``cache``.

        ``angles`` are cosines and sines, fp32 [positions, size / 2]; ``norms`` the weights [size] of query and key norms.
        """
        self._c.keep(
            both.data_ptr(),
            angles[0].data_ptr(),
            angles[1].data_ptr(),
            reading.positions.data_ptr(),
            reading.slots.data_ptr(),
            cache[0].data_ptr(),
            cache[1].data_ptr(),
            both.shape[0],
            heads.count,
            heads.groups,
            heads.size,
            norms[0].data_ptr() if norms else None,
            norms[1].data_ptr() if norms else None,
            epsilon,
            KINDS[both.dtype],
        )

    def attend(
        self,
        both: Tensor,
        reading: Reading,
        cache: tuple[Tensor, Tensor],
        heads: Heads,
        window: int | None,
        scale: float,
    ) -> Tensor:
        """What the queries in ``both`` see of the pages: [tokens, count * size]."""
        out = both.new_empty(both.shape[0], heads.count * heads.size)
        self._c.attend(
            both.data_ptr(),
            out.data_ptr(),
            cache[0].data_ptr(),
            cache[1].data_ptr(),
            reading.blocks.data_ptr(),
            reading.pages.data_ptr(),
            reading.bases.data_ptr(),
            reading.blocks.shape[0],
            both.shape[1],
            heads.count,
            heads.groups,
            heads.size,
            window or 0,
            scale,
            KINDS[both.dtype],
        )
        return out

    def add_norm(self, x: Tensor, more: Tensor | None, weight: Tensor, epsilon: float) -> Tensor:
        """The root-mean-square norm of ``x`` [tokens, width], to which ``more`` was added in place."""
        out = torch.empty_like(x)
        self._c.add_norm(
            x.data_ptr(),
            None if more is None else more.data_ptr(),
            weight.data_ptr(),
            out.data_ptr(),
            x.shape[0],
            x.shape[1],
            epsilon,
            KINDS[x.dtype],
        )
        return out

    def likeliest(self, logits: Tensor, *, sums: bool = True) -> tuple[Tensor, Tensor | None]:
        """The id of the largest of each row of ``logits`` [rows, vocabulary], and the log of the sum of their e^x (fp32)."""
        rows, width = logits.shape
        best = torch.empty(rows, dtype=torch.long)
        whole = torch.empty(rows) if sums else None
        self._c.likeliest(
            logits.data_ptr(),
            best.data_ptr(),
            None if whole is None else whole.data_ptr(),
            rows,
            width,
            KINDS[logits.dtype],
        )
        return best, whole

    def eight_bit(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of ``x`` [rows, width] as int8, and what one step of each is worth (fp32 [rows])."""
        out, scales = torch.empty(x.shape, dtype=torch.int8), torch.empty(x.shape[0])
        self._c.eight_bit(x.data_ptr(), out.data_ptr(), scales.data_ptr(), x.shape[0], x.shape[1], KINDS[x.dtype])
        return out, scales

    def opened(self, sums: Tensor, rows: Tensor, columns: Tensor, dtype: torch.dtype) -> Tensor:
        """int32 ``sums`` [rows, width] times the scales of rows and columns."""
        out = torch.empty(sums.shape, dtype=dtype)
        self._c.opened(
            sums.data_ptr(),
            rows.data_ptr(),
            columns.data_ptr(),
            out.data_ptr(),
            sums.shape[0],
            sums.shape[1],
            KINDS[dtype],
        )
        return out
