"""`models prove` in miniature: the deck's shapes scaled down go the same way that they go at full size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from medlms.errors import AskedWrongly, ModelError, ResourceError, UnknownName
from medlms.models import random_weights
from medlms.models.known import KNOWN
from medlms.road import prove as room

NAMES = {
    "mistral-7b": "mistral-7b-v0.1",
    "llama-3-8b": "llama-3-8b",
    "llama-2-7b": "llama-2-7b",
    "gemma-1.1-7b": "gemma-1.1-7b-it",
    "distilgpt2": "distilgpt2",
}
TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")  # beyond a small vocabulary
DECK = {name: {k: v for k, v in KNOWN[known].shape.items() if k not in TOKENS} for name, known in NAMES.items()}
PARAMETERS = {
    "mistral-7b": 7_241_732_096,
    "llama-3-8b": 8_030_261_248,
    "llama-2-7b": 6_738_415_616,
    "gemma-1.1-7b": 8_537_680_896,
    "distilgpt2": 81_912_576,
}
ADAPTERS = {
    "mistral-7b": 41_943_040,
    "llama-3-8b": 41_943_040,
    "llama-2-7b": 39_976_960,
    "gemma-1.1-7b": 50_003_968,
    "distilgpt2": 1_179_648,
}
SMALL = {
    "num_hidden_layers": 2, "hidden_size": 128, "intermediate_size": 192, "num_attention_heads": 4, "vocab_size": 512,
    "max_position_embeddings": 256, "n_layer": 2, "n_embd": 64, "n_head": 4, "n_positions": 256, "head_dim": 32,
    "sliding_window": 16,
}  # fmt: skip


def small(name: str) -> dict[str, Any]:
    shape = {key: SMALL.get(key, value) for key, value in DECK[name].items()}
    if "num_key_value_heads" in shape:
        shape["num_key_value_heads"] = 4 * shape["num_key_value_heads"] // DECK[name]["num_attention_heads"]
    return shape


@pytest.mark.parametrize("name", DECK)
def test_the_whole_way(name: str, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    proof = room.prove(name, shape=small(name), steps=2, tokens=24, folder=tmp_path)
    assert proof.differences == []
    assert proof.four_bit
    assert len(proof.steps) == 2
    assert all(step.loss > 0 and step.grad_norm for step in proof.steps)
    assert 1 <= proof.new_tokens <= 16
    assert proof.trainable == proof.predicted["trainable"]
    assert "over 4-bit weights" in proof.path
    assert proof.reread == "base and adapter read from disk"
    assert [stage.name for stage in proof.stages][:4] == ["build", "save base", "adapters", "train"]
    assert list(tmp_path.iterdir()) == [], "what was written for a while is gone"
    assert "outputs agree" in room.table(proof)


@pytest.mark.parametrize("name", DECK)
def test_full_shapes_have_the_published_sizes(name: str) -> None:
    shape = room.shape_of(NAMES[name])
    json.dumps(shape)  # results hold it
    model = random_weights.skeleton(shape, torch.bfloat16)
    assert all(parameter.device.type == "meta" for parameter in model.parameters())
    sizes = random_weights.sizes(model)
    assert sizes.linear + sizes.other == PARAMETERS[name]
    loaded = random_weights.loaded(model, name, torch.bfloat16, "", type("T", (), {"eos_token_id": 2}))
    said = room.predicted(loaded, four_bit=True, tokens=64)
    assert said["trainable"] == ADAPTERS[name]
    linear, other = sizes.linear, sizes.other
    assert said["base_bytes"] == pytest.approx(0.516 * linear + 2 * other, rel=1e-3)
    assert said["base_bytes"] < said["peak_memory_bytes"] < 24e9


def test_without_room_on_disk_the_base_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bitsandbytes")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: type("U", (), {"free": 1000}))
    proof = room.prove("x", shape=small("llama-3-8b"), steps=1, tokens=16, folder=tmp_path)
    assert proof.differences == []
    assert "drawn again" in proof.reread


def test_what_does_not_agree_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import adapters

    attach = adapters.attach

    def spoiled(loaded: Any, folder: Path) -> Any:
        model = attach(loaded, folder)
        with torch.no_grad():
            next(p for n, p in model.named_parameters() if "lora_B" in n).add_(0.5)
        return model

    monkeypatch.setattr(adapters, "attach", spoiled)
    proof = room.prove("x", shape=small("distilgpt2"), steps=1, tokens=16, folder=tmp_path)
    assert any("log-probability" in line for line in proof.differences)
    assert "log-probability" in room.table(proof)


def test_results_of_several_models_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "full-size.json"
    one = room.prove("one", shape=small("distilgpt2"), steps=1, tokens=16, folder=tmp_path)
    room.write(one, path, command="medlms models prove one")
    one.model = "two"
    room.write(one, path, command="medlms models prove two")
    room.write(one, path, command="medlms models prove two")
    held = json.loads(path.read_text())
    assert [item["model"] for item in held["proofs"]] == ["one", "two"]
    seen = [(row["settings"]["model"], row["settings"]["what"], row["system"], row["metric"]) for row in held["rows"]]
    assert len(seen) == len(set(seen))
    for model in ("one", "two"):
        assert (model, "training step", "ours", "seconds") in seen
        assert (model, "predicted", "plan", "peak_memory_bytes") in seen
    assert str(tmp_path) not in path.read_text()


def test_conv1d_is_quantised_as_loading_does(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    from medlms import testing
    from medlms.models.fetch import locate
    from medlms.models.load import load

    tokenizer = testing.tiny_tokenizer("gpt2")
    model = random_weights.skeleton(small("distilgpt2"), torch.float32)
    random_weights.fill(model, dtype=torch.float32, four_bit=False, seed=1)
    random_weights.save(model, tokenizer, tmp_path)
    random_weights.fill(packed := random_weights.skeleton(small("distilgpt2"), torch.float32), dtype=torch.float32,
                        four_bit=True, seed=1)  # fmt: skip
    read = load(locate(str(tmp_path)), precision="fp32", load_in_4bit=True).model
    for (name, one), (_, other) in zip(packed.named_modules(), read.named_modules(), strict=True):
        assert type(one) is type(other), name
    assert random_weights.checksum(packed) == random_weights.checksum(read)


def test_drawn_weights_go_once_they_are_quantised(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bitsandbytes")
    import weakref

    own, drawn, alive = random_weights._quantised, [], []

    def spy(module: Any, dtype: torch.dtype) -> Any:
        drawn.append(weakref.ref(module.weight))
        alive.append(sum(reference() is not None for reference in drawn))
        return own(module, dtype)

    monkeypatch.setattr(random_weights, "_quantised", spy)
    model = random_weights.skeleton(small("mistral-7b"), torch.bfloat16)
    random_weights.fill(model, dtype=torch.bfloat16, four_bit=True, seed=1)
    assert len(alive) > 10
    assert max(alive) <= 2, "all layers were held in 16 bits at once"


def test_the_folder_for_weights_is_made_or_refused_in_words(tmp_path: Path) -> None:
    proof = room.prove("x", shape=small("distilgpt2"), steps=1, tokens=16, folder=tmp_path / "not" / "there")
    assert proof.differences == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResourceError, match="nothing can be written there"):
        room.prove("x", shape=small("distilgpt2"), steps=1, tokens=16, folder=tmp_path / "file")


def test_what_can_not_be_proven_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match="no shape"):
        room.prove("no-such-model")
    with pytest.raises(AskedWrongly, match="at most 256"):
        room.prove("x", shape=small("distilgpt2"), tokens=300)
    with pytest.raises(ModelError, match="vocabulary"):
        room.prove("x", shape={**small("distilgpt2"), "vocab_size": 50})
    with pytest.raises(ModelError, match="no model of this shape"):
        room.prove("x", shape={"model_type": "unheard-of"})
    monkeypatch.setattr("medlms.models.load.available_memory", lambda: 1000)
    with pytest.raises(ResourceError, match="are needed"):
        room.prove("x", shape=small("distilgpt2"))


def test_a_folder_with_a_config_gives_the_shape(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**small("llama-2-7b"), "architectures": ["LlamaForCausalLM"]}))
    assert room.shape_of(str(tmp_path)) == small("llama-2-7b")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="model_type"):
        room.shape_of(str(tmp_path))


def test_a_model_that_leaves_the_range_of_fp16_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(AskedWrongly, match="leave its range"):
        room.prove("gemma-1.1-7b-it", precision="fp16")
