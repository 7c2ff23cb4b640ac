"""A fetched model is looked over without its weights: what would fail later fails now, and memory is not asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms.errors import ModelError
from medlms.models import load, whole
from medlms.models.fetch import locate
from medlms.testing import FAMILIES


@pytest.fixture
def copy(tiny_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder(), tmp_path / "model"))


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_counted_without_being_read(
    tiny: Any, tiny_folder: Any, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    wanted = tiny(family).parameters
    monkeypatch.setattr(load, "available_memory", lambda: 1000)  # too little to load it
    found = whole.check(locate(str(tiny_folder(family))))
    assert (found.parameters, found.folder) == (wanted, tiny_folder(family))


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_cut_file_is_told_by_its_head(copy: Path, share: float) -> None:
    weights = copy / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"model\.safetensors: can't be read") as caught:
        whole.check(locate(str(copy)))
    assert "fetch it again" in caught.value.hint


def test_an_unknown_architecture_and_a_broken_tokenizer_are_found(copy: Path) -> None:
    (copy / "tokenizer.json").write_text('{"version": "1.0"}', encoding="utf-8")
    with pytest.raises(ModelError, match="tokenizer"):
        whole.check(locate(str(copy)))
    (copy / "config.json").write_text(json.dumps({"model_type": "unheard-of"}), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        whole.check(locate(str(copy)))
    assert "families/unheard_of.py" in caught.value.hint


def test_an_adapters_file_is_looked_at_too(copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(copy)}), encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="adapter_model"):
        whole.check(locate(str(folder)))
