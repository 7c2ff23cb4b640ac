"""Prompting strategies of a report: drafts read and votes counted anew, metrics by the reference libraries, all else again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medlms.config import Config
from medlms.evaluate.strategies import DRAFT, Told, from_line
from medlms.road import strategies as road
from medlms.road.papers import ids_sha256
from medlms.run import REPORT, Run
from medlms.tasks._said import option_named
from medlms.types import Prediction
from medlms.verify import held, reference, scores
from medlms.verify.exams import accuracy
from medlms.verify.ledger import Ledger


def strategies(run: Run, config: Config, report: Mapping[str, Any], ledger: Ledger) -> None:
    """Check all numbers of every strategy; of runs of earlier versions, which kept no order of questions, no drawn intervals."""
    parts = report.get("strategies") or []
    told: dict[str, dict[str, dict[str, list[Told]]]] = {}
    ordered = True
    for part in parts:
        what = str(part.get("name"))
        for result in part.get("results") or []:
            system, strategy = str(result.get("system")), str(result.get("strategy"))
            file = road.file_of(system, what, strategy)
            key = f"strategies[{what}].results[{system}, {strategy}]"
            lines = held.lines(run, file, ledger) if (run.folder / file).is_file() else []
            if not lines:
                ledger.fault(REPORT, key, f"{part.get('asked')} questions", f"{file}: no answers")
                ordered = False
                continue
            ids = ids_sha256(str(line.get("id")) for line in lines)
            if "ids_sha256" in part:
                ledger.check("answers", file, "questions and their order", part["ids_sha256"], ids)
            ordered &= part.get("ids_sha256") == ids
            items = [from_line(line) for line in lines]
            told.setdefault(what, {}).setdefault(system, {})[strategy] = items
            _tokens(key, result, lines, ledger)
            _metrics(key, result.get("metrics") or {}, lines, [item.prediction for item in items], ledger)
            for line in lines if lines[0].get("right") is not None else ():
                _vote(file, line, ledger)
        for system, by_key in told.get(what, {}).items():
            stated = [item for item in part.get("comparisons") or [] if item.get("system") == system]
            answers = {name: sorted(_said(items), key=lambda item: item.id) for name, items in by_key.items()}
            scores.comparisons(stated, answers, ledger)
    if parts and not ordered:
        ledger.notes.append(
            "Strategies: answers are missing, or were kept by an earlier version without their order: agreement, intervals "
            "and adjusted p-values were not computed again."
        )
    elif parts:
        made = road.of_told(told, config)
        stated_parts = [{name: part.get(name) for name in again} for part, again in zip(parts, made, strict=True)]
        ledger.tree(REPORT, stated_parts, made, "strategies", kind="values of report.json")


def _said(items: Sequence[Told]) -> list[Prediction]:
    return [item.prediction for item in items]


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
