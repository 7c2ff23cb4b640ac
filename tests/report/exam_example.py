"""The results of an exam as report.json holds them, small but whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.evaluate.exam_answers import drawn

from medlms.evaluate.chance import floor
from medlms.evaluate.exam_results import results, ways
from medlms.evaluate.sitting import Answered

WORDS = ("yes", "no", "maybe")


def answered(way: str) -> list[Answered]:
    """500 answers whose right options are as many yes, no and maybe as in PubMedQA; ten are unread."""
    right = [0] * 276 + [1] * 169 + [2] * 55
    found = []
    for number, item in enumerate(drawn(500, 4, options=3)):
        values = tuple(x + (number % 7 == 0) * (k == right[number]) for k, x in enumerate(item.option_logprobs))
        chosen = max(range(3), key=values.__getitem__)
        made = replace(
            item, options=WORDS, right=right[number], option_logprobs=values, chosen=chosen, topic="ab"[number % 2]
        )
        if number < 10 and way == "letters":
            made = replace(made, chosen=None, option_logprobs=(), option_bytes=(), problem="too long")
        orders = ((0, 1, 2), (2, 0, 1)) if way == "letters" else ((0, 1, 2),)
        found.append(Answered(orders, (made,) * len(orders)))
    return found


def exam() -> dict[str, Any]:
    """One exam, asked of the base by letters and by full options."""
    made = []
    for way in ("letters", "options"):
        for name, items in ways(way, answered(way)).items():
            made.append(results(items, system="base", way=name, coverages=[0.8, 0.5], resamples=100, seed=1))
    below = floor([item.first for item in answered("options")])
    faults = [{"place": f"/somewhere/else/ours.json:{line}", "reason": "equal options", "detail": "A and B are both 'x'"}
              for line in (3, 9)]  # fmt: skip
    return {
        "name": "ours", "title": "Our exam", "licence": "CC0", "citation": "Nobody, 2026", "said": [],
        "files": {"/somewhere/else/ours.json": "0" * 64}, "rows_in": 502, "asked": 500, "left": 0,
        "set_aside": {"equal options": 2}, "faults": faults, "shots": "", "prompt": "chat", "options": {"3": 500},
        "chance": below.chance, "majority": below.majority, "majority_answer": below.answer, "results": made, "comparisons": [],
    }  # fmt: skip
