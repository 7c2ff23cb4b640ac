"""The configs of the larger models, each on a miniature of its family: settings as the file says, the whole way, fast."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from road_runs import Stopper, lines, write_table

import medlms
from medlms.config import load
from medlms.errors import AskedWrongly
from medlms.models.families import family
from medlms.models.known import KNOWN

CONFIGS = Path(__file__).parents[2] / "configs"
MINIATURES = {
    "mistral-7b": "mistral",
    "llama-3-8b": "llama3",
    "llama-2-7b": "llama2",
    "gemma-1.1-7b": "gemma",
    "distilgpt2": "gpt2",
}


@pytest.mark.parametrize("name", MINIATURES)
def test_a_config_has_the_settings_of_the_course_project(name: str) -> None:
    config, notes = load(CONFIGS / f"{name}.yaml")
    spec = KNOWN[config.model]
    assert (config.lora.r, config.lora.alpha, config.lora.dropout) == (16, 16, 0.25)
    assert config.max_length == (1024 if name == "distilgpt2" else 2048) <= spec.context
    assert config.load_in_4bit
    assert set(config.lora.targets) == set(family(spec.family).modules)
    assert config.train.rows_per_step == 8
    assert (config.train.learning_rate, config.train.schedule, config.train.weight_decay) == (2e-4, "linear", 0.01)
    assert (config.split.train, config.split.eval) == (1900, 100)
    assert [source.source for source in config.data] == ["medquad", "wikidoc"]
    said = "\n".join(notes)
    for alias in ("lora_alpha", "max_seq_length", "lora_dropout", "target_modules", "per_device_train_batch_size"):
        assert alias in said


@pytest.mark.parametrize(("name", "miniature"), MINIATURES.items())
def test_a_config_goes_the_whole_way(
    tiny_folder: Callable[..., Path], tmp_path: Path, name: str, miniature: str
) -> None:
    changes = {
        "model": str(tiny_folder(miniature)),
        "data": [{"source": str(write_table(tmp_path / "my.csv", rows=24))}],
        "identifier_scan": "quick",
        "split": {"train": 16, "dev": 2, "eval": 2},
        "max_length": 256,
        "load_in_4bit": False,
        "precision": "fp32",
        "train": {"evaluate_rows": 1},
        "evaluate": {"max_new_tokens": 4, "latency_rows": 1, "resamples": 100, "rows": 2},
        "run": str(tmp_path / "run"),
    }
    result = medlms.train(CONFIGS / f"{name}.yaml", **changes)
    saved = json.loads((result.run.folder / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (saved["r"], saved["lora_alpha"], saved["lora_dropout"]) == (16, 16, 0.25)
    assert {target.rpartition(".")[2] for target in saved["target_modules"]} == set(
        family(KNOWN[load(CONFIGS / f"{name}.yaml")[0].model].family).modules
    )
    assert saved["fan_in_fan_out"] == (miniature == "gpt2")
    steps = lines(result.run.folder / "steps.jsonl")
    assert len(steps) == 2
    assert [system["name"] for system in result.report["systems"]] == [
        "base",
        "best_prompt",
        "tuned",
        "nearest",
        "sentence",
    ]


def test_distilgpt2_asked_for_more_than_its_positions_refuses_before_the_work(
    tiny_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tiny_folder("gpt2", n_positions=1024)
    changes = {
        "model": str(folder),
        "data": [{"source": str(write_table(tmp_path / "my.csv", rows=24))}],
        "identifier_scan": "quick",
        "split": {"train": 8, "dev": 2, "eval": 2},
        "max_length": 2048,
        "load_in_4bit": False,
        "run": str(tmp_path / "run"),
    }
    with pytest.raises(AskedWrongly, match=r"max_length is 2048, but .* reads at most 1024 tokens") as caught:
        medlms.train(CONFIGS / "distilgpt2.yaml", **changes, talk=Stopper())
    assert caught.value.hint == "Set max_length to 1024."
    assert not (tmp_path / "run").exists(), "a run that was refused leaves nothing"


def test_a_known_model_is_not_fetched_for_a_length_that_it_can_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *args, **options: pytest.fail("asked the hub"))
    with pytest.raises(AskedWrongly, match="max_length is 2048, but distilgpt2 reads at most 1024 tokens"):
        medlms.train(CONFIGS / "distilgpt2.yaml", max_length=2048, run=str(tmp_path / "run"))


def test_modules_of_another_family_are_refused_with_its_own(tiny_folder: Callable[..., Path], tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "model": str(tiny_folder("gpt2")),
        "data": [{"source": str(write_table(tmp_path / "my.csv", rows=24))}],
        "identifier_scan": "quick",
        "split": {"train": 8, "dev": 2, "eval": 2},
        "max_length": 256,
        "lora": {"targets": ["q_proj", "v_proj"]},
        "load_in_4bit": False,
        "run": str(tmp_path / "run"),
    }
    with pytest.raises(AskedWrongly, match="no module q_proj, v_proj") as caught:
        medlms.train(CONFIGS / "distilgpt2.yaml", **changes)
    assert "c_attn" in caught.value.hint
    for wrong in ("wte", "lm_head", "h.99.attn.c_attn"):  # before the base is graded, which may take hours
        talk = Stopper()
        with pytest.raises(AskedWrongly, match=wrong):
            medlms.train(CONFIGS / "distilgpt2.yaml", **{**changes, "lora": {"targets": [wrong]}}, talk=talk)
        assert not any("base" in bar for bar in talk.bars)


@pytest.mark.parametrize("name", MINIATURES)
def test_a_config_names_the_published_adapter_on_its_own_base(name: str) -> None:
    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    (adapter,) = [word.removeprefix("model=") for word in text.split() if word.startswith("model=")]
    assert KNOWN[adapter].base == load(CONFIGS / f"{name}.yaml")[0].model
