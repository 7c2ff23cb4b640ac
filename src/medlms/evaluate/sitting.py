"""Asks an engine the questions of an exam, each in one or several orders of its options; a stopped exam goes on by rows.

A line of ``predictions/SYSTEM.EXAM.WAY.jsonl`` is one question with all its orders. It is written as soon as the last of
them is answered, and is asked again only when what was asked has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.evaluate import lines
from medlms.run import Run
from medlms.tasks import exam
from medlms.types import Choice, Engine, Message, Prediction, Reply, Request

Progress = Callable[[int, int], None]
Order = tuple[int, ...]
_OF_AN_ORDER = ("chosen", "problem", "said", "option_logprobs")


@dataclass(frozen=True, slots=True)
class Asking:
    """How an exam is asked. ``shots`` gives the solved examples shown before a question."""

    way: exam.Way
    style: exam.Style
    instruction: str = ""
    permutations: int = 1
    max_new_tokens: int = 64
    shots: Callable[[Choice], Sequence[Choice]] = lambda row: ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A question's ``predictions``, one for each of ``orders``; the first order is the set's own."""

    orders: tuple[Order, ...]
    predictions: tuple[Prediction, ...]

    @property
    def first(self) -> Prediction:
        """The prediction for the set's own order."""
        return self.predictions[0]


def orders(count: int, permutations: int) -> tuple[Order, ...]:
    """The set's own order of ``count`` options, then it turned by one place each, at most ``count`` in all.

    With all of them every option stands at every place once.
    """
    return tuple(tuple((place - turn) % count for place in range(count)) for turn in range(min(permutations, count)))


def sit(
    engine: Engine,
    rows: Sequence[Choice],
    asking: Asking,
    *,
    run: Run,
    file: str,
    fits: Callable[[Sequence[Message]], bool] = lambda messages: True,
    progress: Progress | None = None,
) -> list[Answered]:
    """Answers to all ``rows``, in their order; those in ``file`` of the run already are not asked again.

    ``fits`` tells whether a prompt leaves room for a written answer; where it does not, the row has the problem ``too long``.
    AskedWrongly where the file holds answers to other questions or prompts, CouldNot where the engine leaves one out.
    """
    plans = {row.id: _plan(row, asking, engine.name) for row in rows}
    if len(plans) < len(rows):
        raise DataError(f"{file}: {len(rows) - len(plans)} ids occur twice in this exam.")
    done = _known(run, file, plans)
    open_rows = {row.id: row for row in rows if row.id not in done}
    if progress:
        progress(len(done), len(rows))
    heard: dict[str, dict[int, Reply]] = {}
    for name, turn, reply in _replies(engine, _asked(open_rows, asking), asking, fits):
        heard.setdefault(name, {})[turn] = reply
        if len(heard[name]) < len(_orders(open_rows[name], asking)):
            continue
        answered = _read(open_rows[name], asking, heard.pop(name))
        done[name] = _line(answered, open_rows[name], plans[name])
        run.append(file, [done[name]])
        if progress:
            progress(len(done), len(rows))
    if missing := [row.id for row in rows if row.id not in done]:
        raise CouldNot(f"{engine.name}: {len(missing)} questions got no reply, {missing[0]!r} among them.")
    wanted = [row.id for row in rows]
    if list(done) != wanted:  # replies came as they were done; intervals drawn again later need the order of the exam
        run.keep_rows(file, [done[name] for name in wanted])
    return [from_line(done[name]) for name in wanted]


def from_line(line: Mapping[str, Any]) -> Answered:
    """The answers that a line of the file holds."""
    first = Prediction(**_fields({**line, "said": line["predict"], "golds": line["references"]}))
    others = [replace(first, prompt="", **_own(first, _fields(other))) for other in line["others"]]
    return Answered(tuple(tuple(order) for order in line["orders"]), (first, *others))


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Prediction among a line's values, lists as tuples."""
    known = {key: value for key, value in values.items() if key in Prediction.__dataclass_fields__}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in known.items()}


def _own(first: Prediction, values: dict[str, Any]) -> dict[str, Any]:
    """What an order's prediction has of its own; bytes only where it was scored."""
    return {**values, "option_bytes": first.option_bytes if values["option_logprobs"] else ()}


def read(run: Run, file: str) -> list[Answered]:
    """The answers in a file, in its order; DataError where there are none or a line is no exam's."""
    return lines.read(run, file, from_line, "an exam's answers")


def _orders(row: Choice, asking: Asking) -> tuple[Order, ...]:
    # Options that are not shown have no order.
    return orders(len(row.options), 1 if asking.way == "options" else asking.permutations)


def _asked(rows: Mapping[str, Choice], asking: Asking) -> Iterator[tuple[str, int, Request]]:
    """Requests with their row and order, long questions first, so that too little memory shows at once."""
    for name in sorted(rows, key=lambda key: (-len(rows[key].question) - len(rows[key].context), key)):
        row = rows[name]
        for turn, order in enumerate(_orders(row, asking)):
            yield name, turn, _request(row, asking, order, f"{name}@{turn}")


def _request(row: Choice, asking: Asking, order: Order, name: str) -> Request:
    return exam.request(
        row,
        id=name,
        instruction=asking.instruction,
        way=asking.way,
        style=asking.style,
        order=order,
        shots=asking.shots(row),
        max_new_tokens=asking.max_new_tokens,
    )


def _replies(
    engine: Engine,
    asked: Iterator[tuple[str, int, Request]],
    asking: Asking,
    fits: Callable[[Sequence[Message]], bool],
) -> Iterator[tuple[str, int, Reply]]:
    """Each reply with its row and order; one that was not asked for is CouldNot."""
    known: dict[str, tuple[str, int]] = {}
    requests: list[Request] = []
    for name, turn, request in asked:
        if asking.way == "generate" and not fits(request.messages):
            yield name, turn, Reply(request.id, "", "too long", 0, 0, 0.0, 0.0)
            continue
        known[request.id] = name, turn
        requests.append(request)
    if not requests:
        return
    for reply in engine.answer(requests) if asking.way == "generate" else engine.choose(requests):
        if reply.id not in known:
            raise CouldNot(f"{engine.name}: it replied to {reply.id!r}, which was not asked or is answered already.")
        yield *known.pop(reply.id), reply


def _read(row: Choice, asking: Asking, replies: Mapping[int, Reply]) -> Answered:
    shown = _orders(row, asking)
    prompt = "\n\n".join(turn.text for turn in _request(row, asking, shown[0], row.id).messages)
    found = [
        exam.read(row, replies[turn], prompt=prompt if turn == 0 else "", way=asking.way, order=order)
        for turn, order in enumerate(shown)
    ]
    return Answered(shown, tuple(found))


def _line(answered: Answered, row: Choice, plan: str) -> dict[str, Any]:
    first = answered.first
    others = [{key: getattr(item, key) for key in _OF_AN_ORDER} for item in answered.predictions[1:]]
    return {
        "id": first.id,
        "group": first.group,
        "place": row.place,
        "question": exam.question(row),
        "prompt": first.prompt,
        "predict": first.said,
        "label": exam.answer(row),
        "references": first.golds,
        "problem": first.problem,
        "options": first.options,
        "option_logprobs": first.option_logprobs,
        "option_bytes": first.option_bytes,
        "right": first.right,
        "chosen": first.chosen,
        "orders": answered.orders,
        "others": others,
        "finish_reason": first.finish_reason,
        "tokens": first.tokens,
        "seconds": first.seconds,
        "first_token_seconds": first.first_token_seconds,
        "topic": first.topic,
        "kind": first.kind,
        "source": first.source,
        "plan": plan,
    }


def _plan(row: Choice, asking: Asking, engine: str) -> str:
    """A fingerprint of all that a row's answer depends on, but for the model."""
    shown = [_request(row, asking, order, "") for order in _orders(row, asking)]
    turns = [[(turn.role, turn.text) for turn in request.messages] for request in shown]
    content = [turns, shown[0].options, row.options, row.answer, row.group, asking.way, asking.max_new_tokens, engine]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _known(run: Run, file: str, plans: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Lines that are there already; a line that a crash cut is gone. AskedWrongly where they are of another exam."""
    stored = {line["id"]: line for line in run.rows(file)}
    for name, line in stored.items():
        if line.get("plan") != plans.get(name):
            raise AskedWrongly(
                f"{run.folder / file}: holds answers of another exam (questions, prompt, examples, orders or engine differ).",
                hint="Evaluate into a new run, or remove the file to ask again.",
            )
    return stored
