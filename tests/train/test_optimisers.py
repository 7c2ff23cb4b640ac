"""Each optimiser learns, and a resumed run of it is the uninterrupted one to the bit; what can't be had is said."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from loop_runs import assert_equal, going, lasting, rows
from torch import Tensor

from medlms.config import Train
from medlms.errors import AskedWrongly, ModelError
from medlms.models import adapters
from medlms.train import checkpoint, optimisers

# Rank 64 makes tensors of 4,096 weights and more, whose moments are in 8 bit, beside smaller ones, whose are not.
WIDE: dict[str, Any] = {"r": 64}


@pytest.fixture(autouse=True)
def _has_bitsandbytes() -> None:
    pytest.importorskip("bitsandbytes")


def moments(run: Any) -> dict[str, Tensor]:
    return optimisers.state_of(run.optimiser, adapters.tensors(run.model))


@pytest.mark.parametrize(
    ("kind", "after", "method"),
    [
        *((kind, after, "lora") for kind in ("adamw", "adamw_8bit") for after in (1, 3, 5)),
        *(("adamw_8bit", 3, method) for method in ("lora+", "dora", "full")),
    ],
)
def test_resumed_is_uninterrupted_to_the_bit(tiny: Any, tmp_path: Path, kind: str, after: int, method: str) -> None:
    made = rows(*range(20, 50, 3))
    settings: dict[str, Any] = {"optimiser": kind, "weight_decay": 0.01, "method": method, **WIDE}
    with going(tiny(), made, **settings) as run:
        whole, wanted, held = lasting(run.steps()), run.adapter(), moments(run)
    assert len(whole) == 6
    kinds = {value.dtype for value in held.values()}
    assert (torch.uint8 in kinds) == (kind == "adamw_8bit")
    with going(tiny(), made, **settings) as run:
        first = lasting(run.steps(stop=after))
        checkpoint.save(tmp_path / "last", run.model, run.optimiser, {"step": after})
    torch.manual_seed(99)
    with going(tiny(), made, **settings) as run:
        with torch.no_grad():
            for tensor in adapters.tensors(run.model).values():
                tensor.fill_(9.0)
        checkpoint.restore(tmp_path / "last", run.model, run.optimiser)
        rest = lasting(run.steps(start=after))
        assert first + rest == whole
        assert_equal(run.adapter(), wanted)
        assert_equal(moments(run), held)


def test_8_bits_learn_nearly_as_32_do(tiny: Any) -> None:
    made, found = rows(*range(20, 50, 3)), {}
    for kind in ("adamw", "adamw_8bit"):
        with going(tiny(), made, optimiser=kind, dropout=0.0, epochs=6, **WIDE) as run:
            found[kind] = [step.loss for step in run.steps()]
    assert found["adamw"][-1] < 0.9 * found["adamw"][0], "nothing is learned"
    assert found["adamw_8bit"] != found["adamw"]
    assert found["adamw_8bit"] == pytest.approx(found["adamw"], rel=0.05)


def test_groups_keep_their_rates_with_8_bits(tiny: Any) -> None:
    with going(tiny(), rows(30, 30, 30, 30), method="lora+", optimiser="adamw_8bit", dropout=0.0, **WIDE) as run:
        before = run.adapter()
        rates = {"lora_A": run.config.learning_rate, "lora_B": 4 * run.config.learning_rate}
        (first,) = run.steps(stop=1)
        assert first.learning_rate == pytest.approx(rates["lora_A"])
        moved = {name: (tensor - before[name]).abs().max().item() for name, tensor in run.adapter().items()}
        # AdamW's first step moves every number by its group's rate; A has no gradient while B is zero.
        assert all(moved[name] == pytest.approx(rates["lora_B"], rel=0.05) for name in moved if "lora_B" in name)
        list(run.steps(start=1))
        assert [group["lr"] / run.optimiser.param_groups[0]["lr"] for group in run.optimiser.param_groups] == [1, 4]


def test_8_bits_are_a_quarter_of_the_memory(tiny: Any) -> None:
    sizes = {}
    for kind in ("adamw", "adamw_8bit"):
        with going(tiny(), rows(30, 30), optimiser=kind, epochs=1, r=256) as run:
            list(run.steps())
            sizes[kind] = sum(value.nbytes for value in moments(run).values())
            weights = sum(tensor.numel() for tensor in adapters.tensors(run.model).values())
    assert sizes["adamw"] == pytest.approx(8 * weights, rel=0.01)
    assert sizes["adamw_8bit"] == pytest.approx(2.03 * weights, rel=0.01)


def test_the_paged_one_is_refused_where_there_is_no_gpu(tiny: Any) -> None:
    with (
        pytest.raises(AskedWrongly, match=r"paged_adamw_8bit .* no such GPU is used") as caught,
        going(tiny(), rows(20), optimiser="paged_adamw_8bit"),
    ):
        pass
    assert "adamw_8bit" in caught.value.hint


def test_a_missing_library_is_a_sentence(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with (
        pytest.raises(AskedWrongly, match="adamw_8bit needs bitsandbytes") as caught,
        going(tiny(), rows(20), optimiser="adamw_8bit"),
    ):
        pass
    assert "medlms[4bit]" in caught.value.hint


def saved(tiny: Any, folder: Path, *, steps: int = 2, **settings: Any) -> Path:
    with going(tiny(), rows(20, 30, 40, 25, 35), **settings) as run:
        for _ in run.steps(stop=steps) if steps else ():
            pass
        checkpoint.save(folder, run.model, run.optimiser, {"step": steps})
    return folder


def restored(tiny: Any, folder: Path, **settings: Any) -> dict[str, Tensor]:
    with going(tiny(), rows(20, 30, 40, 25, 35), **settings) as run:
        checkpoint.restore(folder, run.model, run.optimiser)
        return moments(run)


def test_another_optimisers_state_is_refused(tiny: Any, tmp_path: Path) -> None:
    for one, other in (("adamw", "adamw_8bit"), ("adamw_8bit", "adamw")):
        folder = saved(tiny, tmp_path / one, optimiser=one, **WIDE)
        with pytest.raises(ModelError, match="holds the state of"):
            restored(tiny, folder, optimiser=other, **WIDE)


def test_a_state_of_nothing_is_restored_as_nothing(tiny: Any, tmp_path: Path) -> None:
    assert restored(tiny, saved(tiny, tmp_path / "last", steps=0)) == {}


def test_an_adapter_alone_is_not_gone_on_from(tiny: Any, tmp_path: Path) -> None:
    with going(tiny(), rows(20, 30)) as run:
        checkpoint.save(tmp_path / "best", run.model, None, {"step": 1})
        with pytest.raises(ModelError, match="holds no optimiser's state"):
            checkpoint.restore(tmp_path / "best", run.model, run.optimiser)


@pytest.mark.parametrize("fault", ["one less", "half a tensor", "all of one", "another name", "another kind"])
@pytest.mark.parametrize("kind", ["adamw", "adamw_8bit"])
def test_a_state_that_is_not_whole_is_refused(tiny: Any, tmp_path: Path, kind: str, fault: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = saved(tiny, tmp_path / "last", optimiser=kind, **WIDE)
    held = load_file(folder / checkpoint.STATE)
    place = sorted(name for name in held if name.startswith(("optimiser/exp_avg/", "optimiser/state1/")))[0]
    own = place.split("/", 2)[2]
    if fault == "one less":
        del held[place]
    elif fault == "half a tensor":
        held[place] = held[place].flatten()[: held[place].numel() // 2].clone()
    elif fault == "all of one":
        held = {name: value for name, value in held.items() if not name.endswith(own) or name.startswith("adapter/")}
    elif fault == "another name":
        held[place + ".other"] = held.pop(place)
    else:
        held[place] = held[place].to(torch.float64)
    save_file(held, folder / checkpoint.STATE)  # and nothing is said of what it should hold
    with pytest.raises(ModelError, match=r"optimiser's state is|holds the state of"):
        restored(tiny, folder, optimiser=kind, **WIDE)


def test_fewer_tensors_than_were_saved_are_refused(tiny: Any, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    folder = saved(tiny, tmp_path / "last")
    with safe_open(folder / checkpoint.STATE, "pt") as file:
        about = file.metadata()
    held = load_file(folder / checkpoint.STATE)
    save_file(
        {name: value for name, value in held.items() if name.startswith("adapter/")}, folder / checkpoint.STATE, about
    )
    with pytest.raises(ModelError, match="over 84 tensors, not of AdamW over 0"):
        restored(tiny, folder)


def test_a_checkpoint_from_before_its_state_was_counted_goes_on(tiny: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = saved(tiny, tmp_path / "last")
    wanted = restored(tiny, folder)
    save_file(load_file(folder / checkpoint.STATE), folder / checkpoint.STATE)
    assert_equal(restored(tiny, folder), wanted)


def test_on_a_gpu_the_paged_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from bitsandbytes import optim

    asked: list[Any] = []
    monkeypatch.setattr(optim, "PagedAdamW8bit", lambda tensors, **settings: asked.append(settings))
    gpu: Any = SimpleNamespace(device=torch.device("cuda"))
    optimisers.create([{"params": [gpu]}], Train(optimiser="paged_adamw_8bit", weight_decay=0.1))
    assert asked == [{"lr": 2e-4, "betas": (0.9, 0.999), "weight_decay": 0.1}]
