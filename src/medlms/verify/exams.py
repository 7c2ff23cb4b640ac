"""The exams of a report: answers against what was scored or said, all numbers again from the answers, metrics by slow twins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medlms.config import Config
from medlms.evaluate import sitting
from medlms.evaluate.sitting import Answered
from medlms.road import exams as road
from medlms.road.papers import ids_sha256
from medlms.run import REPORT, Run
from medlms.tasks._said import option_named
from medlms.types import Prediction
from medlms.verify import held, options, reference
from medlms.verify.ledger import Ledger
from medlms.verify.scores import KIND


def exams(run: Run, config: Config, report: Mapping[str, Any], ledger: Ledger) -> None:
    """Check every number of every exam. Of runs of earlier versions, which kept no order of questions, a part; a note says so."""
    for exam in report.get("exams") or []:
        answers = _answers(run, config, exam, ledger)
        for result in exam.get("results") or []:
            items = answers.get(str(result.get("way")), {}).get(str(result.get("system")))
            if items:
                key = f"exams[{exam['name']}].results[{result['system']}, {result['way']}].metrics"
                _metrics(key, result.get("metrics") or {}, [item.first for item in items], ledger)
        asked = [items for systems in answers.values() for items in systems.values()]
        if "ids_sha256" not in exam:
            ledger.notes.append(
                f"{exam.get('name')}: its answers were kept by an earlier version, without their order: intervals, reliability, "
                "selective answering, places and differences were not drawn again."
            )
        elif asked and all(_whole(exam, items) for items in asked):
            made = road.of_answers(answers, config, road.data_of(run))
            stated = {name: exam.get(name) for name in made}
            ledger.tree(REPORT, stated, made, f"exams[{exam['name']}]", kind="values of report.json")


def accuracy(key: str, stated: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], ledger: Ledger) -> None:
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


def _answers(run: Run, config: Config, exam: Mapping[str, Any], ledger: Ledger) -> dict[str, dict[str, list[Answered]]]:
    """By way asked and system, the answers in the order of their file, each line checked by itself."""
    asked = [(str(item.get("way")), str(item.get("system"))) for item in exam.get("results") or []]
    found: dict[str, dict[str, list[Answered]]] = {}
    for way in config.evaluate.exam.ask:
        for system in road.SYSTEMS:
            if (way, system) not in asked:
                continue
            file = road.file_of(system, str(exam.get("name")), way)
            items = [item for line in held.lines(run, file, ledger) if (item := _item(file, line, ledger))]
            ids = [item.first.id for item in items]
            if "ids_sha256" in exam:
                ledger.check("answers", file, "questions and their order", exam["ids_sha256"], ids_sha256(ids))
            ledger.check("answers", file, "questions", exam.get("asked"), len(set(ids)))
            for item in items:
                _follows(file, item, way, ledger)
            found.setdefault(way, {})[system] = items
    return found


def _item(file: str, line: Mapping[str, Any], ledger: Ledger) -> Answered | None:
    try:
        return sitting.from_line(line)
    except (KeyError, TypeError) as error:
        ledger.fault(file, str(line.get("id")), "an exam's answer", f"not readable: {error}")
        return None


def _follows(file: str, item: Answered, way: str, ledger: Ledger) -> None:
    """The option chosen is the likeliest of those scored (of equal ones that shown first), or the one that was named."""
    for order, found in zip(item.orders, item.predictions, strict=True):
        named: int | None = None
        if way == "generate" and not found.problem:
            place = option_named(found.said, [found.options[index] for index in order])[0]
            named = None if place is None else order[place]
        elif found.option_logprobs:
            best = max(found.option_logprobs)
            named = next(index for index in order if found.option_logprobs[index] == best)
        shown = "".join(map(str, order))
        ledger.check("answers", file, f"{found.id}: chosen in order {shown}", found.chosen, named)


def _whole(exam: Mapping[str, Any], items: Sequence[Answered]) -> bool:
    return bool(exam["ids_sha256"] == ids_sha256(item.first.id for item in items))


def _metrics(key: str, stated: Mapping[str, Any], items: Sequence[Prediction], ledger: Ledger) -> None:
    lines = [{"id": item.id, "group": item.group, "right": item.right, "chosen": item.chosen} for item in items]
    if "accuracy" in stated:
        accuracy(f"{key}.accuracy", stated["accuracy"], lines, ledger)
    for name, value in options.values(items).items():
        if name in stated:
            ledger.check(KIND, REPORT, f"{key}.{name}.value", stated[name].get("value"), value)
