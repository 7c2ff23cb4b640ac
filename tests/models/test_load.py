"""A folder into memory: precision, stop tokens and context as its files say, and a sentence where a file is unfit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medlms.errors import AskedWrongly, ModelError, ResourceError
from medlms.models import attention, plan
from medlms.models import load as room
from medlms.models.fetch import Located, locate
from medlms.models.forward import hidden_states
from medlms.models.load import load
from medlms.testing import CONTEXT, FAMILIES
from medlms.text.pack import pack
from medlms.types import Tokens


@pytest.fixture
def copy(tiny_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder(), tmp_path / "model"))


def change(file: Path, **values: Any) -> None:
    tree = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(tree | values), encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_loaded(tiny: Any, family: str) -> None:
    loaded = tiny(family)
    assert loaded.dtype == torch.float32
    assert loaded.model.dtype == torch.float32
    assert loaded.why == "fp32, as asked"
    assert loaded.context == CONTEXT
    assert loaded.model.config._attn_implementation == attention.PACKED
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    ends = {
        "llama": ["<|im_end|>"],
        "llama2": ["</s>"],
        "llama3": ["<|eot_id|>", "<|end_of_text|>"],
        "mistral": ["</s>"],
        "gpt2": ["<|endoftext|>"],
        **{name: ["<eos>", "<end_of_turn>"] for name in ("gemma", "gemma2", "gemma3")},
        **{name: ["<|im_end|>", "<|endoftext|>"] for name in ("qwen2", "qwen3")},
    }
    assert loaded.stops == set(loaded.tokenizer.convert_tokens_to_ids(ends[family]))
    assert loaded.parameters == sum(parameter.numel() for parameter in loaded.model.parameters()) < 500_000


@pytest.mark.parametrize(
    ("family", "named"), [("llama3", "<|end_of_text|>"), ("gemma", "<eos>"), ("qwen2", "<|im_end|>")]
)
def test_the_family_knows_ends_that_the_files_do_not_name(
    tiny_folder: Any, tmp_path: Path, family: str, named: str
) -> None:
    folder = Path(shutil.copytree(tiny_folder(family), tmp_path / "model"))
    whole = load(locate(str(folder)), precision="fp32").stops
    only = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    number = next(token["id"] for token in only["added_tokens"] if token["content"] == named)
    change(folder / "generation_config.json", eos_token_id=number)
    change(folder / "config.json", eos_token_id=number)
    change(folder / "tokenizer_config.json", eos_token=named)
    assert load(locate(str(folder)), precision="fp32").stops == whole
    assert len(whole) == 2


def test_an_architecture_without_a_family_is_read_and_said(tiny_folder: Any, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(
        "phi", vocab_size=400, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=4,
        max_position_embeddings=99, eos_token_id=2, tie_word_embeddings=True,
    )  # fmt: skip
    shutil.copytree(tiny_folder(), tmp_path / "model")
    model = AutoModelForCausalLM.from_config(config)
    model.lm_head.bias = None  # a head with a bias is refused
    model.save_pretrained(tmp_path / "model")
    said: list[str] = []
    with pytest.raises(ModelError, match=r"weights lack|head"):
        load(locate(str(tmp_path / "model")), precision="fp32", say=said.append)
    assert any("models/families/phi.py" in sentence for sentence in said)


def test_an_architecture_that_transformers_does_not_know_names_the_file_to_add(copy: Path) -> None:
    change(copy / "config.json", model_type="unheard-of")
    with pytest.raises(ModelError) as caught:
        load(locate(str(copy)), precision="fp32")
    assert "src/medlms/models/families/unheard_of.py" in caught.value.hint
    assert "transformers" in caught.value.hint


def test_the_bases_own_dropout_is_left_out_and_said(tiny_folder: Any) -> None:
    said: list[str] = []
    loaded = load(locate(str(tiny_folder("gpt2"))), precision="fp32", say=said.append)
    assert {loaded.model.config.attn_pdrop, loaded.model.config.resid_pdrop, loaded.model.config.embd_pdrop} == {0.0}
    assert not any(module.p for module in loaded.model.modules() if isinstance(module, torch.nn.Dropout))
    assert any("own dropout (attn_pdrop, embd_pdrop, resid_pdrop)" in sentence for sentence in said)


def test_adapters_are_not_counted_as_base_weights(tiny: Any) -> None:
    from medlms.config import Lora
    from medlms.models import adapters

    loaded = tiny()
    before = loaded.parameters
    adapters.create(loaded, Lora(r=4), seed=0)
    assert loaded.parameters == before


@pytest.mark.parametrize(("file", "content"), [("config.json", "{"), ("config.json", '{"model_type": "unheard-of"}')])
def test_an_unfit_config(copy: Path, file: str, content: str) -> None:
    (copy / file).write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json") as caught:
        load(locate(str(copy)), precision="fp32")
    assert "\n" not in str(caught.value)


def test_an_unfit_tokenizer(copy: Path) -> None:
    (copy / "tokenizer.json").write_text('{"version": "1.0"}', encoding="utf-8")
    with pytest.raises(ModelError, match="tokenizer"):
        load(locate(str(copy)), precision="fp32")


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_cut_weights(copy: Path, share: float) -> None:
    weights = copy / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match="weights can't be read") as caught:
        load(locate(str(copy)), precision="fp32")
    assert caught.value.hint


def test_weights_that_lack_a_tensor(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    held = load_file(copy / "model.safetensors")
    name = next(name for name in held if "down_proj" in name)
    del held[name]
    save_file(held, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError):
        load(locate(str(copy)), precision="fp32")


def test_a_model_that_can_never_stop(copy: Path) -> None:
    change(copy / "config.json", eos_token_id=None)
    change(copy / "generation_config.json", eos_token_id=None)
    change(copy / "tokenizer_config.json", eos_token=None)
    (copy / "chat_template.jinja").unlink()  # its family would know how a turn of it ends
    with pytest.raises(ModelError, match="never stop") as caught:
        load(locate(str(copy)), precision="fp32")
    assert "eos_token" in caught.value.hint


def test_remote_code_is_not_run(copy: Path, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    (copy / "evil.py").write_text(f"open({str(proof)!r}, 'w').close()\nclass Evil: ...\n", encoding="utf-8")
    change(
        copy / "config.json",
        model_type="evil",
        auto_map={"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"},
    )
    with pytest.raises(ModelError):
        load(locate(str(copy)), precision="fp32")
    assert not proof.exists()


# Precision and memory


def test_precision_is_chosen_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(room, "cpu_has_bf16", lambda: True)
    assert room.choose_dtype("auto", cpu) == (torch.bfloat16, "bf16: this processor computes in it")
    assert room.choose_dtype("bf16", cpu)[0] == torch.bfloat16
    assert room.choose_dtype("fp32", cpu)[0] == torch.float32
    monkeypatch.setattr(room, "cpu_has_bf16", lambda: False)
    dtype, why = room.choose_dtype("auto", cpu)
    assert dtype == torch.float32
    assert "does not compute in bf16" in why
    with pytest.raises(AskedWrongly, match="bf16") as caught:
        room.choose_dtype("bf16", cpu)
    assert "auto" in caught.value.hint


def test_too_little_memory_for_the_weights(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: 1000)
    with pytest.raises(ResourceError, match="of memory") as caught:
        load(locate(str(copy)), precision="fp32")
    assert "smaller model" in caught.value.hint


@pytest.mark.parametrize(("asked", "share"), [("fp32", 1.0), ("bf16", 0.5)])
def test_memory_is_that_of_the_working_precision(
    copy: Path, monkeypatch: pytest.MonkeyPatch, asked: str, share: float
) -> None:
    monkeypatch.setattr(room, "cpu_has_bf16", lambda: True)
    size = (copy / "model.safetensors").stat().st_size  # stored in fp32
    monkeypatch.setattr(room, "available_memory", lambda: int(share * size) + 1000)
    assert load(locate(str(copy)), precision=asked).dtype.itemsize == 4 * share
    monkeypatch.setattr(room, "available_memory", lambda: int(share * size) - 1000)
    with pytest.raises(ResourceError, match="of memory"):
        load(locate(str(copy)), precision=asked)


def test_the_plan_says_what_training_needs(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    small = plan.training_bytes(loaded, trainable=1000, block_tokens=100)
    assert plan.training_bytes(loaded, trainable=1000, block_tokens=200) > small
    assert plan.training_bytes(loaded, trainable=2000, block_tokens=100) == small + 16 * 1000
    monkeypatch.setattr(plan, "available_memory", lambda: small + 1)
    assert "GB" in plan.check_memory(loaded, trainable=1000, block_tokens=100)
    monkeypatch.setattr(plan, "available_memory", lambda: small - 1)
    with pytest.raises(ResourceError, match="Training needs") as caught:
        plan.check_memory(loaded, trainable=1000, block_tokens=100)
    assert "micro_tokens" in caught.value.hint
    monkeypatch.setattr(plan, "available_memory", lambda: 0)  # a system that does not tell
    assert "free" not in plan.check_memory(loaded, trainable=1000, block_tokens=100)


def test_the_plan_guesses_seconds_in_proportion(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny()
    monkeypatch.setattr(plan, "matmul_flops", lambda dtype, device: 1e9)

    def seconds(epochs: int) -> float:
        return plan.training_range(loaded, [50, 50], learned=40, epochs=epochs).middle

    once = seconds(1)
    assert once > 0
    assert seconds(3) == pytest.approx(3 * once)
    monkeypatch.setattr(plan, "matmul_flops", lambda dtype, device: 2e9)
    assert seconds(1) == pytest.approx(once / 2)


def test_weights_hashes_are_of_the_files(tiny: Any, tiny_folder: Any) -> None:
    import hashlib

    content = (tiny_folder() / "model.safetensors").read_bytes()
    assert room.weights_hashes(tiny().located) == {"model.safetensors": hashlib.sha256(content).hexdigest()}


# GGUF


def write_gguf(model: Any, tokenizer: Any, path: Path) -> None:
    """A miniature llama as a GGUF file, in fp32. Rows of q and k go in pairs, as that format wants them."""
    gguf = pytest.importorskip("gguf")
    config = model.config
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    ids = tokenizer.get_vocab()
    special = {token["id"] for token in backend["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(sorted(ids, key=ids.__getitem__))
    writer.add_token_types([3 if number in special else 1 for number in range(len(ids))])
    writer.add_token_merges([" ".join(pair) for pair in backend["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        values = tensor
        for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if part in name:
                values = values.view(heads, 2, -1, values.shape[1]).transpose(1, 2).reshape(values.shape)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), values.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_gguf_file_gives_the_same_model(
    tiny: Any, tmp_path: Path, nothing_at_hand: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tiny()
    write_gguf(original.model, original.tokenizer, tmp_path / "tiny.gguf")
    located = Located(name="tiny", folder=tmp_path, gguf="tiny.gguf", digit_splitter=True)
    said: list[str] = []
    loaded = load(located, precision="fp32", say=said.append)
    assert any("converting" in sentence for sentence in said)
    batch = pack([Tokens("row", tuple(range(5, 40)), (True,) * 35)])
    with torch.no_grad():
        assert torch.equal(hidden_states(loaded.model, batch), hidden_states(original.model, batch))
    for text in ("Gout is 112 mg.", "Do this:\n\n1. Rest 24 hours.\n\n2. Drink.", "Ménière 体温 🛌"):
        assert loaded.tokenizer(text).input_ids == original.tokenizer(text).input_ids
    assert loaded.tokenizer.chat_template == original.tokenizer.chat_template
    assert loaded.stops >= original.stops
    assert list(room.weights_hashes(located)) == ["tiny.gguf"]

    # The second time the copy is read; without the digit splitter it is another copy.
    monkeypatch.setattr(room, "_convert", lambda *args: pytest.fail("converted twice"))
    load(located, precision="fp32")
    (copy,) = (nothing_at_hand / "converted").iterdir()
    assert (copy / "config.json").is_file()


def test_a_broken_gguf_file_is_a_sentence(tmp_path: Path, nothing_at_hand: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\x00" * 100)
    with pytest.raises(ModelError, match="can't be read") as caught:
        load(locate(str(tmp_path / "broken.gguf")), precision="fp32")
    assert caught.value.hint
    assert not list((nothing_at_hand / "converted").iterdir()), "a half conversion was left behind"
