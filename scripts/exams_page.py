"""Makes one page of several published runs of exams: a table an exam, a row a model and way, the floors below.

    python scripts/publish_result.py runs/exams-smollm2-135m exams-smollm2-135m
    python scripts/publish_result.py runs/exams-gemma3-270m exams-gemma3-270m
    python scripts/exams_page.py exams exams-smollm2-135m exams-gemma3-270m

The first name is the page's, the others are published results (folders of docs/results with a report.json).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from medlms.report.exams import WAYS
from medlms.report.tables import count, interval, number

FOLDER = Path(__file__).parent.parent / "docs" / "results"
HEAD = """# Exams

Models as they are, without tuning, on five public exams in full, asked as their pages say. Square brackets hold 95 % intervals.
*Chance* is what guessing gives, *always ...* the best that one fixed answer gets; both are floors, and a score whose interval
holds chance says that the model could not be told from guessing. *Unread* answers count as wrong.
"""


def page(reports: dict[str, dict[str, Any]]) -> str:
    """The page's text, from reports by their name."""
    parts = [HEAD, "\n".join(_asked(name, report) for name, report in reports.items())]
    exams = dict.fromkeys(exam["name"] for report in reports.values() for exam in report["exams"])
    parts += [_table(exam, reports) for exam in exams]
    parts.append(
        "Small models below chance on one exam and above it on another are mostly luck among many rows: read the intervals."
    )
    return "\n\n".join(parts) + "\n"


def _asked(name: str, report: dict[str, Any]) -> str:
    first = report["exams"][0]
    style = {"plain": "as plain text", "chat": "in the model's turns"}[first["prompt"]]
    model = report["model"]
    return (
        f"- {model['name']} ({count(model['parameters'] / 1e6)} million parameters; {model['precision']}), asked {style}, "
        f"{first['shots'] or 'no solved examples'}, {report['date'][:10]}: [all tables and charts]({name}.md)"
    )


def _table(exam: str, reports: dict[str, dict[str, Any]]) -> str:
    lines = []
    about: dict[str, Any] = {}
    for report in reports.values():
        for found in report["exams"]:
            if found["name"] == exam:
                about = found
                lines += [_row(report["model"]["name"], item) for item in found["results"]]
    aside = ", ".join(f"{count(number)} {reason}" for reason, number in about["set_aside"].items())
    head = f"## {about['title']}\n\n{count(about['asked'])} of {count(about['rows_in'])} questions"
    return "\n".join(
        [
            f"{head}{f' (set aside: {aside})' if aside else ''}.\n",
            "| Model | Asked | Accuracy, % | Macro F1 | Prefers | Unread | Calibration error | |",
            "| --- | --- | ---: | ---: | --- | ---: | ---: | --- |",
            *lines,
            f"| *Always {about['majority_answer']}* | | {number(about['majority'], 'percent')} | | | | | |",
            f"| *Chance* | | {number(about['chance'], 'percent')} | | | | | |",
        ]
    )


def _row(model: str, item: dict[str, Any]) -> str:
    metrics = item["metrics"]
    accuracy, f1, ece = (metrics.get(name) or {} for name in ("accuracy", "macro_f1", "ece"))
    ends = interval(accuracy.get("low"), accuracy.get("high"), "percent")
    cells = [
        model,
        WAYS[item["way"]],
        f"{number(accuracy.get('value'), 'percent')} {ends}",
        number(f1.get("value"), "share"),
        _prefers(item.get("places") or {}),
        count(item["unread"]),
        number(ece.get("value"), "share"),
        item["verdict"].rpartition("]: ")[2].rstrip("."),
    ]
    return f"| {' | '.join(cells)} |"


def _prefers(places: dict[str, Any]) -> str:
    if places.get("bias") is None:
        return ""
    at = max(range(len(places["chosen"])), key=lambda place: places["chosen"][place] - places["right"][place])
    chosen, right = number(places["chosen"][at], "percent"), number(places["right"][at], "percent")
    return f"{places['letters'][at]} {chosen} %, right in {right} %"


def main(words: list[str]) -> int:
    """Write docs/results/NAME.md; 2 when asked wrongly."""
    if len(words) < 2:
        print("usage: python scripts/exams_page.py NAME RESULT...", file=sys.stderr)
        return 2
    reports = {name: json.loads((FOLDER / name / "report.json").read_text(encoding="utf-8")) for name in words[1:]}
    target = FOLDER / f"{words[0]}.md"
    target.write_text(page(reports), encoding="utf-8")
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
