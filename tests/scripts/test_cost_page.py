"""The page of costs: from pretended measurements, and the committed one from the committed measurements."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cost_page", ROOT / "scripts" / "cost_page.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def point(system: str, *, longest: int, rows: int, rank: int = 16, micro: int = 1024, **changed: Any) -> dict[str, Any]:
    tokens = rows * longest
    took = tokens / (400 if system == "ours" else 80)
    return {
        "x": longest, "system": system, "case": f"{system}_{rows}x{longest}", "four_bit": False, "rank": rank, "rows": rows,
        "longest": longest, "tokens": tokens, "micro_tokens": micro, "padded_tokens": tokens,
        "seconds": {"median": took, "low": took * 0.97, "high": took * 1.02, "n": 3},
        "training_memory_bytes": 2.5e9 if system == "ours" else 1.5e9 + 4e6 * tokens, "peak_memory_bytes": 7e9,
        "attention_share": longest / 8000 if system == "ours" else None, **changed,
    }  # fmt: skip


@pytest.fixture
def held() -> dict[str, Any]:
    """A result whose numbers are made up: a flat and a straight line for ours, a steep one for the peer."""
    rows = [point(system, longest=256, rows=n) for system in ("ours", "plain_padded") for n in (1, 2, 4, 8)]
    lost = {key: rows[-1][key] for key in ("x", "system", "case", "rows", "longest", "tokens", "rank", "four_bit")}
    rows[-1] = lost | {"missing": "stopped at the limit of 19.9 GB"}
    fit = {"axis": "rows", "metric": "seconds", "x": "tokens", "slope": 1 / 400, "intercept": 0.0, "r2": 0.99995}
    full, four = point("ours", longest=256, rows=8), point("ours", longest=256, rows=8, four_bit=True)
    four["training_memory_bytes"] = 1.9e9
    return {
        "machine": {"processor": "A processor", "threads": 2, "cores": 2, "torch": "2"},
        "subject": {"model": "a-model", "lora": {"alpha": 16, "dropout": 0.25}, "learned_share": 0.75},
        "rows": [{"settings": {"dtype": "bfloat16"}}],
        "command": "python benchmarks/cost.py",
        "warnings": [],
        "failed": [{"error": "plain_padded_8x256: stopped at the limit of 19.9 GB"}],
        "complete": True,
        "fits": {"seconds over tokens of a step": fit | {"worst": 0.013, "n": 4, "most": 2048, "share": 1.0}},
        "axes": {
            "length": [point("ours", longest=n, rows=2048 // n, micro=2048) for n in (64, 512, 2048)],
            "rows": rows,
            "micro_tokens": [point("ours", longest=256, rows=16, micro=n) for n in (256, 1024, 4096)],
            "rank": [point("ours", longest=256, rows=4, rank=n) for n in (4, 16, 64)],
            "longest": [point("ours", longest=n, rows=4) for n in (256, 512, 832)],
            "precision": [full, four],
        },
    }


def test_numbers_stand_where_they_belong(held: dict[str, Any]) -> None:
    text = _script().page(held)
    assert "| 2,048 | MedLMs | 8 | 2,048 | 5.12 | 4.97 to 5.22 | 3 | 400 | 2.50 | 7.00 |" in text
    assert "| 2,048 | peft, padded | 8 | 2,048 | stopped at the limit of 19.9 GB |" in text
    assert "| 2,048 | 5.12 | 5.12 | 1.00 | 1.90 | 2.50 | 0.76 | 7.00 | 7.00 |" in text
    assert "MedLMs, tokens in a step from 256 to 2,048: 8.00 times the seconds, 1.00 times the memory." in text
    assert "+2.500 s | 0.9999" in text or "+2.500 s | 1.0000" in text
    assert "25.6 %" in text  # attention's share of rows of 2,048 tokens
    assert "Not complete" not in text and "Not to be trusted" not in text
    assert "{" not in text


def test_doubts_are_said_first(held: dict[str, Any]) -> None:
    held |= {"complete": False, "warnings": ["case: other work used 50 % of the processors: do not trust it"]}
    text = _script().page(held)
    first = text[: text.index("## ")]
    assert "Not complete" in first and "other work used 50 %" in first


def test_every_plot_of_the_page_is_drawn(held: dict[str, Any]) -> None:
    pytest.importorskip("vl_convert")
    script = _script()
    drawn, text = dict(script.plots(held)), script.page(held)
    assert len(drawn) == 2 * len(script.AXES)
    for stem, svg in drawn.items():
        assert f"(cost/{stem}.svg)" in text
        words = "".join(ElementTree.fromstring(svg).itertext())
        assert "<script" not in svg and len(svg) < 40_000
        assert "MedLMs" in words and ("seconds a step" in words or "peak memory, GB" in words)


def test_the_page_is_made_from_the_committed_measurements() -> None:
    script = _script()
    if not script.RESULT.is_file():
        pytest.skip("benchmarks/cost.py has not been run for the repository")
    held = json.loads(script.RESULT.read_text(encoding="utf-8"))
    assert script.PAGE.read_text(encoding="utf-8") == script.page(held)
    stems = {path.stem for path in script.PAGE.with_suffix("").glob("*.svg")}
    assert stems == {f"{name}-{stem}" for name in script.AXES for stem in script.STEMS.values()}
