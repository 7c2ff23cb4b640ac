"""The packed attention against one that is written out plainly, forward and backward; and one token at a time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from medlms.errors import ModelError
from medlms.models import attention, cache

STARTS = [0, 5, 6, 20, 27]
HEADS, GROUPS, SIZE = 4, 2, 8


def plain(q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, softcap: float | None) -> Tensor:
    """Attention of one row: q [heads, n, size], k and v [groups, n, size]; returns [n, heads, size]."""
    k, v = (tensor.repeat_interleave(q.shape[0] // k.shape[0], 0) for tensor in (k, v))
    scores = q @ k.transpose(1, 2) * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    i, j = torch.meshgrid(torch.arange(q.shape[1]), torch.arange(q.shape[1]), indexing="ij")
    seen = j <= i
    if window is not None:
        seen &= i - j < window
    return (scores.masked_fill(~seen, -math.inf).softmax(-1) @ v).transpose(0, 1)


def inputs(tokens: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    shapes = ((HEADS, tokens, SIZE), (GROUPS, tokens, SIZE), (GROUPS, tokens, SIZE))
    q, k, v = (torch.randn(shape, generator=random) for shape in shapes)
    return q, k, v


@pytest.mark.parametrize("block", [4, 512])
@pytest.mark.parametrize("softcap", [None, 0.7])
@pytest.mark.parametrize("window", [None, 1, 3, 100])
@pytest.mark.parametrize("scale", [None, 0.5])
def test_rows_equal_plain_attention(
    monkeypatch: pytest.MonkeyPatch, block: int, softcap: float | None, window: int | None, scale: float | None
) -> None:
    monkeypatch.setattr(attention, "BLOCK", block)
    own = [tensor.requires_grad_() for tensor in inputs(STARTS[-1])]
    wanted = [tensor.detach().clone().double().requires_grad_() for tensor in own]
    out, weights = attention.packed_attention(
        torch.nn.Module(),
        *(tensor[None] for tensor in own),
        None,
        scaling=scale,
        sliding_window=window,
        softcap=softcap,
        row_starts=STARTS,
    )
    assert weights is None
    assert out.shape == (1, STARTS[-1], HEADS, SIZE)
    factor = 1 / math.sqrt(SIZE) if scale is None else scale
    expected = torch.cat(
        [plain(*(tensor[:, low:high] for tensor in wanted), factor, window, softcap) for low, high in pairwise(STARTS)]
    )
    torch.testing.assert_close(out[0].double(), expected, rtol=1e-5, atol=1e-6)
    slope = torch.randn(out.shape[1:], generator=torch.Generator().manual_seed(1))
    (out[0] * slope).sum().backward()
    (expected * slope.double()).sum().backward()
    for one, other in zip(own, wanted, strict=True):
        torch.testing.assert_close(one.grad.double(), other.grad, rtol=1e-4, atol=1e-5)


def test_inputs_that_are_views_are_read_right() -> None:
    # transformers hands over transposed views.
    q, k, v = inputs(9)
    views = [tensor.transpose(0, 1).contiguous().transpose(0, 1).requires_grad_() for tensor in (q, k, v)]
    assert not views[0].is_contiguous()
    straight = [tensor.clone().requires_grad_() for tensor in (q, k, v)]
    outs = [
        attention.packed_attention(torch.nn.Module(), *(x[None] for x in group), None)[0] for group in (views, straight)
    ]
    torch.testing.assert_close(*outs)
    for out in outs:
        out.square().sum().backward()
    for one, other in zip(views, straight, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_bf16_stays_close() -> None:
    own = [tensor.bfloat16() for tensor in inputs(STARTS[-1])]
    out, _ = attention.packed_attention(torch.nn.Module(), *(tensor[None] for tensor in own), None, row_starts=STARTS)
    exact = torch.cat(
        [plain(*(x[:, low:high].float() for x in own), SIZE**-0.5, None, None) for low, high in pairwise(STARTS)]
    )
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out[0].float(), exact, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("softcap", [None, 0.7])
@pytest.mark.parametrize("window", [None, 1, 3])
def test_one_token_a_row_equals_the_last_token_of_the_row(window: int | None, softcap: float | None) -> None:
    lengths = [end - start for start, end in pairwise(STARTS)]
    q, k, v = inputs(STARTS[-1])
    longest = max(lengths)
    # What lies behind a row's end must not matter.
    keys = torch.full((len(lengths), GROUPS, longest, SIZE), 1e4)
    values = keys.clone()
    last = torch.stack([q[:, end - 1] for end in STARTS[1:]])[:, :, None]
    for row, (low, high) in enumerate(pairwise(STARTS)):
        keys[row, :, : high - low] = k[:, low:high]
        values[row, :, : high - low] = v[:, low:high]
    out, _ = attention.packed_attention(
        torch.nn.Module(),
        last,
        keys,
        values,
        None,
        sliding_window=window,
        softcap=softcap,
        row_lengths=torch.tensor(lengths),
    )
    assert out.shape == (len(lengths), 1, HEADS, SIZE)
    for row, (low, high) in enumerate(pairwise(STARTS)):
        expected = plain(*(x[:, low:high] for x in (q, k, v)), SIZE**-0.5, window, softcap)[-1]
        torch.testing.assert_close(out[row, 0], expected, rtol=1e-5, atol=1e-6)


def test_the_cache_holds_what_each_row_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "STEP", 3)  # so that it must grow
    random = torch.Generator().manual_seed(0)
    starts = [0, 4, 5, 11]
    held = cache.RowCache(starts, torch.device("cpu"))
    packed = torch.randn(1, GROUPS, 11, SIZE, generator=random)
    assert held.get_seq_length() == 0
    for layer in range(2):
        key, value = held.update(packed + layer, -packed - layer, layer)
        assert torch.equal(key, packed + layer)
        assert torch.equal(value, -packed - layer)
    rows = [packed[0, :, low:high] for low, high in pairwise(starts)]
    live = [0, 1, 2]
    for turn in range(12):
        if turn == 4:  # a short row ends
            held.keep(torch.tensor([0, 2]))
            rows, live = [rows[0], rows[2]], [0, 2]
        if turn == 8:  # the longest ends
            held.keep(torch.tensor([0]))
            rows, live = [rows[0]], [0]
        held.advance()
        assert held.lengths.tolist() == [row.shape[1] + 1 for row in rows]
        assert held.longest == max(held.lengths.tolist())
        token = torch.randn(len(live), GROUPS, 1, SIZE, generator=random)
        rows = [torch.cat([row, one], dim=1) for row, one in zip(rows, token, strict=True)]
        for layer in range(2):
            key, value = held.update(token + layer, -token - layer, layer)
            assert key.shape[2] == value.shape[2] == held.longest
            for place, row in enumerate(rows):
                assert torch.equal(key[place, :, : row.shape[1]], row + layer)
                assert torch.equal(value[place, :, : row.shape[1]], -row - layer)


# What is not computed is refused


def call(module: torch.nn.Module | None = None, mask: Tensor | None = None, **words: object) -> Tensor:
    q, k, v = (tensor[None] for tensor in inputs(5))
    return attention.packed_attention(module or torch.nn.Module(), q, k, v, mask, **words)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"s_aux": torch.zeros(HEADS)}, "sinks"),
        ({"position_bias": torch.zeros(1)}, "bias"),
        ({"some_new_word": 0.5}, "some_new_word"),
        ({"some_new_word": 0}, "some_new_word"),
        ({"is_causal": False}, "is_causal"),
        ({"dropout": 0.1}, "dropout=0.1"),
        ({"mask": torch.zeros(1, 1, 5, 5)}, "attention_mask"),
    ],
)
def test_what_would_change_the_result_is_refused(words: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError, match=named) as caught:
        call(**words)
    assert caught.value.hint


def test_a_module_that_looks_ahead_is_refused() -> None:
    module = torch.nn.Module()
    module.is_causal = False
    with pytest.raises(ModelError, match="is_causal"):
        call(module)


def test_words_that_change_nothing_pass() -> None:
    words = {"position_ids": torch.arange(5), "use_cache": True, "output_attentions": False, "some_new_word": None}
    assert torch.equal(call(**words, is_causal=True, dropout=0.0), call())


@pytest.mark.parametrize("family", ["gemma", "gemma2", "gemma3"])
def test_gemma_that_reads_both_ways_is_refused(tiny: Any, family: str) -> None:
    model = tiny(family, use_bidirectional_attention=True).model
    with pytest.raises(ModelError, match="is_causal"):
        model(input_ids=torch.arange(5, 15)[None])


def test_blocks_cover_a_row_once() -> None:
    for length in (1, 127, 128, 129, 600):
        for window in (None, 1, 50):
            blocks = attention.blocks(length, window)
            assert next(begin for begin, _, _ in blocks) == 0 and blocks[-1][1] == length
            assert all(one[1] == other[0] for one, other in pairwise(blocks))
            assert all(first == (0 if window is None else max(0, begin - window + 1)) for begin, _, first in blocks)
