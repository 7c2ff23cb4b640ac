from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from medlms.report.card import card


def parts(text: str) -> tuple[dict[str, Any], str]:
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


def test_the_front_matter_says_what_hubs_ask(report: dict[str, Any]) -> None:
    head, _ = parts(card(report))
    assert head["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert head["library_name"] == "peft"
    assert head["pipeline_tag"] == "text-generation"
    assert head["license"] == "apache-2.0"
    assert head["language"] == ["en"]
    assert head["datasets"] == ["medquad", "wikidoc"]
    assert "medical" in head["tags"]
    scores = {item["name"]: item["value"] for item in head["model-index"][0]["results"][0]["metrics"]}
    assert scores["Exact match"] == 0.01
    assert scores["ROUGE-L"] == 0.232


def test_the_card_has_its_sections_and_the_notice(report: dict[str, Any]) -> None:
    _, body = parts(card(report))
    assert re.findall(r"^## (.+)$", body, re.MULTILINE) == [
        "Intended use", "How to load it", "Data", "Training", "Results", "Known limits",
    ]  # fmt: skip
    assert "Not a medical device" in body
    assert "0.311 [0.296, 0.326]" in body


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ({"address": "org/model"}, "    'org/model',\n    dtype='auto',\n"),
        ({"address": "org/model", "precision": "fp16: said"}, "    dtype='float16',\n"),
        (
            {"address": "org/model", "gguf_file": "m.gguf"},
            "    gguf_file='m.gguf',\n    quantization_config=GgufConfig(dequantize=True),\n",
        ),
        ({"package": "pack==1.2", "member": "pack/m.gguf"}, "distribution('pack').locate_file('pack/m.gguf')"),
        (
            {
                "package": "pack==1.2",
                "member": "m.gguf",
                "parts": [["pack-1==1.2", "p1/m.00"], ["pack-2==1.2", "p2/m.01"]],
            },
            "    ('pack-1', 'p1/m.00'),\n    ('pack-2', 'p2/m.01'),\n",
        ),
    ],
)
def test_the_lines_that_load_it_are_python(report: dict[str, Any], model: dict[str, str], line: str) -> None:
    report["model"] = model
    code = re.search(r"^```python\n(.*?)^```$", card(report), re.MULTILINE | re.DOTALL)
    assert code
    ast.parse(code[1])
    assert line in code[1]
    assert {name.split(".")[0] for name in re.findall(r"^from (\S+)", code[1], re.MULTILINE)} <= {
        "importlib", "pathlib", "peft", "transformers",
    }  # fmt: skip


def test_a_file_in_parts_is_joined_by_the_cards_lines(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [["pack-1==1.2", "one"], ["pack-2==1.2", "two"]]
    report["model"] = {"package": "pack==1.2", "member": "m.gguf", "parts": parts}
    for _, name in parts:
        (tmp_path / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    lines = re.search(r"^parts = .*?(?=^base = )", card(report), re.MULTILINE | re.DOTALL)
    assert lines
    exec(lines[0], {"Path": Path, "distribution": lambda _: SimpleNamespace(locate_file=tmp_path.joinpath)})
    assert (tmp_path / "m.gguf").read_text() == "onetwo"


@pytest.mark.parametrize("bits", [4, 8])
def test_base_weights_are_read_in_the_width_of_the_run(report: dict[str, Any], bits: int) -> None:
    report["config"][f"load_in_{bits}bit"] = True
    report["model"] = {"address": "org/model", "precision": "bf16: said; base weights in NF4"}
    text = card(report)
    assert f"quantization_config=BitsAndBytesConfig(load_in_{bits}bit=True" in text
    assert ("bnb_4bit_compute_dtype='bfloat16'" in text) == (bits == 4)
    report["model"]["gguf_file"] = "m.gguf"  # transformers takes one such setting only
    assert f"those of base weights in {bits} bit" in card(report)
    assert "BitsAndBytesConfig" not in card(report)


def test_a_hostile_instruction_stays_a_string(report: dict[str, Any]) -> None:
    report["config"]["instruction"] = '```"\nimport os\n\ud800'
    text = card(report)
    text.encode("utf-8")
    code = re.search(r"^````python\n(.*?)^````$", text, re.MULTILINE | re.DOTALL)
    assert code
    assert "os" not in {
        alias.name for node in ast.walk(ast.parse(code[1])) if isinstance(node, ast.Import) for alias in node.names
    }


def test_hostile_text_stays_text(hostile: dict[str, Any]) -> None:
    head, body = parts(card(hostile))
    assert head["library_name"] == "peft"
    assert "<script" not in re.sub(r"^```.*?^```$", "", body, flags=re.MULTILINE | re.DOTALL)


def test_an_almost_empty_report_has_a_card() -> None:
    head, body = parts(card({}))
    assert head["base_model"] == "unknown"
    assert "model-index" not in head
    assert "Not a medical device" in body
