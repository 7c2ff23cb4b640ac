"""The sides of a comparison: runs, or systems of runs, with their answers on one test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medlms.catalogue import names as catalogue_names
from medlms.catalogue import near
from medlms.errors import AskedWrongly
from medlms.evaluate.lines import read_predictions
from medlms.run import REPORT, Run
from medlms.types import Prediction

EXAM = "accuracy"
FIRST = ("tuned", "base")
"""What of a run is compared unless a system is named."""


@dataclass(frozen=True)
class Side:
    """One system of one run: its short name, the run's report, its answers, and the questions by id."""

    name: str
    run: Run
    system: str
    report: Mapping[str, Any]
    predictions: Sequence[Prediction]
    questions: Mapping[str, str]

    @property
    def record(self) -> Mapping[str, Any]:
        """What the run's report says of the system; of an exam's answers, that they have an accuracy."""
        exam = {"name": self.system, "title": self.system, "metrics": {EXAM: {}}}
        return next((item for item in self.report.get("systems") or [] if item["name"] == self.system), exam)


def sides_of(words: Sequence[str]) -> list[Side]:
    """Sides named as RUN or RUN:SYSTEM (of exams RUN:SYSTEM.EXAM.WAY, as the file is called).

    A single RUN stands for all of its systems. AskedWrongly for fewer than two sides.
    """
    asked = [_opened(word) for word in words]
    if len(asked) == 1 and not asked[0][1]:
        run, _ = asked[0]
        asked = [(run, str(system["name"])) for system in _report(run).get("systems") or []]
    reports = {run.folder: _report(run) for run, _ in asked}
    found = [(run, system or _first(run, reports[run.folder])) for run, system in asked]
    if len({(run.folder.resolve(), system) for run, system in found}) < len(found):
        raise AskedWrongly("A system is named twice.", hint="Name each once: RUN or RUN:SYSTEM.")
    if len(found) < 2:
        raise AskedWrongly("There is nothing to compare with.", hint="Name a second run, or RUN:SYSTEM of this one.")
    return [
        _side(name, run, system, reports[run.folder]) for name, (run, system) in zip(_names(found), found, strict=True)
    ]


def on_one_test(sides: Sequence[Side], *, shared: bool) -> tuple[list[Side], dict[str, int]]:
    """The sides with their answers in one order, and how many of each were left out.

    AskedWrongly where they did not answer the same questions with the same references, unless only those that all ``shared``
    are asked for, and where they share none.
    """
    tests = [{item.id: item.golds for item in side.predictions} for side in sides]
    common = [item.id for item in sides[0].predictions if all(test.get(item.id) == item.golds for test in tests[1:])]
    left_out = {side.name: len(side.predictions) - len(common) for side in sides}
    sizes = ", ".join(f"{side.name} {len(side.predictions):,}" for side in sides)
    if not common:
        raise AskedWrongly(
            f"These are different tests: no question is answered by all with the same references ({sizes} questions).",
            hint="Compare runs that were graded on one split.",
        )
    if any(left_out.values()) and not shared:
        raise AskedWrongly(
            f"These are different tests: {len(common):,} questions are shared, with the same references ({sizes} questions).",
            hint="With --shared they are compared on these alone.",
        )
    groups = {item.id: item.group for item in sides[0].predictions}
    ordered = []
    for side in sides:
        known = {item.id: item for item in side.predictions}
        # Rows that belong together are those of the first side: splits may have grouped them otherwise.
        ordered.append(replace(side, predictions=[replace(known[key], group=groups[key]) for key in common]))
    return ordered, left_out


def metrics_of(sides: Sequence[Side]) -> list[str]:
    """Metrics that all sides were graded by and that can be computed again, in the order of the first."""
    known = set(catalogue_names("metrics"))
    shared = [name for name in sides[0].record["metrics"] if name in known]
    return [name for name in shared if all(name in side.record["metrics"] for side in sides[1:])]


def _opened(word: str) -> tuple[Run, str]:
    try:
        return Run.open(word), ""
    except AskedWrongly:
        folder, colon, system = word.rpartition(":")
        if not colon:
            raise
        return Run.open(folder), system


def _report(run: Run) -> dict[str, Any]:
    report: dict[str, Any] = run.read_json(REPORT)
    if report.get("kind") == "study":
        raise AskedWrongly(
            f"{run.folder}: is a study or a report over several runs.", hint="Give its runs: the folders under points/."
        )
    return report


def _first(run: Run, report: Mapping[str, Any]) -> str:
    known = [str(system["name"]) for system in report.get("systems") or []]
    if not known and (exams := _exams(run)):
        raise AskedWrongly(
            f"{run.folder}: holds answers to exams alone, and these are compared one exam at a time.",
            hint=f"Name one of each run, {run.folder}:{exams[0]} say. It has: {', '.join(exams)}.",
        )
    if not known:
        raise AskedWrongly(f"{run.folder}: its report holds no systems.", hint="Grade it: medlms evaluate.")
    return next((name for name in FIRST if name in known), known[0])


def _exams(run: Run) -> list[str]:
    """Systems on exams, as SYSTEM.EXAM.WAY."""
    return sorted(path.stem for path in (run.folder / "predictions").glob("*.*.*.jsonl"))


def _names(found: Sequence[tuple[Run, str]]) -> list[str]:
    """Short names that tell the sides apart: the runs' names, the systems' names, or both."""
    for names in (
        [system for _, system in found]
        if len({run.folder for run, _ in found}) == 1
        else [run.name for run, _ in found],
        [f"{run.name}:{system}" for run, system in found],
        [f"{run.folder}:{system}" for run, system in found],
    ):
        if len(set(names)) == len(names):
            return names
    raise AssertionError("sides are told apart by their folders")


def _side(name: str, run: Run, system: str, report: Mapping[str, Any]) -> Side:
    known = [str(item["name"]) for item in report.get("systems") or []]
    exam = system not in known and (run.folder / f"predictions/{system}.jsonl").is_file()
    if system not in known and not exam:
        known += _exams(run)
        hint = near(system, known) or f"It has: {', '.join(known)}."
        raise AskedWrongly(f"{run.folder}: has no system {system!r}.", hint=hint)
    lines = list(run.rows(f"predictions/{system}.jsonl"))
    questions = {str(line["id"]): str(line.get("question") or "") for line in lines}
    said = [_examined(line) for line in lines] if exam else read_predictions(run, system)
    return Side(name, run, system, report, said, questions)


def _examined(line: Mapping[str, Any]) -> Prediction:
    """The answer to a question of an exam, its right option the reference."""
    golds = line.get("references") or (line.get("label") or "",)
    values = {**line, "said": line.get("predict") or "", "golds": golds}
    known: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.items()
        if key in Prediction.__dataclass_fields__
    }
    return Prediction(**known)
