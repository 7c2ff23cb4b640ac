"""Measuring the step: what it times, what it chooses, and that it leaves no trace in a run."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from loop_runs import SEED, assert_equal, going, lasting, rows

from medlms.config import Config
from medlms.models import attention_paths, methods
from medlms.train import loop, probe
from medlms.train.probe import Way

TINY = Way(None, None, 1024)


def adapted(loaded: Any, method: str = "lora", dropout: float = 0.25) -> Any:
    settings = {"method": method, "lora": {"r": 4, "dropout": dropout}, "soft_prompt": {"length": 5}}
    return methods.create(loaded, Config(model="tiny", data=["none"], **settings))  # type: ignore[arg-type]


def filled(model: Any) -> None:
    """B matrices that are not zero, so that gradients reach all."""
    drawn = torch.Generator().manual_seed(1)
    for name, tensor in model.named_parameters():
        if "lora_B" in name:
            tensor.data = torch.randn(tensor.shape, generator=drawn) / 10


@pytest.mark.parametrize("family", ["llama", "mistral"])
@pytest.mark.parametrize("path", [attention_paths.WRAPPED, attention_paths.ROWS])
def test_paths_of_attention_give_the_same(tiny: Callable[..., Any], family: str, path: str) -> None:
    model = adapted(tiny(family))
    filled(model)
    made = rows(40, 7, 23)
    gradients = []
    with methods.running(model, seed=SEED) as (masks, _):
        assert masks is not None
        model.train()
        assert attention_paths.offered(model) == attention_paths.PATHS
        for way in (None, path):
            masks.step, masks.rows = 1, [(n, len(row.ids)) for n, row in enumerate(made)]
            with attention_paths.taken(model, way):
                loss = loop.block_loss(model, made)
            loss.backward()
            found = {name: tensor.grad for name, tensor in model.named_parameters() if tensor.grad is not None}
            gradients.append({"loss": loss.detach(), **{name: tensor.clone() for name, tensor in found.items()}})
            model.zero_grad(set_to_none=True)
    one, other = gradients
    assert len(one) > 10
    for name, tensor in one.items():
        torch.testing.assert_close(other[name], tensor, rtol=1e-3, atol=2e-5 * tensor.abs().max().item())


def test_another_path_is_left_as_it_was_found(tiny: Callable[..., Any]) -> None:
    model = adapted(tiny())
    with methods.running(model, seed=SEED):
        before = [module.forward for module in model.modules()]
        with attention_paths.taken(model, attention_paths.ROWS):
            assert sum(module.forward != own for module, own in zip(model.modules(), before, strict=True)) > 0
        assert [module.forward for module in model.modules()] == before
    assert attention_paths.offered(model) == (), "outside nothing runs fused"


def test_a_model_without_fused_attention_has_no_choice(tiny: Callable[..., Any]) -> None:
    model = adapted(tiny("gpt2"))
    with methods.running(model, seed=SEED), attention_paths.taken(model, attention_paths.ROWS):
        assert attention_paths.offered(model) == ()
        model.train()
        assert loop.block_loss(model, rows(9, 5)).item() > 0


def test_rows_are_of_usual_lengths_and_the_same_each_time() -> None:
    made = probe.rows(448, 300)
    assert sum(len(row.ids) for row in made) == 2048
    assert made == probe.rows(448, 300)
    assert all(any(row.learn[1:]) and max(row.ids) < 300 for row in made)
    short = probe.rows(50, 300)
    assert {len(row.ids) for row in short} == {50}
    assert 2048 <= sum(len(row.ids) for row in short) < 2048 + 50


@pytest.mark.parametrize(
    ("seconds", "usual", "wanted"),
    [
        ({512: 1.0, 1024: 1.2, 2048: 1.1}, 1024, 512),
        ({512: 1.0, 1024: 1.03, 2048: 1.1}, 1024, 1024),  # within the margin
        ({512: math.inf, 1024: 1.0, 2048: 0.9}, 1024, 2048),
        ({512: 1.0}, 1024, 1024),  # the usual one was not measured
        ({}, "fused", "fused"),
    ],
)
def test_what_is_best(seconds: dict[Any, float], usual: Any, wanted: Any) -> None:
    assert probe.best(seconds, usual) == wanted


@pytest.mark.parametrize(("family", "method"), [("llama", "lora"), ("llama", "soft_prompt"), ("gpt2", "lora")])
def test_a_measurement_varies_one_thing_after_the_other(
    tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, family: str, method: str
) -> None:
    """With a clock that is ours: two threads are twice as fast, torch's attention a third faster, larger blocks slower."""
    model = adapted(tiny(family), method)
    timed: list[tuple[int, Any, int]] = []
    path: list[Any] = [None]
    taken = attention_paths.taken

    def noted(whole: Any, name: Any) -> Any:
        path[0] = name
        return taken(whole, name)

    def one(whole: Any, masks: Any, made: Any, size: int) -> float:
        threads = torch.get_num_threads()
        timed.append((threads, path[0], size))
        if len(made) == 1:
            return 1e-5
        return 1e-4 / threads * (0.7 if path[0] == "rows" else 1.0) * (1 + size / 1024)

    monkeypatch.setattr(attention_paths, "taken", noted)
    monkeypatch.setattr(probe, "_pass", one)
    before = torch.get_num_threads()
    with methods.running(model, seed=SEED) as (masks, _):
        found = probe.measure(
            model, masks, usual=Way(1, None, 1024), threads=(1, 2), blocks=(512, 1024), longest=64, seconds=60
        )
    assert torch.get_num_threads() == before
    assert found.layers == 2, "all that the model has"
    assert min(found.threads, key=lambda count: found.threads[count]) == 2
    if family == "llama":
        assert set(found.attention) == set(attention_paths.PATHS)
        assert timed[-1][:2] == (2, "rows"), "blocks are measured with the best of what came before"
    else:
        assert found.attention == {}
        assert timed[-1][:2] == (2, None)
    assert found.blocks[512] < found.blocks[1024]
    assert timed.count((1, None, 1024)) == 4, "three to size it up, one in the race: what is slow is not measured again"


def test_a_model_that_is_too_slow_is_not_measured(tiny: Callable[..., Any]) -> None:
    model = adapted(tiny())
    with methods.running(model, seed=SEED) as (masks, _):
        found = probe.measure(model, masks, usual=TINY, blocks=(512, 1024), longest=64, seconds=1e-6)
    assert (found.layers, found.blocks) == (0, {})


def test_a_way_without_memory_loses(tiny: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted(tiny())
    plain = loop.block_loss

    def short(whole: Any, block: Any) -> Any:
        if sum(len(row.ids) for row in block) > 600:
            raise MemoryError
        return plain(whole, block)

    monkeypatch.setattr(loop, "block_loss", short)
    with methods.running(model, seed=SEED) as (masks, _):
        found = probe.measure(model, masks, usual=Way(None, None, 512), blocks=(512, 1024), longest=64, seconds=60)
    assert found.blocks[1024] == math.inf
    assert probe.best(found.blocks, 512) == 512


@pytest.mark.parametrize("method", ["lora", "dora"])
def test_a_measurement_leaves_no_trace(tiny: Callable[..., Any], method: str) -> None:
    made = rows(30, 50, 20, 40, 35, 25)
    runs = []
    for measured in (False, True):
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        with going(tiny(), made, method=method, epochs=1) as run:
            if measured:
                found = probe.measure(run.model, run.masks, usual=TINY, blocks=(512, 1024), longest=64, seconds=60)
                assert found.layers == 2
                assert set(found.blocks) == {512, 1024}
                assert all(tensor.grad is None for tensor in run.model.parameters())
            drawn = torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002
            runs.append((lasting(list(run.steps())), run.adapter(), drawn))
    assert runs[0][0] == runs[1][0]
    assert_equal(runs[0][1], runs[1][1])
    assert torch.equal(runs[0][2][0], runs[1][2][0])
    assert runs[0][2][1:] == runs[1][2][1:]


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma3"])
def test_a_shortened_model_is_whole_again(tiny: Callable[..., Any], family: str) -> None:
    model = adapted(tiny(family), dropout=0.0)
    made = rows(12, 9)
    names = [name for name, _ in model.named_modules()]
    with methods.running(model, seed=SEED):
        whole = loop.block_loss(model, made).item()
        with probe.shortened(model, 1):
            assert loop.block_loss(model, made).item() != whole
        assert loop.block_loss(model, made).item() == whole
    assert [name for name, _ in model.named_modules()] == names


def test_products_are_timed_in_both_formats(tiny: Callable[..., Any]) -> None:
    state = torch.get_rng_state()
    found = probe.matrix_speed(adapted(tiny()), torch.float32, seconds=0.01)
    assert list(found) == ["float32", "bfloat16"]
    assert min(found.values()) > 0
    assert torch.equal(state, torch.get_rng_state())
