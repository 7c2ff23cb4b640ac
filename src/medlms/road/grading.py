"""Asks systems the held-out questions, measures how long single answers take, and turns answers into scores."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medlms import catalogue
from medlms.config import Config
from medlms.evaluate import speed
from medlms.evaluate.ask import ask, score_references
from medlms.evaluate.compare import compare
from medlms.evaluate.endings import endings
from medlms.evaluate.known import Known
from medlms.evaluate.score import as_json, score
from medlms.road.rows import Rows
from medlms.road.talk import Talk
from medlms.run import Run
from medlms.types import QA, Comparison, Engine, Message, Prediction, Reply, Request, Score

OVERLAP = ("exact_match", "token_f1", "rouge1", "rouge2", "rougeL", "rougeLsum", "bleu", "chrf", "similarity")
CURVES = ("bleu", "rouge1", "rouge2", "rougeL", "token_f1")
NO_MODEL = ("nearest", "sentence")
"""Systems that copy text of the training rows: they have no probabilities and take no time worth measuring."""

LOSS_FIELDS = ("id", "group", "reference_logprob", "reference_tokens")


def task_of(config: Config) -> Any:
    """The task that this config trains and grades; exams are asked apart."""
    return catalogue.find("tasks", next((name for name in config.evaluate.tasks if name != "exam"), "answer"))


def grade(
    run: Run,
    config: Config,
    rows: Rows,
    engine: Engine,
    system: str,
    *,
    scores: bool,
    talk: Talk,
    known: Known | None = None,
    render: Callable[[tuple[Message, ...]], str] | None = None,
) -> list[Prediction]:
    """Predictions of a system on the evaluation rows, with reference log-probabilities where ``scores``.

    ``known`` and ``render`` as ``ask`` takes them.
    """
    examples = rows.eval[: config.evaluate.rows]
    settings: dict[str, Any] = {
        "task": task_of(config),
        "instruction": config.instruction,
        "run": run,
        "system": system,
    }
    with talk.bar(f"{system} answers") as advance:
        predictions = ask(
            engine,
            examples,
            **settings,
            references=rows.references,
            max_new_tokens=config.evaluate.max_new_tokens,
            progress=advance,
            known=known,
            render=render,
            say=talk.say,
        )
    if not scores:
        return predictions
    with talk.bar(f"{system} reads references") as advance:
        return score_references(engine, examples, **settings, progress=advance)


def plain(messages: Sequence[Message]) -> str:
    """A conversation as it is kept in a predictions file: the texts of its turns, one a paragraph."""
    return "\n\n".join(message.text for message in messages)


def latency(run: Run, config: Config, rows: Rows, engine: Engine, system: str, *, talk: Talk) -> dict[str, Any]:
    """Seconds and tokens of answers asked one at a time after a warm-up; kept in speed.json, measured once."""
    known: dict[str, Any] = run.read_json("speed.json") if (run.folder / "speed.json").is_file() else {}
    count = min(config.evaluate.latency_rows, len(rows.eval))
    if system in known or not count:
        measured: dict[str, Any] = known.get(system, {})
        return measured
    task = task_of(config)

    def request(example: QA, limit: int) -> Request:
        return Request(example.id, task.messages(example, instruction=config.instruction), max_new_tokens=limit)

    replies: list[Reply] = []
    list(engine.answer([request(rows.eval[0], 8)]))
    with talk.bar(f"{system} answers one at a time") as advance:
        for number, example in enumerate(rows.eval[:count]):
            advance(number, count)
            replies += engine.answer([request(example, config.evaluate.max_new_tokens)])
        advance(count, count)
    known[system] = speed.speed(replies, resamples=config.evaluate.resamples, seed=config.seed)
    run.write_json("speed.json", known)
    return dict(known[system])


def losses_file(epoch: int) -> str:
    """Where a run keeps what each development row adds to an epoch's held-out loss."""
    return f"predictions/dev/loss-{epoch}.jsonl"


def epoch_scores(run: Run, config: Config, rows: Rows, engine: Engine, epoch: int, *, talk: Talk) -> dict[str, Any]:
    """Held-out loss over all development rows, and the learning-curve metrics over the first of them."""
    task = task_of(config)
    dev = [dataclasses.replace(example) for example in rows.dev]
    requests = [
        Request(row.id, task.messages(row, instruction=config.instruction), reference=task.answer(row)) for row in dev
    ]
    known = {row.id: row for row in dev}
    losses: list[Prediction] = []
    with talk.bar(f"epoch {epoch}: held-out loss") as advance:
        for reply in engine.score(requests):
            row = known[reply.id]
            losses.append(task.read(row, reply, references=(row.answer,), prompt=""))
            advance(len(losses), len(dev))
    losses.sort(key=lambda item: item.id)
    run.keep_rows(losses_file(epoch), [{key: getattr(item, key) for key in LOSS_FIELDS} for item in losses])
    perplexity = as_json(score(losses, ["perplexity"], resamples=config.evaluate.resamples, seed=config.seed)[0])
    loss = {
        key: math.log(value) if key in ("value", "low", "high") and value else value
        for key, value in perplexity.items()
    }
    record: dict[str, Any] = {"epoch": epoch, "dev_loss": {key: loss[key] for key in ("value", "low", "high", "n")}}
    with talk.bar(f"epoch {epoch}: answers") as advance:
        answers = ask(
            engine,
            dev[: config.train.evaluate_rows],
            task=task,
            instruction=config.instruction,
            references=rows.references,
            run=run,
            system=f"dev/epoch-{epoch}",
            max_new_tokens=config.evaluate.max_new_tokens,
            progress=advance,
            say=talk.say,
        )
    for item in score(answers, list(CURVES), resamples=config.evaluate.resamples, seed=config.seed):
        record[item.metric] = as_json(item)
    return record


def scores_of(config: Config, predictions: Mapping[str, Sequence[Prediction]]) -> dict[str, list[Score]]:
    """Scores of every system, in the task's order of metrics."""
    names = list(task_of(config).METRICS)
    return {
        system: score(items, names, resamples=config.evaluate.resamples, seed=config.seed)
        for system, items in predictions.items()
    }


def comparisons_of(config: Config, predictions: Mapping[str, Sequence[Prediction]]) -> list[Comparison]:
    """Tuned against every other system, and the base in other prompts against the base as it is, paired."""
    found: list[Comparison] = []
    pairs = [
        ("tuned", "base"),
        ("tuned", "best_prompt"),
        ("tuned", "few_shot"),
        ("best_prompt", "base"),
        ("few_shot", "base"),
    ]
    pairs += [("tuned", "nearest"), ("tuned", "sentence")]
    for one, other in pairs:
        if one in predictions and other in predictions:
            metrics = [*OVERLAP, *(("perplexity", "bits_per_byte") if other not in NO_MODEL else ())]
            found += compare(
                one,
                predictions[one],
                other,
                predictions[other],
                metrics,
                resamples=config.evaluate.resamples,
                seed=config.seed,
            )
    return found


def ending_counts(predictions: Sequence[Prediction]) -> dict[str, int]:
    """How many answers ended in which way."""
    counts = {"complete": 0, "cut by length": 0, "empty": 0, "repeats itself": 0}
    for item in predictions:
        counts[endings(item)] += 1
    return counts
