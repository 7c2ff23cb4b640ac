"""The exams of a report: accuracy counted anew from the answers that were kept, with Wilson's interval by scipy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medlms.run import REPORT, Run
from medlms.verify import held, reference
from medlms.verify.ledger import Ledger
from medlms.verify.scores import KIND


def exams(run: Run, report: Mapping[str, Any], ledger: Ledger) -> None:
    """Check the accuracy of every exam, system and way whose answers lie in a file of their own; a note says what is left."""
    found = report.get("exams") or []
    for exam in found:
        for result in exam.get("results") or []:
            file = f"predictions/{result.get('system')}.{exam.get('name')}.{result.get('way')}.jsonl"
            stated = (result.get("metrics") or {}).get("accuracy")
            if stated and (run.folder / file).is_file():
                key = f"exams[{exam['name']}].results[{result['system']}, {result['way']}].metrics.accuracy"
                accuracy(key, stated, held.lines(run, file, ledger), ledger)
    if found:
        ledger.notes.append(
            "Of exams, accuracy and the hashes of all answers were checked; calibration, selective answering and the effect of "
            "the options' order were not recomputed."
        )


def accuracy(key: str, stated: Mapping[str, Any], lines: list[dict[str, Any]], ledger: Ledger) -> None:
    """Check an accuracy and, where each question is a group of its own, its interval."""
    counted = [line for line in lines if line.get("right") is not None]
    right = sum(line.get("chosen") == line["right"] for line in counted)
    if not counted:
        ledger.fault(REPORT, f"{key}.value", stated.get("value"), "no answers")
        return
    ledger.check(KIND, REPORT, f"{key}.value", stated.get("value"), right / len(counted))
    ledger.check(KIND, REPORT, f"{key}.n", stated.get("n"), len(counted))
    if len({line.get("group") or line.get("id") for line in counted}) == len(counted):
        low, high = reference.wilson(right, len(counted))
        ledger.check(KIND, REPORT, f"{key}.low", stated.get("low"), low)
        ledger.check(KIND, REPORT, f"{key}.high", stated.get("high"), high)
