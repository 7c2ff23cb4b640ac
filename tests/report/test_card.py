from __future__ import annotations

import ast
import re
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
        ({"address": "org/model"}, "from_pretrained('org/model', dtype='auto')"),
        (
            {"address": "org/model", "gguf_file": "m.gguf"},
            "from_pretrained('org/model', gguf_file='m.gguf', quantization_config=GgufConfig(dequantize=True)",
        ),
        ({"package": "pack==1.2", "member": "pack/m.gguf"}, "distribution('pack').locate_file('pack/m.gguf')"),
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
