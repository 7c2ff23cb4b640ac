"""Asks an engine every question of a test, row by row, so that a stopped evaluation goes on behind the last answer it has.

Questions go to the engine longest first, all that are missing at once: it batches them as it likes. Every reply is a line of
``predictions/SYSTEM.jsonl`` as soon as it is known. In fp32 an answer does not depend on the answers computed beside it, so a
stopped evaluation ends as one that was never stopped; at lower precision it may not where two tokens lie close together, which
``asked.jsonl`` (a line each time something was asked) lets a report say.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.evaluate.known import Known
from medlms.evaluate.lines import Say, file_of, in_order, line, mended, prediction, sealed
from medlms.run import ASKED, Run
from medlms.types import QA, Engine, Message, Prediction, Reply, Request

Progress = Callable[[int, int], None]
"""Called with (answers known, answers wanted)."""

EVERY = 2.0
"""Seconds after which scores that were computed meanwhile are written: they go into lines that are there already."""


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
    progress: Progress | None = None,
    render: Callable[[tuple[Message, ...]], str] | None = None,
    known: Known | None = None,
    say: Say = lambda _: None,
) -> list[Prediction]:
    """Predictions for all ``examples``, in their order; those already in the run are not asked again.

    ``references`` maps an example's id to its accepted answers, best first; an id it lacks has the example's answer.
    ``render`` gives the text that is kept as the prompt (the texts of the messages, one a paragraph, by default). ``known``
    gives answers that other runs hold. DataError for a blank reference, AskedWrongly when the run holds predictions of
    ``system`` from a different test, CouldNot when the engine leaves a question without a reply.
    """
    golds = {example.id: references.get(example.id) or (task.answer(example),) for example in examples}
    _check(examples, golds)
    requests = {
        example.id: Request(example.id, task.messages(example, instruction=instruction), max_new_tokens=max_new_tokens)
        for example in examples
    }
    prompts = {key: (render or _plain)(request.messages) for key, request in requests.items()}
    plan = _fingerprint(requests.values(), golds, engine.name)
    done = _there(run, system, plan, say)
    by_id, order = {example.id: example for example in examples}, _longest_first(prompts)

    def keep(reply: Reply, **more: Any) -> None:
        example = by_id[reply.id]
        found = task.read(example, reply, references=golds[reply.id], prompt=prompts[reply.id])
        key = known.key(requests[reply.id]) if known else ""
        made = line(found, question=task.question(example), plan=plan, key=key)
        done[reply.id] = sealed({**made, **more}) if more else made
        run.append(file_of(system), [done[reply.id]])
        _tell(progress, len(done), len(by_id))

    _tell(progress, len(done), len(by_id))
    missing = [key for key in order if key not in done]
    if missing:
        taken = _take(known, [requests[key] for key in missing], golds, keep) if known else []
        left = [requests[key] for key in missing if key not in done]
        _account(run, system, there=len(done) - len(taken), taken=taken, asked=len(left), wanted=len(by_id), say=say)
        for reply in _checked(engine.answer(left) if left else (), left, engine):
            keep(reply)
        in_order(run, system, done, order)
    return [prediction(done[example.id]) for example in examples]


def fingerprint(
    examples: Sequence[QA],
    *,
    task: ModuleType,
    instruction: str,
    references: Mapping[str, tuple[str, ...]],
    system: str,
    max_new_tokens: int,
) -> str:
    """The ``plan`` that ``ask`` would write for this test by an engine named ``system``."""
    requests = [
        Request(row.id, task.messages(row, instruction=instruction), max_new_tokens=max_new_tokens) for row in examples
    ]
    return _fingerprint(requests, {row.id: references.get(row.id) or (task.answer(row),) for row in examples}, system)


def score_references(
    engine: Engine,
    examples: Sequence[QA],
    *,
    task: ModuleType,
    instruction: str,
    run: Run,
    system: str,
    progress: Progress | None = None,
) -> list[Prediction]:
    """Add the log-probability of each first reference (``label``) to the predictions of ``system``, and return them.

    After ``ask``; what is there is not computed again. AskedWrongly when the engine has no probabilities or a prediction
    is missing.
    """
    lines = {found["id"]: found for found in run.rows(file_of(system))}
    absent = [example.id for example in examples if example.id not in lines]
    if absent:
        raise AskedWrongly(
            f"{system}: {len(absent)} answers are missing, {absent[0]!r} first.", hint="Ask before scoring."
        )
    requests = {
        row.id: Request(row.id, task.messages(row, instruction=instruction), reference=lines[row.id]["label"])
        for row in examples
        if lines[row.id]["reference_logprob"] is None
    }
    order = _longest_first({key: _plain(request.messages) + request.reference for key, request in requests.items()})
    done = len(examples) - len(requests)
    _tell(progress, done, len(examples))
    asked, written = [requests[key] for key in order], time.monotonic()
    try:
        for reply in _checked(engine.score(asked) if asked else (), asked, engine):
            scores = {"reference_logprob": reply.reference_logprob, "reference_tokens": reply.reference_tokens}
            lines[reply.id] = sealed({**lines[reply.id], **scores})
            done += 1
            if time.monotonic() - written > EVERY:
                run.keep_rows(file_of(system), list(lines.values()))
                written = time.monotonic()
            _tell(progress, done, len(examples))
    finally:
        if asked:
            run.keep_rows(file_of(system), list(lines.values()))
    return [prediction(lines[example.id]) for example in examples]


def _take(
    known: Known, requests: Sequence[Request], golds: Mapping[str, tuple[str, ...]], keep: Callable[..., None]
) -> list[str]:
    """Take over what other runs hold; returns the run of each answer taken."""
    keys = {known.key(request): request for request in requests}
    found = known.answers(keys.keys())
    for request in requests:
        name, old = found.get(known.key(request), ("", {}))
        if not old:
            continue
        said = Reply(
            id=request.id,
            text=old["predict"],
            finish_reason=old["finish_reason"],
            prompt_tokens=0,
            new_tokens=old["tokens"],
            seconds=old["seconds"],
            first_token_seconds=old["first_token_seconds"],
        )
        graded = _graded(old) if tuple(old["references"]) == golds[request.id] else {}
        keep(said, **graded, taken_from=name)
    return [found[known.key(request)][0] for request in requests if known.key(request) in found]


def _graded(line: Mapping[str, Any]) -> dict[str, Any]:
    """What engines measured of an answer and its references, beside the answer itself."""
    return {key: line[key] for key in ("reference_logprob", "reference_tokens", "similarity") if key in line}


def _account(run: Run, system: str, *, there: int, taken: Sequence[str], asked: int, wanted: int, say: Say) -> None:
    """Say and note down where the answers of a system come from."""
    names = sorted(set(taken))
    if there:
        say(f"{system}: {there:,} of {wanted:,} answers are there already")
    if taken:
        say(f"{system}: cached: {len(taken):,} of {wanted:,} answers, from {', '.join(names)}")
    run.append(ASKED, [{"system": system, "there": there, "cached": len(taken), "from": names, "asked": asked}])


def _check(examples: Sequence[QA], golds: Mapping[str, Sequence[str]]) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise DataError(f"{example.place}: the id {example.id!r} occurs twice in this test.")
        seen.add(example.id)
        if not all(gold.strip() for gold in golds[example.id]):
            raise DataError(
                f"{example.place}: a reference answer of {example.id!r} is empty.",
                hint="An empty answer would be graded as right. Leave the row out, or write the answer.",
            )


def _plain(messages: tuple[Message, ...]) -> str:
    return "\n\n".join(message.text for message in messages)


def _longest_first(texts: Mapping[str, str]) -> list[str]:
    """Ids by length, longest first, so that too little memory shows at once and answers of like length stand together."""
    return sorted(texts, key=lambda key: (-len(texts[key]), key))


def _fingerprint(requests: Iterable[Request], golds: Mapping[str, Sequence[str]], engine: str) -> str:
    asked = {request.id: [[(t.role, t.text) for t in request.messages], request.max_new_tokens] for request in requests}
    content = json.dumps([asked, {key: list(value) for key, value in golds.items()}, engine], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _there(run: Run, system: str, plan: str, say: Say) -> dict[str, dict[str, Any]]:
    """Lines that are there already, without those that can't be read; AskedWrongly for those of another test."""
    lines = mended(run, system, say=say)
    if any(found.get("plan") != plan for found in lines.values()):
        raise AskedWrongly(
            f"{run.folder / file_of(system)}: holds answers of another test "
            "(questions, references, instruction, limit or engine differ).",
            hint="Evaluate into a new run, or remove the file to ask again.",
        )
    return lines


def _checked(replies: Iterable[Reply], requests: Sequence[Request], engine: Engine) -> Iterable[Reply]:
    """Pass replies on and make sure that each request gets exactly one."""
    open_ids = {request.id for request in requests}
    for reply in replies:
        if reply.id not in open_ids:
            raise CouldNot(f"{engine.name}: it replied to {reply.id!r}, which was not asked or is answered already.")
        open_ids.discard(reply.id)
        yield reply
    if open_ids:
        raise CouldNot(f"{engine.name}: {len(open_ids)} questions got no reply, {min(open_ids)!r} among them.")


def _tell(progress: Progress | None, done: int, wanted: int) -> None:
    if progress is not None:
        progress(done, wanted)
