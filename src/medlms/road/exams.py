"""Exams on the road: each exam is asked of each system in each way, kept in the run, and turned into results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from medlms.config import Config
from medlms.errors import AskedWrongly
from medlms.evaluate import compare, sitting, untouched
from medlms.evaluate.chance import floor
from medlms.evaluate.exam_results import results, ways
from medlms.evaluate.sitting import Answered, Asking
from medlms.road.papers import SHOWN, Paper, papers
from medlms.road.talk import Talk
from medlms.road.work import Work
from medlms.run import Run
from medlms.tasks import exam
from medlms.types import Message

SYSTEMS = ("base", "tuned")


def alone(config: Config) -> bool:
    """Whether the config asks for nothing but exams, so that no data are needed to grade with it."""
    return "answer" not in config.evaluate.tasks


def begin(run: Run, config: Config, talk: Talk) -> list[Paper]:
    """Read all wanted exams, before a model is loaded, and write exams.json: what is asked and what is not."""
    if "exam" not in config.evaluate.tasks:
        return []
    if not set(SYSTEMS) & set(config.evaluate.systems):
        raise AskedWrongly(
            f"evaluate.systems holds neither {' nor '.join(SYSTEMS)}, and no other system can sit an exam.",
            hint="Add base, or tuned where there is an adapter.",
        )
    found = papers(config.evaluate.exams, config.evaluate.exam, say=talk.say)
    run.write_json("exams.json", [paper.account() for paper in found])
    return found


def sit(work: Work, system: str, model: Any = None) -> None:
    """Ask a system all exams in all ways; answers that are in the run already are not asked for again."""
    if not work.papers or system not in work.config.evaluate.systems:
        return
    engine = work.engine(system, model)
    work.paths.setdefault(system, engine.path)
    for paper in work.papers:
        for way in work.config.evaluate.exam.ask:
            asking = _asking(work, paper, way)
            with work.talk.bar(f"{system}: {paper.name}, {way}") as advance:
                sitting.sit(
                    engine,
                    paper.rows,
                    asking,
                    run=work.run,
                    file=file_of(system, paper.name, way),
                    fits=_fits(engine, asking.max_new_tokens),
                    progress=advance,
                )


def summary(work: Work) -> list[dict[str, Any]]:
    """The ``exams`` of report.json, from the answers in the run."""
    return [_of_paper(work, paper) for paper in work.papers]


def file_of(system: str, name: str, way: str) -> str:
    """Where a run keeps a system's answers to an exam."""
    return f"predictions/{system}.{name}.{way}.jsonl"


def style(work: Work) -> exam.Style:
    """How prompts are written: as the config says, or by whether the model brings a template of its own."""
    asked = work.config.evaluate.exam.prompt
    if asked != "auto":
        return asked
    return "plain" if work.template.name.startswith("plain") else "chat"


def _asking(work: Work, paper: Paper, way: exam.Way) -> Asking:
    settings = work.config.evaluate.exam
    return Asking(
        way=way,
        style=style(work),
        instruction=work.config.instruction,
        permutations=settings.permutations,
        max_new_tokens=settings.max_new_tokens,
        shots=paper.shots,
    )


def _fits(engine: Any, limit: int) -> Callable[[Sequence[Message]], bool]:
    """Whether a prompt leaves room for a written answer of ``limit`` tokens."""
    from medlms.text.tokenise import prompt_ids

    room = int(engine.loaded.context - engine.places - limit)

    def fits(messages: Sequence[Message]) -> bool:
        return len(prompt_ids(engine.loaded.tokenizer, engine.template, messages)) <= room

    return fits


def _of_paper(work: Work, paper: Paper) -> dict[str, Any]:
    config = work.config
    answers: dict[str, dict[str, list[Answered]]] = {}
    for way in config.evaluate.exam.ask:
        for system in SYSTEMS:
            if system in config.evaluate.systems and system in work.paths:
                read = {item.first.id: item for item in sitting.read(work.run, file_of(system, paper.name, way))}
                answers.setdefault(way, {})[system] = [read[row.id] for row in paper.rows]
    shown = paper.account(most=SHOWN)
    return {**shown, "prompt": style(work), "options": _sizes(paper), **of_answers(answers, config, data_of(work.run))}


def of_answers(
    answers: Mapping[str, Mapping[str, list[Answered]]], config: Config, data: Mapping[str, Any]
) -> dict[str, Any]:
    """What an exam's ``answers``, by way and system, come to: floors, results, tuned against base, overlaps with training.

    All answers are in the exam's order; ``data`` is the account of the training rows, empty where there is none.
    """
    settings: dict[str, Any] = {"resamples": config.evaluate.resamples, "seed": config.seed}
    found: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    first = next((items for systems in answers.values() for items in systems.values()), [])
    below = floor([item.first for item in first]) if first else None
    hit = untouched.overlaps(data, [item.first.id for item in first])
    for way, systems in answers.items():
        by_way: dict[str, dict[str, list[Answered]]] = {}
        for system, answered in systems.items():
            for name, items in ways(way, answered).items():
                made = results(items, system=system, way=name, coverages=config.evaluate.exam.coverages, **settings)
                if hit and hit["hit"] and system == "tuned":
                    made["without_hits"] = untouched.scores(
                        [item.first for item in items], hit["ids"], ["accuracy"], **settings
                    )
                found.append(made)
                by_way.setdefault(name, {})[system] = items
        for name, pair in by_way.items():
            differences += _differences(name, pair, settings)
    return {
        **({"chance": below.chance, "majority": below.majority, "majority_answer": below.answer} if below else {}),
        "results": found,
        "comparisons": differences,
        **({"overlaps": {key: hit[key] for key in ("items", "hit", "kept", "not_compared")}} if hit else {}),
    }


def _differences(way: str, pair: dict[str, list[Answered]], settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Tuned against base, question by question."""
    if set(pair) != {"base", "tuned"}:
        return []
    tuned, base = ([item.first for item in pair[system]] for system in ("tuned", "base"))
    made = compare.compare("tuned", tuned, "base", base, ["accuracy"], **settings)
    return [{**compare.as_json(item), "way": way} for item in made]


def _sizes(paper: Paper) -> dict[str, int]:
    """Questions by their number of options."""
    sizes = sorted({len(row.options) for row in paper.rows})
    return {str(size): sum(len(row.options) == size for row in paper.rows) for size in sizes}


def data_of(run: Run) -> dict[str, Any]:
    """The account of the training rows, where there is one."""
    if not (run.folder / "data_report.json").is_file():
        return {}
    found: dict[str, Any] = run.read_json("data_report.json")
    return found
