"""Known models are whole records, and their shapes make models of exactly the published size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from medlms.models.families import family, family_of
from medlms.models.known import KNOWN
from medlms.models.peek import peek

PUBLISHED = {
    "mistral-7b-v0.1": 7_241_732_096,
    "mistral-7b-instruct-v0.2": 7_241_732_096,
    "llama-3-8b": 8_030_261_248,
    "llama-3-8b-instruct": 8_030_261_248,
    "llama-2-7b": 6_738_415_616,
    "llama-2-7b-chat": 6_738_415_616,
    "gemma-1.1-7b-it": 8_537_680_896,
    "distilgpt2": 81_912_576,
    "smollm2-135m": 134_515_008,
    "smollm2-360m-instruct": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "gemma-3-270m": 268_098_176,
    "gemma-3-270m-q4_k_m": 268_098_176,
    "gemma-3-1b-it": 999_885_952,
    "qwen2.5-0.5b-instruct": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
}
MODELS = [spec for spec in KNOWN.values() if spec.kind != "adapter"]
ADAPTERS = [spec for spec in KNOWN.values() if spec.kind == "adapter"]


def built(shape: Mapping[str, Any]) -> Any:
    """A model of this shape on the meta device: sizes without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    keys = dict(shape)
    config = AutoConfig.for_model(keys.pop("model_type"), **keys)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def kinds() -> list[Any]:
    """One model of each shape."""
    return list({repr(sorted(spec.shape.items())): spec for spec in MODELS}.values())


@pytest.mark.parametrize("spec", kinds(), ids=lambda spec: spec.name)
def test_a_shape_is_of_the_published_size(spec: Any) -> None:
    model = built(spec.shape)
    assert sum(parameter.numel() for parameter in model.parameters()) == spec.parameters
    for key, value in spec.shape.items():
        if not key.startswith("rope_"):
            assert getattr(model.config, key) == value, f"transformers does not know {key}"
    ropes = model.config.to_dict().get("rope_parameters") or {}
    theta = spec.shape.get("rope_theta")
    held = ropes.get("full_attention", ropes)
    assert held.get("rope_theta") == theta
    if "rope_local_base_freq" in spec.shape:
        assert ropes["sliding_attention"]["rope_theta"] == spec.shape["rope_local_base_freq"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name: str) -> None:
    assert KNOWN[name].parameters == PUBLISHED[name]


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
def test_a_record_agrees_with_its_family(spec: Any) -> None:
    found = family_of(spec.shape)
    assert found.name == spec.family
    assert next(spec.shape[key] for key in found.context if key in spec.shape) == spec.context
    assert found.tied in (None, spec.shape["tie_word_embeddings"])
    assert spec.megabytes > 0
    assert spec.revision == "main" or len(spec.revision) == 40


@pytest.mark.parametrize("spec", ADAPTERS, ids=lambda spec: spec.name)
def test_a_published_adapter_stands_on_a_known_base(spec: Any) -> None:
    base = KNOWN[spec.base]
    assert base.kind != "adapter"
    assert (base.family, base.context) == (spec.family, spec.context)
    assert 0 < spec.parameters < 0.01 * base.parameters
    assert peek(spec.name).config == base.shape, "a plan of it is one of its base"
    assert f"load_in_{spec.bits}bit: true" in spec.note


@pytest.mark.parametrize(("name", "rank"), [("mistral-7b-medlm-2k", 8), ("llama-3-8b-instruct-medical", 16),
                                            ("llama-2-7b-medlm-2k", 16), ("gemma-1.1-7b-it-medical", 16)])  # fmt: skip
def test_an_adapters_size_follows_from_its_base(name: str, rank: int) -> None:
    shape, modules = KNOWN[KNOWN[name].base].shape, family(KNOWN[name].family).modules
    weights = [
        parameter.shape
        for path, parameter in built(shape).named_parameters()
        if path.removesuffix(".weight").rpartition(".")[2] in modules
    ]
    assert KNOWN[name].parameters == rank * sum(sum(size) for size in weights)


def test_all_that_the_course_project_used_is_there() -> None:
    assert {spec.base for spec in ADAPTERS} == {
        "mistral-7b-instruct-v0.2",
        "llama-3-8b-instruct",
        "llama-2-7b-chat",
        "gemma-1.1-7b-it",
        "distilgpt2",
    }
    assert all(KNOWN[name].gated for name in ("llama-3-8b", "llama-2-7b-chat", "gemma-1.1-7b-it", "gemma-3-270m"))
