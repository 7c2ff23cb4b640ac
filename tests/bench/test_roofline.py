"""The ceiling, against a count by hand."""

import pytest

from medlms.bench.result import over_ceiling
from medlms.bench.roofline import Matrix, ceiling


def test_by_hand():
    matrices = [
        Matrix("q+k+v", 30, 10, 2, 4.0, adapters=3),
        Matrix("down", 10, 20, 2, 2.0, adapters=1),
        Matrix("head", 100, 10, 1, 1.0, head=True),
    ]
    found = ceiling(matrices, rank=2, learned_share=0.5)
    assert found.body == 4 * 2 * (300 + 200)
    assert found.head == 4 * 1000 * 0.5
    assert found.lora == 6 * 2 * 2 * ((3 * 10 + 30) + (20 + 10))
    assert found.flop_per_token == found.body + found.head + found.lora
    seconds = 2400 / 4e9 + 1600 / 2e9 + 2000 / 1e9 + found.lora / 4e9
    assert found.tokens_per_second == pytest.approx(1 / seconds)


def test_the_count_is_that_of_torch():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    rank, width, out, tokens = 4, 24, 40, 16
    weight = torch.randn(out, width)
    a, b = torch.randn(rank, width, requires_grad=True), torch.randn(out, rank, requires_grad=True)
    x = torch.randn(tokens, width, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        (x @ weight.t() + x @ a.t() @ b.t()).sum().backward()
    found = ceiling([Matrix("w", out, width, 1, 1.0, adapters=1)], rank=rank, learned_share=1.0)
    assert counter.get_total_flops() == found.flop_per_token * tokens


def test_what_is_above_the_ceiling_is_said():
    warnings = over_ceiling({"fine": 99.0, "wrong": 101.0}, 100.0)
    assert len(warnings) == 1 and "wrong" in warnings[0]
