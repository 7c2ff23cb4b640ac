"""Asks an engine by a prompting strategy: one answer a question or several, by chance or not, and one answer made of them.

A line of ``predictions/strategies/SYSTEM.WHAT.STRATEGY.jsonl`` is one question with every answer that was drawn for it and the
tokens of each. Each draw has a seed of its own, from the run's seed, the question and its number: neither the order of the
questions nor the batch changes it, and a larger n draws the same answers first. What is there already is not asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from medlms.errors import AskedWrongly, CouldNot, DataError
from medlms.evaluate import lines
from medlms.run import Run
from medlms.types import Engine, Message, Prediction, Reply, Request

Progress = Callable[[int, int], None]
Row = Any
"""A Choice or a QA, as the subject takes them."""

DRAFT, REFINED = "draft", "refined"
"""The stages of an answer."""

AT_ONCE, AT_ONCE_DRAFTED = 1024, 128
"""Answers asked for together. A stop in ensemble refinement loses drafts of questions that have no answer yet: fewer there."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a question is asked. ``key`` names it in files and tables.

    ``drafts`` answers are drawn at ``temperature`` and ``top_p``; with ``samples`` the model is then shown them all, and as many
    refined answers are drawn at ``warmth``. ``limit`` is the most tokens of each answer.
    """

    key: str
    kind: str
    drafts: int = 1
    samples: int = 0
    temperature: float = 0.0
    warmth: float = 0.0
    top_p: float = 1.0
    limit: int = 512

    @property
    def answers(self) -> int:
        """Answers that the model writes for each question."""
        return self.drafts + self.samples


@dataclass(frozen=True, slots=True)
class Draft:
    """One answer that was drawn: ``text`` as the model wrote it, ``said`` the part that answers, ``chosen`` an exam's option."""

    stage: str
    text: str
    said: str
    chosen: int | None
    problem: str
    finish_reason: str
    prompt_tokens: int
    new_tokens: int


@dataclass(frozen=True, slots=True)
class Told:
    """A question's ``prediction``, the ``drafts`` behind it, and how far they agree (1 where there is only one)."""

    prediction: Prediction
    drafts: tuple[Draft, ...]
    agreement: float


class Subject(Protocol):
    """What is asked: an exam, or open questions."""

    def stop(self, strategy: Strategy) -> tuple[str, ...]:
        """Texts at which an answer ends."""
        ...

    def messages(self, row: Row, strategy: Strategy, drafts: Sequence[Draft] = ()) -> tuple[Message, ...]:
        """What the model is shown; with ``drafts`` it is to refine them."""
        ...

    def read(self, row: Row, strategy: Strategy, reply: Reply, stage: str) -> Draft:
        """One reply, read."""
        ...

    def decide(self, row: Row, drafts: Sequence[Draft], prompt: str) -> tuple[Prediction, float]:
        """One answer made of the last stage's drafts, and how far they agree."""
        ...

    def known(self, row: Row) -> list[Any]:
        """What grading depends on, beside the prompt."""
        ...

    def question(self, row: Row) -> str:
        """What was asked, for people to read."""
        ...


def ask(
    engine: Engine,
    rows: Sequence[Row],
    subject: Subject,
    strategy: Strategy,
    *,
    run: Run,
    file: str,
    seed: int,
    fits: Callable[[Sequence[Message], int], bool] = lambda messages, limit: True,
    progress: Progress | None = None,
) -> list[Told]:
    """Answers to all ``rows``, in their order. ``fits`` tells whether a prompt leaves room for an answer of so many tokens;
    where it does not, nothing is cut: the row has the problem ``too long``.

    DataError for an id that occurs twice, AskedWrongly where the file holds answers to another test, CouldNot where the engine
    leaves a request without a reply.
    """
    plans = {row.id: _plan(row, subject, strategy, seed, engine.name) for row in rows}
    if len(plans) < len(rows):
        raise DataError(f"{file}: {len(rows) - len(plans)} ids occur twice among the questions.")
    done = _known(run, file, plans)
    tell = progress or (lambda known, wanted: None)
    tell(len(done), len(rows))
    left = sorted((row for row in rows if row.id not in done), key=lambda row: (-len(subject.question(row)), row.id))
    size = max(1, (AT_ONCE_DRAFTED if strategy.samples else AT_ONCE) // strategy.drafts)
    for start in range(0, len(left), size):
        for row, drafts in _answered(engine, left[start : start + size], subject, strategy, seed, fits):
            made = _line(row, subject, strategy, drafts, plans[row.id])
            done[row.id] = made
            run.append(file, [made])
            tell(len(done), len(rows))
    wanted = [row.id for row in rows]
    if list(done) != wanted:  # as they were answered; intervals drawn again later need the order of the questions
        run.keep_rows(file, [done[name] for name in wanted])
    return [from_line(done[name]) for name in wanted]


def read(run: Run, file: str) -> list[Told]:
    """The answers in a file, in its order; DataError where there are none, or a line is no strategy's."""
    return lines.read(run, file, from_line, "a strategy's answers")


def from_line(line: Mapping[str, Any]) -> Told:
    """The answer that a line of the file holds."""
    drafts = tuple(Draft(**draft) for draft in line["drafts"])
    return Told(lines.prediction(line), drafts, float(line["agreement"]))


def _answered(
    engine: Engine,
    rows: Sequence[Row],
    subject: Subject,
    strategy: Strategy,
    seed: int,
    fits: Callable[[Sequence[Message], int], bool],
) -> Iterator[tuple[Row, list[Draft]]]:
    """Each row with its drafts, and behind them the refined ones, as soon as it has them all."""

    def drawn(stage: str, count: int, earlier: Mapping[str, list[Draft]]) -> Iterator[tuple[Row, list[Draft]]]:
        asked: dict[str, list[Request]] = {}
        for row in rows:
            shown = subject.messages(row, strategy, earlier.get(row.id, ()))
            made = [
                _request(row.id, shown, strategy, subject.stop(strategy), stage, number, seed)
                for number in range(count)
            ]
            asked[row.id] = made if fits(shown, strategy.limit) else []
        by_id = {row.id: row for row in rows}
        for name, replies in _by_row(engine, asked):
            found = replies or [Reply("", "", "too long", 0, 0, 0.0, 0.0)] * count
            yield by_id[name], [subject.read(by_id[name], strategy, reply, stage) for reply in found]

    if not strategy.samples:
        yield from drawn(DRAFT, strategy.drafts, {})
        return
    first = {row.id: drafts for row, drafts in drawn(DRAFT, strategy.drafts, {})}
    for row, refined in drawn(REFINED, strategy.samples, first):
        yield row, [*first[row.id], *refined]


def _request(
    name: str, shown: tuple[Message, ...], strategy: Strategy, stop: tuple[str, ...], stage: str, number: int, seed: int
) -> Request:
    # Of an id and a seed of its own each, so that engines that draw by either draw anew.
    digest = hashlib.sha256(f"{seed}\n{name}\n{stage}\n{number}".encode()).digest()
    return Request(
        f"{name}@{stage}-{number}",
        shown,
        max_new_tokens=strategy.limit,
        temperature=strategy.temperature if stage == DRAFT else strategy.warmth,
        top_p=strategy.top_p,
        seed=int.from_bytes(digest[:6], "big"),
        stop=stop,
    )


def _by_row(engine: Engine, asked: Mapping[str, Sequence[Request]]) -> Iterator[tuple[str, list[Reply]]]:
    """Each row with its replies in the order of its requests, as soon as the last is there; rows not asked come first."""
    yield from ((name, []) for name, requests in asked.items() if not requests)
    rows = {request.id: name for name, requests in asked.items() for request in requests}
    heard: dict[str, dict[str, Reply]] = {}
    requests = [request for made in asked.values() for request in made]
    for reply in engine.answer(requests) if requests else ():
        name = rows.pop(reply.id, None)
        if name is None:
            raise CouldNot(f"{engine.name}: it replied to {reply.id!r}, which was not asked or is answered already.")
        heard.setdefault(name, {})[reply.id] = reply
        if len(heard[name]) == len(asked[name]):
            found = heard.pop(name)
            yield name, [found[request.id] for request in asked[name]]
    if rows:
        raise CouldNot(f"{engine.name}: {len(rows)} requests got no reply, {min(rows)!r} among them.")


def _line(row: Row, subject: Subject, strategy: Strategy, drafts: Sequence[Draft], plan: str) -> dict[str, Any]:
    shown = subject.messages(row, strategy, drafts[: strategy.drafts] if strategy.samples else ())
    prompt = "\n\n".join(turn.text for turn in shown)
    prediction, agreement = subject.decide(row, drafts[-strategy.samples :] if strategy.samples else drafts, prompt)
    prediction = replace(prediction, tokens=sum(draft.new_tokens for draft in drafts))
    made = lines.line(prediction, question=subject.question(row), plan=plan)
    kept = {
        "place": row.place,
        "prompt_tokens": sum(draft.prompt_tokens for draft in drafts),
        "agreement": agreement,
        "drafts": [asdict(draft) for draft in drafts],
    }
    return lines.sealed({**made, **kept})


def _plan(row: Row, subject: Subject, strategy: Strategy, seed: int, engine: str) -> str:
    """A fingerprint of all that a row's answer depends on, but for the model."""
    mark = Draft(DRAFT, "", "", None, "", "", 0, 0)
    shown: Iterable[tuple[Message, ...]] = (
        subject.messages(row, strategy),
        subject.messages(row, strategy, [mark] * strategy.drafts) if strategy.samples else (),
    )
    turns = [[(turn.role, turn.text) for turn in messages] for messages in shown]
    content = [turns, subject.known(row), asdict(strategy), subject.stop(strategy), seed, engine]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _known(run: Run, file: str, plans: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Lines that are there already; a line that a crash cut is gone. AskedWrongly where they are of another test."""
    found = {str(line["id"]): line for line in run.rows(file)}
    for name, line in found.items():
        if line.get("plan") != plans.get(name):
            raise AskedWrongly(
                f"{run.folder / file}: holds answers of another test (questions, prompt, strategy, seed or engine differ).",
                hint="Evaluate into a new run, or remove the file to ask again.",
            )
    return found
