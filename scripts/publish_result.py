"""Copies a finished run's or study's numbers, config, manifest and charts into docs/results, without any text of its data.

    python scripts/publish_result.py runs/medquad medquad
    python scripts/publish_result.py runs/study-small study-small

Sample answers, questions and examples of dropped rows are taken out; row ids in the data report are too, since they lead
back to texts.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from medlms.report import markdown, plots, study
from medlms.run import CONFIG, MANIFEST, REPORT, STEPS, Run

FOLDER = Path(__file__).parent.parent / "docs" / "results"
DATA_TEXT = ("dropped_examples", "tokens")


def without_text(report: dict[str, Any]) -> dict[str, Any]:
    """The report without samples, prompts' answers and anything quoted from the data."""
    data = {key: value for key, value in report["data"].items() if key not in DATA_TEXT} | {"page": ""}
    config = {**report["config"], "prompts": []}
    found = {**report, "samples": [], "prompts": [], "data": data, "config": config}
    return found | ({"exams": [_exam(exam) for exam in report["exams"]]} if report.get("exams") else {})


def _exam(exam: dict[str, Any]) -> dict[str, Any]:
    """An exam's results without quoted options, and with names of files for their places on this machine."""
    files = {Path(path).name: checksum for path, checksum in exam["files"].items()}
    faults = [{**fault, "place": Path(fault["place"]).name, "detail": ""} for fault in exam["faults"]]
    return {**exam, "files": files, "faults": faults}


def publish(folder: str, name: str) -> Path:
    """Write docs/results/NAME.md and NAME/ (report.json, config, manifest, steps, charts); returns the page."""
    run = Run.open(folder)
    report = run.read_json(REPORT)
    target = FOLDER / name
    shutil.rmtree(target, ignore_errors=True)
    (target / "plots").mkdir(parents=True)
    if report.get("kind") == "study":
        report |= {"config": {**(report.get("config") or {}), "prompts": []}}
        drawn = study.plots.draw(report)
        text = study.markdown.markdown(report, drawn)
    else:
        report = without_text(report)
        drawn = plots.draw(report, list(run.rows(STEPS)))
        text = markdown.markdown(report, drawn, "")
    for plot in drawn:
        (target / "plots" / f"{plot.name}.svg").write_text(plots.standalone(plot), encoding="utf-8")
    (target / REPORT).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for file in (CONFIG, MANIFEST, STEPS):
        if (run.folder / file).is_file():
            shutil.copy(run.folder / file, target / file)
    page = FOLDER / f"{name}.md"
    page.write_text(text.replace("](plots/", f"]({name}/plots/"), encoding="utf-8")
    return page


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python scripts/publish_result.py RUN NAME")
    print(publish(sys.argv[1], sys.argv[2]))
