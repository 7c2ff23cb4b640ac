"""Every method of tuning: learns a toy task, is what peft or transformers alone compute, and opens again as what it was."""

from __future__ import annotations

import json
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from medlms import config as config_room
from medlms.config import Config, Method
from medlms.engines.local import LocalEngine
from medlms.errors import ConfigError, ModelError, ResourceError
from medlms.models import adapters, costs, methods, plan, soft_prompt
from medlms.models import load as load_room
from medlms.models.fetch import locate
from medlms.models.forward import hidden_states, output_head
from medlms.models.full import FullModel
from medlms.models.head import answer_loss
from medlms.models.load import load
from medlms.models.shapes import shape_of
from medlms.testing import tiny_rows
from medlms.text.pack import pack
from medlms.text.template import template_of
from medlms.text.tokenise import tokenise
from medlms.train import checkpoint, loop
from medlms.types import Message, Request, Tokens

METHODS: tuple[Method, ...] = ("lora", "rslora", "dora", "lora+", "pissa", "soft_prompt", "full")
EXTRA = {"base_model": "tiny", "template_hash": "abc", "instruction": "Answer."}
RATES = {"soft_prompt": 0.1, "full": 3e-3}
ROWS = [
    Tokens(str(size), tuple(range(10 + size, 10 + 2 * size)), (False,) * 3 + (True,) * (size - 3))
    for size in (30, 12, 7)
]


def config_of(method: str, **changes: Any) -> Config:
    made = {"r": 4, "alpha": 8, "dropout": 0.0, "plus_ratio": 4}
    part = {"soft_prompt": {"length": 9}, "lora": made, "instruction": "Answer.", "seed": 3}
    train = {"rows_per_step": 4, "epochs": 3, "learning_rate": RATES.get(method, 1e-2), "warmup": 0.0}
    return Config(model="tiny", data=["none"], method=method, **{**part, "train": train, **changes})


def rows_of(loaded: Any) -> list[Tokens]:
    """Questions that all have one answer: the task is to say it."""
    template = template_of(loaded.tokenizer)
    said = (
        (row.id, row.place, (Message("user", row.question),), "Rest, and drink enough water.") for row in tiny_rows(24)
    )
    return tokenise(loaded.tokenizer, template, said, max_length=120, stops=loaded.stops).rows


def trained(loaded: Any, config: Config, *, start: int = 0, stop: int | None = None, folder: Path | None = None) -> Any:
    """The model after steps ``start`` to ``stop``, and the losses; state is read from and written to ``folder``."""
    rows = rows_of(loaded)
    model = methods.create(loaded, config)
    optimiser = loop.optimiser(model, config.train, methods.groups(model, config))
    planned = loop.plan(rows, config.train, seed=config.seed)
    if start and folder:
        assert checkpoint.restore(folder, model, optimiser)["step"] == start
    losses = []
    with methods.running(model, seed=config.seed) as (masks, said):
        assert said
        steps = loop.train(
            model, rows, planned, config.train, optimiser=optimiser, masks=masks, seed=config.seed, start=start
        )
        for step in steps:
            losses.append(step.loss)
            if step.step == stop:
                break
    if folder and stop:
        checkpoint.save(folder, model, optimiser, {"step": stop})
    return model, losses


def stirred(loaded: Any, config: Config) -> Any:
    """What a method made, moved away from its start so that all of it shows."""
    model = methods.create(loaded, config)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.add_(torch.randn(tensor.shape, generator=random) * 0.1)
    return model.eval()


@torch.no_grad()
def logits(model: Any, rows: list[Tokens]) -> Tensor:
    weight, cap = output_head(model)
    out = hidden_states(model, pack(rows)) @ weight.t()
    return out if cap is None else cap * torch.tanh(out / cap)


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_and_resumes_to_the_bit(tiny: Any, tmp_path: Path, method: str) -> None:
    config = config_of(method, lora={"r": 4, "alpha": 8, "dropout": 0.1, "plus_ratio": 4})
    whole, losses = trained(tiny(), config)
    assert len(losses) == 18
    assert losses[-1] < losses[0] - 1, losses
    trained(tiny(), config, stop=7, folder=tmp_path / "c")
    again, rest = trained(tiny(), config, start=7, folder=tmp_path / "c")
    assert rest == losses[7:]
    assert all(torch.equal(adapters.tensors(again)[name], tensor) for name, tensor in adapters.tensors(whole).items())


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_saved_opens_without_us_on_the_original_base(
    tiny: Any, tiny_folder: Any, tmp_path: Path, method: str, family: str
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loaded = tiny(family)
    before = logits(loaded.model, ROWS[:1])
    config = config_of(method)
    model = stirred(loaded, config)
    with methods.running(model, learning=False):
        own = logits(model, ROWS[:1])
    folder = methods.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    assert methods.saved(tmp_path) == folder
    assert not list(folder.glob("*.bin"))
    options = {"dtype": torch.float32, "attn_implementation": "eager"}
    with torch.no_grad():
        ids = torch.tensor([ROWS[0].ids])
        if method == "full":
            theirs = AutoModelForCausalLM.from_pretrained(folder, **options)(input_ids=ids).logits[0]
        else:
            base = AutoModelForCausalLM.from_pretrained(tiny_folder(family), **options)
            theirs = PeftModel.from_pretrained(base, folder).eval()(input_ids=ids).logits[0]
    theirs = theirs[-len(ROWS[0].ids) :]  # peft gives the states of the vectors too
    torch.testing.assert_close(own, theirs, rtol=1e-3, atol=1e-3)
    assert (own - before).abs().max() > 0.1, "it must do something for this test to mean something"
    ended = methods.finished(loaded, model, folder)
    torch.testing.assert_close(logits(ended, ROWS[:1]), theirs, rtol=1e-3, atol=1e-3)
    fresh = tiny(family)
    opened = methods.attach(fresh, folder)
    assert torch.equal(logits(opened, ROWS), logits(ended, ROWS))
    assert methods.kind(opened, fresh.model) != "base weights"


def test_pissa_begins_as_the_base_and_is_saved_at_twice_the_rank(tiny: Any, tmp_path: Path) -> None:
    loaded = tiny()
    before = logits(loaded.model, ROWS)
    weight = loaded.model.model.layers[0].mlp.up_proj.weight.clone()
    model = methods.create(loaded, config_of("pissa")).eval()
    torch.testing.assert_close(logits(model, ROWS), before, rtol=1e-4, atol=1e-4)
    left = model.get_base_model().model.layers[0].mlp.up_proj.get_base_layer().weight
    assert torch.linalg.matrix_norm(left, 2) < 0.9 * torch.linalg.matrix_norm(weight, 2)
    folder = methods.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    held = json.loads((folder / "adapter_config.json").read_text())
    assert (held["r"], held["lora_alpha"], held["init_lora_weights"]) == (8, 16, True)
    ended = methods.finished(loaded, model, folder)
    assert torch.equal(ended.get_base_model().model.layers[0].mlp.up_proj.get_base_layer().weight, weight)


def test_saving_pissa_leaves_what_was_learned(tiny: Any, tmp_path: Path) -> None:
    loaded = tiny()
    model = stirred(loaded, config_of("pissa"))
    held = {name: tensor.clone() for name, tensor in adapters.tensors(model).items()}
    methods.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    assert held.keys() == adapters.tensors(model).keys()
    assert all(torch.equal(tensor, adapters.tensors(model)[name]) for name, tensor in held.items())


@pytest.mark.parametrize("method", ["pissa", "full", "lora", "soft_prompt"])
def test_a_base_that_was_changed_does_not_answer_as_if_it_were_not(tiny: Any, method: str) -> None:
    loaded = tiny()
    before = logits(loaded.model, ROWS)
    engine = LocalEngine(loaded, template_of(loaded.tokenizer))
    stirred(loaded, config_of(method))
    asked = [Request("x", (Message("user", "Who?"),), reference="Me.")]
    if method in ("pissa", "full"):
        with pytest.raises(ModelError, match="changed the base"):
            list(engine.score(asked))
    else:
        (reply,) = engine.score(asked)
        fresh = LocalEngine(tiny(), engine.template)
        assert reply.reference_logprob == next(fresh.score(asked)).reference_logprob
        with engine._weights():
            torch.testing.assert_close(logits(loaded.model, ROWS), before)


def test_rslora_scales_by_the_root_of_the_rank(tiny: Any) -> None:
    from peft.tuners.lora import LoraLayer

    for method, scale in (("lora", 2.0), ("rslora", 4.0)):
        model = methods.create(tiny(), config_of(method))
        layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        assert {layer.scaling["default"] for layer in layers} == {scale}
        with methods.running(model) as (_, said):
            assert said.startswith("14 adapted layers")


def test_loraplus_steps_b_by_its_ratio(tiny: Any) -> None:
    config = config_of("lora+")
    model = methods.create(tiny(), config)
    slow, fast = methods.groups(model, config)
    assert len(slow["params"]) == len(fast["params"]) == 14
    assert fast["times"] == 4
    rows = rows_of(tiny())
    planned = loop.plan(rows, config.train, seed=3)
    optimiser = loop.optimiser(model, config.train, [slow, fast])
    before = {name: tensor.clone() for name, tensor in adapters.tensors(model).items()}
    list(loop.train(model, rows, planned[:1], config.train, optimiser=optimiser, masks=None, seed=3))
    moved = {name: (tensor - before[name]).abs().max().item() for name, tensor in adapters.tensors(model).items()}
    # The first step of AdamW moves every number by its group's rate; A has no gradient while B is zero.
    assert all(moved[name] == pytest.approx(4e-2, rel=0.01) for name in moved if "lora_B" in name)
    assert not any(moved[name] for name in moved if "lora_A" in name)
    assert [group["lr"] for group in optimiser.param_groups] == [1e-2, 4e-2]


@pytest.mark.parametrize("family", ["llama", "mistral", "gemma2", "gemma3", "gpt2"])
def test_packed_rows_behind_a_soft_prompt_are_each_as_alone(tiny: Any, family: str) -> None:
    model = stirred(tiny(family), config_of("soft_prompt"))
    together = logits(model, ROWS)
    alone = torch.cat([logits(model, [row]) for row in ROWS])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    swapped = logits(model, [ROWS[1], ROWS[0], ROWS[2]])
    torch.testing.assert_close(swapped[12:42], together[:30], rtol=1e-5, atol=1e-5)


def test_the_gradient_of_a_soft_prompt_is_pefts(tiny: Any, tiny_folder: Any, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loaded = tiny()
    model = stirred(loaded, config_of("soft_prompt"))
    loop.block_loss(model, ROWS).backward()
    (own,) = adapters.tensors(model).values()
    assert own.shape == (9, 64)
    folder = methods.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    base = AutoModelForCausalLM.from_pretrained(tiny_folder("llama"), dtype=torch.float32, attn_implementation="eager")
    theirs = PeftModel.from_pretrained(base, folder)  # peft opens soft prompts for use alone
    wanted = theirs.prompt_encoder["default"].embedding.weight.requires_grad_()
    total = torch.zeros(())
    for row in ROWS:
        labels = torch.tensor([[token if learn else -100 for token, learn in zip(row.ids, row.learn, strict=True)]])
        total = total + theirs(input_ids=torch.tensor([row.ids]), labels=labels).loss * sum(row.learn)
    total.backward()
    torch.testing.assert_close(own.grad, wanted.grad, rtol=1e-3, atol=1e-4)
    assert not any(tensor.grad is not None for tensor in loaded.model.parameters()), "the model is frozen"


@pytest.mark.parametrize("bits", [0, 4])
@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "gemma3", "gpt2"])
def test_frozen_layers_in_nodes_of_ours_are_the_same(tiny_folder: Any, family: str, bits: int) -> None:
    if bits:
        pytest.importorskip("bitsandbytes")
    loaded = load(locate(str(tiny_folder(family))), precision="fp32", load_in_4bit=bool(bits))
    model = stirred(loaded, config_of("soft_prompt")).train()

    def outcome() -> tuple[Tensor, Tensor]:
        (made,) = adapters.tensors(model).values()
        made.grad = None
        loss = loop.block_loss(model, ROWS)
        loss.backward()
        return loss.detach(), made.grad.clone()

    wanted = outcome()
    with methods.running(model) as (masks, said):
        assert masks is None
        ours = {"gpt2": 0, "gemma3": 0, "qwen3": 11}.get(
            family, 9
        )  # five norms (nine with those of heads), two a layer
        assert (f"{ours} frozen" in said) == bool(ours), said
        found = outcome()
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(outcome(), wanted)


def test_a_soft_prompt_begins_as_the_instruction(tiny: Any) -> None:
    loaded = tiny()
    (made,) = adapters.tensors(methods.create(loaded, config_of("soft_prompt"))).values()
    ids = loaded.tokenizer("Answer.", add_special_tokens=False)["input_ids"]
    wanted = loaded.model.get_input_embeddings()(torch.tensor((ids * 9)[:9]))
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, wanted)
    drawn = [
        next(iter(adapters.tensors(methods.create(tiny(), config_of("soft_prompt", **more))).values()))
        for more in (
            {"soft_prompt": {"length": 5, "init": "vocabulary"}},
            {"soft_prompt": {"length": 5, "init": "vocabulary"}, "seed": 4},
        )
    ]
    assert not torch.equal(*drawn)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_the_gradient_of_full_tuning_is_transformers_own(tiny: Any, tiny_folder: Any, family: str) -> None:
    from transformers import AutoModelForCausalLM

    model = methods.create(tiny(family), config_of("full"))
    loop.block_loss(model, ROWS).backward()
    theirs = AutoModelForCausalLM.from_pretrained(tiny_folder(family), dtype=torch.float32, attn_implementation="eager")
    total = torch.zeros(())
    for row in ROWS:
        labels = torch.tensor([[token if learn else -100 for token, learn in zip(row.ids, row.learn, strict=True)]])
        total = total + theirs(input_ids=torch.tensor([row.ids]), labels=labels).loss * sum(row.learn)
    total.backward()
    wanted = dict(theirs.named_parameters())
    own = dict(model.named_parameters())
    assert own.keys() == wanted.keys()
    for name, tensor in own.items():
        torch.testing.assert_close(
            tensor.grad, wanted[name].grad, rtol=1e-3, atol=1e-4 * wanted[name].grad.abs().max().item(), msg=name
        )


@pytest.mark.parametrize("softcap", [None, 4.0])
def test_a_head_that_learns_gets_the_plain_gradient(softcap: float | None) -> None:
    random = torch.Generator().manual_seed(1)
    hidden = torch.randn(300, 16, generator=random, requires_grad=True)  # more than a chunk
    head = torch.randn(50, 16, generator=random, requires_grad=True)
    targets = torch.randint(0, 50, (300,), generator=random)
    (answer_loss(hidden, head, targets, softcap=softcap) / 7).backward()
    own = hidden.grad, head.grad
    hidden.grad = head.grad = None
    out = hidden @ head.t()
    out = out if softcap is None else softcap * torch.tanh(out / softcap)
    (torch.nn.functional.cross_entropy(out, targets, reduction="sum") / 7).backward()
    torch.testing.assert_close(own[0], hidden.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(own[1], head.grad, rtol=1e-4, atol=1e-5)


def test_16_bit_weights_learn_as_copies_of_32_bit_ones(tiny_folder: Any, tmp_path: Path) -> None:
    loaded = load(locate(str(tiny_folder("llama"))), precision="bf16")
    own = loaded.model.model.norm.weight
    assert own.dtype == torch.bfloat16
    model = methods.create(loaded, config_of("full"))
    assert isinstance(model, FullModel)
    weights = dict(model.named_parameters())
    assert all(weight.dtype == torch.float32 for weight in weights.values())
    # Steps too small for 16 bit still add up: 40 of them are seen once they are enough.
    optimiser = torch.optim.SGD(list(model.parameters()), lr=1.0)
    start = own.detach().clone()
    for _ in range(40):
        model.train()
        for weight in weights.values():
            weight.grad = torch.full_like(weight, 1e-4)
        optimiser.step()
        if _ == 0:
            model.eval()
            assert torch.equal(own, start)
    model.eval()
    assert (start - own).detach().float().mean().item() == pytest.approx(4e-3, rel=0.5)
    for rows in (ROWS[:2], ROWS[2:]):
        loop.block_loss(model, rows).backward()
    assert own.grad is None, "gradients are added up in fp32"
    assert weights["model.norm.weight"].grad.dtype == torch.float32
    model.release()
    assert not any(tensor.requires_grad for tensor in loaded.model.parameters())
    folder = methods.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    from safetensors.torch import load_file

    held = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in held.values()} == {torch.bfloat16}
    assert torch.equal(held["model.norm.weight"], own)


def test_full_tuning_without_the_memory_is_refused_with_advice(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    full = config_of("full")
    sizes = {"trainable": loaded.parameters, "block_tokens": 512, "config": full}
    needed = plan.training_bytes(loaded, **sizes, recomputed=True)  # left to the program, layers run again first
    assert 12 * loaded.parameters < needed < plan.training_bytes(loaded, **sizes)
    monkeypatch.setattr(plan, "free_memory", lambda device: needed + 1)
    assert "made again in the backward pass" in plan.check_memory(loaded, **sizes)
    monkeypatch.setattr(plan, "free_memory", lambda device: needed - 1)
    with pytest.raises(ResourceError, match="GB of memory") as caught:
        plan.check_memory(loaded, **sizes)
    assert "method: lora" in caught.value.hint


def test_a_gradient_that_memory_did_not_suffice_for_is_not_added_to_the_next_try(
    tiny_folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gradients(fail: bool) -> dict[str, Tensor]:
        loaded = load(locate(str(tiny_folder("llama"))), precision="bf16")
        model = methods.create(loaded, config_of("full")).train()
        if fail:
            loss = loop.block_loss(model, ROWS)
            with monkeypatch.context() as patch, pytest.raises(MemoryError):
                patch.setattr(torch.Tensor, "float", lambda _: (_ for _ in ()).throw(MemoryError()))
                loss.backward()
            for tensor in model.parameters():
                tensor.grad = None  # as the loop does
        loop.block_loss(model, ROWS).backward()
        return {name: tensor.grad for name, tensor in model.named_parameters()}

    wanted = gradients(False)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in gradients(True).items())


def test_what_dora_kept_of_other_weights_does_not_answer(tiny: Any, tmp_path: Path) -> None:
    loaded = tiny()
    model = stirred(loaded, config_of("dora"))
    with methods.running(model, learning=False):
        last = logits(model, ROWS)  # the last epoch is graded, then an earlier one is taken
    adapters.put(model, {name: tensor * 0.8 for name, tensor in adapters.tensors(model).items()})
    folder = methods.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    ended, opened = methods.finished(loaded, model, folder), methods.attach(tiny(), folder)
    found = []
    for one in (ended, opened):
        with methods.running(one, learning=False):
            found.append(logits(one, ROWS))
    assert torch.equal(*found)
    assert not torch.allclose(found[0], last, atol=1e-2)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_whole_model_is_opened_in_the_width_that_was_asked_for(tiny_folder: Any, tmp_path: Path, bits: int) -> None:
    pytest.importorskip("bitsandbytes")
    from medlms.models import merge

    loaded = load(locate(str(tiny_folder())), precision="fp32")
    folder = methods.save(stirred(loaded, config_of("full")), loaded.tokenizer, tmp_path, extra=EXTRA)
    narrow = load(locate(str(tiny_folder())), precision="fp32", **{f"load_in_{bits}bit": True})
    opened = methods.attach(narrow, folder)
    assert (merge.in_four_bit(opened), merge.in_eight_bit(opened)) == (bits == 4, bits == 8)


@pytest.mark.parametrize("method", METHODS)
def test_the_memory_of_every_method_knows_gaps_moments_and_layers_that_run_again(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    loaded = tiny()

    def needed(**settings: Any) -> tuple[int, int]:
        config = config_of(method, train={"micro_tokens": 400, **settings})
        work = plan.work_in_memory(loaded, block_tokens=400, config=config, longest=100)
        return costs.beside_weights(work, work.adapter), costs.phases(work)[1].needed

    plain = needed()
    weights = plan.work_in_memory(loaded, block_tokens=400, config=config_of(method)).adapter
    narrow = needed(optimiser="adamw_8bit")
    for one, other in zip(plain, narrow, strict=True):
        assert one - other == pytest.approx((8 - costs.EIGHT_BIT_MOMENTS) * weights, abs=2)
    again = needed(checkpoint_gradients="on")
    monkeypatch.setattr(costs, "GAPS", 0.0)
    none = needed()
    for one, other in zip(plain, again, strict=True):
        assert other < one
    for one, other in zip(plain, none, strict=True):
        assert other < one


@pytest.mark.parametrize("method", ["pissa", "full"])
@pytest.mark.parametrize("key", ["load_in_4bit", "load_in_8bit"])
def test_what_changes_the_weights_needs_them_whole(method: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"method: {method} changes the model's weights, which {key}"):
        config_room.load({"model": "m", "data": "d", "method": method, key: True})


def test_a_soft_prompt_without_an_instruction_is_told() -> None:
    settings = {"model": "m", "data": "d", "method": "soft_prompt", "instruction": ""}
    with pytest.raises(ConfigError, match=r"soft_prompt\.init"):
        config_room.load(settings)
    config_room.load({**settings, "soft_prompt": {"init": "vocabulary"}})


def test_longer_starts_are_those_of_longer_rows() -> None:
    assert soft_prompt.longer_starts([0, 30, 42, 49], 9) == [0, 39, 60, 76]
    assert soft_prompt.longer_starts([0, 30], 0) == [0, 30]


@dataclass(slots=True, weakref_slot=True)
class _Held:
    """A tensor that a step of the graph keeps for its way back; it goes with that step."""

    tensor: Tensor


@pytest.mark.parametrize("family", ["llama", "qwen3", "gpt2", "gemma3"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", ["dora", "soft_prompt", "full"])
def test_the_memory_foretold_is_what_the_graph_holds(
    tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, method: str, precision: str, family: str
) -> None:
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    monkeypatch.setattr(load_room, "choose_dtype", lambda *_: (dtype, "as the test wants"))
    loaded = load(locate(str(tiny_folder(family))))
    config = config_of(method, soft_prompt={"length": 20}, lora={"r": 4, "dropout": 0.25}, train={"micro_tokens": 128})
    sizes = (40, 60, 28)
    work = costs.work_of(
        shape_of(loaded.model.config.to_dict()),
        config,
        element=dtype.itemsize,
        rows=costs.Rows(mean=sum(sizes) / 3, longest=60),
    )
    work = replace(work, lengths=tuple(size + work.places for size in sizes))
    assert work.block == sum(work.lengths)
    rows = [Tokens(str(size), tuple(range(5, 5 + size)), (True,) * size) for size in sizes]
    model = methods.create(loaded, config)
    seen: dict[int, int] = {}
    with methods.running(model, seed=1):
        model.train()
        base = model.get_base_model()
        own = {tensor.untyped_storage().data_ptr() for tensor in (*base.parameters(), *base.buffers())}
        own |= {tensor.untyped_storage().data_ptr() for tensor in model.parameters()}

        def count(tensor: Tensor) -> None:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                seen[storage.data_ptr()] = storage.nbytes()

        saved: list[weakref.ref[_Held]] = []

        def held(tensor: Tensor) -> _Held:
            saved.append(weakref.ref(made := _Held(tensor)))
            return made

        with torch.autograd.graph.saved_tensors_hooks(held, lambda made: made.tensor):
            hidden = hidden_states(model, pack(rows))
        for made in (ref() for ref in saved):  # what no step backward needs is gone by now, and its place taken again
            if made is not None:
                count(made.tensor)
        waiting, known = [hidden.grad_fn], {hidden.grad_fn}
        while waiting:  # what nodes of our own keep beside autograd
            node = waiting.pop()
            for value in getattr(node, "__dict__", {}).values():
                if isinstance(value, Tensor):
                    count(value)
            fresh = {other for other, _ in node.next_functions if other is not None} - known
            known |= fresh
            waiting.extend(fresh)
        hidden.sum().backward()
    found = sum(seen.values())
    foretold = costs.activation_bytes(work) if method == "dora" else costs.own_layers_bytes(work)
    assert 0.92 < foretold / found < 1.25
