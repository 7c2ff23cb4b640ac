"""The page of full-size results is the one that the committed measurements give."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent.parent


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("full_size_table", ROOT / "scripts" / "full_size_table.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_made_from_the_committed_measurements() -> None:
    script = _script()
    held, memory = (
        json.loads((script.RESULTS / name).read_text(encoding="utf-8")) for name in ("full-size.json", "memory.json")
    )
    assert script.PAGE.read_text(encoding="utf-8") == script.page(held, memory)


def test_all_five_models_are_there_and_the_plan_is_within_a_fifth() -> None:
    script = _script()
    proofs = json.loads((script.RESULTS / "full-size.json").read_text(encoding="utf-8"))["proofs"]
    assert {proof["model"] for proof in proofs} >= set(script.MODELS)
    for proof in proofs:
        foretold, found = (proof[key]["peak_memory_bytes"] for key in ("predicted", "measured"))
        assert abs(foretold / found - 1) < 0.2, proof["model"]
        assert proof["differences"] == []
