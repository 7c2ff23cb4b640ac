"""The verification of one run from beginning to end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medlms.config import Config, load
from medlms.errors import AskedWrongly, DataError, MedLMsError
from medlms.evaluate.score import as_json, score
from medlms.road import reporting, rows
from medlms.road.grading import CURVES, losses_file
from medlms.road.manifest import code_hash
from medlms.run import CONFIG, MANIFEST, REPORT, Run
from medlms.types import Prediction
from medlms.verify import exams, held, pages, scores, strategies
from medlms.verify.ledger import Ledger

EPOCHS = "epochs.jsonl"
UNFOLLOWED = (
    "run",
    "date",
    "command",
    "version",
    "machine",
    "model",
    "config",
    "prompts",
    "epochs",
    "exams",
    "strategies",
    "warnings",
)
"""Parts of a report that don't follow from predictions: copied from elsewhere, or checked apart."""


def verify(folder: str | Path, *, with_pages: bool = True) -> Ledger:
    """Recompute every number of a finished run's report; ``with_pages``, its pages and charts are made again too.

    AskedWrongly for a study; DataError where there is no report.
    """
    run = Run.open(folder)
    report = run.read_json(REPORT)
    if report.get("kind") == "study":
        raise AskedWrongly(
            f"{run.folder}: is a study or a report over several runs.", hint="Verify its runs one by one: points/*."
        )
    config, _ = load(run.folder / CONFIG)
    ledger = Ledger()
    if (run.folder / MANIFEST).is_file():
        held.hashes(run, config, ledger)
        if run.read_json(MANIFEST).get("code_sha256") != code_hash():
            ledger.notes.append(
                "The run was made by other code of MedLMs than this: where its methods differ, numbers and words do too."
            )
    if report.get("systems") or not report.get("exams"):
        _answers(run, config, report, ledger)
    else:  # exams alone: no split, no other answers
        _report(run, config, rows.NONE, {}, report, ledger)
    exams.exams(run, config, report, ledger)
    strategies.strategies(run, config, report, ledger)
    _prompts(run, report, ledger)
    if with_pages:
        pages.pages(run, report, ledger)
    return ledger


def _answers(run: Run, config: Config, report: Mapping[str, Any], ledger: Ledger) -> None:
    """All that rests on answers to the questions of the split."""
    try:
        split = rows.read(run)
        asked = held.graded(split, config)
    except DataError as error:
        ledger.fault("splits", "rows", "readable", str(error))
        ledger.notes.append("The rows of the split can't be read, so no score was recomputed.")
        return
    names = [str(system["name"]) for system in report.get("systems") or []]
    said = {name: held.answers(run, name, asked, split.references, ledger) for name in names}
    _report(run, config, split, said, report, ledger)
    _epochs(run, config, split, report, ledger)


def _report(
    run: Run,
    config: Config,
    split: rows.Rows,
    said: Mapping[str, Sequence[Prediction]],
    report: Mapping[str, Any],
    ledger: Ledger,
) -> None:
    """Everything of report.json that follows from predictions, steps and the account of the data."""
    for system in report["systems"]:
        if said[system["name"]]:
            scores.scores(system, said[system["name"]], ledger)
    scores.comparisons(report.get("comparisons") or [], said, ledger)
    if not all(said.values()) or len({tuple(item.id for item in items) for items in said.values()}) > 1:
        ledger.notes.append("Answers are missing, so the rest of report.json could not be recomputed.")
        return
    notes = {system["name"]: system.get("note", "") for system in report["systems"]}
    try:
        again = reporting.content(
            run, config, split, said,
            model=report.get("model") or {}, prompts=report.get("prompts") or [], warnings=[], paths=notes,
            command=report.get("command", ""), exams=report.get("exams") or [],
        )  # fmt: skip
    except MedLMsError as error:
        ledger.notes.append(f"The rest of report.json could not be recomputed: {error}")
        return
    again["systems"] = [{**system, "note": notes[system["name"]]} for system in again["systems"]]
    stated, made = ({name: part for name, part in whole.items() if name not in UNFOLLOWED} for whole in (report, again))
    ledger.tree(REPORT, stated, made, kind="values of report.json")
    _settings(report.get("config") or {}, again["config"], ledger)


def _settings(stated: Mapping[str, Any], held_: Mapping[str, Any], ledger: Ledger, key: str = "config") -> None:
    """The config of the report is that of the run; what the config leaves open (``auto``) the run has decided.

    A key that the report does not hold came with a later version: the config is read with its default.
    """
    for name, value in held_.items():
        if name not in stated:
            continue
        if isinstance(value, Mapping) and isinstance(stated.get(name), Mapping):
            _settings(stated[name], value, ledger, f"{key}.{name}")
        elif value != "auto":
            ledger.tree(REPORT, stated.get(name), value, f"{key}.{name}", kind="values of report.json")


def _epochs(run: Run, config: Config, split: rows.Rows, report: Mapping[str, Any], ledger: Ledger) -> None:
    """The learning curves, from what the development questions were answered and how well their references fit."""
    settings: dict[str, Any] = {"resamples": config.evaluate.resamples, "seed": config.seed}
    if (run.folder / EPOCHS).is_file():
        kept = held.lines(run, EPOCHS, ledger)
        ledger.tree(REPORT, report.get("epochs") or [], kept, "epochs", kind="values of report.json")
    for record in report.get("epochs") or []:
        epoch, key = record["epoch"], f"epochs[{record['epoch']}]"
        if (run.folder / losses_file(epoch)).is_file():
            lines = held.lines(run, losses_file(epoch), ledger)
            losses = [Prediction(prompt="", said="", golds=(), **line) for line in lines]
            made = as_json(score(losses, ["perplexity"], **settings)[0]) if losses else {}
            wanted = {
                name: math.log(made[name]) if made.get(name) else made.get(name) for name in ("value", "low", "high")
            }
            ledger.tree(REPORT, {name: record["dev_loss"].get(name) for name in wanted}, wanted, f"{key}.dev_loss")
        name = f"dev/epoch-{epoch}"
        if (run.folder / f"predictions/{name}.jsonl").is_file():
            items = held.answers(run, name, split.dev[: config.train.evaluate_rows], split.references, ledger)
            for item in score(items, list(CURVES), **settings) if items else ():
                ledger.tree(REPORT, record.get(item.metric) or {}, as_json(item), f"{key}.{item.metric}")


def _prompts(run: Run, report: Mapping[str, Any], ledger: Ledger) -> None:
    """The answers to ungraded questions are those that were kept."""
    for system in {name for item in report.get("prompts") or [] for name in item.get("answers") or {}}:
        kept = {str(line.get("id")): line for line in held.lines(run, f"predictions/prompts/{system}.jsonl", ledger)}
        for number, item in enumerate(report.get("prompts") or [], 1):
            stated = ((item.get("answers") or {}).get(system) or {}).get("text")
            made = kept.get(f"prompt-{number}", {}).get("predict")
            ledger.check("answers", REPORT, f"prompts[{number}].answers.{system}.text", stated, made)
