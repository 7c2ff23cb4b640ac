"""Adapters are peft's: what is saved here, peft and transformers alone can open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from medlms.config import Lora
from medlms.errors import AskedWrongly, ModelError
from medlms.models import adapters
from medlms.models.forward import hidden_states, output_head
from medlms.testing import FAMILIES
from medlms.text.pack import pack
from medlms.types import Tokens

EXTRA = {"base_model": "tiny", "template_hash": "abc", "instruction": "Be truthful."}
ROW = Tokens("row", tuple(range(10, 40)), (True,) * 30)


def adapted(loaded: Any, **settings: Any) -> Any:
    model = adapters.create(loaded, Lora(**({"r": 4, "dropout": 0.0} | settings)), seed=1)
    random = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for tensor in adapters.tensors(model).values():
            tensor.add_(torch.randn(tensor.shape, generator=random) * 0.2)
    return model.eval()


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_alone_opens_what_was_saved(tiny: Any, tiny_folder: Any, tmp_path: Path, family: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = tiny(family)
    model = adapted(loaded)
    with torch.no_grad():
        weight, cap = output_head(model)
        own = hidden_states(model, pack([ROW])) @ weight.t()
        own = own if cap is None else cap * torch.tanh(own / cap)
    adapters.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    assert not list(tmp_path.glob("*.bin"))

    base = AutoModelForCausalLM.from_pretrained(tiny_folder(family), dtype=torch.float32, attn_implementation="eager")
    theirs = PeftModel.from_pretrained(base, tmp_path).eval()
    with torch.no_grad():
        plain = base.get_base_model() if hasattr(base, "get_base_model") else base
        logits = theirs(input_ids=torch.tensor([ROW.ids])).logits[0]
        with theirs.disable_adapter():
            untuned = plain(input_ids=torch.tensor([ROW.ids])).logits[0]
    torch.testing.assert_close(own, logits, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(own, untuned, atol=0.1), "the adapter must do something for this test to mean something"

    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.chat_template == loaded.tokenizer.chat_template
    assert tokenizer("Gout is 12.").input_ids == loaded.tokenizer("Gout is 12.").input_ids


def test_the_folder_says_what_it_belongs_to(tiny: Any, tmp_path: Path) -> None:
    loaded = tiny()
    adapters.save(adapted(loaded), loaded.tokenizer, tmp_path, extra={**EXTRA, "base_model_path": "owner/name"})
    config = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "owner/name"
    assert config["r"] == 4
    assert json.loads((tmp_path / "medlms.json").read_text(encoding="utf-8"))["template_hash"] == "abc"
    from safetensors.torch import load_file

    held = load_file(tmp_path / "adapter_model.safetensors")
    assert held
    assert all("lora_" in name for name in held), "base weights or embeddings were saved along"


def test_saved_and_attached_again_is_the_same(tiny: Any, tmp_path: Path) -> None:
    loaded = tiny()
    model = adapted(loaded)
    adapters.save(model, loaded.tokenizer, tmp_path, extra=EXTRA)
    again = adapters.attach(tiny(), tmp_path)
    assert not again.training
    with torch.no_grad():
        assert torch.equal(hidden_states(model, pack([ROW])), hidden_states(again, pack([ROW])))


def test_an_adapter_of_another_model_is_refused(tiny: Any, tmp_path: Path) -> None:
    loaded = tiny()
    adapters.save(adapted(loaded), loaded.tokenizer, tmp_path, extra=EXTRA)
    with pytest.raises(ModelError, match="does not fit") as caught:
        adapters.attach(tiny(hidden_size=32), tmp_path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_the_seed_makes_the_adapter(tiny: Any) -> None:
    def fresh(seed: int) -> dict[str, torch.Tensor]:
        return adapters.tensors(adapters.create(tiny(), Lora(r=4), seed=seed))

    one, same, other = fresh(1), fresh(1), fresh(2)
    assert list(one) == sorted(one)
    for name, tensor in one.items():
        assert torch.equal(tensor, same[name])
        if "lora_B" in name:
            assert not tensor.any()
        else:
            assert not torch.equal(tensor, other[name])


@pytest.mark.parametrize(("family", "modules"), [("llama", 7), ("gpt2", 4)])
def test_all_linear_adapts_every_layer_but_the_head(tiny: Any, family: str, modules: int) -> None:
    model = adapters.create(tiny(family), Lora(r=4, alpha=8), seed=1)
    names = list(adapters.tensors(model))
    assert len(names) == 2 * modules * 2  # layers, A and B
    assert not any("lm_head" in name for name in names)
    assert all(tensor.dtype == torch.float32 for tensor in adapters.tensors(model).values())


def test_chosen_targets_only(tiny: Any) -> None:
    model = adapters.create(tiny(), Lora(r=4, targets=["q_proj", "layers.1.mlp.up_proj"]), seed=1)
    adapted_to = {name.split(".lora_")[0].rpartition("layers.")[2] for name in adapters.tensors(model)}
    assert adapted_to == {"0.self_attn.q_proj", "1.self_attn.q_proj", "1.mlp.up_proj"}


def test_a_wrong_target_names_the_nearest(tiny: Any) -> None:
    with pytest.raises(AskedWrongly, match="q_porj") as caught:
        adapters.create(tiny(), Lora(targets=["q_porj", "v_proj"]), seed=1)
    assert "q_proj" in caught.value.hint
    assert "v_proj" not in str(caught.value)
    with pytest.raises(AskedWrongly) as caught:
        adapters.create(tiny("gpt2"), Lora(targets=["zzz"]), seed=1)
    assert "c_attn" in caught.value.hint


@pytest.mark.parametrize("target", ["layers.99.mlp.up_proj", "mlp.up_porj", "embed_tokens", "lf_attn.q_proj"])
def test_no_target_is_dropped_in_silence(tiny: Any, target: str) -> None:
    with pytest.raises(AskedWrongly, match=f"no module {target}") as caught:
        adapters.create(tiny(), Lora(targets=["q_proj", target]), seed=1)
    assert "It has: q_proj" in caught.value.hint


def test_the_head_is_refused_as_a_target(tiny: Any) -> None:
    with pytest.raises(AskedWrongly):
        adapters.create(tiny("mistral"), Lora(targets=["q_proj", "lm_head"]), seed=1)


def test_put_copies_what_fits_and_refuses_the_rest(tiny: Any) -> None:
    model = adapted(tiny())
    values = {name: torch.full_like(tensor, 0.5) for name, tensor in adapters.tensors(model).items()}
    adapters.put(model, values)
    assert all((tensor == 0.5).all() for tensor in adapters.tensors(model).values())

    first = next(iter(values))
    less = {name: value for name, value in values.items() if name != first}
    for wrong in (less, {**values, "more": values[first]}, {**values, first: values[first][:, :-1]}, {}):
        with pytest.raises(ModelError, match="another model"):
            adapters.put(model, wrong)
    assert all((tensor == 0.5).all() for tensor in adapters.tensors(model).values()), "a refusal changes nothing"
