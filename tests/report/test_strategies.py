"""The table of prompting strategies: every number in its place, words for keys, and nothing where nothing was asked."""

from __future__ import annotations

from typing import Any

import pytest

from medlms.report import strategies


def result(strategy: str, value: float, **more: Any) -> dict[str, Any]:
    accuracy = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 40, "unread": 0, "maximum": None}
    return {
        "system": "base", "strategy": strategy, "metrics": {"accuracy": accuracy}, "unread": 0, "unread_why": {}, "cut": 0.0,
        "agreement": None, "answers": 1.0, "prompt_tokens": 120.4, "new_tokens": 5.0, **more,
    }  # fmt: skip


PART: dict[str, Any] = {
    "name": "ours",
    "asked": 40,
    "results": [
        result("zero_shot", 0.5, unread=3, unread_why={"empty": 2, "no option named": 1}),
        result("self_consistency-n11-t0.7", 0.6, agreement=0.75, answers=11.0, prompt_tokens=1324.4, cut=0.125),
    ],
    "comparisons": [
        {"system": "base", "a": "self_consistency-n11-t0.7", "b": "zero_shot", "metric": "accuracy", "difference": 0.1,
         "low": -0.05, "high": 0.25, "p_value": 0.2, "p_adjusted": 0.4, "n": 40}
    ],
}  # fmt: skip


def test_gain_and_cost_stand_side_by_side() -> None:
    table = strategies.table({"strategies": [PART]}, PART)
    first, second = ([cell.text for cell in row] for row in table.rows)
    assert first == ["Base, zero shot", "50.0", "–", "3", "0.0 %", "–", "1", "120", "5"]
    assert second == [
        "Base, self consistency, n 11, temperature 0.7",
        "60.0",
        "+10.0",
        "0",
        "12.5 %",
        "0.750",
        "11",
        "1,324",
        "5",
    ]
    against = table.rows[1][2]
    assert "25.0" in against.small and against.faint == "p 0.400"
    assert table.notes == ("Unread, by reason. Base, zero shot: empty 2, no option named 1.",)
    assert len(table.columns) == len(first)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("zero_shot", "zero shot"),
        ("few_shot-1", "few shot, 1 shot"),
        ("few_shot-5", "few shot, 5 shots"),
        (
            "ensemble_refinement-d11-s33-t0.7-p0.9",
            "ensemble refinement, drafts 11, refined 33, temperature 0.7, top p 0.9",
        ),
    ],
)
def test_a_key_in_words(key: str, words: str) -> None:
    assert strategies.label(key) == words


def test_open_questions_are_called_so_and_nothing_is_nothing() -> None:
    assert strategies.heading({"name": "answers"}) == "Open questions"
    assert strategies.found({}) == []
