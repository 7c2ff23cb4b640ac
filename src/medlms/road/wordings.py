"""The system best_prompt: five wordings are tried on development rows, and the base is graded in the best of them.

A tuned model that beats its base may only have learned how answers are to look; a base that is asked well knows that too. No
graded row is looked at before the wording is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from medlms.engines.prompted import PromptedEngine, Wording
from medlms.evaluate.ask import ask
from medlms.evaluate.score import as_json, score
from medlms.road import grading
from medlms.road.work import Work
from medlms.run import Run
from medlms.types import QA, Prediction

METRIC = "token_f1"
FILE = "wordings.json"


@dataclass(frozen=True, slots=True)
class _Tried:
    wording: Wording
    predictions: list[Prediction]
    value: float


def wordings(task: str) -> list[Wording]:
    """The wordings of a task, from its data file; the first is the run's own."""
    text = (files("medlms.tasks") / "prompts" / f"{task}.yaml").read_text(encoding="utf-8")
    return [Wording(**item) for item in yaml.safe_load(text)]


def engine(work: Work, base: Any) -> PromptedEngine | None:
    """The base's engine in the wording that does best on development rows; None, and said, where there is none to choose by.

    What was tried, with its scores and its price in tokens, stands in the run's wordings.json.
    """
    config, dev = work.config, work.rows.dev[: work.config.evaluate.prompt_rows]
    if not dev:
        work.talk.say("best_prompt: left out, there are no development rows to choose a prompt by (split.dev)")
        return None
    fitting = [item for item in wordings(config.evaluate.tasks[0]) if _fits(work, item)]
    tried = [_try(work, base, item, dev) for item in fitting]
    if not tried:
        work.talk.say("best_prompt: left out, no wording leaves the model room for an answer")
        return None
    best = max(tried, key=lambda item: item.value)  # of equal ones the first, which is the run's own
    record = _record(work, tried, best)
    work.run.write_json(FILE, record)
    work.talk.say(f"best_prompt: {said(record)}")
    return PromptedEngine(base, best.wording)


def tried(run: Run) -> dict[str, Any]:
    """What a run noted of the wordings it tried; nothing where it tried none."""
    found: dict[str, Any] = run.read_json(FILE) if (run.folder / FILE).is_file() else {}
    return found


def said(record: dict[str, Any]) -> str:
    """Which wording was chosen, by what, and what it cost, in words."""
    values = [item["score"]["value"] for item in record["wordings"]]
    chosen = next(item for item in record["wordings"] if item["name"] == record["chosen"])
    return (
        f"the wording {record['chosen']!r} of {len(values)}, chosen on {record['rows']} development rows "
        f"(token F1 {chosen['score']['value']:.3f}, the lowest {min(values):.3f}; "
        f"{record['answers']} answers, {record['tokens']:,} new tokens)"
    )


def _fits(work: Work, wording: Wording) -> bool:
    """Whether every question in this wording leaves room for an answer; said where one does not."""
    from medlms.text.tokenise import prompt_ids

    task, config, loaded = grading.task_of(work.config), work.config, work.loaded
    asked = [*work.rows.dev[: config.evaluate.prompt_rows], *work.rows.eval[: config.evaluate.rows]]
    for row in asked:
        messages = wording.worded(task.messages(row, instruction=config.instruction))
        if len(prompt_ids(loaded.tokenizer, work.template, messages)) >= loaded.context:
            work.talk.say(f"best_prompt: the wording {wording.name!r} is not tried, {row.place} would not fit in it")
            return False
    return True


def _try(work: Work, base: Any, wording: Wording, dev: Any) -> _Tried:
    asked, config = PromptedEngine(base, wording), work.config
    with work.talk.bar(f"prompt {wording.name!r} on development rows") as advance:
        predictions = ask(
            asked,
            list[QA](dev),
            task=grading.task_of(config),
            instruction=config.instruction,
            references=work.rows.references,
            run=work.run,
            system=f"dev/prompt-{wording.name}",
            max_new_tokens=config.evaluate.max_new_tokens,
            progress=advance,
            render=lambda turns: grading.plain(wording.worded(turns)),
            known=work.known(asked),
            say=work.talk.say,
        )
    return _Tried(wording, predictions, _score(work, predictions, METRIC)["value"])


def _score(work: Work, predictions: list[Prediction], metric: str) -> dict[str, Any]:
    config = work.config
    (found,) = score(predictions, [metric], resamples=config.evaluate.resamples, seed=config.seed)
    return as_json(found)


def _record(work: Work, tried: list[_Tried], best: _Tried) -> dict[str, Any]:
    return {
        "metric": METRIC,
        "rows": len(best.predictions),
        "answers": sum(len(item.predictions) for item in tried),
        "tokens": sum(prediction.tokens for item in tried for prediction in item.predictions),
        "chosen": best.wording.name,
        "wordings": [
            {
                "name": item.wording.name,
                "instruction": work.config.instruction
                if item.wording.instruction is None
                else item.wording.instruction,
                "question": item.wording.question,
                "score": _score(work, item.predictions, METRIC),
                "words": _score(work, item.predictions, "length_words")["value"],
                "tokens": sum(prediction.tokens for prediction in item.predictions),
            }
            for item in tried
        ],
    }
