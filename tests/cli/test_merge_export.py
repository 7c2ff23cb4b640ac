"""What `medlms merge` and `medlms export` print, and how they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medlms.road import merging

Medlms = Callable[..., Any]


def proof(**drift: Any) -> dict[str, Any]:
    one = {"largest": 0.5, "mean": 0.05, "divergence": 0.0002, "same_answers": 3, "answers": 5}
    return {
        "type": "bf16",
        "computed_in": "fp32",
        "drift": {"merging": one, "written": one, "adapter": {**one, "mean": 2.0}} | drift,
        "tolerance": {"merging": {"largest": 0.01, "divergence": 1e-6}, "written": {"largest": 2, "divergence": 0.004}},
        "notes": ["a note"],
    }


@pytest.mark.parametrize(("verb", "what"), [("merge", "merged weights"), ("export", "GGUF")])
def test_the_drift_is_said(medlms: Medlms, monkeypatch: pytest.MonkeyPatch, verb: str, what: str) -> None:
    asked: list[Any] = []

    def done(run: str, **rest: Any) -> merging.Written:
        asked.append((run, rest["into"], rest["to"]))
        return merging.Written(Path("runs/r/out"), proof())

    monkeypatch.setattr(merging, verb, done)
    said = medlms(verb, "r", "--into", "original", "--to", "x")
    assert said.code == 0
    assert asked == [("r", "original", Path("x"))]
    assert "written as bf16 and opened again: logits differ by up to 0.5 (allowed 2), 0.05 on average" in said.out
    assert "3 of 5 answers are the same" in said.out
    assert "moves logits by 2 on average" in said.out
    assert said.out.endswith(f"note: a note\n{what}: runs/r/out\n")
    assert json.loads(medlms(verb, "r", "--json").out) == proof()


def test_an_adapter_that_rounding_hides_is_warned_of(medlms: Medlms, monkeypatch: pytest.MonkeyPatch) -> None:
    small = proof(adapter={"mean": 0.1})
    monkeypatch.setattr(merging, "merge", lambda run, **rest: merging.Written(Path("x"), small))
    assert "rounding hides much of it" in medlms("merge", "r").out


@pytest.mark.parametrize("verb", ["merge", "export"])
def test_a_run_that_is_not_there(medlms: Medlms, verb: str) -> None:
    done = medlms(verb, "none")
    assert (done.code, done.out) == (2, "")
    assert "error: model: there is no 'none'." in done.err
