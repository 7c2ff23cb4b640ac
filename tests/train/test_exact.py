"""What a step computes, against peft over transformers' own attention, one row at a time: every family, in fp32.

Stated tolerance: the loss within 1e-5 of its value, each gradient within a thousandth, or 5e-5 of the largest entry of
its tensor. A neighbour in the block changes not one bit.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medlms.config import Lora, Train
from medlms.models import adapters, fast_lora
from medlms.models.dropout import Masks
from medlms.models.forward import row_losses
from medlms.testing import FAMILIES
from medlms.text.marks import marked
from medlms.text.pack import pack
from medlms.text.template import template_of
from medlms.train import loop
from medlms.types import Message, Tokens

SEED, STEP, KEEP = 5, 3, 0.75
# GPT-2 as published draws dropout of its own, which loading leaves out of training.
QUIET: dict[str, dict[str, Any]] = {"gpt2": {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0}}
TALKS = (
    ("What is gout?", "A disease.", "Of what?", "The joints.", "Who gets it?", "Mostly men."),
    ("What is mumps?", "An infection of glands."),
    ("Is it rare?", "No.", "Why not?", "Many people have it."),
)


def dialogues(loaded: Any) -> list[Tokens]:
    """Rows of one, two and three learned turns."""
    template = template_of(loaded.tokenizer)
    rows = []
    for number, said in enumerate(TALKS):
        turns = tuple(Message(("user", "assistant")[place % 2], text) for place, text in enumerate(said))
        row = marked(loaded.tokenizer, template, turns[:-1], said[-1], stops=loaded.stops, every=True)
        assert len(row.ends) == len(said) // 2
        rows.append(Tokens(str(number), tuple(row.ids), tuple(row.learn)))
    return rows


def adapted(loaded: Any, *, dropout: float) -> Any:
    """A peft model in training whose B matrices are not zero."""
    model = adapters.create(loaded, Lora(r=4, alpha=8, dropout=dropout), seed=1).train()
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, tensor in adapters.tensors(model).items():
            if "lora_B" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=random) * 0.3)
    return model


def gradients(model: Any) -> dict[str, Tensor]:
    return {name: tensor.grad.clone() for name, tensor in adapters.tensors(model).items()}


def numbered(rows: list[Tokens]) -> list[tuple[int, int]]:
    """What masks are drawn by: the number and the tokens of each row."""
    return [(number, len(row.ids)) for number, row in enumerate(rows)]


def ours(model: Any, rows: list[Tokens]) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients of the rows read in one block, as training does it."""
    model.zero_grad(set_to_none=True)
    with fast_lora.fast_lora(model, seed=SEED) as (masks, _):
        if masks is not None:
            masks.step, masks.rows = STEP, numbered(rows)
        loss = loop.block_loss(model, rows)
        loss.backward()
    return loss.item(), gradients(model)


class Part(nn.Module):
    """Stands where peft has its dropout: the part of a mask that belongs to the row being read."""

    def __init__(self, factor: Tensor) -> None:
        super().__init__()
        self.factor, self.begin = factor, 0

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor[self.begin : self.begin + x.shape[1]]


def masks_for(model: Any, theirs: Any, rows: list[Tokens]) -> list[Part]:
    """Put the masks that our step draws into the other model's dropout modules."""
    shared, parts = Masks(SEED, KEEP, step=STEP, rows=numbered(rows)), []
    modules = dict(theirs.named_modules())
    names = {id(module): name for name, module in model.named_modules()}
    groups, left = fast_lora._groups(model, "default", SEED)
    assert left == 0
    for group in groups:
        for layer in group.layers:
            mask = shared.draw(group.index, torch.Size((sum(len(row.ids) for row in rows), layer.in_features))).kept()
            parts.append(Part(mask / KEEP))
            modules[names[id(layer)]].lora_dropout["default"] = parts[-1]
    return parts


def pefts(model: Any, folder: Any, rows: list[Tokens], *, masked: bool) -> tuple[float, dict[str, Tensor]]:
    """The same by peft's own forward over transformers' eager attention, each row read alone."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    theirs = PeftModel(base, model.peft_config["default"])
    adapters.put(theirs, {name: tensor.detach().clone() for name, tensor in adapters.tensors(model).items()})
    theirs.eval()  # its dropout modules are ours, which do not ask
    for parameter in adapters.tensors(theirs).values():
        parameter.requires_grad_(True)
    parts = masks_for(model, theirs, rows) if masked else []
    total, begin = torch.zeros(()), 0
    for row in rows:
        for part in parts:
            part.begin = begin
        ids, learn = torch.tensor([row.ids]), torch.tensor(row.learn)
        log = theirs(input_ids=ids, use_cache=False).logits[0, :-1].log_softmax(-1)
        total = total - log.gather(1, ids[0, 1:, None])[learn[1:]].sum()
        begin += len(row.ids)
    total.backward()
    return total.item(), gradients(theirs)


@pytest.mark.parametrize("dropout", [0.0, 1 - KEEP], ids=["no dropout", "the same masks"])
@pytest.mark.parametrize("family", FAMILIES)
def test_packed_dialogues_give_what_peft_gives_row_by_row(
    tiny: Any, tiny_folder: Any, family: str, dropout: float
) -> None:
    loaded = tiny(family, **QUIET.get(family, {}))
    rows = dialogues(loaded)
    model = adapted(loaded, dropout=dropout)
    loss, found = ours(model, rows)
    wanted_loss, wanted = pefts(model, tiny_folder(family, **QUIET.get(family, {})), rows, masked=dropout > 0)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        largest = gradient.abs().max().item()
        assert largest > 0, name
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=5e-5 * largest, msg=name)
    if dropout:  # the masks did something
        assert loss != pytest.approx(pefts(model, tiny_folder(family, **QUIET.get(family, {})), rows, masked=False)[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_neighbour_changes_no_bit_of_a_rows_loss_or_gradients(tiny: Any, family: str) -> None:
    loaded = tiny(family)
    model = adapted(loaded, dropout=1 - KEEP)
    rows = dialogues(loaded)
    mute = Tokens("mute", rows[1].ids, (False,) * len(rows[1].ids))
    other = Tokens("other", tuple((one + 7) % 300 for one in rows[1].ids), mute.learn)
    loss, found = ours(model, [rows[0], mute, rows[2]])
    again, changed = ours(model, [rows[0], other, rows[2]])
    assert again == loss
    assert all(torch.equal(changed[name], gradient) for name, gradient in found.items())
    # A row that is learned itself does count.
    assert ours(model, rows)[0] != loss


@pytest.mark.parametrize("family", FAMILIES)
def test_positions_restart_with_every_row(tiny: Any, family: str) -> None:
    """The same row twice in a block has the same loss twice; read on as one text it would not."""
    loaded = tiny(family)
    model = adapted(loaded, dropout=0.0)
    first, second, third = dialogues(loaded)
    alone = ours(model, [third])[0]
    with torch.no_grad():
        sums, _ = row_losses(model, pack([first, third, second, third]))
        joined = Tokens("joined", first.ids + third.ids, (False,) * len(first.ids) + third.learn)
        (read_on,), _ = row_losses(model, pack([joined]))
    assert sums[1] == pytest.approx(sums[3], rel=1e-6)
    assert sums[1] == pytest.approx(alone, rel=1e-5)
    assert read_on != pytest.approx(alone, rel=1e-4)


def test_a_step_weighs_learned_tokens_and_not_rows_or_blocks(tiny: Any) -> None:
    """Blocks of very unlike numbers of learned tokens add up to the gradient of the mean over all of them."""
    loaded = tiny()
    rows = dialogues(loaded)
    lean = Tokens("lean", rows[0].ids, tuple(place == len(rows[0].ids) - 1 for place in range(len(rows[0].ids))))
    rows = [lean, *rows[1:]]
    model = adapted(loaded, dropout=0.0)
    whole, found = ours(model, rows)
    model.zero_grad(set_to_none=True)
    count = sum(sum(row.learn) for row in rows)
    config = Train(
        epochs=1, rows_per_step=3, micro_tokens=1, learning_rate=1.0, clip=1e9, schedule="constant", warmup=0.0
    )
    planned = loop.plan(rows, config, seed=0)
    assert [len(step.blocks) for step in planned] == [3], "one step of three blocks"
    seen: dict[str, Tensor] = {}

    class Recorder(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            seen.update(gradients(model))

    optimiser = Recorder(list(adapters.tensors(model).values()), lr=1.0)
    with fast_lora.fast_lora(model, seed=SEED) as (masks, _):
        (step,) = loop.train(model, rows, planned, config, optimiser=optimiser, masks=masks, seed=0)
    assert (step.learned_tokens, step.loss) == (count, pytest.approx(whole / count, rel=1e-5))
    assert seen.keys() == found.keys()
    for name, gradient in found.items():
        largest = gradient.abs().max().item() / count
        torch.testing.assert_close(seen[name], gradient / count, rtol=1e-3, atol=5e-5 * largest, msg=name)
