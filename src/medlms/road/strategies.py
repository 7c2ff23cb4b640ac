"""Prompting strategies on the road: what they will take is said first, then base and tuned are asked by each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medlms.config import Config
from medlms.config import Strategy as Wanted
from medlms.errors import AskedWrongly
from medlms.evaluate import compare, strategies
from medlms.evaluate.family import adjusted
from medlms.evaluate.intervals import finite
from medlms.evaluate.strategies import Strategy, Subject, Told
from medlms.evaluate.strategy_exam import DIRECT, OfExam
from medlms.evaluate.strategy_open import OfAnswers
from medlms.evaluate.strategy_results import EXAM_METRICS, OPEN_METRICS, results
from medlms.road import exams, grading, shots
from medlms.road.papers import Paper, ids_sha256, shots_of
from medlms.road.talk import Talk
from medlms.road.work import Work
from medlms.types import Comparison, Message, Prediction

SYSTEMS = exams.SYSTEMS
ANSWERS = "answers"
"""What the open questions of the split are called, beside the names of exams."""


def begin(config: Config, papers: Sequence[Paper], talk: Talk) -> None:
    """Before a model is loaded: refuse what can't be asked, and say how many answers each strategy will have written."""
    asked = config.evaluate.strategies
    if not asked:
        return
    systems = [system for system in SYSTEMS if system in config.evaluate.systems]
    if not systems:
        raise AskedWrongly(
            f"evaluate.systems holds neither {' nor '.join(SYSTEMS)}, and strategies ask no other system.",
            hint="Add base, or tuned where there is an adapter.",
        )
    for name, paper in zip(config.evaluate.exams, papers, strict=True) if papers else ():
        for _, count in _few(asked):
            shots_of(name, _exam(config, count), say=talk.say)
        for sentence in cost(asked, config, paper.name, len(paper.rows[: config.evaluate.strategy_rows])):
            talk.say(sentence)


def cost(asked: Sequence[Wanted], config: Config, what: str, rows: int) -> list[str]:
    """A sentence for each strategy: answers a question, answers in all, and their most tokens, of each system."""
    found = []
    for wanted in asked:
        plan = plan_of(wanted, config, exam=what != ANSWERS)
        total = plan.answers * rows
        found.append(
            f"{wanted.key}: {plan.answers:,} {'answer' if plan.answers == 1 else 'answers'} to each of {rows:,} questions "
            f"({what}): {total:,} a system, at most {plan.limit * total:,} new tokens"
        )
    return found


def plan_of(wanted: Wanted, config: Config, *, exam: bool) -> Strategy:
    """A strategy of the config as it is asked. An open question has one refined answer, the likeliest."""
    own = wanted.settings
    direct = exam and wanted.kind in DIRECT
    usual = config.evaluate.exam.max_new_tokens if direct else config.evaluate.max_new_tokens
    plan: dict[str, Any] = {"key": wanted.key, "kind": wanted.kind, "limit": own.max_new_tokens or usual}
    if wanted.kind == "self_consistency":
        plan |= {"drafts": own.n, "temperature": own.temperature, "top_p": own.top_p}
    if wanted.kind == "ensemble_refinement":
        plan |= {"drafts": own.drafts, "temperature": own.temperature, "top_p": own.top_p}
        plan |= {"samples": own.samples, "warmth": own.temperature} if exam else {"samples": 1}
    return Strategy(**plan)


def sit(work: Work, system: str, model: Any = None) -> None:
    """Ask a system exams and open questions by every strategy; what is in the run already is not asked again."""
    config = work.config
    if not config.evaluate.strategies or system not in config.evaluate.systems:
        return
    engine = work.engine(system, model)
    work.paths.setdefault(system, engine.path)
    for what, rows, subject in _subjects(work, engine):
        if what == ANSWERS and system == _first(work):
            for sentence in cost(config.evaluate.strategies, config, what, len(rows)):
                work.talk.say(sentence)
        for wanted in config.evaluate.strategies:
            with work.talk.bar(f"{system}: {what}, {wanted.key}") as advance:
                strategies.ask(
                    engine,
                    rows,
                    subject,
                    plan_of(wanted, config, exam=what != ANSWERS),
                    run=work.run,
                    file=file_of(system, what, wanted.key),
                    seed=config.seed,
                    fits=_fits(engine, whole=what != ANSWERS),
                    progress=advance,
                )


def file_of(system: str, what: str, key: str) -> str:
    """Where a run keeps a system's answers by a strategy."""
    return f"predictions/strategies/{system}.{what}.{key}.jsonl"


def summary(work: Work) -> list[dict[str, Any]]:
    """The ``strategies`` of report.json, from the answers in the run."""
    config = work.config
    if not config.evaluate.strategies:
        return []
    systems = [name for name in SYSTEMS if name in config.evaluate.systems and name in work.paths]
    return of_told(
        {
            what: {
                system: {
                    wanted.key: _in_order(work, file_of(system, what, wanted.key), rows)
                    for wanted in config.evaluate.strategies
                }
                for system in systems
            }
            for what, rows, _ in _subjects(work)
        },
        config,
    )


def of_told(told: Mapping[str, Mapping[str, Mapping[str, list[Told]]]], config: Config) -> list[dict[str, Any]]:
    """What answers, by what was asked, system and strategy, come to; p-values are adjusted over all of them (Holm).

    Answers are in the order of the questions.
    """
    settings: dict[str, Any] = {"resamples": config.evaluate.resamples, "seed": config.seed}
    parts, pairs = [], []
    for what, systems in told.items():
        metrics = OPEN_METRICS if what == ANSWERS else EXAM_METRICS
        first = next((items for by_key in systems.values() for items in by_key.values()), [])
        ids = [item.prediction.id for item in first]
        part: dict[str, Any] = {
            "name": what, "asked": len(ids), "ids_sha256": ids_sha256(ids), "results": [], "comparisons": [],
        }  # fmt: skip
        for system, by_key in systems.items():
            part["results"] += [
                results(items, system=system, strategy=key, metrics=metrics, **settings)
                for key, items in by_key.items()
            ]
            pairs += [(part, system, item) for item in against_first(by_key, f"{what}/{system}", metrics[0], settings)]
        parts.append(part)
    known = adjusted([item for _, _, item in pairs])
    for part, system, item in pairs:
        made = {**compare.as_json(item), "p_adjusted": finite(known[item.a, item.b, item.metric])}
        part["comparisons"].append({**made, "system": system, **{side: made[side].rpartition("/")[2] for side in "ab"}})
    return parts


def against_first(
    told: Mapping[str, list[Told]], prefix: str, metric: str, settings: dict[str, Any]
) -> list[Comparison]:
    """Each strategy against the first of the config, question by question; ``prefix`` sets their names apart."""
    by_key: dict[str, list[Prediction]] = {key: [item.prediction for item in items] for key, items in told.items()}
    first, *others = by_key
    return [
        item
        for key in others
        for item in compare.compare(
            f"{prefix}/{key}", by_key[key], f"{prefix}/{first}", by_key[first], [metric], **settings
        )
    ]


def _in_order(work: Work, file: str, rows: Sequence[Any]) -> list[Told]:
    found = {item.prediction.id: item for item in strategies.read(work.run, file)}
    return [found[row.id] for row in rows]


def _first(work: Work) -> str:
    return next(system for system in SYSTEMS if system in work.config.evaluate.systems)


def _subjects(work: Work, engine: Any = None) -> list[tuple[str, Sequence[Any], Subject]]:
    """What is asked, its name and rows; without an ``engine`` no solved examples are chosen."""
    config, most = work.config, work.config.evaluate.strategy_rows
    found: list[tuple[str, Sequence[Any], Subject]] = []
    few = _few(config.evaluate.strategies) if engine else []
    for name, paper in zip(config.evaluate.exams, work.papers, strict=True) if work.papers else ():
        solved = {key: shots_of(name, _exam(config, count), say=lambda _: None)[0] for key, count in few}
        subject = OfExam(exams.style(work), config.instruction, solved)
        found.append((paper.name, paper.rows[:most], subject))
    if not exams.alone(config):
        rows = work.rows.eval[: config.evaluate.rows][:most]
        turns = {key: shots.engine(config, work.rows, engine, count=count).turns for key, count in few}
        task = grading.task_of(config)
        found.append((ANSWERS, rows, OfAnswers(task, config.instruction, work.rows.references, turns)))
    return found


def _few(asked: Sequence[Wanted]) -> list[tuple[str, int]]:
    return [(item.key, item.settings.shots) for item in asked if item.few_shot]


def _exam(config: Config, count: int) -> Any:
    return config.evaluate.exam.model_copy(update={"shots": count})


def _fits(engine: Any, *, whole: bool) -> Callable[[Sequence[Message], int], bool]:
    """Whether a prompt leaves room for an answer: a ``whole`` one, else for its first token at least, as systems are asked."""
    from medlms.text.tokenise import prompt_ids

    def fits(messages: Sequence[Message], limit: int) -> bool:
        room = int(engine.loaded.context - engine.places - (limit if whole else 1))
        return len(prompt_ids(engine.loaded.tokenizer, engine.template, messages)) <= room

    return fits
