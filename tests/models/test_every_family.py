"""Each family in miniature, the whole way: adapters, two steps, save, reload elsewhere, resume, merge, answers, 4 bit.

Loading, templates and packing of every family stand in test_load, test_packed and tests/text; peft's own reading in
test_adapters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medlms.config import Lora, Train
from medlms.engines.local import LocalEngine
from medlms.models import adapters
from medlms.models.families import family as record_of
from medlms.models.fast_lora import fast_lora
from medlms.models.fetch import locate
from medlms.models.forward import hidden_states
from medlms.models.load import load
from medlms.testing import FAMILIES, tiny_rows
from medlms.text.pack import pack
from medlms.text.template import template_of
from medlms.text.tokenise import tokenise
from medlms.train import checkpoint, loop
from medlms.types import Message, Request, Tokens

RANK, SEED = 4, 7
IN_CATALOGUE = {"llama2": "llama", "llama3": "llama"}

# Inputs plus outputs of each adapted layer of the miniatures, counted by hand: width 64, inner width 96, four heads of 16
# (gemma: of 32) and two key heads (llama2, gemma: four). An adapter has rank times that many weights.
GROUPED = {"q_proj": 128, "k_proj": 96, "v_proj": 96, "o_proj": 128, "gate_proj": 160, "up_proj": 160, "down_proj": 160}
SIZES = {
    **dict.fromkeys(("llama", "llama3", "mistral", "gemma2", "gemma3", "qwen2", "qwen3"), GROUPED),
    "llama2": GROUPED | {"k_proj": 128, "v_proj": 128},
    "gemma": GROUPED | {"q_proj": 192, "k_proj": 192, "v_proj": 192, "o_proj": 192},
    "gpt2": {"c_attn": 64 + 192, "c_proj": 64 + 64 + 256 + 64, "c_fc": 64 + 256},
}
LAYERS = 2


@dataclass
class Trained:
    """A miniature after two steps; ``folder`` holds its adapter, ``first`` its state after one step."""

    family: str
    loaded: Any
    model: Any
    rows: list[Tokens]
    folder: Path
    first: Path


def rows_of(loaded: Any) -> list[Tokens]:
    template = template_of(loaded.tokenizer)
    records = [(row.id, row.place, (Message("user", row.question),), row.answer) for row in tiny_rows(4)]
    return tokenise(loaded.tokenizer, template, records, max_length=200, stops=loaded.stops).rows


def steps(model: Any, rows: list[Tokens], masks: Any, *, start: int = 0, optimiser: Any = None) -> Any:
    config = Train(epochs=1, rows_per_step=2, learning_rate=1e-2)
    optimiser = optimiser or loop.optimiser(model, config)
    planned = loop.plan(rows, config, seed=SEED)
    assert len(planned) == 2
    run = loop.train(model, rows, planned, config, optimiser=optimiser, masks=masks, seed=SEED, start=start)
    return optimiser, run


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request: Any, tiny_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    family, place = request.param, tmp_path_factory.mktemp(request.param)
    loaded = load(locate(str(tiny_folder(family))), precision="fp32")
    rows = rows_of(loaded)
    model = adapters.create(loaded, Lora(r=RANK, alpha=16, dropout=0.25), seed=SEED)
    with fast_lora(model, seed=SEED) as (masks, _):
        optimiser, run = steps(model, rows, masks)
        for step in run:
            if step.step == 1:
                checkpoint.save(place / "first", model, optimiser, {"step": 1})
    adapters.save(model, loaded.tokenizer, place / "adapter", extra={"base_model": str(tiny_folder(family))})
    return Trained(family, loaded, model.eval(), rows, place / "adapter", place / "first")


def base_weights(model: Any) -> dict[str, Tensor]:
    return {
        name.removeprefix("base_model.model.").replace(".base_layer.", "."): tensor
        for name, tensor in model.named_parameters()
        if "lora_" not in name
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_adapted_modules_and_their_sizes(tiny: Any, family: str) -> None:
    from transformers.pytorch_utils import Conv1D

    record = record_of(IN_CATALOGUE.get(family, family))
    loaded = tiny(family)
    assert loaded.family == record
    model = adapters.create(loaded, Lora(r=RANK), seed=SEED)
    held = adapters.tensors(model)
    assert all(not tensor.any() for name, tensor in held.items() if "lora_B" in name)
    found: dict[str, int] = {}
    for name, tensor in held.items():
        leaf = name.partition(".lora_")[0].rpartition(".")[2]
        found[leaf] = found.get(leaf, 0) + tensor.numel()
    assert set(found) == set(record.modules)
    assert found == {leaf: LAYERS * RANK * size for leaf, size in SIZES[family].items()}
    turned = {
        name.rpartition(".")[2]
        for name, module in loaded.model.named_modules()
        if isinstance(getattr(module, "base_layer", None), Conv1D)
    }
    assert turned == set(record.conv1d)
    tied = loaded.model.get_output_embeddings().weight is loaded.model.get_input_embeddings().weight
    assert record.tied in (None, tied)


@pytest.mark.parametrize("family", FAMILIES)
def test_new_adapters_change_nothing_to_the_bit(tiny: Any, family: str) -> None:
    loaded = tiny(family)
    batch = pack(rows_of(loaded))
    with torch.no_grad():
        base = hidden_states(loaded.model, batch)
        model = adapters.create(loaded, Lora(r=RANK, dropout=0.25), seed=SEED).eval()
        assert torch.equal(hidden_states(model, batch), base)
        with fast_lora(model):
            torch.testing.assert_close(hidden_states(model, batch), base, rtol=1e-5, atol=1e-5)


def test_training_leaves_the_base_as_it_was(trained: Trained, tiny: Any) -> None:
    before, after = base_weights(tiny(trained.family).model), base_weights(trained.model)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(tensor.any() for name, tensor in adapters.tensors(trained.model).items() if "lora_B" in name)


def test_a_resumed_run_ends_the_same(trained: Trained, tiny: Any) -> None:
    model = adapters.create(tiny(trained.family), Lora(r=RANK, alpha=16, dropout=0.25), seed=SEED + 1)
    optimiser = loop.optimiser(model, Train(learning_rate=1e-2))
    assert checkpoint.restore(trained.first, model, optimiser) == {"step": 1}
    with fast_lora(model, seed=SEED) as (masks, _):
        assert [step.step for step in steps(model, trained.rows, masks, start=1, optimiser=optimiser)[1]] == [2]
    ended = adapters.tensors(trained.model)
    assert all(torch.equal(tensor, ended[name]) for name, tensor in adapters.tensors(model).items())


def test_peft_and_transformers_alone_say_the_same_merged_or_not(trained: Trained, tiny_folder: Any) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # the lines of the model card
    tokenizer = AutoTokenizer.from_pretrained(trained.folder)
    base = AutoModelForCausalLM.from_pretrained(tiny_folder(trained.family), dtype="auto")
    model = PeftModel.from_pretrained(base, trained.folder).eval()
    messages = [{"role": "user", "content": "What are the symptoms of anaemia?"}]
    inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    stops = sorted(trained.loaded.stops)
    asked = {**inputs, "max_new_tokens": 24, "do_sample": False, "eos_token_id": stops, "pad_token_id": 0}
    with torch.no_grad():
        output = model.generate(**asked)
        logits = model(**inputs).logits
    theirs = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()

    requests = [
        Request("same", (Message("user", messages[0]["content"]),), 24, ""),
        *(Request(row.id, (Message("user", row.question),), 24, "") for row in tiny_rows(3)),
    ]
    found = []
    for batch in (1, 4):
        engine = LocalEngine(trained.loaded, template_of(trained.loaded.tokenizer), model=trained.model, batch=batch)
        found.append({reply.id: (reply.text, reply.finish_reason) for reply in engine.answer(requests)})
    assert found[0] == found[1], "alone and in company"
    if trained.family != "gpt2":  # its plain template has no BOS, which transformers' tokenizer would not add either
        assert found[0]["same"][0] == theirs

    merged = model.merge_and_unload()
    with torch.no_grad():
        torch.testing.assert_close(merged(**inputs).logits, logits, rtol=1e-4, atol=1e-4)
    weights = base_weights(trained.model)
    assert any(not torch.equal(tensor, weights[name]) for name, tensor in merged.named_parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_four_bit(tiny_folder: Any, tmp_path: Path, family: str) -> None:
    bnb = pytest.importorskip("bitsandbytes")
    # bitsandbytes packs blocks of 64 weights; on the CPU it fails where a layer's input is no multiple of that
    located = locate(str(tiny_folder(family, **({} if family == "gpt2" else {"intermediate_size": 128}))))
    loaded = load(located, precision="fp32", load_in_4bit=True)
    assert "NF4" in loaded.why
    rows = rows_of(loaded)
    model = adapters.create(loaded, Lora(r=RANK, alpha=16), seed=SEED)
    packed = {
        name.removesuffix(".base_layer").rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, bnb.nn.Linear4bit)
    }
    assert packed - {"base_layer"} == set(record_of(IN_CATALOGUE.get(family, family)).modules)
    before = {name: tensor.clone() for name, tensor in base_weights(model).items()}
    with fast_lora(model, seed=SEED) as (masks, _):
        losses = [step.loss for step in steps(model, rows, masks)[1]]
    assert all(loss > 0 for loss in losses)
    assert all(torch.equal(tensor, before[name]) for name, tensor in base_weights(model).items())
    adapters.save(model.eval(), loaded.tokenizer, tmp_path, extra={"base_model": str(located.folder)})
    again = adapters.attach(load(located, precision="fp32", load_in_4bit=True), tmp_path)
    with torch.no_grad():
        one, other = hidden_states(model, pack(rows)), hidden_states(again, pack(rows))
    torch.testing.assert_close(one, other)
    whole = adapters.attach(load(located, precision="fp32"), tmp_path)  # the same adapter on weights of full precision
    assert adapters.tensors(whole).keys() == adapters.tensors(again).keys()
    with torch.no_grad():  # GPT-2's layers lie the other way round there: merging would show it
        apart = hidden_states(whole, pack(rows))
        torch.testing.assert_close(hidden_states(whole.merge_and_unload(), pack(rows)), apart, rtol=1e-4, atol=1e-4)
    engine = LocalEngine(loaded, template_of(loaded.tokenizer), model=model)
    (reply,) = engine.answer([Request("one", (Message("user", "What is gout?"),), 8, "")])
    assert 0 <= reply.new_tokens <= 8
