"""The fused LoRA step is peft's own forward and backward, with the same dropout, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from medlms.config import Lora
from medlms.models import adapters
from medlms.models import fast_lora as room
from medlms.models.dropout import Masks
from medlms.models.fast_lora import fast_lora
from medlms.models.forward import hidden_states
from medlms.text.pack import Batch, pack
from medlms.types import Tokens

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"attention_bias": True, "mlp_bias": True}),
    ("mistral", {}),
    ("gpt2", {}),
    ("gemma3", {}),
]
each_kind = pytest.mark.parametrize(
    ("family", "settings"), KINDS, ids=["llama", "llama-bias", "mistral", "gpt2", "gemma3"]
)


def rows() -> Batch:
    random = torch.Generator().manual_seed(4)
    return pack(
        [
            Tokens(str(length), tuple(torch.randint(5, 400, (length,), generator=random).tolist()), (True,) * length)
            for length in (12, 5, 21)
        ]
    )


def adapted(tiny: Any, family: str = "llama", *, dropout: float = 0.0, **settings: Any) -> Any:
    """A peft model whose B matrices are not zero, so that every part of the step shows."""
    loaded = tiny(family, **settings)
    model = adapters.create(loaded, Lora(r=4, alpha=8, dropout=dropout), seed=1)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, tensor in adapters.tensors(model).items():
            if "lora_B" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=random) * 0.3)
    return model


def layers(model: nn.Module) -> dict[str, Any]:
    from peft.tuners.lora import LoraLayer

    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}


def outcome(model: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Hidden states and the gradients of a number made from them."""
    hidden = hidden_states(model, rows())
    slope = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(2))
    model.zero_grad(set_to_none=True)
    (hidden * slope).sum().backward()
    return hidden.detach(), {name: tensor.grad.clone() for name, tensor in adapters.tensors(model).items()}


def assert_same(one: tuple[Tensor, dict[str, Tensor]], other: tuple[Tensor, dict[str, Tensor]]) -> None:
    torch.testing.assert_close(one[0], other[0], rtol=1e-4, atol=1e-4)
    assert one[1].keys() == other[1].keys()
    for name, gradient in other[1].items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(one[1][name], gradient, rtol=1e-3, atol=2e-5 * gradient.abs().max().item(), msg=name)


class Fixed(nn.Module):
    """Stands where peft has its dropout and multiplies with a mask that was drawn elsewhere."""

    def __init__(self, factor: Tensor) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor.view(x.shape)


@each_kind
def test_without_dropout_it_is_pefts_own(tiny: Any, family: str, settings: dict[str, Any]) -> None:
    model = adapted(tiny, family, **settings).train()
    if family == "gpt2":
        model.eval()  # its own dropout would differ from pass to pass
    wanted = outcome(model)
    with fast_lora(model) as (masks, said):
        assert masks is None
        assert said.startswith(f"{len(layers(model))} adapted layers")
        assert "own forward" not in said
        found = outcome(model)
    assert_same(found, wanted)
    assert_same(outcome(model), wanted)


@each_kind
def test_with_dropout_it_is_pefts_own_under_the_same_masks(tiny: Any, family: str, settings: dict[str, Any]) -> None:
    if family == "gpt2":
        settings = {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0}
    model = adapted(tiny, family, dropout=0.25, **settings).train()
    with fast_lora(model, seed=5) as (masks, _):
        assert masks is not None
        masks.step, masks.rows = 3, [(1, rows().ids.shape[1])]
        found = outcome(model)
    shared = Masks(5, 0.75, step=3, rows=[(1, rows().ids.shape[1])])
    count = rows().ids.shape[1]
    groups, left = room._groups(model, "default", 5)
    assert left == 0
    assert sum(len(group.layers) for group in groups) == len(layers(model))
    for group in groups:
        for layer in group.layers:
            mask = shared.draw(group.index, torch.Size((count, layer.in_features))).kept()
            layer.lora_dropout["default"] = Fixed(mask / 0.75)
    wanted = outcome(model)
    assert_same(found, wanted)
    # The masks did something, and they are those of this step.
    with fast_lora(adapted(tiny, family, **settings).train()) as _:
        assert not torch.allclose(found[0], outcome(adapted(tiny, family, **settings).train())[0], atol=1e-3)


def test_layers_that_read_one_input_are_one_group(tiny: Any) -> None:
    model = adapted(tiny)
    groups, _ = room._groups(model, "default", 0)
    names = {id(layer): name.rpartition(".")[2] for name, layer in layers(model).items()}
    first = [[names[id(layer)] for layer in group.layers] for group in groups[: len(groups) // 2]]
    assert sorted(first) == [["down_proj"], ["gate_proj", "up_proj"], ["o_proj"], ["q_proj", "k_proj", "v_proj"]]


def test_another_input_is_never_answered_with_what_was_kept_for_the_first(tiny: Any) -> None:
    # A pass that broke off in the middle leaves shares that nobody fetched.
    model = adapted(tiny).eval()
    found = {name.rpartition("layers.")[2]: layer for name, layer in layers(model).items()}
    first, second = (torch.randn(1, 5, 64, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    with torch.no_grad():
        wanted = found["0.self_attn.k_proj"](second)
        with fast_lora(model):
            found["0.self_attn.q_proj"](first)
            torch.testing.assert_close(found["0.self_attn.k_proj"](second), wanted, rtol=1e-5, atol=1e-5)


def test_a_part_of_the_layers_may_be_adapted(tiny: Any) -> None:
    loaded = tiny()
    model = adapters.create(loaded, Lora(r=4, dropout=0.0, targets=["q_proj", "v_proj", "down_proj"]), seed=1)
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.add_(0.1)
    wanted = outcome(model)
    with fast_lora(model):
        assert_same(outcome(model), wanted)


def test_in_use_there_is_no_dropout(tiny: Any) -> None:
    model = adapted(tiny, dropout=0.5).eval()
    with torch.no_grad():
        wanted = hidden_states(model, rows())
        with fast_lora(model):
            found = hidden_states(model, rows())
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@each_kind
def test_before_the_first_step_tuned_is_base(tiny: Any, family: str, settings: dict[str, Any]) -> None:
    loaded = tiny(family, **settings)
    with torch.no_grad():
        base = hidden_states(loaded.model, rows())
        model = adapters.create(loaded, Lora(r=4), seed=1).eval()
        with fast_lora(model):
            tuned = hidden_states(model, rows())
    torch.testing.assert_close(tuned, base, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("keep", [0.75, 0.5, 0.9, 0.999])
def test_masks_keep_the_right_share(keep: float) -> None:
    drawn = Masks(seed=1, keep=keep).draw(0, torch.Size((400, 500))).kept()
    assert drawn.dtype == torch.bool
    assert drawn.shape == (400, 500)
    spread = (keep * (1 - keep) / drawn.numel()) ** 0.5
    assert abs(drawn.float().mean().item() - keep) < 5 * spread + 1e-5
    # No row or column is left out or kept whole more often than chance has it.
    assert abs(drawn.float().mean(0) - keep).max() < 6 * (keep * (1 - keep) / 400) ** 0.5 + 1e-5


def test_masks_depend_on_seed_step_row_and_layer_only() -> None:
    shape = torch.Size((64, 64))

    def draw(seed: int = 1, step: int = 2, row: int = 3, layer: int = 4) -> Tensor:
        return Masks(seed, 0.5, step=step, rows=[(row, 64)]).draw(layer, shape).kept()

    first = draw()
    torch.manual_seed(99)
    assert torch.equal(first, draw())
    for other in (
        draw(seed=2),
        draw(step=3),
        draw(row=4),
        draw(layer=5),
        draw(step=3, row=2),
        draw(seed=2**63 - 1),
    ):
        agree = (first == other).float().mean().item()
        assert 0.45 < agree < 0.55


def test_the_same_step_again_gives_the_same_numbers(tiny: Any) -> None:
    model = adapted(tiny, dropout=0.25).train()

    def at(step: int, row: int, seed: int = 5) -> Tensor:
        with fast_lora(model, seed=seed) as (masks, _), torch.no_grad():
            masks.step, masks.rows = step, [(row, rows().ids.shape[1])]
            return hidden_states(model, rows())

    first = at(3, 1)
    assert torch.equal(first, at(3, 1))
    for other in (at(4, 1), at(3, 2), at(3, 1, seed=6)):
        assert not torch.allclose(first, other, atol=1e-3)


def test_leaving_puts_pefts_forward_back(tiny: Any) -> None:
    model = adapted(tiny, dropout=0.25).train()
    found = layers(model).values()
    with fast_lora(model, seed=1) as (outer, _):
        ours = [layer.__dict__["forward"] for layer in found]
        with fast_lora(model, seed=2) as (inner, _):
            assert inner is not outer
            assert all(layer.__dict__["forward"] is not one for layer, one in zip(found, ours, strict=True))
        assert [layer.__dict__["forward"] for layer in found] == ours
        with pytest.raises(ValueError, match="inside"), fast_lora(model):
            raise ValueError("inside")
        assert [layer.__dict__["forward"] for layer in found] == ours
    assert not any("forward" in layer.__dict__ for layer in found)


def test_an_answer_between_two_steps_changes_no_step(tiny: Any) -> None:
    def losses(interrupt: bool) -> list[Tensor]:
        model = adapted(tiny, dropout=0.25).train()
        out = []
        with fast_lora(model, seed=5) as (masks, _):
            for step in (1, 2):
                masks.step = step
                out.append(outcome(model)[0])
                with torch.no_grad():
                    for tensor in adapters.tensors(model).values():
                        tensor.sub_(0.1 * tensor.grad.sign())
                if interrupt:
                    model.eval()
                    with torch.inference_mode(), fast_lora(model):
                        hidden_states(model, rows())
                    with torch.no_grad():
                        hidden_states(model, rows())
                    model.train()
        return out

    for one, other in zip(losses(True), losses(False), strict=True):
        assert torch.equal(one, other)


def test_weights_that_change_while_nothing_is_learned_are_seen(tiny: Any) -> None:
    model = adapted(tiny).eval()
    with torch.no_grad():
        with fast_lora(model):
            before = hidden_states(model, rows())
        for tensor in adapters.tensors(model).values():
            tensor.add_(0.2)
        with fast_lora(model):
            after = hidden_states(model, rows())
        torch.testing.assert_close(after, hidden_states(model, rows()), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(before, after, atol=1e-2)


def test_memory_holds_the_base_weights_once(tiny: Any) -> None:
    model = adapted(tiny)
    own = {name: parameter.detach().clone() for name, parameter in model.named_parameters() if "lora_" not in name}
    for _ in range(2):
        with fast_lora(model):
            outcome(model)
    now = {name: parameter for name, parameter in model.named_parameters() if "lora_" not in name}
    assert all(torch.equal(now[name], tensor) for name, tensor in own.items())
    stores = {
        parameter.untyped_storage().data_ptr(): parameter.untyped_storage().nbytes() for parameter in now.values()
    }
    assert sum(stores.values()) == sum(tensor.nbytes for tensor in own.values())
    groups, _ = room._groups(model, "default", 0)
    for group in groups:
        stored = {layer.get_base_layer().weight.untyped_storage().data_ptr() for layer in group.layers}
        assert stored == {group.weight.untyped_storage().data_ptr()}


@pytest.mark.parametrize("turned_off", ["disabled", "merged"])
def test_adapters_that_are_off_stay_off(tiny: Any, turned_off: str) -> None:
    model = adapted(tiny).eval()
    batch = rows()
    with torch.no_grad():
        if turned_off == "disabled":
            with model.disable_adapter():
                wanted = hidden_states(model, batch)
                with fast_lora(model) as (_, said):
                    found = hidden_states(model, batch)
        else:
            model.merge_adapter()
            wanted = hidden_states(model, batch)
            with fast_lora(model) as (_, said):
                found = hidden_states(model, batch)
    assert said.startswith("0 adapted layers")
    assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True},
        {"use_rslora": True},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"k_proj": 3}},
        {"lora_bias": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_adapters_of_other_kinds_compute_as_in_peft(tiny: Any, settings: dict[str, Any]) -> None:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["q_proj", "k_proj", "v_proj"], task_type="CAUSAL_LM", **settings)
    model = get_peft_model(tiny(attention_bias=True).model, config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name and "magnitude" not in name:
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))) * 0.2)
        wanted = hidden_states(model, rows())
        with fast_lora(model):
            found = hidden_states(model, rows())
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_model_that_has_answered_can_still_be_trained(tiny: Any) -> None:
    model = adapted(tiny)
    model.eval()
    with torch.inference_mode(), fast_lora(model):
        hidden_states(model, rows())
    model.train()
    with fast_lora(model):
        outcome(model)


# Base weights in 4 bit


def adapted_in_4bit(folder: Any, *, dropout: float = 0.0, precision: str = "fp32") -> Any:
    from medlms.models.fetch import locate
    from medlms.models.load import load

    loaded = load(locate(str(folder)), precision=precision, load_in_4bit=True)
    model = adapters.create(loaded, Lora(r=4, alpha=8, dropout=dropout), seed=1)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for name, tensor in adapters.tensors(model).items():
            if "lora_B" in name:
                tensor.copy_(torch.randn(tensor.shape, generator=random) * 0.3)
    return model


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_4bit_layers_compute_as_in_peft(tiny_folder: Any, family: str, dropout: float) -> None:
    pytest.importorskip("bitsandbytes")
    quiet = {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0} if family == "gpt2" else {}
    model = adapted_in_4bit(tiny_folder(family, **quiet), dropout=dropout).train()
    with fast_lora(model, seed=5) as (masks, said):
        assert f"{len(layers(model))} of them over 4-bit weights" in said
        assert "own forward" not in said
        if masks is not None:
            masks.step, masks.rows = 3, [(1, rows().ids.shape[1])]
        found = outcome(model)
    groups, left = room._groups(model, "default", 5)
    assert left == 0
    if dropout:
        shared = Masks(5, 0.75, step=3, rows=[(1, rows().ids.shape[1])])
        for group in groups:
            for layer in group.layers:
                mask = shared.draw(group.index, torch.Size((rows().ids.shape[1], layer.in_features))).kept()
                layer.lora_dropout["default"] = Fixed(mask / 0.75)
    assert_same(found, outcome(model))


def test_4bit_weights_are_unpacked_and_not_kept(tiny_folder: Any) -> None:
    pytest.importorskip("bitsandbytes")
    model = adapted_in_4bit(tiny_folder()).train()
    groups, _ = room._groups(model, "default", 0)
    group = next(group for group in groups if len(group.layers) == 3)
    kept: list[torch.Size] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor.shape)
        return tensor

    x = torch.randn(7, 64, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        group.forward(0, x)
    assert kept
    assert not {shape for shape in kept if shape in ((64, 64), (32, 64), (sum(group.bounds), 64))}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=["fp32", "bf16", "fp16"])
def test_strips_are_what_bitsandbytes_unpacks(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    bnb = pytest.importorskip("bitsandbytes")
    from medlms.models import four_bit

    monkeypatch.setattr(four_bit, "STRIP", 10_000)
    made = []
    for rows, width in ((75, 256), (33, 100), (32, 64)):  # rows left over; blocks that cross rows; one strip
        layer = bnb.nn.Linear4bit(width, rows, bias=False, compute_dtype=dtype, quant_type="nf4")
        weight = torch.randn(rows, width, generator=torch.Generator().manual_seed(rows)).to(dtype) * 0.1
        layer.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", module=layer).to("cpu")
        assert four_bit.is_four_bit(layer)
        parts = list(four_bit.unpacked(layer, dtype))
        assert (len(parts) > 1) == (rows == 75)
        whole = bnb.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
        assert torch.equal(torch.cat([part for _, part in parts]), whole)
        made.append((layer, whole))
    layer, whole = made[0]
    packed = four_bit.PackedWeights([layer, layer])
    both = torch.cat([whole, whole]).float()
    x, grad = torch.randn(5, 256).to(dtype), torch.randn(5, 150).to(dtype)
    loose = {"rtol": 1e-5, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 5e-2}
    torch.testing.assert_close(packed.product(x).float(), x.float() @ both.t(), **loose)
    start = torch.ones_like(x)
    torch.testing.assert_close(packed.add_back(start, grad).float(), 1 + grad.float() @ both, **loose)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_answers_in_between_change_neither_4bit_weights_nor_gradients(tiny_folder: Any, precision: str) -> None:
    pytest.importorskip("bitsandbytes")
    from medlms.models.random_weights import checksum

    model = adapted_in_4bit(tiny_folder(), precision=precision).train()
    before, wanted = checksum(model), outcome(model)
    model.eval()
    with torch.inference_mode():
        with model.disable_adapter():
            hidden_states(model, rows())
        with fast_lora(model):
            hidden_states(model, rows())
        hidden_states(model, rows())
    model.train()
    assert checksum(model) == before
    found = outcome(model)
    assert torch.equal(found[0], wanted[0])
    assert all(torch.equal(found[1][name], gradient) for name, gradient in wanted[1].items())


def test_8bit_layers_are_left_to_peft_and_learn(tiny_folder: Any) -> None:
    pytest.importorskip("bitsandbytes")
    from medlms.models.fetch import locate
    from medlms.models.load import load

    exact = adapters.create(load(locate(str(tiny_folder())), precision="fp32"), Lora(r=4, dropout=0.0), seed=1).train()
    wanted = outcome(exact)[0]
    loaded = load(locate(str(tiny_folder())), precision="fp32", load_in_8bit=True)
    assert "8 bit" in loaded.why
    assert {type(layer).__name__ for layer in loaded.model.modules()} >= {"Linear8bitLt"}
    model = adapters.create(loaded, Lora(r=4, dropout=0.0), seed=1).train()
    with fast_lora(model) as (_, said):
        assert said.endswith(f"; {len(layers(model))} run peft's own forward")
        before = outcome(model)
        model.eval()
        with torch.inference_mode():
            hidden_states(model, rows())
        model.train()
        after = outcome(model)
    assert (before[0] - wanted).norm() < 0.1 * wanted.norm()
    assert any(gradient.abs().max() > 0 for gradient in before[1].values())
    assert torch.equal(before[0], after[0])
