"""Prompting strategies of a report: drafts read and votes counted anew, metrics by the reference libraries, tokens added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medlms.evaluate.family import holm
from medlms.evaluate.lines import prediction
from medlms.evaluate.strategies import DRAFT
from medlms.run import REPORT, Run
from medlms.tasks._said import option_named
from medlms.types import Prediction
from medlms.verify import held, reference, scores
from medlms.verify.exams import accuracy
from medlms.verify.ledger import Ledger


def strategies(run: Run, report: Mapping[str, Any], ledger: Ledger) -> None:
    """Check all numbers of every strategy but the intervals of differences and of what is no share."""
    parts = report.get("strategies") or []
    for part in parts:
        answers: dict[str, dict[str, list[Prediction]]] = {}
        for result in part.get("results") or []:
            system, strategy = str(result.get("system")), str(result.get("strategy"))
            file = f"predictions/strategies/{system}.{part.get('name')}.{strategy}.jsonl"
            key = f"strategies[{part.get('name')}].results[{system}, {strategy}]"
            lines = held.lines(run, file, ledger) if (run.folder / file).is_file() else []
            if not lines:
                ledger.fault(REPORT, key, f"{part.get('asked')} questions", f"{file}: no answers")
                continue
            lines.sort(key=lambda line: str(line.get("id")))
            answers.setdefault(system, {})[strategy] = [prediction(line) for line in lines]
            _tokens(key, result, lines, ledger)
            _metrics(key, result.get("metrics") or {}, lines, answers[system][strategy], ledger)
            for line in lines if lines[0].get("right") is not None else ():
                _vote(file, line, ledger)
        for system, items in answers.items():
            stated = [item for item in part.get("comparisons") or [] if item.get("system") == system]
            scores.comparisons(stated, items, ledger)
    family = [item for part in parts for item in part.get("comparisons") or []]
    for item, p_value in zip(family, holm([item.get("p_value") or 0.0 for item in family]), strict=True):
        key = f"strategies.comparisons[{item.get('system')}, {item.get('a')} - {item.get('b')}].p_adjusted"
        ledger.check(scores.KIND, REPORT, key, item.get("p_adjusted"), p_value)


def winner(votes: Sequence[int | None]) -> int | None:
    """The option with the most votes, of equal ones the first named; a slow twin of the rule that made the answers."""
    named = [vote for vote in votes if vote is not None]
    ranked = sorted(set(named), key=lambda option: (-named.count(option), named.index(option)))
    return ranked[0] if ranked else None


def _vote(file: str, line: Mapping[str, Any], ledger: Ledger) -> None:
    """Each draft names the option that was noted of it, it said what the model wrote, and the answer follows from them."""
    drafts = line["drafts"]
    for number, draft in enumerate(drafts):
        named = option_named(draft["said"], line["options"])[0] if draft["said"] in draft["text"] else "not said"
        ledger.check("answers", file, f"{line.get('id')}.drafts[{number}].chosen", draft["chosen"], named)
    refined = [draft for draft in drafts if draft["stage"] != DRAFT]
    votes = [draft["chosen"] for draft in refined or drafts]
    ledger.check("answers", file, f"{line.get('id')}.chosen", line.get("chosen"), winner(votes))


def _metrics(
    key: str,
    stated: Mapping[str, Any],
    lines: list[dict[str, Any]],
    items: Sequence[Prediction],
    ledger: Ledger,
) -> None:
    for name, score in stated.items():
        if name == "accuracy":
            accuracy(f"{key}.metrics.accuracy", score, lines, ledger)
            continue
        each = reference.values(name, items)
        value = float(np.mean(each)) if each is not None else reference.whole(name, items)
        if value is not None:
            ledger.check(scores.KIND, REPORT, f"{key}.metrics.{name}.value", score.get("value"), value)


def _tokens(key: str, result: Mapping[str, Any], lines: list[dict[str, Any]], ledger: Ledger) -> None:
    for name in ("prompt_tokens", "new_tokens"):
        total = sum(draft[name] for line in lines for draft in line["drafts"])
        ledger.check("tokens", REPORT, f"{key}.{name}", result.get(name), total / len(lines))
    written = sum(draft["finish_reason"] != "too long" for line in lines for draft in line["drafts"])
    ledger.check("tokens", REPORT, f"{key}.answers", result.get("answers"), written / len(lines))
