"""Which attention a model gets on which device, why, and what a trial notices."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import flex_attention as torch_flex
from torch.nn.attention import varlen as torch_varlen

from medlms.engines.local import LocalEngine
from medlms.models import attention, attention_kernels
from medlms.models.attention_choice import Need, choose, need_of, try_out
from medlms.models.precision import Hardware
from medlms.text.template import template_of
from medlms.types import Message, Request

A100 = Hardware(kind="cuda", bf16=True, name="A100", capability=(8, 0))
T4 = Hardware(kind="cuda", bf16=False, name="T4", capability=(7, 5))
CPU = torch.device("cpu")
CUDA = torch.device("cuda")
NEED = Need(heads=9, groups=3, size=64)
BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32

pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without")


def fine(*_: Any) -> str:
    return ""


def broken(*names: str) -> Any:
    return lambda name, *_: "no kernel image" if name in names else ""


@pytest.mark.parametrize(
    ("need", "dtype", "hardware", "trial", "name", "words"),
    [
        (NEED, BF16, A100, fine, attention.VARLEN, []),
        (NEED, FP16, A100, fine, attention.VARLEN, []),
        (Need(9, 3, 64, (None, 512)), BF16, A100, fine, attention.VARLEN, []),
        (NEED, FP32, A100, fine, attention.FLEX, ["computes in float32"]),
        (NEED, FP16, T4, fine, attention.FLEX, ["capability is 7.5"]),
        (Need(8, 4, 256, softcap=50.0), BF16, A100, fine, attention.FLEX, ["caps its scores"]),
        (Need(9, 3, 60), BF16, A100, fine, attention.FLEX, ["size 60"]),
        (Need(9, 3, 288), BF16, A100, fine, attention.FLEX, ["size 288"]),
        (NEED, BF16, A100, broken(attention.VARLEN), attention.FLEX, ["no varlen flash: no kernel image"]),
        (NEED, FP32, A100, broken(attention.FLEX), attention.PACKED, ["float32", "no flex attention: no kernel image"]),
        (None, BF16, A100, fine, attention.PACKED, ["no family"]),
    ],
)
def test_the_fastest_that_serves_is_taken_and_the_reason_said(
    need: Need | None, dtype: torch.dtype, hardware: Hardware, trial: Any, name: str, words: list[str]
) -> None:
    path = choose(need, device=CUDA, dtype=dtype, hardware=hardware, trial=trial)
    assert path.name == name
    kinds = {attention.VARLEN: "varlen flash kernels", attention.FLEX: "flex attention, compiled"}
    assert kinds.get(name, "own matrix products") in path.said
    assert all(word in path.said for word in words)
    assert ("(" in path.said) == bool(words)


def test_a_processor_has_its_own_and_no_trial() -> None:
    def never(*_: Any) -> str:
        raise AssertionError("a kernel was tried")

    path = choose(NEED, device=CPU, dtype=BF16, hardware=Hardware("cpu", bf16=True), trial=never)
    assert path.name == attention.PACKED
    assert "own matrix products" in path.said
    assert "processor" in path.said


@pytest.mark.parametrize(
    ("family", "wanted"),
    [
        ("llama", Need(4, 2, 16)),
        ("mistral", Need(4, 2, 16, (8,))),
        ("gpt2", Need(4, 4, 16)),
        ("gemma2", Need(4, 2, 16, (None, 8), 2.0)),
        ("gemma3", Need(4, 2, 16, (None, 8))),
    ],
)
def test_a_config_tells_what_is_needed(tiny_folder: Any, family: str, wanted: Need) -> None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(tiny_folder(family))
    assert need_of(config) == wanted
    if family == "gemma2":
        config.query_pre_attn_scalar = 64  # as in Gemma 2 27B, whose heads have another size
        assert need_of(config).scale == 1 / 8


# Trials


@pytest.mark.parametrize("need", [Need(6, 2, 16, (None, 512)), Need(4, 4, 16, softcap=5.0)])
def test_a_kernel_that_is_right_passes(monkeypatch: pytest.MonkeyPatch, need: Need) -> None:
    monkeypatch.setattr(torch_flex, "_validate_device", lambda query, key, value: None)
    with torch.inference_mode():  # wherever a model may be loaded
        assert try_out(attention.FLEX, need, CPU, FP32) == ""


@pytest.mark.parametrize("dtype", [BF16, FP16])
def test_rounding_of_16_bits_passes(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    monkeypatch.setitem(attention.COMPUTE, attention.VARLEN, attention.own_rows)
    assert try_out(attention.VARLEN, NEED, CPU, dtype) == ""


def test_what_torch_refuses_is_the_reason() -> None:
    assert "backward on CPU" in try_out(attention.FLEX, NEED, CPU, FP32)


def test_what_a_kernel_raises_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.\nException raised from ...")

    monkeypatch.setattr(torch_varlen, "varlen_attn", fails)
    assert try_out(attention.VARLEN, NEED, CPU, BF16) == "FlashAttention only supports Ampere GPUs or newer."


@pytest.mark.parametrize("wrong", ["window", "row", "backward", "nan"])
def test_a_kernel_that_is_wrong_is_found_out(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    def compute(q: Tensor, k: Tensor, v: Tensor, scale: float, window: Any, cap: Any, starts: list[int]) -> Tensor:
        if wrong == "window":
            return attention.own_rows(q, k, v, scale, window + 1, cap, starts)
        if wrong == "row":
            return attention.own_rows(q, k, v, scale, window, cap, [starts[0], *starts[2:]])
        out = attention.own_rows(q, k.detach() + 0 * k if wrong == "backward" else k, v, scale, window, cap, starts)
        return out * float("nan") if wrong == "nan" else out

    monkeypatch.setitem(attention.COMPUTE, attention.VARLEN, compute)
    assert "off by" in try_out(attention.VARLEN, Need(9, 3, 64, (512,)), CPU, BF16)


# Where it is said and used


def test_a_loaded_model_runs_what_was_chosen(tiny_folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from medlms.models import attention_choice, load
    from medlms.models.fetch import locate

    path = attention_choice.AttentionPath(attention.FLEX, "through flex, as a test would have it")
    monkeypatch.setattr(attention_choice, "choose", lambda need, **_: path)
    loaded = load.load(locate(str(tiny_folder("mistral"))), precision="fp32")
    assert loaded.attention is path
    assert loaded.model.config._attn_implementation == attention.FLEX
    assert path.said in LocalEngine(loaded, template_of(loaded.tokenizer), own=False).path


def test_prompts_are_read_by_the_chosen_code_and_answers_stay_the_same(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny("mistral")
    engine = LocalEngine(loaded, template_of(loaded.tokenizer), own=False)
    requests = [
        Request(str(number), (Message("user", text),), max_new_tokens=6, reference="Rest.")
        for number, text in enumerate(("What is gout?", "Who gets measles most often, and when?"))
    ]

    def said() -> tuple[dict[str, str], list[float]]:
        scores = [reply.reference_logprob for reply in engine.score(requests)]
        return {reply.id: reply.text for reply in engine.answer(requests)}, [score or 0.0 for score in scores]

    wanted = said()
    calls: list[int] = []
    real = attention_kernels._flex("cpu")

    def counted(*args: Any, **words: Any) -> Any:
        calls.append(args[0].shape[2])
        return real(*args, **words)

    monkeypatch.setattr(attention_kernels, "_flex", lambda kind: counted)
    loaded.model.set_attn_implementation(attention.FLEX)
    found = said()
    assert found[0] == wanted[0]
    assert found[1] == pytest.approx(wanted[1], rel=1e-5)
    layers = loaded.model.config.num_hidden_layers
    assert len(calls) == 2 * layers  # once for all references, once for all prompts; tokens then go one by one
    assert min(calls) > 1
