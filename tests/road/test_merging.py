"""Merged weights and GGUF files in miniature: they say what base and adapter say, or they are not written at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from medlms.errors import AskedWrongly, ModelError, ResourceError
from medlms.road.merging import export, merge

Make = Callable[..., Path]
QWEN_RULE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LIST = "Signs:\n\n1. fever\n2. cough, 37.5 °C, 120/80"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models.load import quiet

    quiet()


@pytest.fixture
def make(tiny_folder: Callable[..., Path], here: Path) -> Make:
    """A run's folder with an adapter that does something, on a miniature base of its own."""

    def run(family: str = "llama", *, rule: str = "", shift: float = 0.05, method: str = "lora", **keys: Any) -> Path:
        base, folder = here / "base", here / "runs/r"
        settings = {key: keys.pop(key) for key in list(keys) if not key.startswith("load_in")}
        shutil.copytree(tiny_folder(family, **settings), base)
        if rule:
            change_rule(base, rule)
        folder.mkdir(parents=True)
        config = {"model": str(base), "data": "none.csv", "precision": "fp32", "instruction": "Answer.", **keys}
        config["method"] = method
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        write_learned(base, folder, shift, method, **keys)
        return folder

    return run


def write_learned(base: Path, folder: Path, shift: float, method: str, **keys: Any) -> None:
    """What a method leaves in a run's folder, with B (or all that learns) moved by ``shift``."""
    import torch

    from medlms.config import Config
    from medlms.models import adapters, load, methods
    from medlms.models.fetch import locate
    from medlms.text.template import template_of

    loaded = load.load(locate(str(base)), precision="fp32", **keys)
    settings: dict[str, Any] = {"lora": {"r": 4, "alpha": 8, "dropout": 0.0}, "soft_prompt": {"length": 5}, "seed": 1}
    model = methods.create(loaded, Config(model=str(base), data=["none.csv"], method=method, **settings))
    with torch.no_grad():
        for name, parameter in adapters.tensors(model).items():
            if "lora_A" not in name:
                parameter.add_(torch.randn_like(parameter) * shift)
    template = template_of(loaded.tokenizer)
    extra = {
        "method": method,
        "base_model": str(base),
        "instruction": "Answer.",
        "precision": "fp32",
        "template_hash": template.hash,
        "weights_sha256": load.weights_hashes(loaded.located),
    }
    methods.save(model, loaded.tokenizer, folder, extra=extra)


def change_rule(base: Path, rule: str) -> None:
    """The rule by which the miniature's tokenizer parts texts, as a real family has it."""
    path = base / "tokenizer.json"
    held = json.loads(path.read_text())
    held["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = rule
    path.write_text(json.dumps(held))


def unmerged(run: Path, ids: list[int], **keys: Any) -> Any:
    """Logits of base and adapter through transformers and peft alone."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from medlms.models.load import keep_four_bit

    base = json.loads((run / "adapter/medlms.json").read_text())["base_model"]
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, **keys)
    keep_four_bit(model)
    with torch.inference_mode():
        return PeftModel.from_pretrained(model, run / "adapter").eval()(torch.tensor([ids])).logits


def logits(folder: Path, ids: list[int], **keys: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **keys)
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits


def in_four_bit() -> Any:
    """transformers' setting for the weights that runs in 4 bit are tuned on."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )


def clear(run: Path) -> None:
    shutil.rmtree(run.parents[0])
    shutil.rmtree(run.parents[1] / "base")


def nothing_left(run: Path) -> bool:
    return sorted(path.name for path in run.iterdir() if path.name != "export") == [
        "adapter",
        "config.yaml",
    ] and not any((run / "export").glob("*"))


IDS = [5, 77, 130, 9, 200, 33, 250, 18, 64, 101, 12, 91]


@pytest.mark.parametrize("family", ["llama", "llama2", "gpt2", "gemma3", "qwen2"])
def test_merged_weights_say_what_base_and_adapter_say(make: Make, family: str) -> None:
    from safetensors import safe_open
    from transformers import AutoTokenizer

    from medlms.text.template import PLAIN

    run = make(family)
    exact = merge(run, dtype="fp32", to=run / "merged")
    wanted = unmerged(run, IDS)
    assert (logits(exact.folder, IDS) - wanted).abs().max() < 1e-4
    assert (logits(run.parents[1] / "base", IDS) - wanted).abs().max() > 0.01, "the adapter does nothing"
    tokenizer = AutoTokenizer.from_pretrained(exact.folder)
    original = AutoTokenizer.from_pretrained(run.parents[1] / "base")
    assert tokenizer.chat_template == (original.chat_template or PLAIN)
    assert tokenizer(LIST)["input_ids"] == original(LIST)["input_ids"]
    own = json.loads((run.parents[1] / "base/config.json").read_text())
    held = json.loads((exact.folder / "config.json").read_text())
    for key in ("tie_word_embeddings", "resid_pdrop", "attention_dropout", "layer_types", "eos_token_id"):
        assert held.get(key) == own.get(key)
    with safe_open(exact.folder / "model.safetensors", "pt") as weights:
        heads = [name for name in weights.offset_keys() if "lm_head" in name]
    assert bool(heads) != bool(own.get("tie_word_embeddings", True))
    rounded = merge(run, to=run / "rounded").proof
    assert rounded["drift"]["merging"]["largest"] < 1e-3 < rounded["drift"]["written"]["largest"]
    assert json.loads((run / "rounded/proof.json").read_text()) == rounded
    with safe_open(run / "rounded/model.safetensors", "pt") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.offset_keys()} == {"BF16"}


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("method", ["rslora", "lora+", "dora", "pissa"])
def test_adapters_of_every_method_are_merged(make: Make, method: str, family: str) -> None:
    run = make(family, method=method)
    written = merge(run, dtype="fp32")
    wanted = unmerged(run, IDS)
    assert (logits(written.folder, IDS) - wanted).abs().max() < 1e-4
    assert (logits(run.parents[1] / "base", IDS) - wanted).abs().max() > 0.01, "the adapter does nothing"
    assert merge(run, to=run / "rounded").proof["drift"]["merging"]["largest"] < 1e-3


def test_a_dora_run_in_four_bit_is_merged(make: Make) -> None:
    pytest.importorskip("bitsandbytes")
    run = make("qwen2", method="dora", load_in_4bit=True)
    proof = merge(run, dtype="fp32").proof
    assert (logits(run / "merged", IDS) - unmerged(run, IDS, quantization_config=in_four_bit())).abs().max() < 1e-4
    assert proof["into"] == "nf4"


@pytest.mark.parametrize("command", [merge, export])
def test_what_is_no_adapter_is_told_apart(make: Make, command: Callable[..., Any]) -> None:
    run = make(method="soft_prompt")
    with pytest.raises(AskedWrongly, match=r"holds a soft prompt.* it can't be merged") as caught:
        command(run)
    assert "medlms ask" in caught.value.hint
    assert nothing_left(run)
    clear(run)
    run = make(method="full")
    for name in (run, run.name, run / "model"):
        with pytest.raises(
            AskedWrongly, match=r"all weights were tuned, so there is nothing to merge: .*model is a whole"
        ):
            command(name, to="x")
    assert sorted(path.name for path in run.iterdir()) == ["config.yaml", "model"]
    shutil.rmtree(run / "model")
    with pytest.raises(AskedWrongly, match="this run holds no adapter") as caught:
        command(run)
    assert "finish" in caught.value.hint


def test_what_travels_along(make: Make) -> None:
    run = make()
    (run.parents[1] / "base/LICENSE.txt").write_text("terms")
    (run / "report.json").write_text(
        json.dumps({"run": "r", "model": {"name": "b", "licence": "Apache-2.0"}, "warnings": ["Only 3 rows."]})
    )
    written = merge(run)
    assert written.folder == run / "merged"
    assert (written.folder / "LICENSE.txt").read_text() == "terms"
    card = (written.folder / "README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert (head["license"], head["library_name"]) == ("apache-2.0", "transformers")
    assert "lora" not in head["tags"]
    assert "Not for advice to patients" in card and "Only 3 rows." in card and "peft" not in card
    assert str(run.parents[1]) not in card + (written.folder / "proof.json").read_text(), "a path of this machine"
    assert written.proof["base"]["weights_sha256"]
    assert set(written.proof["files"]) >= {"model.safetensors", "tokenizer.json", "config.json"}
    ends = json.loads((written.folder / "generation_config.json").read_text())["eos_token_id"]
    assert ends in (2, [2])


def test_all_ends_of_a_turn_stop_the_merged_model(make: Make) -> None:
    run = make("llama3")
    path = run.parents[1] / "base/generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": 0}))
    merge(run)
    assert json.loads((run / "merged/generation_config.json").read_text())["eos_token_id"] == [0, 4]


def test_weights_that_say_something_else_are_not_written(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import merge as merging
    from medlms.models import model_folder

    run = make()
    fold, write = merging._fold, model_folder.write

    def doubled(module: Any) -> int:
        module.scale_layer(1.1)
        return fold(module)

    monkeypatch.setattr(merging, "_fold", doubled)
    with pytest.raises(ModelError, match="Nothing was written: the merged weights do not say"):
        merge(run)
    assert nothing_left(run)
    monkeypatch.setattr(merging, "_fold", fold)

    def spoilt(loaded: Any, *rest: Any) -> None:
        loaded.model.model.layers[1].self_attn.v_proj.weight.data.mul_(0.5)
        write(loaded, *rest)

    monkeypatch.setattr(model_folder, "write", spoilt)
    with pytest.raises(ModelError, match="Nothing was written: the weights read again"):
        merge(run)
    assert nothing_left(run)
    monkeypatch.setattr(model_folder, "write", write)
    assert merge(run).proof["drift"]["written"]["same_answers"] >= 4


def test_stopped_and_started_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import model_folder

    run = make()
    write = model_folder.write

    def stopped(*rest: Any) -> None:
        write(*rest)
        raise KeyboardInterrupt

    monkeypatch.setattr(model_folder, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        merge(run)
    assert nothing_left(run)
    monkeypatch.setattr(model_folder, "write", write)
    (run / "merged.part").mkdir()  # as a kill leaves it
    (run / "merged.part/model-00009.safetensors").write_bytes(b"half")
    assert not (merge(run).folder / "model-00009.safetensors").exists()
    held = (run / "merged/model.safetensors").read_bytes()
    with pytest.raises(AskedWrongly, match="is there already, and nothing is written over"):
        merge(run)
    assert (run / "merged/model.safetensors").read_bytes() == held
    assert not (run / "merged.part").exists()


def test_a_full_disk_is_seen_before_anything_is_written(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import model_folder

    run = make()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    monkeypatch.setattr(model_folder, "write", lambda *_: pytest.fail("written"))
    with pytest.raises(ResourceError, match="GB of disk"):
        merge(run)
    assert nothing_left(run)


def test_what_can_not_be_merged(make: Make) -> None:
    run = make()
    base = run.parents[1] / "base"
    with pytest.raises(AskedWrongly, match="holds no adapter"):
        merge(base, to="x")
    with pytest.raises(AskedWrongly, match="so a place is needed"):
        merge(run / "adapter")
    with pytest.raises(AskedWrongly, match="merged into"):
        merge(run, into="original")
    with pytest.raises(AskedWrongly, match="was not tuned on 4-bit"):
        merge(run, into="nf4")
    with pytest.raises(AskedWrongly, match="--into sideways"):
        merge(run, into="sideways")
    with pytest.raises(AskedWrongly, match="--dtype int3"):
        merge(run, dtype="int3")
    held = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(held[:-1] + bytes([held[-1] ^ 1]))
    with pytest.raises(ModelError, match=r"not the weights that .* was tuned on"):
        merge(run)
    assert nothing_left(run)


@pytest.fixture
def nf4(make: Make) -> Path:
    pytest.importorskip("bitsandbytes")
    return make("qwen2", load_in_4bit=True)


def test_a_run_in_four_bit_is_merged_into_what_it_was_tuned_on(nf4: Path) -> None:
    proof = merge(nf4, dtype="fp32").proof
    wanted = unmerged(nf4, IDS, quantization_config=in_four_bit())
    assert (logits(nf4 / "merged", IDS) - wanted).abs().max() < 1e-4
    assert (unmerged(nf4, IDS) - wanted).abs().max() > 0.01, "4 bit changes nothing"
    assert proof["into"] == "nf4"
    assert proof["drift"]["written"]["largest"] < 1e-3
    assert "quantization_config" not in json.loads((nf4 / "merged/config.json").read_text())


def test_a_run_in_four_bit_is_merged_into_the_original_on_request(nf4: Path) -> None:
    proof = merge(nf4, dtype="fp32", into="original").proof
    assert (logits(nf4 / "merged", IDS) - unmerged(nf4, IDS)).abs().max() < 1e-4
    drift = proof["drift"]
    assert drift["written"]["largest"] < 1e-3 < 0.01 < drift["graded"]["largest"]
    assert "against the model that was graded" in (nf4 / "merged/README.md").read_text()


def test_a_run_in_eight_bit_is_merged_into_the_original_alone(make: Make) -> None:
    pytest.importorskip("bitsandbytes")
    run = make()
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump(config | {"load_in_8bit": True}))
    with pytest.raises(AskedWrongly, match="no weights can match that"):
        merge(run)
    assert merge(run, into="original").proof["drift"]["graded"]["largest"] > 0


GGUF: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    ("mistral", {"sliding_window": None}),
    ("qwen2", {"rule": QWEN_RULE}),
    ("qwen3", {"rule": QWEN_RULE, "head_dim": 128}),
]


@pytest.fixture
def no_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from medlms.engines import _llama_cpp

    monkeypatch.setattr(_llama_cpp, "installed", lambda: False)
    yield


@pytest.mark.parametrize(("family", "settings"), GGUF, ids=["llama", "llama-tied", "mistral", "qwen2", "qwen3"])
def test_a_gguf_file_says_what_base_and_adapter_say(
    make: Make, no_llama_cpp: None, family: str, settings: dict[str, Any]
) -> None:
    from transformers import AutoTokenizer

    from medlms.models import gguf_vocabulary

    run = make(family, **settings)
    written = export(run, kind="f32")
    assert written.folder == run / "export/f32"
    path = written.folder / "r-f32.gguf"
    assert (logits(written.folder, IDS, gguf_file=path.name) - unmerged(run, IDS)).abs().max() < 1e-4
    original = AutoTokenizer.from_pretrained(run.parents[1] / "base")
    read = gguf_vocabulary.from_file(path)
    assert read.encode(LIST, add_special_tokens=False).ids == original(LIST, add_special_tokens=False)["input_ids"]
    assert any("not tried in llama.cpp" in note for note in written.proof["notes"])
    assert "llama.cpp" in (written.folder / "README.md").read_text()
    half = export(run).proof
    assert half["drift"]["merging"]["largest"] < half["drift"]["written"]["largest"] < 0.1


def test_numbers_are_read_digit_by_digit_from_an_exported_file(make: Make, no_llama_cpp: None) -> None:
    from medlms.models import gguf_vocabulary
    from medlms.models.fetch import locate
    from medlms.models.load import load

    run = make()
    path = export(run).folder / "r-f16.gguf"
    ours = load(locate(str(path)), precision="fp32").tokenizer
    original = load(locate(str(run.parents[1] / "base"))).tokenizer
    assert not gguf_vocabulary.differing(original, ours, [*gguf_vocabulary.TEXTS, LIST])


def test_eight_bit_files_and_their_drift(make: Make, no_llama_cpp: None) -> None:
    run = make()
    small, large = export(run, kind="q8_0"), export(run, kind="bf16")
    sizes = [next(item.folder.glob("*.gguf")).stat().st_size for item in (small, large)]
    assert sizes[0] < sizes[1]
    assert small.proof["drift"]["written"]["mean"] > 1e-3


def test_what_gguf_is_not_written_for(make: Make, no_llama_cpp: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import gguf_file

    run = make("gemma3")
    with pytest.raises(ModelError, match="this model is a gemma3_text"):
        export(run)
    clear(run)
    run = make("mistral")
    with pytest.raises(ModelError, match="ignores the sliding window, which is 8 tokens"):
        export(run)
    monkeypatch.setattr(gguf_file, "SHORTEST_WINDOW", 8)
    with pytest.raises(ModelError, match="do not say what base and adapter say"):
        export(run)
    clear(run)
    run = make("llama3")
    with pytest.raises(ModelError, match="by a rule that has no name in GGUF"):
        export(run)
    clear(run)
    run = make("llama", attention_bias=True)
    with pytest.raises(ModelError, match="biases"):
        export(run)
    assert nothing_left(run)


def test_a_file_with_heads_in_the_wrong_order_is_not_kept(
    make: Make, no_llama_cpp: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.models import gguf_file

    run = make()
    monkeypatch.setattr(gguf_file, "interleaved", lambda array, heads: array)
    with pytest.raises(ModelError, match="do not say what base and adapter say"):
        export(run)
    assert nothing_left(run)


def test_a_tokenizer_that_reads_otherwise_is_not_kept(
    make: Make, no_llama_cpp: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medlms.models import gguf_vocabulary

    run = make()
    monkeypatch.setattr(gguf_vocabulary, "_pre", lambda rule: "gpt-2")
    with pytest.raises(ModelError, match="the file's tokenizer gives other ids"):
        export(run)
    assert nothing_left(run)


def test_interleaving_is_that_of_a_loop() -> None:
    import numpy as np

    from medlms.models.gguf_file import interleaved

    array = np.arange(2 * 6 * 5, dtype=np.float32).reshape(12, 5)
    wanted = [array[head * 6 + half * 3 + number] for head in range(2) for number in range(3) for half in range(2)]
    assert np.array_equal(interleaved(array, 2), np.stack(wanted))


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="the xllamacpp wheel is not installed")
@pytest.mark.parametrize(("family", "settings"), [GGUF[0], GGUF[3]], ids=["llama", "qwen2"])
def test_llama_cpp_itself_says_the_same(make: Make, family: str, settings: dict[str, Any]) -> None:
    run = make(family, **settings)
    found = export(run, kind="f32").proof["llama_cpp"]
    assert (found["other_ids"], len(found["answers"])) == (0, 5)
    assert found["same_answers"] >= 4
