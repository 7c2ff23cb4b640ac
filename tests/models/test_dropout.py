"""A mask is laid over numbers of any width alike, and its entries are drawn apart."""

from __future__ import annotations

import pytest
import torch

from medlms.models.dropout import Masks, mask_, masked

KEEPS = [0.25, 0.5, 0.75, 0.9]


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_dropped_entries_are_nothing_and_kept_ones_unchanged(keep: float, dtype: torch.dtype) -> None:
    x = torch.randn(7, 13, generator=torch.Generator().manual_seed(1)).to(dtype)
    mask = Masks(seed=3, keep=keep).draw(0, x.shape)
    kept, opened = mask.kept(), mask.opened()
    wanted = torch.where(kept, x, torch.zeros((), dtype=dtype))
    assert opened.dtype == torch.int16 and set(opened.unique().tolist()) == {-1, 0}
    assert 0 < kept.sum() < kept.numel()
    assert torch.equal(masked(x, opened), wanted)
    y = x.clone()
    assert mask_(y, opened) is y
    assert torch.equal(y, wanted)


@pytest.mark.parametrize("keep", KEEPS)
def test_neighbours_and_entries_of_one_word_are_independent(keep: float) -> None:
    count = 80_000
    kept = Masks(seed=5, keep=keep).draw(2, torch.Size((100, 800))).kept().float().flatten() - keep
    spread = keep * (1 - keep) / count**0.5
    for apart in (1, 2, 8, 100, 800, count // 8, count // 2):
        together = (kept[:-apart] * kept[apart:]).sum().item() / count
        assert abs(together) < 5 * spread, apart


def test_a_rate_in_quarters_takes_two_bits_an_entry() -> None:
    shape = torch.Size((100, 77))
    assert Masks(seed=1, keep=0.75).draw(0, shape).words.nbytes == 100 * -(-77 // 8) * 2
    assert Masks(seed=1, keep=0.9).draw(0, shape).words.nbytes == 7700 * 2


@pytest.mark.parametrize("keep", KEEPS)
def test_a_rows_mask_does_not_hang_on_the_rows_beside_it(keep: float) -> None:
    together = Masks(seed=1, keep=keep, step=2, rows=[(7, 30), (4, 11), (9, 20)])
    alone = Masks(seed=1, keep=keep, step=2, rows=[(4, 11)])
    whole = together.draw(3, torch.Size((61, 50))).kept()
    assert torch.equal(whole[30:41], alone.draw(3, torch.Size((11, 50))).kept())
    assert not torch.equal(whole[:11], whole[30:41])


def test_rows_that_do_not_make_up_the_input_are_a_fault() -> None:
    with pytest.raises(ValueError, match="61 tokens were asked for 60"):
        Masks(seed=1, keep=0.75, rows=[(7, 30), (4, 31)]).draw(0, torch.Size((60, 50)))
