"""Takes over from one run of a study what another would measure again: answers that no varied setting can change.

The base model's answers depend on the model, its precision and the test; the lookup baseline's on the training rows and
the test; those of the base with examples on all of these and on which examples are drawn. A file is taken when its
fingerprint is the one that the new run would write.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

from medlms.config import Config
from medlms.evaluate.ask import fingerprint
from medlms.road import rows
from medlms.road.grading import task_of
from medlms.run import Run
from medlms.types import QA

MODEL = ("model", "precision", "load_in_4bit", "load_in_8bit", "instruction")
"""Keys that the base model's answers depend on, beside the test."""


def take(run: Run, config: Config, own: rows.Rows, others: Sequence[tuple[Run, Config]]) -> list[str]:
    """Copy what fits from the first of ``others`` that has it whole; returns what was taken, in sentences."""
    said = []
    graded = own.eval[: config.evaluate.rows]
    for system in ("base", "few_shot", "nearest"):
        if system not in config.evaluate.systems or _file(run, system).exists():
            continue
        plan = _plan(config, graded, own, system)
        for other, settings in others:
            if not _fits(system, config, settings, own, other) or not _whole(other, system, graded, plan):
                continue
            _copy(other, run, system)
            if system == "base":
                _base_extras(run, config, own, other, settings)
            if system == "few_shot":
                _speed(run, config, other, settings, system)
            said.append(f"{system}: answers taken from {other.name}, which has the same test")
            break
    return said


def same_base(one: Config, other: Config) -> bool:
    """Whether two configs ask the same model in the same way before tuning."""
    return one.evaluate.int8 == other.evaluate.int8 and all(getattr(one, key) == getattr(other, key) for key in MODEL)


def _fits(system: str, config: Config, settings: Config, own: rows.Rows, other: Run) -> bool:
    if system != "nearest" and not same_base(config, settings):
        return False
    if system == "few_shot" and not _same_shots(config, settings):
        return False
    held = _rows(other)
    return system == "base" or (held is not None and held.train == own.train)


def _same_shots(one: Config, other: Config) -> bool:
    """Whether two configs draw the same examples from the same training rows."""
    shown = [
        (item.evaluate.examples, item.evaluate.max_new_tokens, item.evaluate.rows, item.max_length, item.split_seed)
        for item in (one, other)
    ]
    return shown[0] == shown[1]


def _plan(config: Config, examples: Sequence[QA], own: rows.Rows, system: str) -> str:
    return fingerprint(
        examples,
        task=task_of(config),
        instruction=config.instruction,
        references=own.references,
        system=system,
        max_new_tokens=config.evaluate.max_new_tokens,
    )


def _whole(run: Run, name: str, examples: Sequence[QA], plan: str) -> bool:
    lines = list(run.rows(f"predictions/{name}.jsonl"))
    return {line.get("id") for line in lines} == {row.id for row in examples} and _all_have(lines, plan)


def _all_have(lines: Sequence[dict[str, Any]], plan: str) -> bool:
    return bool(lines) and all(line.get("plan") == plan for line in lines)


def _base_extras(run: Run, config: Config, own: rows.Rows, other: Run, settings: Config) -> None:
    """Beside the graded answers: latency, the curves' epoch 0, and the answers to the ungraded prompts."""
    ours, theirs = config.evaluate, settings.evaluate
    same_limits = ours.max_new_tokens == theirs.max_new_tokens
    _speed(run, config, other, settings, "base")
    if config.prompts and config.prompts == settings.prompts and same_limits:
        _copy(other, run, "prompts/base")
    held = _rows(other)
    asked = own.dev[: config.train.evaluate_rows]
    if config.train.evaluate_every == "never" or not asked or held is None or held.dev != own.dev:
        return
    first = [record for record in other.rows("epochs.jsonl") if record["epoch"] == 0]
    same_curves = (settings.train.evaluate_rows, theirs.resamples) == (config.train.evaluate_rows, ours.resamples)
    if first and same_curves and _whole(other, "dev/epoch-0", asked, _plan(config, asked, own, "base")):
        _copy(other, run, "dev/epoch-0")
        _copy(other, run, "dev/loss-0")
        run.keep_rows("epochs.jsonl", first)


def _speed(run: Run, config: Config, other: Run, settings: Config, system: str) -> None:
    ours, theirs = config.evaluate, settings.evaluate
    same = all(getattr(ours, key) == getattr(theirs, key) for key in ("max_new_tokens", "batch", "latency_rows"))
    speeds = _speeds(other)
    if same and system in speeds:
        run.write_json("speed.json", {**_speeds(run), system: speeds[system]})


def _speeds(run: Run) -> dict[str, Any]:
    """What speed.json of a run holds by system; nothing where there is none."""
    path = run.folder / "speed.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _rows(run: Run) -> rows.Rows | None:
    return rows.read(run) if rows.there(run) else None


def _file(run: Run, name: str) -> Any:
    return run.folder / "predictions" / f"{name}.jsonl"


def _copy(source: Run, target: Run, name: str) -> None:
    if _file(source, name).is_file():
        shutil.copyfile(_file(source, name), target.path("predictions", *f"{name}.jsonl".split("/")))
