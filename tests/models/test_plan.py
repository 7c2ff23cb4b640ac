"""The plan: sizes from a config alone must be those of the model that transformers builds and of what training keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medlms.config import Config, Lora
from medlms.errors import FetchError, ModelError, UnknownName
from medlms.models import costs, peek, times
from medlms.models.costs import Rows, work_of
from medlms.models.shapes import shape_of

LLAMA = {"model_type": "llama", "max_position_embeddings": 8192}
SHAPES: dict[str, dict[str, Any]] = {
    "mistral-7b": {
        "model_type": "mistral", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "sliding_window": 4096,
        "max_position_embeddings": 32768, "tie_word_embeddings": False,
    },
    "llama-3-8b": LLAMA | {
        "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": False,
    },
    "llama-2-7b": LLAMA | {
        "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
    },
    "gemma-1.1-7b": {
        "model_type": "gemma", "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576,
        "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256,
        "max_position_embeddings": 8192,
    },
    "gemma-2-2b": {
        "model_type": "gemma2", "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216,
        "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "max_position_embeddings": 8192,
    },
    "gemma-3-270m": {
        "model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 640, "intermediate_size": 2048,
        "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
        "max_position_embeddings": 32768, "sliding_window": 512,
    },
    "distilgpt2": {
        "model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_layer": 6, "n_head": 12, "n_positions": 1024,
    },
    "smollm2-135m": LLAMA | {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
    },
    "smollm2-360m": LLAMA | {
        "vocab_size": 49152, "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32,
        "num_attention_heads": 15, "num_key_value_heads": 5, "tie_word_embeddings": True,
    },
    "qwen2-0.5b": {
        "model_type": "qwen2", "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864,
        "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
        "max_position_embeddings": 32768, "tie_word_embeddings": True,
    },
    "qwen3-0.6b": {
        "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024, "intermediate_size": 3072,
        "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
        "max_position_embeddings": 40960, "tie_word_embeddings": True,
    },
}  # fmt: skip
FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gpt2", "gemma", "gemma2", "gemma3")


def config(**settings: Any) -> Config:
    return Config(**({"model": "x", "data": ["y"]} | settings))


def work(name: str = "smollm2-135m", *, element: int = 2, rows: Rows | None = None, **settings: Any) -> costs.Work:
    return work_of(shape_of(SHAPES[name]), config(**settings), element=element, rows=rows or Rows())


# Sizes


@pytest.mark.parametrize("name", SHAPES)
def test_weights_are_those_that_transformers_builds(name: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = dict(SHAPES[name])
    built = AutoConfig.for_model(settings.pop("model_type"), **settings)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(built)
    shape = shape_of(SHAPES[name])
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert shape_of(built.to_dict()) == shape, "a whole config must mean the same as its sizes alone"
    with torch.device("meta"):
        tuned = get_peft_model(model, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    trainable = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    assert shape.adapter(16) == trainable


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_biases_are_counted(kind: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    settings = {
        "vocab_size": 100, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "attention_bias": True, "mlp_bias": True,
        "tie_word_embeddings": False,
    }  # fmt: skip
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **settings))
    if kind == "qwen2":  # has biases whatever its config says, and none elsewhere
        settings |= {"attention_bias": False, "mlp_bias": False}
    assert shape_of({"model_type": kind, **settings}).parameters == sum(p.numel() for p in model.parameters())


def test_chosen_targets() -> None:
    shape = shape_of(SHAPES["smollm2-135m"])
    assert shape.adapter(8, ("q_proj",)) == 30 * 8 * (576 + 576)
    assert shape.adapter(8, ("no_such",)) == 0
    gpt2 = shape_of(SHAPES["distilgpt2"])
    assert gpt2.adapter(1, ("c_proj",)) == 6 * (768 + 768 + 3072 + 768), "both layers of that name are meant"


def test_an_unknown_type_is_read_as_llama_and_said_so() -> None:
    assert not shape_of({**SHAPES["smollm2-135m"], "model_type": "novel"}).sure
    with pytest.raises(ModelError, match="intermediate_size") as caught:
        shape_of({**SHAPES["smollm2-135m"], "model_type": "novel", "intermediate_size": None})
    assert "llama" in caught.value.hint


def test_a_model_that_also_sees_is_read_by_its_text_part() -> None:
    assert shape_of({"model_type": "gemma3", "text_config": SHAPES["gemma-3-270m"]}).kind == "gemma3_text"


def test_weights_in_every_precision() -> None:
    shape = shape_of(SHAPES["mistral-7b"])
    assert costs.weight_bytes(shape, "fp32") == 4 * 7_241_732_096
    assert costs.weight_bytes(shape, "16-bit") == 2 * 7_241_732_096
    nf4 = costs.weight_bytes(shape, "nf4")
    sixteen = 2 * (shape.parameters - shape.linear)
    assert nf4 - sixteen == pytest.approx(0.516 * shape.linear, rel=1e-3)
    assert costs.weight_bytes(shape, "nf4") < costs.weight_bytes(shape, "int8") < costs.weight_bytes(shape, "16-bit")


def test_nf4_takes_what_bitsandbytes_says() -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("bitsandbytes.functional")
    weight = torch.randn(512, 1024)
    packed, state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    held = packed.nbytes + state.absmax.nbytes + state.state2.absmax.nbytes
    assert held == pytest.approx(costs.NF4 * weight.numel(), rel=1e-3)


# What a training step keeps


def kept(loaded: Any, lora: Lora, lengths: tuple[int, ...]) -> int:
    """Bytes of all tensors that the graph of one block really holds, each storage once, the model's own left out."""
    import torch

    from medlms.models import adapters
    from medlms.models.fast_lora import fast_lora
    from medlms.models.forward import hidden_states
    from medlms.text.pack import pack
    from medlms.types import Tokens

    model = adapters.create(loaded, lora, seed=1)
    rows = [Tokens(str(n), tuple(range(5, 5 + n)), (True,) * n) for n in lengths]
    seen: dict[int, int] = {}
    with fast_lora(model, seed=1):
        model.train()
        own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}

        def count(tensor: Any) -> Any:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                seen[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            hidden = hidden_states(model, pack(rows))
        for tensor in on_nodes(hidden.grad_fn):
            count(tensor)
        hidden.sum().backward()
    return sum(seen.values())


def on_nodes(root: Any) -> list[Any]:
    """Tensors that nodes of a graph hold outside autograd's own keeping: the masks' words, the inputs of 8-bit layers."""
    import torch

    from medlms.models.dropout import Mask

    found, waiting, known = [], [root], {root}
    while waiting:
        node = waiting.pop()
        for value in getattr(node, "__dict__", {}).values():
            held = value.words if isinstance(value, Mask) else value
            if isinstance(held, torch.Tensor):
                found.append(held)
        fresh = {other for other, _ in node.next_functions if other is not None} - known
        known |= fresh
        waiting.extend(fresh)
    return found


def forecast(loaded: Any, lora: Lora, lengths: tuple[int, ...], **settings: Any) -> costs.Work:
    """The plan's work for one block of rows of these lengths."""
    import torch

    planned = work_of(
        shape_of(loaded.model.config.to_dict()),
        config(lora=lora.model_dump(), train={"micro_tokens": sum(lengths)}, **settings),
        element=loaded.dtype.itemsize,
        rows=Rows(mean=sum(lengths) / len(lengths), longest=max(lengths)),
        fp16=loaded.dtype == torch.float16,
    )
    assert planned.block == sum(lengths)
    return replace(planned, lengths=lengths)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("precision", "dropout", "targets"),
    [
        ("float32", 0.25, "all-linear"),
        ("bfloat16", 0.25, "all-linear"),
        ("float16", 0.25, "all-linear"),
        ("bfloat16", 0.0, "all-linear"),
        ("bfloat16", 0.1, "all-linear"),
        ("bfloat16", 0.25, ("attention",)),
        ("bfloat16", 0.25, ("q_proj", "v_proj")),
    ],
    ids=["fp32", "bf16", "fp16", "no dropout", "a tenth dropped", "few targets", "a part of a group"],
)
def test_the_formula_is_what_the_graph_holds(
    tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, family: str, precision: str, dropout: float, targets: Any
) -> None:
    import torch

    from medlms.models import load as loading
    from medlms.models.fetch import locate

    monkeypatch.setattr(loading, "choose_dtype", lambda *_: (getattr(torch, precision), "as the test wants"))
    loaded = loading.load(locate(str(tiny_folder(family))))
    if not isinstance(targets, str):
        matrices = shape_of(loaded.model.config.to_dict()).matrices
        targets = [matrix.name for matrix in matrices if {matrix.reads, matrix.name} & set(targets)]
        if not targets:
            pytest.skip("GPT-2 has its queries, keys and values in one")
    lora = Lora(r=4, dropout=dropout, targets=targets)
    lengths = (40, 60, 28)
    planned = forecast(loaded, lora, lengths)
    assert costs.activation_bytes(planned) == pytest.approx(kept(loaded, lora, lengths), rel=0.03)


def test_attention_weights_are_kept_of_short_rows_alone(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import fast_layers

    monkeypatch.setattr(fast_layers, "KEPT", 150)
    monkeypatch.setattr(costs, "KEPT", 150)
    lora, lengths = Lora(r=4, dropout=0.25), (140, 200, 20)
    loaded = tiny("llama")
    planned = forecast(loaded, lora, lengths)
    found = kept(loaded, lora, lengths)
    assert costs.activation_bytes(planned) == pytest.approx(found, rel=0.03)
    of_all = costs.activation_bytes(replace(planned, lengths=(150, 150, 60)))
    assert of_all > 1.1 * found, "the weights must be a part that shows"
    assert costs.activation_bytes(replace(planned, lengths=())) >= found, "unknown lengths are those that keep most"


@pytest.mark.parametrize("dropout", [0.25, 0.0])
@pytest.mark.parametrize(("family", "bits"), [("llama", 4), ("qwen3", 4), ("gpt2", 4), ("llama", 8), ("qwen3", 8)])
def test_the_formula_over_quantised_weights(
    tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, family: str, bits: int, dropout: float
) -> None:
    pytest.importorskip("bitsandbytes")
    import torch

    from medlms.models import load as loading
    from medlms.models.fetch import locate

    monkeypatch.setattr(loading, "choose_dtype", lambda *_: (torch.bfloat16, "as the test wants"))
    setting: dict[str, Any] = {f"load_in_{bits}bit": True}
    loaded = loading.load(locate(str(tiny_folder(family))), **setting)
    lora, lengths = Lora(r=4, dropout=dropout), (40, 60, 28)
    planned = forecast(loaded, lora, lengths, **setting)
    assert costs.fused(planned) == (bits == 4)
    assert costs.activation_bytes(planned) == pytest.approx(kept(loaded, lora, lengths), rel=0.03)


@pytest.mark.parametrize("softcap", [None, 30.0])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("learned", [200, 700])
def test_the_logits_take_what_is_reckoned(tmp_path: Path, learned: int, precision: str, softcap: float | None) -> None:
    import torch

    from medlms.models.head import answer_loss

    dtype, vocabulary = getattr(torch, precision), 4000
    hidden = torch.randn(learned, 8, dtype=dtype, requires_grad=True)
    weight, targets = torch.randn(vocabulary, 8).to(dtype), torch.randint(0, vocabulary, (learned,))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        answer_loss(hidden, weight, targets, softcap=softcap)
    profile.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    seen = [event["args"] for event in sorted(events, key=lambda e: e.get("ts", 0)) if event["name"] == "[memory]"]
    most = max(args["Total Allocated"] for args in seen) - (seen[0]["Total Allocated"] - seen[0]["Bytes"])
    shape = replace(shape_of(SHAPES["smollm2-135m"]), vocabulary=vocabulary, softcap=softcap is not None)
    planned = replace(work(), shape=shape, learned=learned, element=dtype.itemsize, fp16=precision == "float16")
    assert costs.head_bytes(planned) == pytest.approx(most, rel=0.05)


def test_copied_constants_are_the_real_ones() -> None:
    import torch

    from medlms.engines import local
    from medlms.models import attention, cache, dropout, fast_layers, four_bit, head

    assert costs.CHUNK == head.CHUNK
    assert costs.QUERIES == attention.BLOCK
    assert costs.KEPT == fast_layers.KEPT
    assert costs.STRIP == four_bit.STRIP
    assert costs.PLACES == cache.STEP
    assert costs.SCORED == local.SCORE_TOKENS
    assert attention.causal_bias.cache_parameters()["maxsize"] == costs.BIASES
    assert {f"{kind.capitalize()}RMSNorm" for kind in costs.ONE_NODE} == fast_layers.NORMS
    assert {f"{kind.capitalize()}MLP" for kind in costs.ONE_NODE} == fast_layers.GATED
    assert {f"{kind.capitalize()}Attention" for kind in costs.ONE_NODE_ATTENTION} == fast_layers.ATTENTIONS
    for rate in (0.1, 0.25, 0.5, 0.75, 0.3):
        words = dropout.Masks(1, 1 - rate).draw(0, torch.Size((64, 8))).words
        assert words.nbytes == costs.mask_bytes(rate) * 64 * 8
    assert costs.mask_bytes(0) == 0


def test_memory_grows_with_what_should_make_it_grow() -> None:
    base = costs.peak(work()).needed
    assert costs.peak(work(train={"micro_tokens": 2048})).needed > base
    assert costs.peak(work(lora={"r": 64})).needed > base
    assert costs.peak(work(element=4)).needed > base
    assert costs.peak(work("smollm2-360m")).needed > base
    assert costs.cache_bytes(work(evaluate={"batch": 64})) > costs.cache_bytes(work())
    assert costs.cache_bytes(work(evaluate={"max_new_tokens": 1024})) > costs.cache_bytes(work())


def test_logits_of_a_large_vocabulary_are_counted() -> None:
    many, few = (costs.head_bytes(work(name)) for name in ("gemma-1.1-7b", "llama-2-7b"))
    assert many == 8 * few, "256,000 against 32,000 words"


def test_a_block_is_never_shorter_than_a_row() -> None:
    long = Rows(mean=300, longest=1800, known=True)
    assert work(rows=long).block == 1800
    assert work(rows=Rows(mean=300, longest=500, known=True)).block == 1024


def test_full_size_models_in_4_bit_need_what_was_measured_with_peft_alone() -> None:
    # Blocks of 64 tokens, as measured once with plain peft and bitsandbytes: 6.5 GiB and 8.6 GiB.
    settings = {"load_in_4bit": True, "max_length": 64, "train": {"micro_tokens": 64}, "evaluate": {"batch": 1}}
    for name, gigabytes in (("mistral-7b", 6.5), ("llama-3-8b", 8.6)):
        found = costs.phases(work(name, rows=Rows(mean=64, longest=64), **settings))[1]
        assert found.needed == pytest.approx(gigabytes * 2**30, rel=0.2)


def test_methods_stand_in_the_order_that_they_must() -> None:
    table = {method.name: method for method in costs.methods(work("mistral-7b", max_length=256))}
    full, lora, qlora = table["full fine-tuning"], table["LoRA"], table["QLoRA (NF4)"]
    soft = table["soft prompt (100 vectors)"]
    assert full.memory > 16 * 7.2e9 > lora.memory > qlora.memory
    assert soft.trainable == 100 * 4096 < lora.trainable < full.trainable
    assert lora.stored == 4 * lora.trainable


# Times


def test_seconds_are_ranges_in_proportion() -> None:
    planned = work()
    once = times.training_time(planned, flops=1e11)
    assert once.low < once.middle < once.high
    assert times.training_time(planned, flops=2e11).middle == pytest.approx(once.middle / 2)
    slow = times.training_time(work("mistral-7b", load_in_4bit=True), flops=1e11)
    assert slow.low > times.training_time(work("mistral-7b"), flops=1e11).low, "4 bit saves memory, not time"
    grading = {"bytes_per_second": 1e10, "systems": 2, "answers": 100}
    assert (
        times.grading_time(planned, flops=1e11, **grading).middle
        < times.grading_time(work(evaluate={"max_new_tokens": 1024}), flops=1e11, **grading).middle
    )
    assert str(times.Seconds(90, 60, 120)) == "1.0 to 2.0 minutes"
    assert str(times.Seconds(36000, 18000, 72000)) == "5.0 to 20.0 hours"


# Where a config is read


def test_peek_reads_a_config_and_no_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SHAPES["mistral-7b"] | {"torch_dtype": "float32"}))
    seen = peek.peek(str(tmp_path))
    assert shape_of(seen.config).parameters == 7_241_732_096
    assert seen.stored == 4
    run = tmp_path / "run"
    (run / "adapter").mkdir(parents=True)
    (run / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path)}))
    assert peek.peek(str(run)).config == seen.config


def test_peek_takes_the_shape_of_a_known_model() -> None:
    assert shape_of(peek.peek("llama-3-8b").config).vocabulary == 128256


def test_peek_fetches_nothing(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="fetches nothing") as caught:
        peek.peek("no-such-owner/no-such-model")
    assert "hf download no-such-owner/no-such-model config.json" in caught.value.hint
    with pytest.raises(UnknownName, match="smol"):
        peek.peek("smol")
    with pytest.raises(ModelError, match="no such"):
        peek.peek(str(tmp_path / "nothing"))
    (tmp_path / "config.json").write_text("[1")
    with pytest.raises(ModelError, match="can't be read"):
        peek.peek(str(tmp_path))


def test_peek_reads_a_gguf_files_header(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    import numpy as np

    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(48)
    writer.add_context_length(128)
    writer.add_tensor("token_embd.weight", np.zeros((100, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    seen = peek.peek(str(path))
    shape = shape_of(seen.config)
    expected = {"layers": 2, "width": 32, "key_heads": 2, "inner": 48, "vocabulary": 100, "tied": True}
    assert {name: getattr(shape, name) for name in expected} == expected
    assert seen.stored == 4


def test_the_arithmetic_needs_no_torch() -> None:
    code = (
        "import sys; from medlms.models import costs, peek, shapes, times; from medlms.road import planning; "
        "assert not {'torch', 'transformers', 'gguf', 'huggingface_hub'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(costs.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
