"""Gathers what a run left in its folder into report.json, and writes the pages from it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from medlms import __version__
from medlms.bench.machine import machine
from medlms.config import Config
from medlms.evaluate import compare, knee, score, untouched
from medlms.evaluate.curve_findings import knee_findings
from medlms.evaluate.endings import endings
from medlms.evaluate.exam_findings import exam_findings
from medlms.evaluate.family import adjusted
from medlms.evaluate.intervals import finite
from medlms.evaluate.rows import rows as metric_rows
from medlms.evaluate.score import per_item
from medlms.evaluate.verdict import verdict
from medlms.report import card, method, write
from medlms.report.data import PAGE
from medlms.road import fits, notes, wordings
from medlms.road.grading import NO_MODEL, comparisons_of, ending_counts, scores_of, task_of
from medlms.road.rows import Rows
from medlms.road.sealing import seal
from medlms.run import REPORT, STEPS, Run, now
from medlms.types import Comparison, Prediction, Score

SAMPLES = 8
TITLES = {
    "base": "base (not tuned)",
    "few_shot": "base with examples in its prompt (few-shot)",
    "tuned": "tuned (this run)",
    "best_prompt": "base in the best of five prompts",
    "nearest": "nearest question's answer (no model)",
    "sentence": "best-matching training sentence (no model)",
}


def build(
    run: Run, config: Config, rows: Rows, predictions: Mapping[str, Sequence[Prediction]], **known: Any
) -> dict[str, Any]:
    """Score everything, write report.json and the pages, seal the run's files, and return the report.

    ``known`` is what ``content`` is told beside the answers.
    """
    report = content(run, config, rows, predictions, **known)
    run.write_json(REPORT, report)
    write(run, report, list(run.rows(STEPS)))
    for kind in ("adapter", "model"):
        if (run.folder / kind).is_dir():
            run.write(f"{kind}/README.md", card.card(report))  # type: ignore[arg-type]
    seal(run)
    return report


def content(
    run: Run,
    config: Config,
    rows: Rows,
    predictions: Mapping[str, Sequence[Prediction]],
    *,
    model: Mapping[str, Any],
    prompts: Sequence[Mapping[str, Any]],
    warnings: Sequence[str],
    paths: Mapping[str, str],
    command: str,
    exams: Sequence[Mapping[str, Any]] = (),
    strategies: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """What report.json holds: all that follows from a run's folder, these ``predictions`` and the results of ``exams`` and
    ``strategies``.
    """
    scores = scores_of(config, predictions)
    comparisons = comparisons_of(config, predictions)
    measured = json.loads((run.folder / "speed.json").read_text()) if (run.folder / "speed.json").is_file() else {}
    steps = list(run.rows(STEPS))
    epochs = list(run.rows("epochs.jsonl"))
    # Exams alone are graded without any data.
    data = run.read_json("data_report.json") if predictions or (run.folder / "data_report.json").is_file() else {}
    ended = {system: ending_counts(items) for system, items in predictions.items()}
    overlaps = untouched.overlaps(data, [item.id for item in next(iter(predictions.values()), ())])
    knees = fits.knees([run], resamples=config.evaluate.resamples, seed=config.seed)
    return {
        "run": run.name,
        "date": now(),
        "command": command,
        "version": __version__,
        "verdict": [
            *(verdict(scores, comparisons, endings=ended) if predictions else []),
            *exam_findings(exams),
            *knee_findings([("", item) for item in knees]),
        ],
        "notes": notes.notes(
            run, scores, comparisons, predictions, exact=str(model.get("precision") or "").startswith("fp32")
        ),
        "warnings": [*_warnings(data), *warnings],
        "model": dict(model),
        "config": config.model_dump(),
        "systems": [
            {
                "name": system,
                "title": TITLES.get(system, system),
                "note": _note(system, model, paths, config, tried=wordings.tried(run)),
                "metrics": {item.metric: score.as_json(item) for item in scores[system]},
                "speed": measured.get(system, {}),
                "endings": ended[system],
                **_without_hits(config, predictions[system], overlaps),
            }
            for system in predictions
        ],
        **({"exams": list(exams)} if exams else {}),
        **({"strategies": list(strategies)} if strategies else {}),
        **({"contamination": overlaps} if overlaps else {}),
        "wordings": wordings.tried(run),
        "comparisons": _comparisons(comparisons),
        "training": _training(rows, steps, epochs, config),
        "epochs": epochs,
        "knees": [knee.as_json(item) for item in knees],
        "samples": _samples(task_of(config), rows, predictions, scores) if predictions else [],
        "prompts": list(prompts),
        "data": {
            **_without_lists(data),
            "cut": len((data.get("tokens") or {}).get("cut", [])),
            "page": PAGE if (run.folder / PAGE).is_file() else "",
        },
        "machine": machine(),
    }


def _without_hits(
    config: Config, predictions: Sequence[Prediction], overlaps: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The scores over the items that training text does not hold, where some were hit."""
    if not overlaps or not overlaps["hit"]:
        return {}
    asked: dict[str, int] = {"resamples": config.evaluate.resamples, "seed": config.seed}
    return {"without_hits": untouched.scores(predictions, overlaps["ids"], list(task_of(config).METRICS), **asked)}


def _without_lists(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data report without single hits: those of graded items stand in the report's own part, all in data_report.json."""
    lists = ("hits", "ids")
    return {
        key: {name: item for name, item in value.items() if name not in lists} if key in ("graded", "exams") else value
        for key, value in data.items()
        if key != "preview"
    }


def _note(
    system: str, model: Mapping[str, Any], paths: Mapping[str, str], config: Config, *, tried: Mapping[str, Any]
) -> str:
    if system in NO_MODEL:
        return paths.get(system, "")
    note = str(model.get("note") or "")
    if system == "best_prompt":
        return "; ".join(filter(None, [f"wording {tried['chosen']!r}" if tried else "", note]))
    if system == "few_shot":
        shown = f"{config.evaluate.examples} training rows before each question"
        return "; ".join(filter(None, [shown, note]))
    return note if system == "base" else "; ".join(filter(None, [method.note(config.model_dump()), note]))


def _warnings(data: Mapping[str, Any]) -> list[str]:
    """That identifiers were not looked for, or stayed where they are, is a warning wherever a source is not public."""
    identifiers = data.get("identifiers") or {}
    own = [name for name, source in (data.get("sources") or {}).items() if not source.get("public")]
    if not identifiers.get("scanned"):
        return [f"{', '.join(own)}: {identifiers['note']}"] if own else []
    found = identifiers.get("by_source") or {}
    kept = {name: found[name].get("left", found[name]["found"]) for name in own if name in found}
    return [
        f"{name}: {count:,} possible identifiers of people were trained on or graded with. The model can repeat them."
        for name, count in kept.items()
        if count
    ]


def _training(
    rows: Rows, steps: Sequence[Mapping[str, Any]], epochs: Sequence[Mapping[str, Any]], config: Config
) -> dict[str, Any] | None:
    if not steps:
        return None
    seconds = sum(step["seconds"] for step in steps)
    tokens = sum(step["tokens"] for step in steps)
    return {
        "steps": len(steps),
        "epochs": math.ceil(steps[-1]["epoch"]),
        "rows": len(rows.train),
        "tokens": tokens,
        "learned_tokens": sum(step["learned_tokens"] for step in steps),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
        "peak_memory_bytes": max(step["peak_memory_bytes"] for step in steps),
        "best_epoch": best_epoch(epochs, by=config.train.best_by),
    }


def best_epoch(epochs: Sequence[Mapping[str, Any]], *, by: str = "dev_loss") -> int | None:
    """The epoch (1 or later) with the lowest held-out loss or the highest of another metric; the first of equals.

    None when none was measured.
    """
    tried = [record for record in epochs if record["epoch"] > 0]
    sign = 1 if by == "dev_loss" else -1
    return int(min(tried, key=lambda record: sign * record[by]["value"])["epoch"]) if tried else None


def _samples(
    task: Any, rows: Rows, predictions: Mapping[str, Sequence[Prediction]], scores: Mapping[str, Sequence[Score]]
) -> list[dict[str, Any]]:
    """Answers at even steps from the worst to the best token F1 of the tuned model (or of the first system)."""
    lead = "tuned" if "tuned" in predictions else next(iter(predictions))
    f1 = {
        system: dict(zip([item.id for item in items], per_item(metric_rows("token_f1", items)).tolist(), strict=True))
        for system, items in predictions.items()
    }
    order = sorted(f1[lead], key=lambda name: (f1[lead][name], name))
    count = min(SAMPLES, len(order))
    chosen = [order[round(index * (len(order) - 1) / max(count - 1, 1))] for index in range(count)]
    known = {row.id: row for row in rows.eval}
    said = {system: {item.id: item for item in items} for system, items in predictions.items()}
    return [
        {
            "id": name,
            "topic": known[name].topic,
            "question": task.question(known[name]),
            "reference": known[name].answer,
            "answers": {
                system: {"text": found[name].said, "ending": endings(found[name]), "token_f1": f1[system][name]}
                for system, found in said.items()
            },
        }
        for name in chosen
    ]


def _comparisons(items: Sequence[Comparison]) -> list[dict[str, Any]]:
    known = adjusted(items)
    return [{**compare.as_json(item), "p_adjusted": finite(known[item.a, item.b, item.metric])} for item in items]
