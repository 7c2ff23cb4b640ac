"""torch's GPU kernels for packed rows, as far as a processor can tell: flex attention's own unfused form against a plain
attention and against our path; varlen flash's arguments against a stand-in with the real signature. No GPU runs here.
"""

from __future__ import annotations

import inspect
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from torch.nn.attention import flex_attention as torch_flex
from torch.nn.attention import varlen as torch_varlen

from medlms.config import Lora
from medlms.errors import ModelError
from medlms.models import adapters, attention, attention_kernels
from medlms.models.fast_lora import fast_lora
from medlms.models.forward import hidden_states, output_head
from medlms.models.head import answer_loss
from medlms.text.pack import Batch, pack
from medlms.types import Tokens

STARTS = [0, 5, 6, 20, 27]
SIZE = 16

pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without")


@pytest.fixture
def backward(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch refuses gradients of flex attention on a processor at its door; what lies behind it computes them."""
    monkeypatch.setattr(torch_flex, "_validate_device", lambda query, key, value: None)


def seen(starts: list[int], window: int | None) -> Tensor:
    """Which key each token may see [tokens, tokens], written out."""
    row = torch.cat([torch.full((high - low,), number) for number, (low, high) in enumerate(pairwise(starts))])
    i, j = torch.meshgrid(torch.arange(starts[-1]), torch.arange(starts[-1]), indexing="ij")
    return (row[i] == row[j]) & (j <= i) & (i - j < (window or starts[-1]))


def plain(q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, cap: float | None, starts: Any) -> Tensor:
    """Attention over all rows by one masked matrix [tokens, heads, size]."""
    k, v = (tensor.repeat_interleave(q.shape[0] // k.shape[0], 0) for tensor in (k, v))
    scores = q @ k.transpose(1, 2) * scale
    if cap is not None:
        scores = cap * torch.tanh(scores / cap)
    return (scores.masked_fill(~seen(list(starts), window), -math.inf).softmax(-1) @ v).transpose(0, 1)


def inputs(groups: int, tokens: int = STARTS[-1], dtype: torch.dtype = torch.float32) -> list[Tensor]:
    random = torch.Generator().manual_seed(0)
    made = [torch.randn(tokens, count, SIZE, generator=random).to(dtype) for count in (6, groups, groups)]
    return [tensor.transpose(0, 1).requires_grad_() for tensor in made]  # views, as transformers hands them over


def outcome(compute: Any, held: list[Tensor], *settings: Any) -> list[Tensor]:
    out = compute(*held, *settings)
    slope = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)
    return [out, *torch.autograd.grad(out, held, slope)]


# Flex attention


@pytest.mark.parametrize("window", [None, 1, 40, 128, 300])
@pytest.mark.parametrize(
    "starts", [[0, 5, 6, 20, 27], [0, 128, 256], [0, 300, 301, 700], [0, 640], [0, 129], [0, 1], [0, 100, 384, 500]]
)
def test_the_block_mask_is_the_one_that_torch_makes_of_all_pairs(starts: list[int], window: int | None) -> None:
    allowed, tokens = seen(starts, window), starts[-1]
    own = attention_kernels.block_mask(tuple(starts), window, torch.device("cpu"))
    wanted = torch_flex.create_block_mask(lambda b, h, q, k: allowed[q, k], 1, 1, tokens, tokens, device="cpu")
    assert own.shape == wanted.shape
    assert own.BLOCK_SIZE == wanted.BLOCK_SIZE
    for kind in ("kv", "full_kv", "q", "full_q"):
        counts, expected = getattr(own, f"{kind}_num_blocks"), getattr(wanted, f"{kind}_num_blocks")
        assert counts.dtype == expected.dtype == torch.int32
        assert torch.equal(counts, expected), kind
        listed, others = getattr(own, f"{kind}_indices"), getattr(wanted, f"{kind}_indices")
        for row, count in enumerate(counts[0, 0].tolist()):
            assert torch.equal(listed[0, 0, row, :count], others[0, 0, row, :count]), (kind, row)
    assert torch.equal(torch_flex.create_mask(own.mask_mod, 1, 1, tokens, tokens, device="cpu")[0, 0], allowed)


@pytest.mark.usefixtures("backward")
@pytest.mark.parametrize("groups", [6, 2])
@pytest.mark.parametrize(("window", "cap"), [(None, None), (3, None), (None, 0.7), (1, 0.7)])
def test_flex_is_plain_attention(groups: int, window: int | None, cap: float | None) -> None:
    held = inputs(groups)
    exact = [tensor.detach().double().requires_grad_() for tensor in held]
    settings = (0.3, window, cap, STARTS)
    wanted = outcome(plain, exact, *settings)
    for compute in (attention_kernels.flex, attention.own_rows):
        for one, other in zip(outcome(compute, held, *settings), wanted, strict=True):
            torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("backward")
def test_models_with_other_scales_and_caps_follow_one_another() -> None:
    for scale, cap in ((0.3, 0.7), (0.2, 0.7), (0.2, 2.0), (0.1, None), (0.4, None), (0.1, 3.0)):
        held, settings = inputs(2), (scale, None, cap, STARTS)
        for one, other in zip(
            outcome(attention_kernels.flex, held, *settings), outcome(attention.own_rows, held, *settings), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("backward")
def test_compiled_whole_it_is_traced_once_for_all_rows_and_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    # As on CUDA, but for the kernels that a compiler would make of the graph.
    counter = CompileCounterWithBackend("aot_eager")
    torch._dynamo.reset()
    compiled = torch.compile(torch_flex.flex_attention, fullgraph=True, backend=counter)
    monkeypatch.setattr(attention_kernels, "_flex", lambda kind: compiled)
    counts = []
    for starts, window in (
        ([0, 100, 300], None),
        ([0, 7, 150, 300], None),
        ([0, 100, 300], 50),
        ([0, 100, 500], None),
        ([0, 100, 300, 700], 20),
        ([0, 610], None),
    ):
        held, settings = inputs(2, starts[-1]), (0.3, window, 0.7, starts)
        for one, other in zip(
            outcome(attention_kernels.flex, held, *settings), outcome(attention.own_rows, held, *settings), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        counts.append(counter.frame_count)
    assert counts == [1, 1, 1, 2, 2, 2]


@pytest.mark.usefixtures("backward")
def test_flex_over_more_than_one_block() -> None:
    starts = [0, 100, 300, 301]
    settings = (SIZE**-0.5, 50, None, starts)
    held = inputs(2, starts[-1])
    for one, other in zip(
        outcome(attention_kernels.flex, held, *settings), outcome(attention.own_rows, held, *settings), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("backward")
def test_what_answers_left_behind_serves_a_backward_pass() -> None:
    attention_kernels.block_mask.cache_clear()
    attention_kernels.row_offsets.cache_clear()
    with torch.inference_mode():
        attention_kernels.flex(*inputs(2), 0.3, None, None, STARTS)
        attention_kernels.row_offsets(tuple(STARTS), torch.device("cpu"))
    outcome(attention_kernels.flex, inputs(2), 0.3, None, None, STARTS)
    mask = attention_kernels.block_mask(tuple(STARTS), None, torch.device("cpu"))
    offsets, _ = attention_kernels.row_offsets(tuple(STARTS), torch.device("cpu"))
    assert attention_kernels.block_mask.cache_info().misses == 1
    assert not mask.kv_indices.is_inference()
    assert not offsets.is_inference()


# Whole miniatures


def batch() -> Batch:
    random = torch.Generator().manual_seed(4)
    return pack(
        [
            Tokens(f"r{n}", tuple(torch.randint(5, 400, (n,), generator=random).tolist()), (n < 4,) + (True,) * (n - 1))
            for n in (20, 3, 37, 2)
        ]
    )


def learned(model: Any, rows: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad(set_to_none=True)
    weight, cap = output_head(model)
    loss = answer_loss(hidden_states(model, rows)[rows.learned], weight.detach(), rows.targets, softcap=cap)
    loss.backward()
    return loss.detach(), {name: tensor.grad.clone() for name, tensor in adapters.tensors(model).items()}


def adapted(tiny: Any, family: str, **settings: Any) -> Any:
    model = adapters.create(tiny(family, **settings), Lora(r=4, alpha=8, dropout=0.0), seed=1).train()
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, tensor in adapters.tensors(model).items():
            if "lora_B" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=random) * 0.3)
    return model


def agree(model: Any, name: str, *, own_nodes: str, other_nodes: str) -> None:
    """The fused step with ``name`` for its attention learns what it learns with our own."""
    with fast_lora(model) as (_, said):
        assert own_nodes in said
        wanted = learned(model, batch())
    model.get_base_model().set_attn_implementation(name)
    with fast_lora(model) as (_, said):
        # Norms and feed-forwards still run as a node each, attention as transformers' module with the kernel inside.
        assert other_nodes in said
        found = learned(model, batch())
    torch.testing.assert_close(found[0], wanted[0], rtol=2e-6, atol=0)
    assert found[1].keys() == wanted[1].keys()
    for key, gradient in wanted[1].items():
        torch.testing.assert_close(found[1][key], gradient, rtol=1e-3, atol=2e-5 * gradient.abs().max().item(), msg=key)


NODES = ("9 norms, attentions", "7 norms, attentions")
FAMILIES = [("llama", NODES), ("mistral", NODES), ("gemma2", ("", "")), ("gemma3", ("", "")), ("gpt2", ("", ""))]


@pytest.mark.usefixtures("backward")
@pytest.mark.parametrize(("family", "nodes"), FAMILIES)
def test_a_miniature_learns_the_same_through_flex(tiny: Any, family: str, nodes: tuple[str, str]) -> None:
    agree(adapted(tiny, family), attention.FLEX, own_nodes=nodes[0], other_nodes=nodes[1])


# Varlen flash


def stand_in(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor | None,
    max_q: int,
    max_k: int,
    *,
    return_aux: Any = None,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
    seqused_k: Tensor | None = None,
    block_table: Tensor | None = None,
    num_splits: int | None = None,
) -> Tensor:
    """What the kernels are documented to compute, and the conditions under which their source refuses to."""
    assert return_aux is seqused_k is block_table is num_splits is None
    assert cu_seq_k is not None
    for offsets, longest, tensor in ((cu_seq_q, max_q, query), (cu_seq_k, max_k, key)):
        assert offsets.dtype == torch.int32
        assert offsets.is_contiguous()
        assert offsets[0] == 0
        assert offsets[-1] == tensor.shape[0]
        assert type(longest) is int
        assert longest == offsets.diff().max()
    assert all(tensor.stride(-1) == 1 for tensor in (query, key, value))
    assert query.dtype == key.dtype == value.dtype
    heads, groups = query.shape[1], key.shape[1]
    assert heads == groups or (enable_gqa and heads % groups == 0)
    left, right = window_size
    out = []
    for low, high in pairwise(cu_seq_q.tolist()):
        q, k, v = (tensor[low:high].transpose(0, 1) for tensor in (query, key, value))
        k, v = (tensor.repeat_interleave(heads // groups, 0) for tensor in (k, v))
        i, j = torch.meshgrid(torch.arange(high - low), torch.arange(high - low), indexing="ij")
        hidden = (j > i + right) if right >= 0 else torch.zeros_like(i, dtype=torch.bool)
        if left >= 0:
            hidden = hidden | (j < i - left)
        scores = q @ k.transpose(1, 2) * (q.shape[-1] ** -0.5 if scale is None else scale)
        out.append((scores.masked_fill(hidden, -math.inf).softmax(-1) @ v).transpose(0, 1))
    return torch.cat(out)


def test_the_stand_in_has_the_signature_of_torch() -> None:
    def shape(function: Any) -> list[tuple[str, Any, Any]]:
        return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]

    assert shape(torch_varlen.varlen_attn) == shape(stand_in)


@pytest.mark.parametrize("groups", [6, 2])
@pytest.mark.parametrize("window", [None, 1, 3, 13, 14, 100])
@pytest.mark.parametrize("scale", [SIZE**-0.5, 0.5])
def test_varlen_hands_over_the_rows_as_they_are(
    monkeypatch: pytest.MonkeyPatch, groups: int, window: int | None, scale: float
) -> None:
    monkeypatch.setattr(torch_varlen, "varlen_attn", stand_in)
    held, settings = inputs(groups), (scale, window, None, STARTS)
    found, wanted = outcome(attention_kernels.varlen, held, *settings), outcome(plain, held, *settings)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_a_miniature_learns_the_same_through_varlen(tiny: Any, monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    monkeypatch.setattr(torch_varlen, "varlen_attn", stand_in)
    agree(adapted(tiny, family), attention.VARLEN, own_nodes=NODES[0], other_nodes=NODES[1])


@pytest.mark.parametrize("window", [None, 3])
def test_the_real_operator_takes_these_arguments(window: int | None) -> None:
    # On the meta device it computes nothing, but checks types and shapes, and has its backward pass.
    held = [
        torch.empty(STARTS[-1], count, SIZE, dtype=torch.bfloat16, device="meta").transpose(0, 1).requires_grad_()
        for count in (6, 2, 2)
    ]
    out = attention_kernels.varlen(*held, 0.3, window, None, STARTS)
    assert out.shape == (STARTS[-1], 6, SIZE)
    assert out.dtype == torch.bfloat16
    assert [grad.shape for grad in torch.autograd.grad(out.sum(), held)] == [tensor.shape for tensor in held]


def test_varlen_refuses_a_soft_cap() -> None:
    with pytest.raises(ModelError, match="soft cap"):
        attention_kernels.varlen(*inputs(2), 0.3, None, 0.7, STARTS)
