"""Prompting strategies of a report: votes counted anew from the drafts as the model wrote them, and tokens added up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medlms.evaluate.strategies import DRAFT
from medlms.run import REPORT, Run
from medlms.verify import held
from medlms.verify.exams import accuracy
from medlms.verify.ledger import Ledger


def strategies(run: Run, report: Mapping[str, Any], ledger: Ledger) -> None:
    """Check votes, accuracy and tokens of every strategy whose answers lie in the run; a note says what is left."""
    for part in report.get("strategies") or []:
        for result in part.get("results") or []:
            file = f"predictions/strategies/{result.get('system')}.{part.get('name')}.{result.get('strategy')}.jsonl"
            key = f"strategies[{part['name']}].results[{result['system']}, {result['strategy']}]"
            lines = held.lines(run, file, ledger) if (run.folder / file).is_file() else []
            if not lines:
                ledger.fault(REPORT, key, f"{part.get('asked')} questions", f"{file}: no answers")
                continue
            _tokens(key, result, lines, ledger)
            if lines[0].get("right") is not None:
                accuracy(f"{key}.metrics.accuracy", (result.get("metrics") or {}).get("accuracy") or {}, lines, ledger)
                for line in lines:
                    ledger.check("answers", file, f"{line.get('id')}.chosen", line.get("chosen"), winner(line))
    if report.get("strategies"):
        ledger.notes.append(
            "Of strategies, votes, accuracy, tokens and the hashes of all answers were checked; metrics of open answers and "
            "differences between strategies were not recomputed."
        )


def winner(line: Mapping[str, Any]) -> int | None:
    """The option with the most votes in a line, of equal ones the first named; a slow twin of the rule that made it."""
    stages = [draft["stage"] for draft in line["drafts"]]
    last = [draft for draft in line["drafts"] if draft["stage"] != DRAFT or set(stages) == {DRAFT}]
    votes = [draft["chosen"] for draft in last if draft["chosen"] is not None]
    ranked = sorted(set(votes), key=lambda option: (-votes.count(option), votes.index(option)))
    return ranked[0] if ranked else None


def _tokens(key: str, result: Mapping[str, Any], lines: list[dict[str, Any]], ledger: Ledger) -> None:
    for name in ("prompt_tokens", "new_tokens"):
        total = sum(draft[name] for line in lines for draft in line["drafts"])
        ledger.check("tokens", REPORT, f"{key}.{name}", result.get(name), total / len(lines))
    answers = sum(len(line["drafts"]) for line in lines)
    ledger.check("tokens", REPORT, f"{key}.answers", result.get("answers"), answers / len(lines))
