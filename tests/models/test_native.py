"""The passes of native.c are what torch computes, entry by entry; where they can't be built, the reason is said."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu

from medlms.config import Lora
from medlms.models import adapters, attention, fast_layers, four_bit, native
from medlms.models.dropout import Mask, Masks, masked
from medlms.models.fast_lora import fast_lora

DTYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(scope="module")
def library() -> native.Native:
    found, why = native.built()
    if found is None:
        pytest.skip(f"native.c is not built here: {why}")
    return found


@pytest.fixture
def unbuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, and nothing remembered of what was built."""
    monkeypatch.setenv("MEDLMS_HOME", str(tmp_path))
    native.built.cache_clear()
    yield tmp_path
    native.built.cache_clear()


def random(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def close(found: Tensor, wanted: Tensor) -> None:
    """Equal but for rounding: ``wanted`` was computed in 64 bits."""
    assert found.isfinite().all()
    bound = 2e-6 if found.dtype == torch.float32 else 2**-7
    torch.testing.assert_close(found.double(), wanted, rtol=bound, atol=bound * float(wanted.abs().max()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keep", [0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("width", [3, 20, 257, 1536])
def test_dropped_is_masked_to_the_bit(library: native.Native, width: int, keep: float, dtype: torch.dtype) -> None:
    x = random(7, width, dtype=dtype)
    mask = Masks(3, keep).draw(2, x.shape)
    wanted = masked(x, mask.opened())
    assert torch.equal(library.dropped(x, mask, torch.empty_like(x)), wanted)
    assert library.dropped(x, mask, x) is x
    assert torch.equal(x, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keep", [None, 0.75, 0.9])
@pytest.mark.parametrize("width", [5, 300])
def test_gated_and_its_gradient(library: native.Native, width: int, keep: float | None, dtype: torch.dtype) -> None:
    both = random(9, 2 * width, dtype=dtype) * 3
    mask = None if keep is None else Masks(1, keep).draw(0, torch.Size((9, width)))
    kept = torch.ones(9, width) if mask is None else mask.kept().double()
    exact = both.double().requires_grad_(True)
    gate, up = exact.chunk(2, -1)
    product = silu(gate) * up
    inner, seen = library.gated(both, mask)
    close(inner, product.detach())
    close(seen, product.detach() * kept)
    assert (seen is inner) == (mask is None)
    grad, low = random(9, width, dtype=dtype, seed=1), random(9, width, dtype=dtype, seed=2)
    product.backward(grad.double() + low.double() * kept)
    found = library.gated_back(both, grad, low, mask)
    assert exact.grad is not None
    close(found, exact.grad)
    assert torch.equal(low, seen)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [6, 576])
def test_norm_and_its_gradient(library: native.Native, width: int, dtype: torch.dtype) -> None:
    x, weight, grad = (random(1, 5, width, dtype=dtype, seed=seed) for seed in range(3))
    weight = weight[0, 0].contiguous()
    exact = x.double().requires_grad_(True)
    wanted = exact * (exact.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * weight.double()
    found, inverse = library.norm(x, weight, 1e-5)
    close(found, wanted.detach())
    wanted.backward(grad.double())
    assert exact.grad is not None
    close(library.norm_back(grad, x, weight, inverse), exact.grad)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("window", [None, 1, 7, 1000])
@pytest.mark.parametrize(("queries", "before"), [(1, 0), (12, 0), (5, 40), (300, 20)])
def test_causal_softmax_and_its_gradient(
    library: native.Native, queries: int, before: int, window: int | None, dtype: torch.dtype
) -> None:
    keys = before + queries
    scores, grad = (random(2, 3 * queries, keys, dtype=dtype, seed=seed) * 4 for seed in (0, 1))
    query, key = torch.arange(before, keys).repeat(3)[:, None], torch.arange(keys)
    hidden = (key > query) if window is None else (key > query) | (key <= query - window)
    exact = scores.double().requires_grad_(True)
    wanted = (exact * 0.3).masked_fill(hidden, -torch.inf).softmax(-1)
    found = library.causal_softmax(scores.clone(), queries, before, window, 0.3)
    close(found, wanted.detach())
    assert (found[hidden.expand_as(found)] == 0).all()
    wanted.backward(grad.double())
    assert exact.grad is not None
    back = library.softmax_back(wanted.detach().to(dtype), grad.clone(), queries, before, window, 0.3)
    close(back, exact.grad)


@pytest.mark.parametrize("dtype", DTYPES)
def test_heads_go_apart_turned_and_come_back(library: native.Native, dtype: torch.dtype) -> None:
    edges, count, size = (0, 3, 4, 9), 2, 6
    x = random(9, 5 * size, dtype=dtype)
    angle = random(9, size // 2, dtype=torch.float32, seed=3)
    turn = angle.cos().to(dtype), angle.sin().to(dtype)
    places = fast_layers._places(edges, count, size)
    apart = library.heads_apart(x, 1, count, places, turn, size)
    chosen = x.view(9, 5, size)[:, 1:3].double()
    one, two = chosen.chunk(2, -1)
    c, s = (part.double()[:, None] for part in turn)
    turned = torch.cat([one * c - two * s, two * c + one * s], -1)
    for low, high in pairwise(edges):
        part = apart[low * count * size : high * count * size].view(count, high - low, size)
        close(part, turned[low:high].transpose(0, 1))
    out = torch.zeros_like(x)
    library.heads_joined(apart, places, turn, size, out, 1)
    norm = (c.square() + s.square()).repeat(1, 1, 2)  # turned there and back
    close(out.view(9, 5, size)[:, 1:3], (chosen * norm))
    assert (out.view(9, 5, size)[:, [0, 3, 4]] == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("shape", [(300, 320), (5, 64), (7, 192)])
def test_four_bit_weights_are_unpacked_as_bitsandbytes_does(
    library: native.Native, shape: tuple[int, int], nested: bool, kind: str, dtype: torch.dtype
) -> None:
    quantised = pytest.importorskip("bitsandbytes").nn
    layer = quantised.Linear4bit(shape[1], shape[0], bias=False, compress_statistics=nested, quant_type=kind)
    drawn = random(*shape, dtype=torch.float32)
    layer.weight = quantised.Params4bit(drawn, requires_grad=False, compress_statistics=nested, quant_type=kind)
    layer = layer.to("cpu")
    wanted = torch.cat([part for _, part in four_bit.unpacked(layer, dtype)])
    with native.using(library):
        found = torch.cat([part.clone() for _, part in four_bit.unpacked(layer, dtype, lasting=False)])
    assert torch.equal(found, wanted)


def test_a_scale_that_is_no_number_is_kept_one(library: native.Native) -> None:
    code, packed = torch.linspace(-1, 1, 16), torch.arange(64, dtype=torch.uint8)
    scales = torch.tensor([torch.nan, 2.0])
    found = library.unpacked(packed, scales, code, 64, torch.empty(128, dtype=torch.bfloat16))
    assert found[:64].isnan().all()
    assert found[64:].isfinite().all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_that_is_none_stays_one(library: native.Native, dtype: torch.dtype) -> None:
    x = torch.ones(2, 40, dtype=dtype)
    x[1, 7] = torch.nan
    weight = torch.ones(40, dtype=dtype)
    for found in (
        library.norm(x, weight, 1e-5)[0],
        library.gated(x, None)[0],
        library.causal_softmax(x.clone(), 1, 39, None, 1.0),
    ):
        assert found[0].isfinite().all()
        assert found[1].isnan().any()


def test_large_scores_and_gates_do_not_overflow(library: native.Native) -> None:
    scores = torch.tensor([[1e4, -1e4, 1e4, 3e38]])
    found = library.causal_softmax(scores, 1, 3, None, 1.0)
    torch.testing.assert_close(found, torch.tensor([[0.0, 0.0, 0.0, 1.0]]), rtol=0, atol=1e-30)
    both = torch.tensor([[-1e4, 1e4, -90.0, 1.0, 2.0, 3.0]])
    torch.testing.assert_close(library.gated(both, None)[0], silu(both[:, :3]) * both[:, 3:], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_neighbours_and_threads_change_nothing(library: native.Native, threads: int) -> None:
    x = random(50, 64, dtype=torch.bfloat16)
    weight = torch.ones(64, dtype=torch.bfloat16)
    whole = library.norm(x, weight, 1e-5)[0]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        assert torch.equal(library.norm(x, weight, 1e-5)[0], whole)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(library.norm(x[20:30].contiguous(), weight, 1e-5)[0], whole[20:30])


def test_only_what_it_can_read_is_given_to_it(library: native.Native) -> None:
    x = torch.zeros(4, 4)
    assert native.of(x) is None
    with native.using(library):
        assert native.of(x) is library
        assert native.of(x, x.bfloat16()) is None
        assert native.of(x.t()[:, :2]) is None
        assert native.of(x.double()) is None
        assert native.of(x.to("meta")) is None
        with native.using(None):
            assert native.of(x) is None
        assert native.of(x) is library
    assert native.of(x) is None


def test_it_is_built_once_and_found_again(
    unbuilt: Path, library: native.Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, how = native.built()
    assert found is not None
    assert "-O3" in how
    (made,) = (unbuilt / "native").iterdir()
    native.built.cache_clear()
    began = made.stat().st_mtime_ns
    assert native.built()[0] is not None
    assert made.stat().st_mtime_ns == began
    native.built.cache_clear()
    monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-DOTHER"))
    assert native.built()[0] is not None
    assert len(list((unbuilt / "native").iterdir())) == 2


def test_a_file_that_is_no_library_is_said(
    unbuilt: Path, library: native.Native, monkeypatch: pytest.MonkeyPatch
) -> None:
    native.built()
    (made,) = (unbuilt / "native").iterdir()
    other = unbuilt / "other" / "native"
    other.mkdir(parents=True)
    (other / made.name).write_bytes(b"no library")
    monkeypatch.setenv("MEDLMS_HOME", str(other.parent))
    native.built.cache_clear()
    found, how = native.built()
    assert found is None
    assert "building failed" in how


def test_without_a_compiler_torch_computes(tiny: Any, unbuilt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    model = adapters.create(tiny("llama"), Lora(r=2), seed=1)
    with fast_lora(model) as (_, said):
        assert "between matrix products: torch (no C compiler here)" in said
        assert native.of(torch.zeros(1)) is None


def test_a_compiler_that_fails_is_named(unbuilt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = unbuilt / "failing-cc"
    failing.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "error: no such processor" >&2\nexit 1\n')
    failing.chmod(failing.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", str(failing))
    found, why = native.built()
    assert found is None
    assert why == "failing-cc failed: error: no such processor"
    assert not list((unbuilt / "native").iterdir())


def test_it_can_be_asked_to_leave_it(tiny: Any) -> None:
    model = adapters.create(tiny("llama"), Lora(r=2), seed=1)
    with fast_lora(model, compiled=False) as (_, said):
        assert "between matrix products: torch, as asked" in said
        assert native.of(torch.zeros(1)) is None


@pytest.mark.skipif(os.name == "nt", reason="Linux only")
@pytest.mark.parametrize("window", [None, 3, 20])
@pytest.mark.parametrize("block", [4, 256])
@pytest.mark.parametrize("kept", [0, 12, 512])
def test_attention_is_that_of_torch(
    library: native.Native, monkeypatch: pytest.MonkeyPatch, kept: int, block: int, window: int | None
) -> None:
    monkeypatch.setattr(fast_layers, "KEPT", kept)
    monkeypatch.setattr(fast_layers, "NATIVE_BLOCK", block)
    monkeypatch.setattr(attention, "BLOCK", 5)
    starts, heads, size = [0, 11, 12, 40], (4, 2), 8
    joint, grad = random(40, 8 * size, dtype=torch.float32), random(40, 4 * size, dtype=torch.float32, seed=1)
    angle = random(40, size // 2, dtype=torch.float32, seed=2)
    outcomes = []
    for node in (fast_layers._NativeAttention, fast_layers._Attention):
        leaf = joint.clone().requires_grad_(True)
        with native.using(library):
            out = node.apply(leaf, angle.cos(), angle.sin(), heads, 0.3, window, starts)
            out.backward(grad)
        outcomes.append((out.detach(), leaf.grad))
    for found, wanted in zip(*outcomes, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_masks_of_no_rows_are_no_fault(library: native.Native) -> None:
    x = torch.empty(0, 16)
    assert library.dropped(x, Mask(torch.empty(0, 2, dtype=torch.int16), x.shape, 0.75), x).numel() == 0
