"""The plan's verdict, its advice, and the command that prints both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from medlms.cli import main
from medlms.errors import AskedWrongly, ResourceError
from medlms.road import planning
from medlms.road.planning import Machine

MISTRAL = {
    "model_type": "mistral", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 32768,
}  # fmt: skip
SMALL = MISTRAL | {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 8}


def machine(gigabytes: float, **settings: Any) -> Machine:
    return Machine(**({"device": "cpu", "free": int(gigabytes * 1e9), "element": 2, "why": "bf16: said"} | settings))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps(MISTRAL))
    return tmp_path / "model"


def test_what_fits_passes(folder: Path) -> None:
    found = planning.plan(str(folder), machine=machine(80, flops=1e12, bytes_per_second=1e10))
    planning.refuse(found)
    assert found["fits"]
    assert found["advice"] == []
    assert [phase["name"] for phase in found["phases"]] == ["loading", "training", "grading"]
    assert found["needed_bytes"] == max(phase["needed_bytes"] for phase in found["phases"])
    assert [row["bytes"] for row in found["adapters"]] == [4 * 41_943_040, 40 * 41_943_040]
    assert found["seconds"]["training"]["low"] < found["seconds"]["training"]["high"]
    json.dumps(found)


def test_what_does_not_fit_is_refused_with_settings_that_do(folder: Path) -> None:
    found = planning.plan(str(folder), machine=machine(16))
    with pytest.raises(ResourceError, match=r"needs about .* 16.0 GB are free") as caught:
        planning.refuse(found)
    assert "load_in_4bit=true" in caught.value.hint
    settings = found["advice"][0].partition("with: ")[2].rstrip(".").split()
    assert planning.plan(str(folder), None, settings, machine=machine(16))["fits"], "the advice must hold"


def test_full_tuning_that_does_not_fit_is_told_what_would(folder: Path) -> None:
    for gigabytes in (40, 16):
        found = planning.plan(str(folder), None, ["method=full"], machine=machine(gigabytes))
        assert not found["fits"]
        settings = found["advice"][0].partition("with: ")[2].rstrip(".").split()
        assert settings[0] == "method=lora"
        assert ("load_in_4bit=true" in settings) == (gigabytes == 16)
        assert planning.plan(str(folder), None, ["method=full", *settings], machine=machine(gigabytes))["fits"]
    lora = planning.plan(str(folder), machine=machine(16))["advice"][0]
    assert "method=" not in lora


@pytest.mark.parametrize("method", ["full", "soft_prompt"])
def test_targets_matter_to_adapters_alone(folder: Path, method: str) -> None:
    found = planning.plan(str(folder), None, [f"method={method}", "lora.targets=[query]"], machine=machine(0))
    assert found["trainable_share"]


def test_smaller_steps_come_before_fewer_bits(folder: Path) -> None:
    tight = planning.plan(str(folder), machine=machine(80))["needed_bytes"] / 1e9 - 0.5
    off = ["train.checkpoint_gradients=off"]
    assert planning.plan(str(folder), None, off, machine=machine(tight))["advice"] == [
        "It would fit with: train.micro_tokens=512."
    ]


def test_activations_are_made_again_before_anything_is_refused(folder: Path) -> None:
    whole = planning.plan(str(folder), machine=machine(80))
    tight = machine(whole["needed_bytes"] / 1e9 - 0.5)
    found = planning.plan(str(folder), machine=tight)
    assert found["fits"]
    assert any("backward pass" in note and "micro_tokens=512 would fit without" in note for note in found["notes"])
    assert not any("backward pass" in note for note in whole["notes"])
    on = planning.plan(str(folder), None, ["train.checkpoint_gradients=on"], machine=machine(80))
    assert found["needed_bytes"] == on["needed_bytes"] < whole["needed_bytes"]


def test_moments_in_8_bit_are_reckoned(folder: Path) -> None:
    found = [
        planning.plan(str(folder), None, [f"train.optimiser={name}"], machine=machine(80))["phases"][1]["parts"]
        for name in ("adamw", "adamw_8bit")
    ]
    held = [parts["adapters and optimiser"] for parts in found]
    assert held[0] - held[1] == pytest.approx(41_943_040 * (8 - 2 * (1 + 4 / 256)), rel=1e-6)


def test_where_nothing_helps_smaller_models_are_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLMS_MODELS", str(tmp_path / "own"))
    (tmp_path / "own" / "distilgpt2").mkdir(parents=True)
    (tmp_path / "own" / "distilgpt2" / "config.json").write_text(json.dumps(SMALL))
    advice = planning.plan(str(folder), machine=machine(3))["advice"]
    assert len(advice) == 1
    assert "distilgpt2" in advice[0]
    assert "smaller model" in planning.plan(str(folder), machine=machine(0.1))["advice"][0]


def test_a_system_that_does_not_tell_its_memory_is_not_refused(folder: Path) -> None:
    planning.refuse(planning.plan(str(folder), machine=machine(0)))


@pytest.mark.parametrize("targets", ["[query]", "[q_porj, v_proj]"])
def test_targets_that_match_nothing(folder: Path, targets: str) -> None:
    with pytest.raises(AskedWrongly, match="targets: this model has no module q") as caught:
        planning.plan(str(folder), None, [f"lora.targets={targets}"], machine=machine(80))
    assert "It has: q_proj" in caught.value.hint
    assert ("Did you mean q_proj" in caught.value.hint) == ("porj" in targets)


def test_a_length_that_the_model_can_not_read_is_said(folder: Path) -> None:
    found = planning.plan(str(folder), None, ["max_length=40000"], machine=machine(0))
    assert any("training refuses that; set max_length=32768" in note for note in found["notes"])


def test_rows_of_a_file_are_looked_at(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "my.csv"
    lines = [f"What is illness {n}?,Illness {n} makes the body warm.,illness {n}" for n in range(60)]
    table.write_text("\n".join(["question,answer,topic", *lines]) + "\n")
    settings = ["split.dev=5", "split.eval=5"]
    yaml = tmp_path / "c.yaml"
    yaml.write_text(json.dumps({"model": "x", "data": [str(table)]}))
    found = planning.plan(str(folder), yaml, settings, machine=machine(80))
    assert found["rows"]["known"]
    assert found["rows"]["mean"] < 80
    assert any("estimated from their characters" in note for note in found["notes"])


@pytest.mark.parametrize(("gigabytes", "code"), [(80, 0), (16, 1)])
def test_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], gigabytes: float, code: int
) -> None:
    monkeypatch.setattr(planning, "measured", lambda *_: machine(gigabytes, flops=1e12, bytes_per_second=1e10))
    with pytest.raises(SystemExit) as left:
        main(["models", "plan", str(folder)])
    said = capsys.readouterr()
    assert left.value.code == code
    assert ("does not fit" in said.out) == bool(code)
    assert "QLoRA (NF4)" in said.out
    assert "adapters of 10 departments: 1.7 GB" in said.out
    assert ("hint: It would fit with" in said.err) == bool(code)
    with pytest.raises(SystemExit) as left:
        main(["models", "plan", str(folder), "lora.r=4", "--json"])
    assert left.value.code == code
    assert json.loads(capsys.readouterr().out)["adapters"][0]["trainable"] == 41_943_040 // 4
