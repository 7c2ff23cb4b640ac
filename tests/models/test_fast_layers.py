"""Norms, attentions and feed-forwards as one node each are transformers' own, forward and backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from medlms.config import Lora
from medlms.models import adapters, attention, fast_layers
from medlms.models.fast_lora import fast_lora
from medlms.models.forward import hidden_states
from medlms.text.pack import Batch, pack
from medlms.types import Tokens

LENGTHS = (12, 1, 5, 40)


def rows() -> Batch:
    random = torch.Generator().manual_seed(4)
    return pack(
        [
            Tokens(str(length), tuple(torch.randint(5, 400, (length,), generator=random).tolist()), (True,) * length)
            for length in LENGTHS
        ]
    )


def adapted(tiny: Any, family: str) -> Any:
    model = adapters.create(tiny(family), Lora(r=4, alpha=8, dropout=0.0), seed=1).train()
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, tensor in adapters.tensors(model).items():
            if "lora_B" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=random) * 0.3)
    return model


def outcome(model: Any) -> tuple[Tensor, dict[str, Tensor]]:
    model.zero_grad(set_to_none=True)
    hidden = hidden_states(model, rows())
    (hidden * torch.randn(hidden.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    return hidden.detach(), {name: tensor.grad.clone() for name, tensor in adapters.tensors(model).items()}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("block", [4, 128])
@pytest.mark.parametrize("kept", [0, 20, 512])
@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_the_covered_layers_are_transformers_own(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, family: str, kept: int, block: int, compiled: bool
) -> None:
    model = adapted(tiny, family)
    wanted = outcome(model)
    monkeypatch.setattr(fast_layers, "KEPT", kept)
    monkeypatch.setattr(attention, "BLOCK", block)
    monkeypatch.setattr(fast_layers, "NATIVE_BLOCK", block)
    before = {name: module.forward for name, module in model.named_modules()}
    with fast_lora(model, compiled=compiled) as (_, said):
        # two layers of two norms, an attention and a feed-forward, and the last norm
        assert "9 norms, attentions and feed-forwards run as one node each" in said
        found = outcome(model)
    assert {name: module.forward for name, module in model.named_modules()} == before
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-4, atol=1e-4)
    assert found[1].keys() == wanted[1].keys()
    for name, gradient in wanted[1].items():
        torch.testing.assert_close(
            found[1][name], gradient, rtol=1e-3, atol=2e-5 * gradient.abs().max().item(), msg=name
        )


@pytest.mark.parametrize("family", ["gpt2", "gemma2", "gemma3"])
def test_other_layers_run_as_they_are(tiny: Any, family: str) -> None:
    with fast_lora(adapted(tiny, family)) as (_, said):
        assert "one node each" not in said


def test_without_a_gradient_transformers_computes(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted(tiny, "llama").eval()

    def refuse(*args: Any) -> Any:
        raise AssertionError("the training path ran")

    for node in (fast_layers._Norm, fast_layers._Gated, fast_layers._Attention):
        monkeypatch.setattr(node, "forward", staticmethod(refuse))
    with fast_lora(model), torch.no_grad():
        hidden_states(model, rows())
    with fast_lora(model), pytest.raises(AssertionError, match="training path"):
        hidden_states(model, rows())


def test_trained_norms_are_not_covered(tiny: Any) -> None:
    model = adapted(tiny, "llama")
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.requires_grad_(True)
    with fast_lora(model) as (_, said):
        assert "4 norms, attentions and feed-forwards" in said


def test_a_part_of_the_layers_adapted_runs_as_it_is(tiny: Any) -> None:
    model = adapters.create(tiny("llama"), Lora(r=4, dropout=0.0, targets=["q_proj", "up_proj"]), seed=1).train()
    wanted = outcome(model)
    with fast_lora(model) as (_, said):
        assert "5 norms, attentions and feed-forwards" in said
        found = outcome(model)
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-4, atol=1e-4)


def test_bf16_attention_stays_close() -> None:
    random = torch.Generator().manual_seed(3)
    starts = [0, 3, 40, 41]
    joint = torch.randn(starts[-1], 8 * 8, generator=random).bfloat16()
    angles = torch.randn(starts[-1], 4, generator=random).bfloat16()
    grad = torch.randn(starts[-1], 4 * 8, generator=random).bfloat16()

    def said(x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.clone().requires_grad_()
        turn = angles.to(x.dtype).cos(), angles.to(x.dtype).sin()
        out = fast_layers._Attention.apply(x, *turn, (4, 2), 8**-0.5, None, starts)
        out.backward(grad.to(x.dtype))
        return out.detach(), x.grad

    for own, exact in zip(said(joint), said(joint.float()), strict=True):
        assert own.dtype == torch.bfloat16
        torch.testing.assert_close(own.float(), exact, rtol=3e-2, atol=3e-2)
