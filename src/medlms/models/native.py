"""The passes of native.c: built once by this machine's C compiler, kept in MEDLMS_HOME, called on torch's tensors.

They run on processors, in fp32 and bf16. Where there is no compiler, or torch's own threads can't be shared, the same is
computed in torch: more passes over memory, the same numbers but for rounding. decoder.c is built into the same library;
decoder_passes.py calls it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

from medlms.models.dropout import Mask
from medlms.run import home

FLAGS = (
    "-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC",
)  # fmt: skip
SOURCES = ("native.c", "decoder.c")
HEADER = "native.h"
BUILD_SECONDS = 60
LARGEST_HEAD = 256  # PIECE in native.c
KINDS = {torch.float32: 0, torch.bfloat16: 1}

_I, _P, _F, _K = ctypes.c_int64, ctypes.c_void_p, ctypes.c_float, ctypes.c_int
ARGUMENTS: dict[str, list[type]] = {
    "dropped": [_P, _P, _P, _I, _I, _I, _I, _K],
    "gated": [_P, _P, _P, _P, _I, _I, _I, _I, _K],
    "gated_back": [_P, _P, _P, _P, _P, _I, _I, _I, _I, _K],
    "norm": [_P, _P, _P, _P, _I, _I, _F, _K],
    "norm_back": [_P, _P, _P, _P, _P, _I, _I, _K],
    "heads": [_P, _P, _P, _P, _P, _I, _I, _I, _I, _I, _F, _K, _K],
    "causal_softmax": [_P, _I, _I, _I, _I, _I, _F, _K],
    "unpacked": [_P, _P, _P, _P, _I, _I, _K],
    "softmax_back": [_P, _P, _I, _I, _I, _I, _I, _F, _K],
}


class Native:
    """The built library. Tensors are contiguous, on the processor, and of one dtype of ``KINDS``."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the file is no library for this machine."""
        library = ctypes.CDLL(str(path))
        for name, arguments in ARGUMENTS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, None
        self._library = library

    @property
    def library(self) -> ctypes.CDLL:
        """The library itself."""
        return self._library

    def dropped(self, x: Tensor, mask: Mask, out: Tensor) -> Tensor:
        """``x`` [..., width] with dropped entries set to 0, in ``out``, which may be ``x``."""
        width = x.shape[-1]
        tokens = x.numel() // width
        self._library.dropped(x.data_ptr(), out.data_ptr(), *_mask(mask, tokens, width), KINDS[x.dtype])
        return out

    def gated(self, both: Tensor, mask: Mask | None) -> tuple[Tensor, Tensor]:
        """silu(gate) * up of ``both`` [tokens, gate and up], and the same with dropped entries set to 0."""
        tokens, width = both.shape[0], both.shape[1] // 2
        inner = both.new_empty(tokens, width)
        seen = inner if mask is None else torch.empty_like(inner)
        self._library.gated(
            both.data_ptr(),
            inner.data_ptr(),
            None if mask is None else seen.data_ptr(),
            *_mask(mask, tokens, width),
            KINDS[both.dtype],
        )
        return inner, seen

    def gated_back(self, both: Tensor, grad: Tensor, low: Tensor, mask: Mask | None) -> Tensor:
        """The gradient for ``both``, given the product's as ``grad`` and ``low``, the latter behind dropout.

        ``low`` is then what ``gated`` gave as its second.
        """
        out = torch.empty_like(both)
        self._library.gated_back(
            both.data_ptr(),
            grad.data_ptr(),
            low.data_ptr(),
            out.data_ptr(),
            *_mask(mask, both.shape[0], both.shape[1] // 2),
            KINDS[both.dtype],
        )
        return out

    def norm(self, x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
        """The root-mean-square norm of ``x`` [..., width], and the inverse fp32 [..., 1] that it was multiplied by."""
        out, inverse = torch.empty_like(x), x.new_empty((*x.shape[:-1], 1), dtype=torch.float32)
        self._library.norm(
            x.data_ptr(),
            weight.data_ptr(),
            out.data_ptr(),
            inverse.data_ptr(),
            inverse.numel(),
            x.shape[-1],
            epsilon,
            KINDS[x.dtype],
        )
        return out, inverse

    def norm_back(self, grad: Tensor, x: Tensor, weight: Tensor, inverse: Tensor) -> Tensor:
        """The gradient for x."""
        out = torch.empty_like(x)
        self._library.norm_back(
            grad.data_ptr(),
            x.data_ptr(),
            weight.data_ptr(),
            inverse.data_ptr(),
            out.data_ptr(),
            inverse.numel(),
            x.shape[-1],
            KINDS[x.dtype],
        )
        return out

    def heads_apart(
        self, x: Tensor, first: int, count: int, places: Tensor, turn: tuple[Tensor, Tensor] | None, size: int
    ) -> Tensor:
        """Heads ``first`` to ``first + count`` of ``x`` [tokens, heads * size], turned, laid out as ``places`` says (flat)."""
        out = x.new_empty(x.shape[0] * count * size)
        self._heads(x, first, out, places, turn, count, size, 1.0, apart=True)
        return out

    def heads_joined(
        self, heads: Tensor, places: Tensor, turn: tuple[Tensor, Tensor] | None, size: int, out: Tensor, first: int
    ) -> None:
        """Write heads that lie apart to ``out`` [tokens, heads * size] from head ``first`` on, turned back."""
        self._heads(out, first, heads, places, turn, heads.numel() // (out.shape[0] * size), size, -1.0, apart=False)

    def _heads(
        self,
        whole: Tensor,
        first: int,
        split: Tensor,
        places: Tensor,
        turn: tuple[Tensor, Tensor] | None,
        count: int,
        size: int,
        way: float,
        *,
        apart: bool,
    ) -> None:
        whole_at, split_at = whole.data_ptr() + first * size * whole.element_size(), split.data_ptr()
        cosine, sine = (None, None) if turn is None else (turn[0].data_ptr(), turn[1].data_ptr())
        self._library.heads(
            *((whole_at, split_at) if apart else (split_at, whole_at)),
            places.data_ptr(),
            cosine,
            sine,
            whole.shape[0],
            count,
            size,
            0 if turn is None else count,
            whole.shape[1],
            way,
            int(apart),
            KINDS[whole.dtype],
        )

    def causal_softmax(self, scores: Tensor, queries: int, before: int, window: int | None, scale: float) -> Tensor:
        """Softmax of ``scores`` [..., keys] in place, scaled; row i is query i % queries, over ``before`` keys and its own."""
        keys = scores.shape[-1]
        self._library.causal_softmax(
            scores.data_ptr(), scores.numel() // keys, keys, queries, before, window or 0, scale, KINDS[scores.dtype]
        )
        return scores

    def softmax_back(
        self, weights: Tensor, grad: Tensor, queries: int, before: int, window: int | None, scale: float
    ) -> Tensor:
        """The scores' gradient in place of the weights' ``grad`` [..., keys]."""
        keys = grad.shape[-1]
        self._library.softmax_back(
            weights.data_ptr(),
            grad.data_ptr(),
            grad.numel() // keys,
            keys,
            queries,
            before,
            window or 0,
            scale,
            KINDS[grad.dtype],
        )
        return grad

    def unpacked(self, packed: Tensor, scales: Tensor, code: Tensor, block: int, out: Tensor) -> Tensor:
        """4-bit places ``packed`` (uint8, two a byte) looked up in ``code`` [16], times the scale of their block, in ``out``.

        ``scales`` and ``code`` are fp32.
        """
        self._library.unpacked(
            packed.data_ptr(),
            scales.data_ptr(),
            code.data_ptr(),
            out.data_ptr(),
            out.numel(),
            block,
            KINDS[out.dtype],
        )
        return out


def _mask(mask: Mask | None, tokens: int, width: int) -> tuple[int | None, int, int, int, int]:
    """What native.c takes for a mask: its words, tokens, width, words a token, and the floor above which entries are kept."""
    if mask is None:
        return None, tokens, width, 1, 0
    return mask.words.data_ptr(), tokens, width, mask.words.shape[1], mask.floor


_used: Native | None = None


@contextmanager
def using(library: Native | None) -> Iterator[None]:
    """Let ``of`` give this library inside the ``with`` block; None: torch computes all."""
    global _used
    before, _used = _used, library
    try:
        yield
    finally:
        _used = before


def of(*tensors: Tensor) -> Native | None:
    """The library in use, where it can compute on these tensors."""
    if _used is None:
        return None
    first = tensors[0].dtype
    fits = all(x.device.type == "cpu" and x.dtype == first and x.is_contiguous() for x in tensors)
    return _used if fits and first in KINDS else None


@cache
def built() -> tuple[Native | None, str]:
    """The library, built where it is not there yet, and how it was made; or None and why not."""
    if sys.platform != "linux":
        return None, "built on Linux only"
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None, "no C compiler here"
    if not _shares_threads():
        return None, "torch's threads can't be shared"
    try:
        return Native(_library(compiler)), f"{Path(compiler).name}, {' '.join(FLAGS[:2])}"
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().splitlines()
        return None, f"{Path(compiler).name} failed: {said[0] if said else error.returncode}"
    except (OSError, AttributeError, subprocess.TimeoutExpired) as error:
        return None, f"building failed: {error}"


def _shares_threads() -> bool:
    """Whether torch brings GNU's OpenMP under its common name: a library built here then runs in the same threads."""
    return torch.backends.openmp.is_available() and any((Path(torch.__file__).parent / "lib").glob("libgomp.so.1"))


def _library(compiler: str) -> Path:
    texts = {name: files("medlms.models").joinpath(name).read_text(encoding="utf-8") for name in (*SOURCES, HEADER)}
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    made_of = [*texts.values(), *FLAGS, version, platform.machine(), _processor(), torch.__version__]
    key = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    target = home() / "native" / f"step-{key}.so"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "step.so"
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        subprocess.run(
            [compiler, *FLAGS, "-o", str(made), *(str(Path(folder) / name) for name in SOURCES), "-lm"],
            capture_output=True, text=True, check=True, timeout=BUILD_SECONDS,
        )  # fmt: skip
        made.replace(target)  # whole or not at all: another process may be building it too
    return target


def _processor() -> str:
    """What -march=native looks at: a home folder may be shared by machines that differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
