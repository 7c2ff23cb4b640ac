"""A checkpoint is whole or it is the one before; what is read back is what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from medlms.config import Lora, Train
from medlms.errors import MedLMsError, ModelError, ResourceError
from medlms.models import adapters
from medlms.train import checkpoint, loop


def moved(tiny: Any, *, steps: int = 2, **settings: Any) -> tuple[Any, Any]:
    """A model and optimiser after some steps on made-up gradients."""
    model = adapters.create(tiny(), Lora(**({"r": 4} | settings)), seed=1)
    optimiser = loop.optimiser(model, Train(weight_decay=0.01))
    random = torch.Generator().manual_seed(3)
    for _ in range(steps):
        for tensor in adapters.tensors(model).values():
            tensor.grad = torch.randn(tensor.shape, generator=random)
        optimiser.step()
    return model, optimiser


def state(model: Any, optimiser: Any) -> dict[str, torch.Tensor]:
    own = adapters.tensors(model)
    held = {f"{name}/{key}": value for name, one in own.items() for key, value in optimiser.state[one].items()}
    return {name: value.detach().clone() for name, value in (own | held).items()}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].dtype == other[name].dtype
        assert one[name].shape == other[name].shape
        assert torch.equal(one[name], other[name]), name


def test_saved_and_restored_is_equal(tiny: Any, tmp_path: Path) -> None:
    model, optimiser = moved(tiny)
    wanted = state(model, optimiser)
    assert sum(name.endswith("/exp_avg_sq") for name in wanted) == 28
    checkpoint.save(tmp_path / "last", model, optimiser, {"step": 2, "plan": "abc"})
    assert checkpoint.exists(tmp_path / "last")
    other, fresh = moved(tiny, steps=0)
    assert checkpoint.restore(tmp_path / "last", other, fresh) == {"step": 2, "plan": "abc"}
    assert checkpoint.notes(tmp_path / "last") == {"step": 2, "plan": "abc"}
    assert_equal(state(other, fresh), wanted)
    # and both go on alike
    for one, steps in ((model, optimiser), (other, fresh)):
        for tensor in adapters.tensors(one).values():
            tensor.grad = torch.ones_like(tensor)
        steps.step()
    assert_equal(state(other, fresh), state(model, optimiser))


def test_without_an_optimiser_only_the_adapter_is_held(tiny: Any, tmp_path: Path) -> None:
    model, _ = moved(tiny)
    checkpoint.save(tmp_path / "best", model, None, {"step": 2})
    other, _ = moved(tiny, steps=0)
    checkpoint.restore(tmp_path / "best", other, None)
    assert_equal(adapters.tensors(other), adapters.tensors(model))
    from safetensors import safe_open

    with safe_open(tmp_path / "best" / checkpoint.STATE, "pt") as file:
        assert all(name.startswith("adapter/") for name in file.keys())  # noqa: SIM118 - no mapping


def test_a_save_replaces_the_one_before_and_leaves_nothing_beside_it(tiny: Any, tmp_path: Path) -> None:
    model, optimiser = moved(tiny)
    for step in (1, 2, 3):
        checkpoint.save(tmp_path / "last", model, optimiser, {"step": step})
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    assert checkpoint.notes(tmp_path / "last")["step"] == 3


def test_nothing_there_is_no_checkpoint(tmp_path: Path) -> None:
    assert not checkpoint.exists(tmp_path / "last")
    (tmp_path / "last").mkdir()
    assert not checkpoint.exists(tmp_path / "last")
    (tmp_path / "other.part").mkdir()
    (tmp_path / "other.part" / checkpoint.NOTES).write_text("{}", encoding="utf-8")
    assert not checkpoint.exists(tmp_path / "other"), "a half written one is none"


class Crash(BaseException):
    """Stands for kill -9: nothing after it runs."""


@pytest.mark.parametrize(("at", "step"), [(1, 1), (2, 1), (3, 2)])
def test_a_crash_between_the_renames_leaves_a_whole_one(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, step: int
) -> None:
    folder = tmp_path / "last"
    model, optimiser = moved(tiny)
    checkpoint.save(folder, model, optimiser, {"step": 1})
    held = state(model, optimiser)
    with torch.no_grad():
        next(iter(adapters.tensors(model).values())).add_(1.0)
    calls = 0
    plain = Path.rename

    def rename(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == at:
            raise Crash
        return plain(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        if at == 3:  # after both, while the old one is removed
            patch.setattr(checkpoint.shutil, "rmtree", removal(Crash))
        with pytest.raises(Crash):
            checkpoint.save(folder, model, optimiser, {"step": 2})
    other, fresh = moved(tiny, steps=0)
    assert checkpoint.exists(folder)
    assert checkpoint.restore(folder, other, fresh)["step"] == step
    if step == 1:
        assert_equal(state(other, fresh), held)
    # The next save works and cleans up.
    checkpoint.save(folder, model, optimiser, {"step": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    assert checkpoint.notes(folder)["step"] == 3


def removal(crash: type[BaseException]) -> Any:
    """shutil.rmtree that crashes when it has something to remove."""
    import shutil

    plain = shutil.rmtree

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if Path(path).exists():
            raise crash
        plain(path, ignore_errors=ignore_errors)

    return rmtree


def test_a_crash_while_writing_leaves_the_one_before(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "last"
    model, optimiser = moved(tiny)
    checkpoint.save(folder, model, optimiser, {"step": 1})

    def save_file(tensors: Any, path: Path, metadata: Any = None) -> None:
        Path(path).write_bytes(b"half")
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", save_file)
        with pytest.raises(Crash):
            checkpoint.save(folder, model, optimiser, {"step": 2})
    assert checkpoint.exists(folder)
    assert checkpoint.restore(folder, *moved(tiny, steps=0))["step"] == 1


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_cut_state_is_a_sentence(tiny: Any, tmp_path: Path, share: float) -> None:
    folder = tmp_path / "last"
    model, optimiser = moved(tiny)
    checkpoint.save(folder, model, optimiser, {"step": 1})
    content = (folder / checkpoint.STATE).read_bytes()
    (folder / checkpoint.STATE).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match="can't be read") as caught:
        checkpoint.restore(folder, model, optimiser)
    assert caught.value.hint
    (folder / checkpoint.STATE).unlink()
    with pytest.raises(ModelError, match="can't be read"):
        checkpoint.restore(folder, model, optimiser)


def test_cut_notes_are_a_sentence(tiny: Any, tmp_path: Path) -> None:
    model, optimiser = moved(tiny)
    checkpoint.save(tmp_path / "last", model, optimiser, {"step": 1})
    (tmp_path / "last" / checkpoint.NOTES).write_text('{"step', encoding="utf-8")
    with pytest.raises(MedLMsError):
        checkpoint.restore(tmp_path / "last", model, optimiser)


def test_a_checkpoint_of_other_settings_is_refused(tiny: Any, tmp_path: Path) -> None:
    model, optimiser = moved(tiny)
    checkpoint.save(tmp_path / "last", model, optimiser, {"step": 1})
    for settings in ({"r": 8}, {"targets": ["q_proj"]}):
        with pytest.raises(ModelError, match="another model or other settings"):
            checkpoint.restore(tmp_path / "last", *moved(tiny, steps=0, **settings))


def full_disk(kind: str) -> Any:
    from safetensors import SafetensorError

    error = OSError(28, "No space left on device") if kind == "OSError" else SafetensorError("I/O error: No space left")

    def save_file(tensors: Any, path: Path, metadata: Any = None) -> None:
        raise error

    return save_file


@pytest.mark.parametrize(
    "kind",
    [
        "OSError",
        "SafetensorError",
    ],
)
def test_a_full_disk_is_a_sentence_and_the_one_before_stays(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    model, optimiser = moved(tiny)
    checkpoint.save(tmp_path / "last", model, optimiser, {"step": 1})
    monkeypatch.setattr("safetensors.torch.save_file", full_disk(kind))
    with pytest.raises(ResourceError, match="can't be written") as caught:
        checkpoint.save(tmp_path / "last", model, optimiser, {"step": 2})
    assert "previous checkpoint is whole" in caught.value.hint
    assert checkpoint.notes(tmp_path / "last")["step"] == 1
