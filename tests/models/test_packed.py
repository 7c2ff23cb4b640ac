"""Rows behind one another give what each gives alone in transformers' own attention: same loss, same gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medlms.models import attention
from medlms.models.forward import hidden_states, output_head, row_losses
from medlms.models.head import answer_loss
from medlms.testing import FAMILIES, WINDOW
from medlms.text.pack import pack
from medlms.types import Tokens

LENGTHS = (20, 3, 37, 2, 11)
HEADS = ("embed", "wte", "wpe", "lm_head")


def made(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> list[Tokens]:
    """Rows of random ids; the second half of each is learned."""
    random = torch.Generator().manual_seed(seed)
    rows = []
    for number, length in enumerate(lengths):
        ids = torch.randint(5, 400, (length,), generator=random).tolist()
        rows.append(Tokens(f"row{number}", tuple(ids), tuple(place >= length // 2 for place in range(length))))
    return rows


def alone(model: Any, row: Tokens) -> torch.Tensor:
    """The loss of one row, summed, by transformers' own forward pass."""
    ids = torch.tensor([row.ids])
    learned = [place for place in range(1, len(row.ids)) if row.learn[place]]
    logits = model(input_ids=ids, use_cache=False).logits[0].float()
    return torch.nn.functional.cross_entropy(logits[[place - 1 for place in learned]], ids[0, learned], reduction="sum")


def layer_gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {}
    for name, parameter in model.named_parameters():
        if not any(part in name for part in HEADS):
            assert parameter.grad is not None, name
            found[name] = parameter.grad
    return found


@pytest.mark.parametrize("block", [512, 5])
@pytest.mark.parametrize(
    ("family", "reference"), [*((family, "eager") for family in FAMILIES), ("llama", "sdpa"), ("mistral", "sdpa")]
)
def test_packed_is_unpacked(
    tiny: Any, tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, family: str, reference: str, block: int
) -> None:
    from transformers import AutoModelForCausalLM

    assert max(LENGTHS) > 2 * WINDOW, "the window must be shorter than a row"
    monkeypatch.setattr(attention, "BLOCK", block)
    model = tiny(family).model.requires_grad_(True)
    assert model.config._attn_implementation == attention.PACKED
    rows = made()
    batch = pack(rows)
    weight, cap = output_head(model)
    loss = answer_loss(hidden_states(model, batch)[batch.learned], weight.detach(), batch.targets, softcap=cap)
    loss.backward()
    own = layer_gradients(model)

    theirs = AutoModelForCausalLM.from_pretrained(
        tiny_folder(family), dtype=torch.float32, attn_implementation=reference
    ).eval()
    losses = [alone(theirs, row) for row in rows]
    sum(losses).backward()
    wanted = layer_gradients(theirs)

    assert loss.item() == pytest.approx(sum(losses).item(), rel=2e-6)
    assert own.keys() == wanted.keys()
    assert len(own) > 10
    for name, gradient in wanted.items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-3, atol=2e-5 * gradient.abs().max().item(), msg=name)

    sums, counts = row_losses(model, batch)
    assert sums == pytest.approx([one.item() for one in losses], rel=1e-5, abs=1e-4)
    assert counts == [sum(row.learn[1:]) for row in rows]


@pytest.mark.parametrize("family", FAMILIES)
def test_no_token_sees_a_neighbour(tiny: Any, family: str) -> None:
    model = tiny(family).model
    rows = made()
    changed = [*rows]
    changed[2] = Tokens("other", tuple((one + 7) % 400 for one in rows[2].ids), rows[2].learn)
    with torch.no_grad():
        batch = pack(rows)
        before = hidden_states(model, batch)
        after = hidden_states(model, pack(changed))
    start, end = batch.starts[2], batch.starts[3]
    assert torch.equal(before[:start], after[:start])
    assert torch.equal(before[end:], after[end:])
    assert not torch.allclose(before[start:end], after[start:end])


@pytest.mark.parametrize("family", FAMILIES)
def test_no_token_sees_what_comes_after_it(tiny: Any, family: str) -> None:
    model = tiny(family).model
    (row,) = made((30,))
    other = Tokens("other", (*row.ids[:20], *((one + 7) % 400 for one in row.ids[20:])), row.learn)
    with torch.no_grad():
        before, after = hidden_states(model, pack([row])), hidden_states(model, pack([other]))
    assert torch.equal(before[:20], after[:20])
    assert not torch.allclose(before[20:], after[20:])


def test_a_window_hides_old_keys(tiny: Any) -> None:
    # Two layers, each of which looks WINDOW - 1 tokens back.
    model = tiny("mistral").model
    (row,) = made((40,))
    other = Tokens("other", ((row.ids[0] + 7) % 400, *row.ids[1:]), row.learn)
    with torch.no_grad():
        before, after = hidden_states(model, pack([row])), hidden_states(model, pack([other]))
    reach = 2 * (WINDOW - 1)
    assert not torch.equal(before[reach], after[reach])
    assert torch.equal(before[reach + 1 :], after[reach + 1 :])


@pytest.mark.parametrize(
    "strange",
    [
        ("granite", {"logits_scaling": 8.0}),
        ("phi", {}),
        ("qwen2", {"num_key_value_heads": 2}),
    ],
    ids=lambda strange: strange[0],
)
def test_other_architectures_score_as_transformers_does_or_are_refused(
    tiny_folder: Any, tmp_path: Any, strange: tuple[str, dict[str, Any]]
) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    from medlms.errors import ModelError
    from medlms.models.fetch import locate
    from medlms.models.load import load
    from medlms.testing import tiny_tokenizer

    family, settings = strange
    config = AutoConfig.for_model(
        family,
        vocab_size=400,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        eos_token_id=2,
        bos_token_id=1,
        initializer_range=0.2,
        **settings,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    try:
        loaded = load(locate(str(tmp_path)), precision="fp32")
    except ModelError:
        return
    rows = made()
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        wanted = [alone(theirs, row).item() for row in rows]
    assert row_losses(loaded.model, pack(rows))[0] == pytest.approx(wanted, rel=1e-4)
