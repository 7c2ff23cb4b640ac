"""Asks an engine every question of a test, so that a stopped evaluation goes on where it was and ends the same.

Questions are sorted and cut into batches before the first is asked. Every reply is a line of
``predictions/SYSTEM.jsonl`` as soon as it is known. A batch with a missing line is asked again as a whole, because an
answer may depend, through rounding, on the answers computed beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.run import Run
from medlms.types import QA, Engine, Message, Prediction, Reply, Request

Progress = Callable[[int, int], None]
"""Called with (answers known, answers wanted)."""

FIELDS = (
    "id",
    "group",
    "question",
    "prompt",
    "predict",
    "label",
    "references",
    "problem",
    "finish_reason",
    "tokens",
    "seconds",
    "first_token_seconds",
    "reference_logprob",
    "reference_tokens",
    "topic",
    "kind",
    "source",
    "plan",
)
"""Keys of a line of a predictions file. ``plan`` is a fingerprint of the test: questions, prompts, limit, batches."""


def ask(
    engine: Engine,
    examples: Sequence[QA],
    *,
    task: ModuleType,
    instruction: str,
    references: Mapping[str, tuple[str, ...]],
    run: Run,
    system: str,
    max_new_tokens: int,
    batch: int,
    progress: Progress | None = None,
    render: Callable[[tuple[Message, ...]], str] | None = None,
) -> list[Prediction]:
    """Predictions for all ``examples``, in their order; those already in the run are not asked again.

    ``references`` maps an example's id to its accepted answers, best first; an id it lacks has the example's answer.
    ``render`` gives the text that is kept as the prompt (the texts of the messages, one a paragraph, by default).
    AskedWrongly when the run holds predictions of ``system`` from a different test, CouldNot when the engine leaves a
    question without a reply.
    """
    _check(examples, batch)
    known = {example.id: example for example in examples}
    messages = {example.id: task.messages(example, instruction=instruction) for example in examples}
    prompts = {key: (render or _plain)(turns) for key, turns in messages.items()}
    golds = {example.id: references.get(example.id) or (task.answer(example),) for example in examples}
    batches = _batches({key: len(prompt) for key, prompt in prompts.items()}, batch)
    plan = _fingerprint(batches, messages, golds, max_new_tokens, engine.name)

    done = _resume(run, system, batches, plan)
    _tell(progress, len(done), len(known))
    for ids in batches:
        if ids[0] in done:
            continue
        requests = [Request(id=key, messages=messages[key], max_new_tokens=max_new_tokens) for key in ids]
        for reply in _checked(engine.answer(requests), ids, engine):
            example = known[reply.id]
            prediction = task.read(example, reply, references=golds[reply.id], prompt=prompts[reply.id])
            line = _line(prediction, question=task.question(example), plan=plan)
            run.append(_file(system), [line])
            done[reply.id] = line
            _tell(progress, len(done), len(known))
    return [_prediction(done[example.id]) for example in examples]


def fingerprint(
    examples: Sequence[QA],
    *,
    task: ModuleType,
    instruction: str,
    references: Mapping[str, tuple[str, ...]],
    system: str,
    max_new_tokens: int,
    batch: int,
) -> str:
    """The ``plan`` that ``ask`` would write for this test, with prompts rendered plainly, by an engine named ``system``."""
    messages = {example.id: task.messages(example, instruction=instruction) for example in examples}
    golds = {example.id: references.get(example.id) or (task.answer(example),) for example in examples}
    batches = _batches({key: len(_plain(turns)) for key, turns in messages.items()}, batch)
    return _fingerprint(batches, messages, golds, max_new_tokens, system)


def score_references(
    engine: Engine,
    examples: Sequence[QA],
    *,
    task: ModuleType,
    instruction: str,
    run: Run,
    system: str,
    batch: int,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Add the log-probability of each first reference (``label``) to the predictions of ``system``, and return them.

    After ``ask``. Batches are fixed up front, merged into the file whole, and skipped when they are there already.
    AskedWrongly when the engine has no probabilities or a prediction is missing.
    """
    _check(examples, batch)
    lines = {line["id"]: line for line in run.rows(_file(system))}
    missing = [example.id for example in examples if example.id not in lines]
    if missing:
        raise AskedWrongly(
            f"{system}: {len(missing)} answers are missing, {missing[0]!r} first.", hint="Ask before scoring."
        )
    messages = {example.id: task.messages(example, instruction=instruction) for example in examples}
    lengths = {key: len(_plain(turns)) + len(lines[key]["label"]) for key, turns in messages.items()}
    batches = _batches(lengths, batch)
    done = 0
    _tell(progress, done, len(examples))
    for ids in batches:
        if any(lines[key]["reference_logprob"] is None for key in ids):
            requests = [Request(id=key, messages=messages[key], reference=lines[key]["label"]) for key in ids]
            for reply in _checked(engine.score(requests), ids, engine):
                lines[reply.id]["reference_logprob"] = reply.reference_logprob
                lines[reply.id]["reference_tokens"] = reply.reference_tokens
            run.keep_rows(_file(system), list(lines.values()))
        done += len(ids)
        _tell(progress, done, len(examples))
    return [_prediction(lines[example.id]) for example in examples]


def read_predictions(run: Run, system: str) -> list[Prediction]:
    """The predictions of a system in a run, ordered by id; DataError when there are none."""
    lines = sorted(run.rows(_file(system)), key=lambda line: str(line.get("id")))
    if not lines:
        raise DataError(
            f"{run.folder / _file(system)}: there are no predictions.", hint="`medlms evaluate` makes them."
        )
    for line in lines:
        absent = [name for name in FIELDS if name not in line]
        if absent:
            raise DataError(f"{run.folder / _file(system)}: {line.get('id')!r} has no {', '.join(absent)}.")
    return [_prediction(line) for line in lines]


def _file(system: str) -> str:
    return f"predictions/{system}.jsonl"


def _check(examples: Sequence[QA], batch: int) -> None:
    if batch < 1:
        raise AskedWrongly(f"evaluate.batch: {batch} is no size of a batch.")
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise DataError(f"{example.place}: the id {example.id!r} occurs twice in this test.")
        seen.add(example.id)


def _plain(messages: tuple[Message, ...]) -> str:
    return "\n\n".join(message.text for message in messages)


def _batches(lengths: Mapping[str, int], size: int) -> list[list[str]]:
    """Ids in batches of like length, longest first, so that too little memory shows at once."""
    ids = sorted(lengths, key=lambda key: (-lengths[key], key))
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _fingerprint(
    batches: list[list[str]],
    messages: Mapping[str, tuple[Message, ...]],
    golds: Mapping[str, tuple[str, ...]],
    max_new_tokens: int,
    engine: str,
) -> str:
    turns = {key: [(turn.role, turn.text) for turn in value] for key, value in messages.items()}
    content = json.dumps([batches, turns, dict(golds), max_new_tokens, engine], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _resume(run: Run, system: str, batches: list[list[str]], plan: str) -> dict[str, dict[str, Any]]:
    """Lines of whole batches that are there already; the file keeps these alone, without a line that a crash cut."""
    lines = {line["id"]: line for line in run.rows(_file(system))}
    if any(line.get("plan") != plan for line in lines.values()):
        raise AskedWrongly(
            f"{run.folder / _file(system)}: holds answers of another test "
            "(questions, references, instruction, limit, batch size or engine differ).",
            hint="Evaluate into a new run, or remove the file to ask again.",
        )
    whole = {key: lines[key] for ids in batches if all(key in lines for key in ids) for key in ids}
    if (run.folder / _file(system)).exists():
        run.keep_rows(_file(system), list(whole.values()))
    return whole


def _checked(replies: Iterable[Reply], ids: Sequence[str], engine: Engine) -> Iterable[Reply]:
    """Pass replies on and make sure that each request gets exactly one."""
    open_ids = set(ids)
    for reply in replies:
        if reply.id not in open_ids:
            raise CouldNot(f"{engine.name}: it replied to {reply.id!r}, which was not asked or is answered already.")
        open_ids.discard(reply.id)
        yield reply
    if open_ids:
        raise CouldNot(f"{engine.name}: {len(open_ids)} questions got no reply, {min(open_ids)!r} among them.")


def _line(prediction: Prediction, *, question: str, plan: str) -> dict[str, Any]:
    return {
        "id": prediction.id,
        "group": prediction.group,
        "question": question,
        "prompt": prediction.prompt,
        "predict": prediction.said,
        "label": prediction.golds[0] if prediction.golds else "",
        "references": list(prediction.golds),
        "problem": prediction.problem,
        "finish_reason": prediction.finish_reason,
        "tokens": prediction.tokens,
        "seconds": prediction.seconds,
        "first_token_seconds": prediction.first_token_seconds,
        "reference_logprob": prediction.reference_logprob,
        "reference_tokens": prediction.reference_tokens,
        "topic": prediction.topic,
        "kind": prediction.kind,
        "source": prediction.source,
        "plan": plan,
    }


def _prediction(line: Mapping[str, Any]) -> Prediction:
    names = {"said": "predict", "golds": "references"}
    values = {
        name: line[key] for name in Prediction.__dataclass_fields__ if (key := names.get(name, name)) in line
    }
    return Prediction(**{**values, "golds": tuple(values["golds"])})


def _tell(progress: Progress | None, done: int, wanted: int) -> None:
    if progress is not None:
        progress(done, wanted)
