"""The loss in chunks is the cross-entropy, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from medlms.models import head


def inputs(n: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(n)
    hidden = torch.randn(n, 6, generator=random)
    weight = torch.randn(17, 6, generator=random)
    return hidden, weight, torch.randint(0, 17, (n,), generator=random)


def logits_of(hidden: Tensor, weight: Tensor, softcap: float | None) -> Tensor:
    logits = hidden @ weight.t()
    return logits if softcap is None else softcap * torch.tanh(logits / softcap)


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("chunk", [1, 3, 5, 512])
def test_answer_loss_is_the_cross_entropy(monkeypatch: pytest.MonkeyPatch, chunk: int, softcap: float | None) -> None:
    monkeypatch.setattr(head, "CHUNK", chunk)
    hidden, weight, targets = inputs()
    own = hidden.clone().requires_grad_()
    other = hidden.double().requires_grad_()
    loss = head.answer_loss(own, weight, targets, softcap=softcap)
    wanted = cross_entropy(logits_of(other, weight.double(), softcap), targets, reduction="sum")
    assert loss.shape == ()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    (loss / 7).backward()
    (wanted / 7).backward()
    torch.testing.assert_close(own.grad.double(), other.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("chunk", [1, 3, 512])
def test_token_losses_are_the_cross_entropies(
    monkeypatch: pytest.MonkeyPatch, chunk: int, softcap: float | None
) -> None:
    monkeypatch.setattr(head, "CHUNK", chunk)
    hidden, weight, targets = inputs()
    losses = head.token_losses(hidden, weight, targets, softcap=softcap)
    wanted = cross_entropy(logits_of(hidden.double(), weight.double(), softcap), targets, reduction="none")
    torch.testing.assert_close(losses.double(), wanted, rtol=1e-5, atol=1e-6)


def test_nothing_to_learn_costs_nothing() -> None:
    hidden, weight, targets = inputs(0)
    hidden.requires_grad_()
    loss = head.answer_loss(hidden, weight, targets)
    assert loss.item() == 0
    loss.backward()
    assert hidden.grad.shape == (0, 6)
    assert head.token_losses(hidden, weight, targets).shape == (0,)


def test_without_a_gradient_the_value_is_the_same() -> None:
    hidden, weight, targets = inputs()
    with torch.no_grad():
        total = head.token_losses(hidden, weight, targets).sum().item()
        assert head.answer_loss(hidden, weight, targets).item() == pytest.approx(total, rel=1e-6)


def test_very_sure_and_very_wrong_stay_numbers() -> None:
    hidden = torch.tensor([[100.0, 0.0], [100.0, 0.0]], requires_grad=True)
    weight = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    loss = head.answer_loss(hidden, weight, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(200.0)
    loss.backward()
    assert torch.isfinite(hidden.grad).all()


def test_bf16_is_summed_in_fp32() -> None:
    hidden, weight, targets = (x.bfloat16() if x.is_floating_point() else x for x in inputs(600))
    wanted = cross_entropy((hidden.float() @ weight.float().t()), targets, reduction="sum")
    assert head.answer_loss(hidden, weight, targets).item() == pytest.approx(wanted.item(), rel=2e-3)
